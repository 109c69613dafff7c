"""What the scripts that write loss/testdata/*.jsonl.gz share: cases with their answers.

A case is a request as `energo loss eval` reads it, with the answer under "want": the
loss and the gradients of its sum, from PyTorch's autograd in float64 or from a formula
written out in the script. Inputs are float32 numbers, so that one case tests both
element types. Where PyTorch is wrong, the script says what is right.
"""

import gzip
import json
import math
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))


def rounded(x):
    """x in float64, holding float32 numbers."""
    return torch.as_tensor(x, dtype=torch.float64).float().double()


def number(v):
    v = float(v)
    if math.isnan(v):
        return "NaN"
    if math.isinf(v):
        return "Infinity" if v > 0 else "-Infinity"
    return int(v) if v == int(v) and abs(v) < 2**53 and not (v == 0 and math.copysign(1, v) < 0) else v


def array(x):
    x = x.detach()
    return {"shape": list(x.shape), "data": [number(v) for v in x.reshape(-1).tolist()]}


def option(v):
    if isinstance(v, torch.Tensor):
        return array(v)
    return number(v) if isinstance(v, float) else v


class Cases:
    def __init__(self):
        self.lines = []

    def add(self, id, loss, inputs, f, options=None, trained=("input",), size=0.0, skip=None):
        """f(**inputs) is PyTorch's loss; trained names the inputs with a gradient."""
        inputs = {k: v.clone() for k, v in inputs.items()}
        for k in trained:
            inputs[k].requires_grad_()
        value = f(**inputs)
        value.sum().backward()
        zero = torch.zeros_like
        grad = {k: inputs[k].grad if inputs[k].grad is not None else zero(inputs[k]) for k in trained}
        self.answer(id, loss, inputs, options, value, grad, size, skip)

    def answer(self, id, loss, inputs, options, value, grad, size=0.0, skip=None):
        """A case whose answer is known otherwise."""
        want = {"loss": array(value), "grad": {k: array(v) for k, v in grad.items()}}
        line = self.request(id, loss, inputs, options) | {"want": want}
        if size:
            line["size"] = size
        if skip:
            line["skip"] = skip
        self.lines.append(line)

    def refused(self, id, loss, inputs, options, error):
        """A case whose answer must be an error that holds a text."""
        self.lines.append(self.request(id, loss, inputs, options) | {"error": error})

    @staticmethod
    def request(id, loss, inputs, options):
        return {
            "id": id, "loss": loss, "options": {k: option(v) for k, v in (options or {}).items()},
            "inputs": {k: array(v) for k, v in inputs.items()},
        }

    def write(self, name):
        path = os.path.join(HERE, "..", "loss", "testdata", name + ".gz")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines)
        with open(path, "wb") as f:
            f.write(gzip.compress(text.encode(), mtime=0))
        print(f"{len(self.lines)} cases in {name}.gz")
