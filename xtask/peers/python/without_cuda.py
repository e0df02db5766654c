"""Lets PyTorch's wheel start without the gigabytes of CUDA libraries that it is linked with.

The wheel for Linux wants libcublas, libcudnn and others to be there when it is imported, and calls none of them on the
processor. Libraries of the same names take their places: every symbol that PyTorch looks for, under the version that
it looks for, and nothing behind it but `abort`. libcudart and libcupti, which PyTorch does call to learn that there is
no GPU, are the real ones. PyTorch's own code and the libraries for the processor (MKL, oneDNN, OpenMP) are as they
come. Needs cc, nm and readelf.
"""

import collections
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile

# What libraries of CUDA call their functions; the rest of what is undefined belongs to Python, libc and torch.
OURS = re.compile(r"cu[a-zA-Z]|nccl|nv[a-zA-Z]")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    torch = pathlib.Path(importlib.util.find_spec("torch").submodule_search_locations[0])
    nvidia = torch.parent / "nvidia"
    there = {path.name for path in nvidia.glob("**/*.so*")} | {path.name for path in (torch / "lib").iterdir()}
    libraries = sorted((torch / "lib").glob("lib*.so*"))
    # By library the symbols of each version; those without a version may be in any of them.
    wanted = collections.defaultdict(lambda: collections.defaultdict(set))
    unversioned = set()
    for library in libraries:
        needed = set(re.findall(r"\(NEEDED\).*\[(lib(?:cu|nccl|nv)[^\]]*)\]", output("readelf", "-dW", library)))
        for name in needed - there:
            wanted[name]
        home, file = {}, None
        for line in output("readelf", "-VW", library).splitlines():
            if found := re.search(r"Version: 1  File: (\S+)", line):
                file = found[1]
            elif file and (found := re.search(r"  Name: (\S+)  Flags", line)):
                home[found[1]] = file
        for line in output("nm", "-D", "--undefined-only", library).splitlines():
            symbol, _, version = line.split()[-1].partition("@")
            version = version.lstrip("@")
            if not version and OURS.match(symbol):
                unversioned.add(symbol)
            elif home.get(version) in needed - there:
                wanted[home[version]][version].add(symbol)
    place = nvidia / "cu13" / "lib"
    place.mkdir(parents=True, exist_ok=True)
    for name, versions in sorted(wanted.items()):
        if name == "libcuda.so.1":
            continue  # the driver's, looked for only when a GPU is used
        make(place, name, versions, unversioned)
        print(f"{name}: {sum(map(len, versions.values()))} symbols", file=sys.stderr)


def make(place, name, versions, unversioned):
    versioned = set().union(*versions.values())
    with tempfile.TemporaryDirectory() as directory:
        source, script = pathlib.Path(directory, "stub.c"), pathlib.Path(directory, "stub.map")
        functions = (f"void {symbol}(void) {{ abort(); }}\n" for symbol in sorted(versioned | unversioned))
        source.write_text("#include <stdlib.h>\n" + "".join(functions))
        blocks = (f"{version} {{ global: {' '.join(f'{s};' for s in sorted(symbols))} }};\n"
                  for version, symbols in sorted(versions.items()))
        script.write_text("".join(blocks))
        command = ["cc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{name}", "-o", place / name, source]
        subprocess.run(command + ([f"-Wl,--version-script={script}"] if versions else []), check=True)


main()
