"""Models in the ONNX format, by ONNX Runtime where this Python has it."""

import machine
import numpy as np
import torch

try:
    import onnxruntime
except ImportError:
    onnxruntime = None

PREFIX = "onnx:"
TYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16, "tensor(bool)": np.bool_,
    "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8,
}


def find(name):
    """The job of a name onnx:FILE@SHAPE, and what runs it; (None, None) where it cannot be."""
    if onnxruntime is None:
        return None, None
    path, _, shape = name[len(PREFIX):].partition("@")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    feeds = {}
    for i in session.get_inputs():
        dims = [int(d) for d in shape.split("x")] if shape else [d if isinstance(d, int) else 1 for d in i.shape]
        shape = ""
        kind = TYPES[i.type]
        x = rng.standard_normal(dims) if np.issubdtype(kind, np.floating) else np.zeros(dims)
        feeds[i.name] = np.asarray(x, kind)
    return lambda: session.run(None, feeds), f"onnxruntime {onnxruntime.__version__}, its own BLAS, {machine.instructions()}"
