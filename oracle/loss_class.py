"""Writes loss/testdata/class.jsonl.gz: CrossEntropy, NLL."""

import itertools
import math

import torch
from torch import nn

from losscase import Cases, rounded

torch.manual_seed(7)
cases = Cases()
inf, nan = math.inf, math.nan
SHAPES = [(3,), (1, 1), (5, 2), (7, 17), (4, 33), (2, 257), (0, 4), (3, 5, 2), (2, 4, 3, 2), (2, 3, 0)]
REDUCTIONS = ["none", "mean", "sum"]


def add(id, name, inputs, options, trained=("input",), **kw):
    """A case whose answer is that of PyTorch's class."""
    f = getattr(nn, name)(**options)
    cases.add(f"{id}/{len(cases.lines)}", name, inputs, lambda **x: f(*x.values()), options, trained, **kw)


def noise(*shape, scale=3.0):
    """Normal numbers with few digits."""
    return torch.round(torch.randn(shape).double() * scale * 64) / 64


def classes(shape):
    return torch.randint(0, shape[0] if len(shape) == 1 else shape[1], shape[:0] if len(shape) == 1 else shape[:1] + shape[2:])


def axis(shape):
    return 0 if len(shape) == 1 else 1


def weights(shape, zeros=False):
    w = torch.round(torch.rand(shape[axis(shape)]).double() * 16) / 8 + 0.125
    return w * torch.randint(0, 2, w.shape) if zeros else w


for shape, reduction in itertools.product(SHAPES, REDUCTIONS):
    if shape == (2, 257) and reduction != "mean":
        continue
    r = {"reduction": reduction}
    x, y = noise(*shape), classes(shape)
    empty = 0 in shape
    for w in ({}, {"weight": weights(shape)}):
        for ignore in ({}, {"ignore_index": 1}, {"ignore_index": -1}):
            t = y.clone()
            if ignore.get("ignore_index") == -1 and t.dim():
                t[:1] = -1
            # A mean over nothing is NaN with a gradient of 0; PyTorch's is NaN too.
            nothing = reduction == "mean" and not empty and bool((t == ignore.get("ignore_index", -100)).all())
            if not nothing:
                logs = rounded(torch.log_softmax(x, axis(shape)))
                add("nll", "NLLLoss", {"input": logs, "target": t}, r | w | ignore)
                for smooth in (0.0, 0.1, 1.0):
                    add("cross_entropy", "CrossEntropyLoss", {"input": x, "target": t}, r | w | ignore | {"label_smoothing": smooth}, size=1e-2)
        if not empty:
            p = torch.softmax(noise(*shape), axis(shape))
            for smooth in (0.0, 0.25):
                add("cross_entropy/probs", "CrossEntropyLoss", {"input": x, "target": rounded(p)}, r | w | {"label_smoothing": smooth},
                    ("input", "target"), size=1e-1)

# The formula of the documentation, written out: smoothing with weights, some of them 0, and ignored positions.
for reduction in REDUCTIONS:
    x, y, w, e = noise(6, 4), torch.tensor([0, 3, -100, 1, 2, 1]), rounded(torch.tensor([0.5, 0, 2, 1])), 0.3

    def f(input, target):
        logp = torch.log_softmax(input, 1)
        keep = target >= 0
        at = target.clamp(min=0)
        l = -(1 - e) * w[at] * logp.gather(1, at[:, None])[:, 0] - e / 4 * (w * logp).sum(1)
        l = torch.where(keep, l, torch.zeros(()).double())
        return {"none": lambda: l, "sum": l.sum, "mean": lambda: l.sum() / w[at][keep].sum()}[reduction]()

    cases.add(f"formula/{reduction}", "CrossEntropyLoss", {"input": x, "target": y}, f, {"reduction": reduction, "weight": w, "label_smoothing": e})

# Sure answers: PyTorch's loss is 0 from a difference of 37 on, the true one is e^-difference.
gap = torch.tensor([1.0, 10, 30, 50, 100, 700]).double()
sure = torch.stack([gap, torch.zeros(6).double()], 1)
cases.answer("sure", "CrossEntropyLoss", {"input": sure, "target": torch.zeros(6).long()}, {"reduction": "none"},
             torch.log1p(torch.exp(-gap)), {"input": torch.stack([-torch.sigmoid(-gap), torch.sigmoid(-gap)], 1)}, skip="float32")
cases.answer("sure/32", "CrossEntropyLoss", {"input": sure[:4], "target": torch.zeros(4).long()}, {"reduction": "none"},
             torch.log1p(torch.exp(-gap[:4])), {"input": torch.stack([-torch.sigmoid(-gap[:4]), torch.sigmoid(-gap[:4])], 1)})
add("wrong", "CrossEntropyLoss", {"input": rounded(sure * 100), "target": torch.ones(6).long()}, {"reduction": "none"})

# Infinite scores, weights of 0, nothing to average.
none = {"reduction": "none"}


def t(*x):
    return rounded(torch.tensor(x))


half = math.log(2)
cases.answer("minus infinity", "CrossEntropyLoss", {"input": t([0.0, -inf, 0]), "target": torch.tensor([2])}, none, t(0.0) + half,
             {"input": torch.tensor([[0.5, 0, -0.5]])})
cases.answer("minus infinity/probs", "CrossEntropyLoss", {"input": t([0.0, -inf, 0]), "target": t([0.5, 0, 0.5])}, none, t(0.0) + half,
             {"input": torch.zeros(1, 3), "target": torch.tensor([[half, inf, half]]).double() * 1}, size=1.0)
cases.lines[-1]["want"]["grad"]["target"]["data"] = [half, "Infinity", half]
cases.answer("minus infinity/target", "CrossEntropyLoss", {"input": t([0.0, -inf]), "target": torch.tensor([1])}, none, torch.tensor([inf]),
             {"input": torch.tensor([[1.0, -1]])})
cases.answer("weight 0", "CrossEntropyLoss", {"input": t([0.0, -inf]), "target": torch.tensor([1])}, {"reduction": "sum", "weight": t(1, 0)},
             torch.tensor(0.0), {"input": torch.zeros(1, 2)})
cases.answer("infinity", "CrossEntropyLoss", {"input": t([inf, 0.0]), "target": torch.tensor([0])}, none, torch.tensor([0.0]), {"input": torch.zeros(1, 2)})
cases.answer("infinity/other", "CrossEntropyLoss", {"input": t([inf, 0.0]), "target": torch.tensor([1])}, none, torch.tensor([inf]),
             {"input": torch.tensor([[1.0, -1]])})
for reduction, value in (("mean", nan), ("sum", 0.0)):
    o = {"reduction": reduction}
    x, y = noise(2, 3), torch.tensor([-100, -100])
    cases.answer(f"nothing/{reduction}", "CrossEntropyLoss", {"input": x, "target": y}, o, torch.tensor(value), {"input": torch.zeros(2, 3)})
    cases.answer(f"nothing/nll/{reduction}", "NLLLoss", {"input": x, "target": y}, o, torch.tensor(value), {"input": torch.zeros(2, 3)})
cases.answer("nll/weight 0", "NLLLoss", {"input": t([0.0, -inf]), "target": torch.tensor([1])}, {"reduction": "sum", "weight": t(1, 0)},
             torch.tensor(0.0), {"input": torch.zeros(1, 2)})
cases.answer("nan", "CrossEntropyLoss", {"input": t([0.0, nan]), "target": torch.tensor([0])}, none, torch.tensor([nan]), {"input": torch.tensor([[nan, nan]])})

# Errors.
x = noise(2, 3)
y = torch.tensor([0, 2])
for id, name, inputs, options, error in (
    ("class", "CrossEntropyLoss", {"input": x, "target": torch.tensor([0, 3])}, {}, "target[1] is 3; it must be a class from 0 to 2"),
    ("class", "NLLLoss", {"input": x, "target": torch.tensor([-1, 0])}, {}, "target[0] is -1"),
    ("whole", "CrossEntropyLoss", {"input": x, "target": t(0.5, 1)}, {}, "target[0] is 0.5"),
    ("shape", "CrossEntropyLoss", {"input": x, "target": torch.tensor([0])}, {}, "target has shape [1]"),
    ("shape", "NLLLoss", {"input": rounded(torch.tensor(1.0)), "target": y}, {}, "classes"),
    ("weight", "CrossEntropyLoss", {"input": x, "target": y}, {"weight": t(1, 2)}, "weight has shape [2]"),
    ("weight", "NLLLoss", {"input": x, "target": y}, {"weight": t(1, 2, nan)}, "weight[2] is NaN"),
    ("smoothing", "CrossEntropyLoss", {"input": x, "target": y}, {"label_smoothing": 1.5}, "label_smoothing is 1.5"),
    ("smoothing", "CrossEntropyLoss", {"input": x, "target": y}, {"label_smoothing": nan}, "label_smoothing is NaN"),
    ("probability", "CrossEntropyLoss", {"input": x, "target": t([0.5, 0.5, 0], [1, -0.25, 0.25])}, {}, "target[4] is -0.25"),
    ("ignore", "CrossEntropyLoss", {"input": x, "target": torch.ones(2, 3).double() / 4}, {"ignore_index": 1}, "ignore_index"),
    ("ignore", "CrossEntropyLoss", {"input": x, "target": y}, {"ignore_index": 0.5}, "ignore_index"),
):
    cases.refused(f"error/{id}/{len(cases.lines)}", name, inputs, options, error)

cases.write("class.jsonl")
