"""What a peer computes with: its BLAS and its instruction set, which a ratio depends on."""

import os

import torch

REFERENCE = "reference"


def loaded():
    """The names of the shared libraries in this process, links resolved."""
    try:
        with open("/proc/self/maps") as f:
            return {os.path.realpath(line.split(None, 5)[5].strip()) for line in f if ".so" in line}
    except OSError:
        return set()


def blas_of(libraries, mkl):
    """Torch's BLAS: MKL, which it may have inside, or by the libraries that are loaded, but for numpy's. A libblas that is no part of another one is the reference implementation."""
    if mkl:
        return "mkl"
    libraries = [path for path in libraries if "numpy" not in path and "scipy" not in path]
    for name in ("openblas", "blis", "atlas"):
        if any(name in path for path in libraries):
            return name
    if any(os.path.basename(path).startswith("libblas.so") for path in libraries):
        return REFERENCE
    return "unknown"


def blas():
    return blas_of(loaded(), torch.backends.mkl.is_available())


def instructions():
    """The instruction set of torch's kernels; a torch without that question has none to tell."""
    ask = getattr(getattr(torch.backends, "cpu", None), "get_cpu_capability", None)
    return ask() if ask else "unknown instructions"
