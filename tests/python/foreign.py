"""Writes networks as PyTorch would, by safetensors alone, and compares what Atelier says of them with NumPy.

usage: foreign.py DIRECTORY SAMPLE ATELIER
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

import fashion

directory, sample, atelier = sys.argv[1:]
# Where `--smoke` finds the sample.
os.environ["ATELIER_HOME"] = str(pathlib.Path(sample).parent.parent)
train = fashion.images(f"{sample}/train-images-idx3-ubyte.gz")
train_classes = fashion.labels(f"{sample}/train-labels-idx1-ubyte.gz")
test = fashion.images(f"{sample}/t10k-images-idx3-ubyte.gz")
classes = fashion.labels(f"{sample}/t10k-labels-idx1-ubyte.gz")


class Network:
    """A dense network of hidden layers of 20 units, with the positions that an nn.Sequential gives its modules."""

    def __init__(self, hidden, batch_norm, prelu, dropout):
        random = np.random.default_rng(7)
        self.tensors, self.modules = {}, []
        position, width = 0, 784
        for _ in range(hidden):
            self.linear(position, random.normal(0, np.sqrt(2 / width), (20, width)), random.normal(0, 0.1, 20))
            position, width = position + 1, 20
            if batch_norm:
                self.put(f"net.{position}.weight", random.uniform(0.5, 1.5, 20))
                self.put(f"net.{position}.bias", random.normal(0, 0.1, 20))
                self.put(f"net.{position}.running_mean", random.normal(0, 0.1, 20))
                self.put(f"net.{position}.running_var", random.uniform(0.5, 2, 20))
                self.tensors[f"net.{position}.num_batches_tracked"] = np.array(1234, np.int64)
                self.modules.append(("batch-norm", position))
                position += 1
            if prelu:
                self.put(f"net.{position}.weight", random.uniform(0.1, 0.4, 1))
            self.modules.append(("prelu" if prelu else "relu", position))
            position += 2 if dropout else 1
        # The last layer by least squares: a network that is right more often than by chance.
        features = np.c_[self.output(train), np.ones(len(train))]
        best = np.linalg.lstsq(features, 8.0 * np.eye(10)[train_classes], rcond=None)[0]
        self.linear(position, best[:-1].T, best[-1])

    def put(self, name, values):
        # In C order: safetensors writes the memory of an array as it lies.
        self.tensors[name] = np.ascontiguousarray(values, np.float32)

    def linear(self, position, weight, bias):
        self.put(f"net.{position}.weight", weight)
        self.put(f"net.{position}.bias", bias)
        self.modules.append(("linear", position))

    def output(self, h):
        for module, position in self.modules:
            t = lambda part: self.tensors[f"net.{position}.{part}"].astype(np.float64)
            if module == "linear":
                h = h @ t("weight").T + t("bias")
            elif module == "batch-norm":
                h = (h - t("running_mean")) / np.sqrt(t("running_var") + 1e-5) * t("weight") + t("bias")
            else:
                h = np.where(h > 0, h, (t("weight") if module == "prelu" else 0.0) * h)
        return h


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def call(*arguments):
    """What a command says as JSON."""
    done = subprocess.run([atelier, *map(str, arguments), "--format", "json"], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return json.loads(done.stdout)


def in_file(path):
    """The names of the tensors of a file, in the order in which they lie there."""
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    header.pop("__metadata__", None)
    return sorted(header, key=lambda name: header[name]["data_offsets"])


pictures = []
for index in range(0, 1000, 100):
    pictures.append(pathlib.Path(directory) / f"{index}.png")
    Image.fromarray(np.rint(test[index].reshape(28, 28) * 255).astype(np.uint8)).save(pictures[-1])

for name, hidden, parts in [
    ("six-layers", 5, []),
    ("batch-norm-and-dropout", 3, ["batch_norm", "dropout"]),
    ("prelu", 2, ["prelu"]),
]:
    network = Network(hidden, *(part in parts for part in ["batch_norm", "prelu", "dropout"]))
    file = pathlib.Path(directory) / f"{name}.safetensors"
    save_file(network.tensors, file)
    if hidden > 2:
        # net.10 or net.12 before net.2 or net.4.
        matrices = [n for n in in_file(file) if network.tensors[n].ndim == 2]
        assert matrices == sorted(matrices) != sorted(matrices, key=lambda n: int(n.split(".")[1])), matrices
    settings = ["--set", f"model.hidden={','.join(['20'] * hidden)}"]
    settings += ["--set", f"model.batch_norm={str('batch_norm' in parts).lower()}"]
    settings += ["--set", f"model.activation={'prelu' if 'prelu' in parts else 'relu'}"]
    settings += ["--set", f"model.dropout={0.2 if 'dropout' in parts else 0}"]

    logits = network.output(test)
    log_probabilities = log_softmax(logits)
    cross_entropy = -log_probabilities[np.arange(len(classes)), classes].mean()
    correct = int((logits.argmax(axis=1) == classes).sum())
    # Far from one in ten.
    assert correct > 300, correct

    run = pathlib.Path(directory) / name
    found = call("train", "--smoke", "--evaluate", file, "--out", run, *settings)
    fashion.close("cross-entropy", found["test"]["cross_entropy"], cross_entropy, 1e-5)
    # One image may lie so close between two classes that f32 and f64 differ.
    assert abs(found["test"]["correct"] - correct) <= 1, (found["test"], correct)
    verified = call("runs", "verify", run)
    assert verified["holds"], verified

    apart = 0.0
    for network_flags in [["--model", file, *settings], ["--run", run]]:
        predictions = call("predict", *network_flags, *pictures)["predictions"]
        for index, prediction in zip(range(0, 1000, 100), predictions, strict=True):
            difference = np.log(prediction["probabilities"]) - log_probabilities[index]
            apart = max(apart, np.abs(difference).max())
    assert apart < 1e-4, f"{name}: logarithms of probabilities are {apart} apart"

    call("runs", "export", run, "--onnx")
    by_onnx = np.abs(fashion.onnx(f"{run}/model.onnx", test) - logits).max()
    assert by_onnx < 1e-4, f"{name}: logits and those of onnxruntime are {by_onnx} apart"

    still = ["--set", "optimizer.learning_rate=1e-30", "--set", "train.epochs=1"]
    begun = call("train", "--smoke", "--from", file, "--out", f"{run}-begun", *still, *settings)
    if "batch_norm" not in parts:
        # Steps of no length: what comes out is what went in. Running statistics move.
        fashion.close("cross-entropy", begun["test"]["cross_entropy"], cross_entropy, 1e-5)
    theirs = fashion.torch_outputs(run, test)
    if theirs is not None:
        by_torch = np.abs(theirs - logits).max()
        assert by_torch < 1e-4, f"{name}: logits and those of PyTorch are {by_torch} apart"
    print(f"{name}: {correct} correct, logarithms of probabilities {apart:.1e}, logits of ONNX {by_onnx:.1e} apart")
