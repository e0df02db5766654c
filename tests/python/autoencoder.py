"""Evaluates an autoencoder by NumPy alone, finds principal components by SVD, and compares with the run's results.

usage: autoencoder.py RUN SAMPLE
"""

import sys

import numpy as np

import fashion

run, sample = sys.argv[1:]
summary = fashion.summary(run)
model = fashion.tensors(f"{run}/model.safetensors")
layers = ["encoder.0", "encoder.2", "decoder.0", "decoder.2"]
# What `load_state_dict(strict=True)` holds the file to.
shapes = {
    "encoder.0.weight": (128, 784),
    "encoder.0.bias": (128,),
    "encoder.2.weight": (64, 128),
    "encoder.2.bias": (64,),
    "decoder.0.weight": (128, 64),
    "decoder.0.bias": (128,),
    "decoder.2.weight": (784, 128),
    "decoder.2.bias": (784,),
}
found = {name: tensor.shape for name, tensor in model.items()}
assert found == shapes, f"{found}, not {shapes}"

test = fashion.images(f"{sample}/t10k-images-idx3-ubyte.gz")
h = test
for layer in layers:
    z = h @ model[f"{layer}.weight"].T + model[f"{layer}.bias"]
    h = 1.0 / (1.0 + np.exp(-z)) if layer == "decoder.2" else np.maximum(z, 0.0)
    if layer == "encoder.2":
        dead = int((h <= 0.0).all(axis=0).sum())
error = ((h - test) ** 2).mean()
ours = fashion.tensors(f"{run}/reconstructions.safetensors")
assert sorted(ours) == ["indices", "reconstructions"], sorted(ours)
assert ours["indices"].tolist() == list(range(100)), ours["indices"]


def compare(whose, theirs):
    """Fails unless every pixel of the reconstructions that the run left agrees to 1e-5; tells the largest difference."""
    apart = np.abs(ours["reconstructions"] - theirs[ours["indices"]])
    assert apart.shape == (100, 784), apart.shape
    assert apart.max() < 1e-5, f"reconstructions and those by {whose}: {apart.max()} apart"
    print(f"reconstructions and those by {whose}: at most {apart.max():.1e} apart")


compare("NumPy", h)
compare("onnxruntime", fashion.onnx(f"{run}/model.onnx", test))
fashion.close("test error", error, summary["test_mse"], 1e-8)
assert dead == summary["dead_latent_units"], (dead, summary["dead_latent_units"])

train = fashion.images(f"{sample}/train-images-idx3-ubyte.gz")
mean = train.mean(axis=0)
directions = np.linalg.svd(train - mean, full_matrices=False)[2][: summary["latent"]]
restored = mean + (test - mean) @ directions.T @ directions
linear = ((restored - test) ** 2).mean()
fashion.close("error of principal components", linear, summary["pca_test_mse"], 1e-8)

theirs = fashion.torch_outputs(run, test)
if theirs is not None:
    compare("PyTorch", theirs)
else:
    print("note: PyTorch is not installed; NumPy and onnxruntime alone computed the autoencoder again")
print(f"agrees: {error:.6f}, principal components {linear:.6f}")
