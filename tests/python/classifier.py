"""Evaluates the model of a training run by NumPy alone and compares with the run's own results.

usage: classifier.py RUN SAMPLE [batch-norm] [prelu] [dropout]
"""

import sys

import numpy as np

import fashion

run, sample, *parts = sys.argv[1:]
config = fashion.summary(run)
model = fashion.tensors(f"{run}/model.safetensors")

# The positions that PyTorch gives the modules of the sequence.
names, position = [], 0
hidden = 2
for _ in range(hidden):
    names += [f"net.{position}.weight", f"net.{position}.bias"]
    position += 1
    if "batch-norm" in parts:
        for part in ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]:
            names.append(f"net.{position}.{part}")
        position += 1
    if "prelu" in parts:
        names.append(f"net.{position}.weight")
    position += 1
    if "dropout" in parts:
        position += 1
names += [f"net.{position}.weight", f"net.{position}.bias"]
assert sorted(model) == sorted(names), f"{sorted(model)}, not {sorted(names)}"

h = fashion.images(f"{sample}/t10k-images-idx3-ubyte.gz")
classes = fashion.labels(f"{sample}/t10k-labels-idx1-ubyte.gz")
position = 0
for _ in range(hidden):
    h = h @ model[f"net.{position}.weight"].T + model[f"net.{position}.bias"]
    position += 1
    if "batch-norm" in parts:
        p = f"net.{position}."
        h = (h - model[p + "running_mean"]) / np.sqrt(model[p + "running_var"] + 1e-5)
        h = h * model[p + "weight"] + model[p + "bias"]
        assert model[p + "num_batches_tracked"] == config["steps"]
        position += 1
    slope = model[f"net.{position}.weight"] if "prelu" in parts else 0.0
    h = np.where(h > 0, h, slope * h)
    position += 1
    if "dropout" in parts:
        position += 1
logits = h @ model[f"net.{position}.weight"].T + model[f"net.{position}.bias"]

largest = logits.max(axis=1, keepdims=True)
log_sum = np.log(np.exp(logits - largest).sum(axis=1)) + largest[:, 0]
cross_entropy = (log_sum - logits[np.arange(len(classes)), classes]).mean()
correct = int((logits.argmax(axis=1) == classes).sum())
fashion.close("cross-entropy", cross_entropy, config["test"]["cross_entropy"], 1e-5)
# One image of a thousand may lie so close between two classes that f32 and f64 differ.
assert abs(correct - config["test"]["correct"]) <= 1, (correct, config["test"])

apart = np.abs(fashion.onnx(f"{run}/model.onnx", fashion.images(f"{sample}/t10k-images-idx3-ubyte.gz")) - logits).max()
assert apart < 1e-4, f"logits and those of onnxruntime: {apart} apart"

theirs = fashion.torch_outputs(run, fashion.images(f"{sample}/t10k-images-idx3-ubyte.gz"))
if theirs is not None:
    apart_torch = np.abs(theirs - logits).max()
    assert apart_torch < 1e-4, f"logits and those of PyTorch: {apart_torch} apart"
    print(f"logits and those of PyTorch: at most {apart_torch:.1e} apart")
else:
    print("note: PyTorch is not installed; its load.py was only compiled")
print(f"logits and those of onnxruntime: at most {apart:.1e} apart")
print(f"agrees: cross-entropy {cross_entropy:.6f}, {correct} correct")
