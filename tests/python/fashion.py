"""Reads the sample and the files of a run with NumPy and safetensors, and nothing of Atelier's."""

import gzip
import json
import pathlib

import numpy as np
from safetensors import safe_open


def images(path):
    """(n, 784) f64 in [0, 1] from an IDX file."""
    data = gzip.open(path).read()
    magic, n, height, width = np.frombuffer(data, ">u4", 4)
    assert magic == 0x803
    pixels = np.frombuffer(data, np.uint8, offset=16).reshape(n, height * width)
    return pixels.astype(np.float64) / 255.0


def labels(path):
    """(n,) classes from an IDX file."""
    data = gzip.open(path).read()
    assert np.frombuffer(data, ">u4", 1)[0] == 0x801
    return np.frombuffer(data, np.uint8, offset=8).astype(np.int64)


def tensors(path):
    """All tensors of a safetensors file, in PyTorch's layout, as f64 (counters as they are)."""
    with safe_open(path, framework="numpy") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}
    return {n: t.astype(np.float64) if t.dtype.kind == "f" else t for n, t in found.items()}


def summary(run):
    """summary.json of a run."""
    return json.loads((pathlib.Path(run) / "summary.json").read_text())


def torch_outputs(run, images):
    """What PyTorch computes from images, (n, pixels), by the run's own load.py; None where it is not installed."""
    path = pathlib.Path(run) / "load.py"
    code = compile(path.read_text(), str(path), "exec")
    try:
        import torch
    except ImportError:
        return None
    module = {"__name__": "load", "__file__": str(path)}
    exec(code, module)
    with torch.no_grad():
        return module["load"]()(torch.tensor(images, dtype=torch.float32)).double().numpy()


def onnx(path, images):
    """What onnxruntime computes from images, (n, pixels), by the network in an ONNX file; as f64."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    run = lambda batch: session.run(None, {"pixels": batch.astype(np.float32)})[0]
    whole = run(images)
    # The batch may be of any size.
    assert np.abs(run(images[:1]) - whole[:1]).max() < 1e-5
    return whole.astype(np.float64)


def close(what, found, wanted, tolerance):
    """Fails unless two numbers agree."""
    assert abs(found - wanted) <= tolerance * max(1.0, abs(wanted)), f"{what}: {found}, not {wanted}"
