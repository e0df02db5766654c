"""The loss grid of a landscape by PyTorch: the same points, parameters and examples as `atelier landscape` had.

usage: loss_grid.py RUN IMAGES_IDX LABELS_IDX [THREADS]

RUN is the directory of a landscape of a dense ReLU classifier without standardised inputs; the other two are the
uncompressed training files. Prints seconds for the grid (median of five) and the largest difference from RUN's
surface. All examples in one batch and no gradients: faster than smaller batches here; denormals are flushed.
"""

import json
import pathlib
import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

run, images, labels, *rest = sys.argv[1:]
run = pathlib.Path(run)
torch.set_num_threads(int(rest[0]) if rest else torch.get_num_threads())
torch.set_flush_denormal(True)

axes = json.loads((run / "axes.json").read_text())
examples = np.load(run / "examples.npy")
pixels = np.frombuffer(pathlib.Path(images).read_bytes(), np.uint8, offset=16).reshape(-1, 784)
x = torch.from_numpy(pixels[examples].astype(np.float32) / 255)
y = torch.from_numpy(np.frombuffer(pathlib.Path(labels).read_bytes(), np.uint8, offset=8)[examples].astype(np.int64))
origin = torch.from_numpy(np.load(run / "origin.npy"))
first, second = torch.from_numpy(np.load(run / "directions.npy"))
shapes = [parameter["shape"] for parameter in axes["parameters"]]
sizes = [int(np.prod(shape)) for shape in shapes]


def loss(a, b):
    parts = [part.view(shape) for part, shape in zip((origin + a * first + b * second).split(sizes), shapes)]
    h = x
    for i in range(0, len(parts) - 2, 2):
        h = F.relu(F.linear(h, parts[i], parts[i + 1]))
    return F.cross_entropy(F.linear(h, parts[-2], parts[-1]), y).item()


def grid():
    return np.array([[loss(a, b) for a in axes["x"]] for b in axes["y"]])


with torch.inference_mode():
    surface = grid()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        grid()
        seconds.append(time.perf_counter() - start)
difference = np.abs(surface - np.load(run / "surface.npy")).max()
print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads: {surface.size} points in "
      f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}); largest difference {difference:.1e}")
