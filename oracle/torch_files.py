"""Writes engine/tensor/testdata/torch/: files as torch.save writes them, and what is in them as safetensors; pickles for internal/pickle; and data/testdata/emissions.pt.

For every.pt, typed.pt, checkpoint.pt and alone.pt there are the same tensors by their paths as safetensors. old.pt holds what every.pt does,
and protocol3.pt and so on what checkpoint.pt does. The others are refused, but unchecked.pt, which has no checksums.
"""

import argparse
import collections
import pickle

import torch

import weights

SPECIAL = [0.0, -0.0, 1.0, -2.5, float("inf"), float("-inf"), 65504.0, 2.0**-24, 6.1e-5]


def path(name):
    return weights.here("engine", "tensor", "testdata", "torch", name)


def flatten(value, name=""):
    """The tensors of a value by their paths."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else []
    out = {}
    for k, v in pairs:
        out |= flatten(v, f"{name}.{k}" if name else str(k))
    return out


def save(name, value, **options):
    torch.save(value, path(name + ".pt"), **options)
    weights.save(path(name + ".safetensors"), flatten(value))


def every():
    """Every type, and views of every kind."""
    base = torch.arange(24.0).reshape(2, 3, 4)
    return {
        "bool": torch.tensor([True, False, True]),
        "u8": torch.tensor([[0, 7], [200, 255]], dtype=torch.uint8),
        "i8": torch.tensor([-128, -1, 127], dtype=torch.int8),
        "f16": torch.tensor(SPECIAL, dtype=torch.float16),
        "bf16": torch.tensor(SPECIAL, dtype=torch.bfloat16),
        "i16": torch.tensor([-32768, 32767], dtype=torch.int16),
        "f32": torch.tensor(SPECIAL).reshape(3, 3),
        "i32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        "f64": torch.tensor(SPECIAL, dtype=torch.float64),
        "i64": torch.tensor([-(2**53), 2**53], dtype=torch.int64),
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "base": base,
        "permuted": base.permute(2, 0, 1),
        "channels last": torch.arange(48.0).reshape(2, 3, 2, 4).contiguous(memory_format=torch.channels_last),
        "transposed": torch.arange(6.0, dtype=torch.float64).reshape(2, 3).t(),
        "part": base[1, :, 1:3],
        "every other": base[:, ::2, ::3],
        "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 5),
        "element": base[1, 2, 3],
        "parameter": torch.nn.Parameter(torch.tensor([1.5, -1.5])),
        "frozen": torch.nn.Parameter(torch.tensor([[2.0]]), requires_grad=False),
        'a "quoted" näme\n': torch.tensor([1.0]),
    }


def typed():
    """Types that PyTorch writes another way, and a tensor with an attribute."""
    marked = torch.tensor([4.0])
    marked.note = "a text"
    return {
        "u32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
        "u64": torch.tensor([[2**53], [1]], dtype=torch.uint64).t(),
        "marked": marked,
    }


def checkpoint():
    """What a training loop keeps."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 2))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(3, 1, 4, 4)).square().sum().backward()
    optimizer.step()
    net = torch.nn.DataParallel(net)
    return {
        "epoch": 3, "best": 0.5, "name": "näme", "big": 2**90, "negative": -(2**40), "flag": True, "nothing": None,
        "state_dict": net.state_dict(), "optimizer": optimizer.state_dict(),
        "history": [torch.tensor([1.0, 2.0]), {"loss": torch.tensor(0.25)}],
        "shape": torch.Size([1, 2]), "device": torch.device("cpu"), "dtype": torch.float16,
        "set": {1, 2}, "bytes": b"\x00\xff", "bytearray": bytearray(b"abc"), "complex": 1j,
        "counter": collections.Counter({3: 1}), "tuple": (1, (2, 3)), 7: torch.tensor([7.0]),
    }


def pickles():
    """The same values in every protocol."""
    shared = [1]
    value = {
        "none": None, "bools": (True, False), "texts": ["", "näme", "x" * 300], "shared": [shared, shared],
        "ints": [0, 255, 256, 65535, 65536, -1, 2**31 - 1, -(2**31), 2**31, -(2**63), 2**63 - 1, 2**63, 2**90],
        "floats": (0.5, -1e300, float("inf")), "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "dicts": {1: {}, (1, 2): collections.OrderedDict(a=1)}, "many": list(range(1500)), 2.5: "float",
    }
    for protocol in (2, 3, 4, 5):
        with open(weights.here("internal", "pickle", "testdata", f"values{protocol}.pkl"), "wb") as f:
            pickle.dump(value, f, protocol)
    with open(weights.here("internal", "pickle", "testdata", "bytes.pkl"), "wb") as f:
        pickle.dump([b"", b"ab", b"x" * 300, bytearray(b"cd"), {7}, frozenset([8])], f, 5)


def main():
    pickles()
    torch.save(torch.tensor([[[0.0, float("-inf")], [-1.5, -0.25]]]), weights.here("data", "testdata", "emissions.pt"))
    # Two runs write the same bytes, but for old.pt: its storages have addresses for names.
    save("every", every())
    save("typed", typed())
    save("checkpoint", checkpoint())
    save("alone", torch.arange(3.0))
    torch.save(every(), path("old.pt"), _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        torch.save(checkpoint(), path(f"protocol{protocol}.pt"), pickle_protocol=protocol)
    torch.serialization.set_crc32_options(False)
    torch.save({"a": torch.tensor([1.0, 2.0])}, path("unchecked.pt"))
    torch.serialization.set_crc32_options(True)

    torch.save(torch.nn.Linear(2, 2), path("module.pt"))
    torch.save({"args": argparse.Namespace(lr=0.1), "w": torch.zeros(1)}, path("namespace.pt"))
    torch.save({"s": torch.eye(2).to_sparse()}, path("sparse.pt"))
    torch.save({"c": torch.zeros(2, dtype=torch.complex64)}, path("complex.pt"))
    torch.save({"h": torch.zeros(2, dtype=torch.float8_e4m3fn)}, path("float8.pt"))
    torch.save({"n": torch._neg_view(torch.ones(2))}, path("negated.pt"))


if __name__ == "__main__":
    main()
