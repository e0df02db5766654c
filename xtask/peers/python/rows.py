"""What the Python peers share: the data, the names of the rows, and how they are asked for.

    python torch_peer.py ROW --threads N [--work DIRECTORY]

warms the row up and answers on stdout, a JSON object a line: first {"compile_seconds": ...}, then for every line on
stdin, which is a number of seconds, the times of so much work as {"seconds": [...]}, and {"peak_bytes": ...} at the
end. {"missing": "why"} if it does not have the row. Rows of a whole process (`predict`, `first-epoch`) do their work,
say {"done": true} and end.
"""

import argparse
import gzip
import json
import pathlib
import sys
import time

import numpy

INPUTS, CLASSES, IMAGES = 784, 10, 60_000
RATE, DECAY = 1e-3, 5e-4
AUTOENCODER = [784, 128, 64, 128, 784]


def network(row):
    """Widths and batch of `step-WIDTH-BATCH` and `epoch-WIDTH-BATCH`; 512 has batch norm, dropout and AdamW."""
    _, width, batch = row.split("-")
    return [INPUTS] + [int(width)] * 3 + [CLASSES], int(batch), width == "512"


def images(count):
    """Numbers of no meaning: the time does not depend on them."""
    random = numpy.random.default_rng(0)
    pixels = aligned(count)
    random.random(out=pixels, dtype=numpy.float32)
    return pixels, random.integers(0, CLASSES, count)


def aligned(count):
    """Room for images where a library can use them without a copy: XLA wants them aligned to 64 bytes."""
    memory = numpy.empty(count * INPUTS + 16, numpy.float32)
    first = -memory.ctypes.data % 64 // 4
    return memory[first:first + count * INPUTS].reshape(count, INPUTS)


def idx(directory, suffix):
    """Training and test set as bytes, from IDX files as they are or in gzip."""
    def content(name):
        path = pathlib.Path(directory, name + suffix)
        return gzip.open(path).read() if suffix else path.read_bytes()

    sets = []
    for name in ("train", "t10k"):
        pixels = numpy.frombuffer(content(f"{name}-images-idx3-ubyte"), numpy.uint8, offset=16)
        labels = numpy.frombuffer(content(f"{name}-labels-idx1-ubyte"), numpy.uint8, offset=8)
        sets.append((pixels.reshape(-1, INPUTS), labels))
    return sets


def scaled(pixels):
    """Bytes as numbers from 0 to 1, without a second array of them on the way."""
    return numpy.divide(pixels, numpy.float32(255), out=aligned(len(pixels)))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("row")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--work", type=pathlib.Path, help="model, image and data of the rows that need them")
    parser.add_argument("--compiled", action="store_true", help="torch.compile instead of eager execution")
    return parser.parse_args()


def say(**answer):
    print(json.dumps(answer), flush=True)


def peak_bytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024


def own_peak_bytes():
    """The peak of a forked process without the pages that it shares with others."""
    shared = sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Shared_"))
    return peak_bytes() - shared * 1024


def serve(call, calls_at_once=1, compiles=False, warm_up=None, others_peak=lambda: 0):
    """Answers for `call`, which does `calls_at_once` of what is measured. The first call compiles, if anything does:
    what it takes longer than the fastest later one is told. A call that takes seconds has a shorter `warm_up` instead.
    `others_peak` is the memory of processes beside this one."""
    warm_up = warm_up or call
    start = time.perf_counter()
    warm_up()
    first = time.perf_counter() - start
    start, fastest = time.perf_counter(), first
    while time.perf_counter() - start < 0.5:
        before = time.perf_counter()
        warm_up()
        fastest = min(fastest, time.perf_counter() - before)
    say(compile_seconds=first - fastest if compiles else None)
    for line in sys.stdin:
        seconds, start = [], time.perf_counter()
        while not seconds or time.perf_counter() - start < float(line):
            before = time.perf_counter()
            call()
            seconds.append((time.perf_counter() - before) / calls_at_once)
        say(seconds=seconds)
    say(peak_bytes=peak_bytes() + others_peak())
