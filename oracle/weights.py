"""Writes engine/tensor/testdata/*.safetensors: files as the Python library lays them out.

The format is small enough to write by hand: eight bytes with the length of a JSON
header, the header padded with spaces, the elements. `save` and `load` are used by the
other scripts here; torch.frombuffer in `load` is what the library's own reader does,
so a misaligned tensor would fail here as it does there. main needs xxhash, too, for
the digest that our own files have.
"""

import json
import os
import struct

import torch

KINDS = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint8: "U8", torch.uint32: "U32", torch.uint64: "U64", torch.bool: "BOOL",
}


def raw(t):
    """The elements, little-endian."""
    return bytes(t.detach().contiguous().reshape(-1).view(torch.uint8).numpy()) if t.numel() else b""


def save(path, tensors, metadata=None, pad=8):
    """Writes tensors, by falling size of the element and then in the order given."""
    order = sorted(tensors, key=lambda k: -tensors[k].element_size())
    place, at = {}, 0
    for k in order:
        size = tensors[k].numel() * tensors[k].element_size()
        place[k] = [at, at + size]
        at += size
    header = {"__metadata__": metadata} if metadata else {}
    for k, t in tensors.items():
        header[k] = {"dtype": KINDS[t.dtype], "shape": list(t.shape), "data_offsets": place[k]}
    head = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    head += b" " * (-len(head) % pad)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head)
        for k in order:
            f.write(raw(tensors[k]))


def load(path):
    """Reads a file, as safetensors.torch.load_file does."""
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    kinds = {v: k for k, v in KINDS.items()}
    body = torch.frombuffer(bytearray(data[8 + n :]), dtype=torch.uint8)
    return {
        k: body[e["data_offsets"][0] : e["data_offsets"][1]].view(kinds[e["dtype"]]).reshape(e["shape"])
        for k, e in header.items()
    }


DIGEST = "xxh64 of the file with these digits as zeros: "


def seal(path):
    """Fills in the digest of a file that has zeros there."""
    import xxhash

    with open(path, "rb") as f:
        data = f.read()
    at = data.index(DIGEST.encode()) + len(DIGEST)
    assert data[at : at + 16] == b"0" * 16
    with open(path, "wb") as f:
        f.write(data[:at] + xxhash.xxh64_hexdigest(data).encode() + data[at + 16 :])


def here(*parts):
    """A path in the repository, its folder made."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def main():
    # Every type, in an order that is not that of the data, and an empty tensor and a scalar.
    special = [0.0, -0.0, 1.0, -2.5, float("inf"), float("-inf"), 65504.0, 2.0**-24, 6.1e-5]
    every = {
        "bool": torch.tensor([True, False, True]),
        "u8": torch.tensor([[0, 7], [200, 255]], dtype=torch.uint8),
        "i8": torch.tensor([-128, -1, 127], dtype=torch.int8),
        "f16": torch.tensor(special, dtype=torch.float16),
        "bf16": torch.tensor(special, dtype=torch.bfloat16),
        "i16": torch.tensor([-32768, 32767], dtype=torch.int16),
        "f32": torch.tensor(special).reshape(3, 3),
        "i32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        "f64": torch.tensor(special, dtype=torch.float64),
        "i64": torch.tensor([-(2**53), 2**53], dtype=torch.int64),
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "a \"quoted\" näme\n": torch.tensor([1.0]),
    }
    save(here("engine", "tensor", "testdata", "every.safetensors"), every, {"format": "pt", "note": "a<b & ü"})
    # What Encode writes, byte for byte, for the same tensors.
    ours = {
        "layer.weight": torch.arange(6.0).reshape(2, 3) / 7,
        "step": torch.tensor([17.0], dtype=torch.float64),
        "layer.bias": torch.tensor([0.25, -1e-30, 3e38]),
        "none": torch.zeros(0, dtype=torch.float64),
        "mean": torch.tensor(1 / 3, dtype=torch.float64),
    }
    path = here("engine", "tensor", "testdata", "ours.safetensors")
    save(path, ours, {"energo.digest": DIGEST + "0" * 16, "format": "pt"})
    seal(path)
    back = load(path)
    assert all(torch.equal(back[k], t) for k, t in ours.items())


if __name__ == "__main__":
    main()
