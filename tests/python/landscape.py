"""Computes a landscape's numbers again, in f64, from the files of its run directory and the training images alone.

usage: landscape.py RUN SAMPLE [autoencoder]

Dense ReLU classifiers are understood, and the assignment's autoencoder.
"""

import csv
import json
import pathlib
import sys

import numpy as np

import fashion


class Landscape:
    def __init__(self, run, sample, autoencoder):
        self.run = pathlib.Path(run)
        self.axes = json.loads((self.run / "axes.json").read_text())
        self.summary = json.loads((self.run / "summary.json").read_text())
        examples = np.load(self.run / "examples.npy")
        self.x = fashion.images(f"{sample}/train-images-idx3-ubyte.gz")[examples]
        if self.axes["standardized"]:
            mean, scale = np.load(self.run / "standardization.npy").astype(np.float64)
            self.x = (self.x - mean) / scale
        self.labels = fashion.labels(f"{sample}/train-labels-idx1-ubyte.gz")[examples]
        self.autoencoder = autoencoder
        self.origin = np.load(self.run / "origin.npy").astype(np.float64)
        self.directions = np.load(self.run / "directions.npy").astype(np.float64)

    def point(self, x, y):
        return self.origin + x * self.directions[0] + y * self.directions[1]

    def losses(self, point):
        """The loss of every example at a point."""
        tensors, at = [], 0
        for parameter in self.axes["parameters"]:
            size = int(np.prod(parameter["shape"]))
            tensors.append(point[at : at + size].reshape(parameter["shape"]))
            at += size
        assert at == len(point)
        h = self.x
        layers = list(zip(tensors[::2], tensors[1::2]))
        for i, (weight, bias) in enumerate(layers):
            h = h @ weight.T + bias
            if i + 1 < len(layers):
                h = np.maximum(h, 0)
        if self.autoencoder:
            h = 1 / (1 + np.exp(-h))
            return ((h - self.x) ** 2).mean(axis=1)
        top = h.max(axis=1)
        normalizer = top + np.log(np.exp(h - top[:, None]).sum(axis=1))
        return normalizer - h[np.arange(len(h)), self.labels]

    def loss(self, point):
        return self.losses(point).mean()

    def standard_error(self, point):
        """Of the mean, from the means of the batches."""
        losses, means, weights, at = self.losses(point), [], [], 0
        for size in self.axes["batches"]:
            means.append(losses[at : at + size].mean())
            weights.append(size / len(losses))
            at += size
        means, weights, m = np.array(means), np.array(weights), len(means)
        return np.sqrt(m / (m - 1) * ((weights * (means - losses.mean())) ** 2).sum())


def close(found, expected, what, tolerance=1e-5):
    difference = abs(found - expected)
    assert difference <= tolerance * max(1.0, abs(expected)), f"{what}: {found} instead of {expected}"
    return difference


def main():
    run, sample, *parts = sys.argv[1:]
    landscape = Landscape(run, sample, "autoencoder" in parts)
    surface = np.load(landscape.run / "surface.npy")
    xs, ys = landscape.axes["x"], landscape.axes["y"]
    assert surface.shape == (len(ys), len(xs)) and surface.dtype == np.float64
    with open(landscape.run / "surface.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == surface.size
    worst = 0.0
    for j, y in enumerate(ys):
        for i, x in enumerate(xs):
            point, row = landscape.point(x, y), table[j * len(xs) + i]
            worst = max(worst, close(surface[j, i], landscape.loss(point), f"surface at ({x}, {y})"))
            assert float(row["loss"]) == surface[j, i]
            close(float(row["standard_error"]), landscape.standard_error(point), "standard error", 1e-4)
    print(f"surface: {surface.size} points, largest difference {worst:.1e}")

    trajectories = []
    for of in landscape.summary["runs"]:
        name = of["name"]
        snapshots = np.load(landscape.run / f"snapshots-{name}.npy")
        trajectories.append(snapshots.astype(np.float64))
        with open(landscape.run / f"trajectory-{name}.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(snapshots)
        worst = 0.0
        for row, snapshot in zip(rows, trajectories[-1]):
            offset = snapshot - landscape.origin
            x, y = landscape.directions @ offset
            close(float(row["x"]), x, "x")
            close(float(row["y"]), y, "y")
            rest = offset - landscape.directions.T @ np.array([x, y])
            close(float(row["distance_off_plane"]), np.linalg.norm(rest), "distance")
            worst = max(worst, close(float(row["loss"]), landscape.loss(snapshot), "loss"))
            in_plane = landscape.loss(landscape.point(float(row["x"]), float(row["y"])))
            worst = max(worst, close(float(row["loss_in_plane"]), in_plane, "loss in the plane"))
        print(f"trajectory {name}: {len(rows)} snapshots, largest difference {worst:.1e}")

    if landscape.summary["directions"] == "pca":
        points = np.concatenate(trajectories)
        centred = points - points.mean(axis=0)
        _, values, vectors = np.linalg.svd(centred, full_matrices=False)
        # Of the two subspaces: the sine of the largest angle is the largest part of a direction outside the other.
        q, _ = np.linalg.qr(landscape.directions.T)
        outside = q - vectors[:2].T @ (vectors[:2] @ q)
        angle = np.arcsin(min(1.0, np.linalg.norm(outside, 2)))
        assert angle < 1e-4, f"angle between the planes: {angle}"
        shares = values**2 / (values**2).sum()
        for k in range(2):
            close(landscape.summary["explained_variance_ratio"][k], shares[k], f"share {k}", 1e-4)
        assert abs(sum(landscape.summary["scree"]) - 1) < 1e-9
        print(f"principal directions: angle {angle:.1e}")


main()
