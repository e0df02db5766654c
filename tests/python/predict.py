"""Compares the probabilities that `predict` gives for image files with those of onnxruntime, and looks at the images.

usage: predict.py RUN SAMPLE ATELIER
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

import fashion

run, sample, atelier = sys.argv[1:]
summary = fashion.summary(run)
images = fashion.images(f"{sample}/t10k-images-idx3-ubyte.gz")
classes = fashion.labels(f"{sample}/t10k-labels-idx1-ubyte.gz")
logits = fashion.onnx(f"{run}/model.onnx", images)
shifted = logits - logits.max(axis=1, keepdims=True)
log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
cross_entropy = -log_probabilities[np.arange(len(classes)), classes].mean()
fashion.close("cross-entropy", cross_entropy, summary["test"]["cross_entropy"], 1e-5)

# What the run says of the classes.
said = logits.argmax(axis=1)
confusion = np.zeros((10, 10), int)
np.add.at(confusion, (classes, said), 1)
# One image may lie so close between two classes that two programs differ.
assert np.abs(confusion - np.array(summary["confusion"])).sum() <= 2, confusion
confidence, right = np.exp(log_probabilities.max(axis=1)), said == classes
bins = np.clip(np.ceil(confidence * 15).astype(int), 1, 15)
gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
fashion.close("expected calibration error", sum(gaps), summary["calibration"]["expected_error"], 2e-3)


def predict(*files):
    """The predictions for image files."""
    command = [atelier, "predict", "--run", run, "--format", "json", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["predictions"]


folder = pathlib.Path(run) / "pictures"
folder.mkdir()
some, files = range(0, 1000, 40), []
for index in some:
    grey = np.rint(images[index].reshape(28, 28) * 255).astype(np.uint8)
    files.append(folder / f"{index}.png")
    Image.fromarray(grey).save(files[-1])
apart = 0.0
for index, found in zip(some, predict(*files)):
    assert not found["inverted"], index
    assert np.array_equal(np.array(found["input"]).flatten(), np.rint(images[index] * 255)), index
    apart = max(apart, np.abs(np.log(found["probabilities"]) - log_probabilities[index]).max())
assert apart < 1e-4, f"logarithms of probabilities: {apart} apart"

# A large photograph of the same, dark on light, turned by its camera.
index = 0
large = Image.fromarray(255 - np.rint(images[index].reshape(28, 28) * 255).astype(np.uint8)).resize((560, 560), Image.NEAREST)
turned = Image.Exif()
turned[0x0112] = 6
large.rotate(90).convert("RGB").save(folder / "large.jpg", quality=95, exif=turned)
[found] = predict(folder / "large.jpg")
assert (found["width"], found["height"], found["inverted"]) == (560, 560, True), found
difference = np.abs(np.array(found["input"]).flatten() / 255.0 - images[index])
assert difference.mean() < 0.02 and difference.max() < 0.15, difference.max()
assert found["label"] == said[index], found
print(f"agrees: logarithms of probabilities at most {apart:.1e} apart")
