"""Writes loss/testdata/margin.jsonl.gz: MultiMargin, MultiLabelMargin, CosineEmbedding,
TripletMargin, TripletMarginWithDistance.

What cancels or overflows in PyTorch's float64 comes from mpmath, by formulas written
out below.
"""

import itertools
import math

import mpmath
import torch
from torch import nn
from torch.nn import functional as F

from losscase import Cases, rounded

torch.manual_seed(8)
mpmath.mp.dps = 60
cases = Cases()
inf, nan = math.inf, math.nan
REDUCTIONS = ["none", "mean", "sum"]
PAIR = ("input1", "input2")
TRIPLE = ("anchor", "positive", "negative")


def shapes(*all):
    """Shapes with reductions: all three of the small ones, by turns of the others."""
    for i, shape in enumerate(all):
        for reduction in REDUCTIONS if math.prod(shape) < 20 else [REDUCTIONS[i % 3]]:
            yield shape, reduction


def add(id, name, inputs, options, trained, f=None, **kw):
    """A case whose answer is that of PyTorch's class, or of f."""
    f = f or getattr(nn, name)(**options)
    cases.add(f"{id}/{len(cases.lines)}", name, inputs, lambda **x: f(*x.values()), options, trained, **kw)


def answer(id, name, inputs, options, value, grad, **kw):
    cases.answer(f"{id}/{len(cases.lines)}", name, inputs, options, value, grad, **kw)


def refused(id, name, inputs, options, error):
    cases.refused(f"{id}/{len(cases.lines)}", name, inputs, options, error)


def noise(*shape, scale=1.0):
    """Normal numbers with few digits."""
    return torch.round(torch.randn(shape).double() * scale * 256) / 256


def grid(*shape):
    """Quarters, so that hinges and norms meet their kinks."""
    return torch.randint(-4, 5, shape).double() / 4


def doubles(*x):
    return torch.tensor(x, dtype=torch.float64)


def longs(x):
    return torch.tensor(x, dtype=torch.int64)


# MultiMargin.
for shape, reduction in shapes((1, 1), (3, 2), (4, 7), (3, 17), (2, 33), (1, 257), (9,)):
    n, c = (shape[:-1], shape[-1])
    y = torch.randint(0, c, n)
    for draw, p in itertools.product((noise, grid), (1, 2)):
        if c > 40 and draw is grid:
            continue
        x = {"input": draw(*shape), "target": y}
        r = {"reduction": reduction, "p": p}
        for extra in ({}, {"margin": 0.0}, {"margin": 0.5, "weight": rounded(torch.rand(c) * 2)}, {"margin": -0.25}):
            add("multi_margin", "MultiMarginLoss", x, r | extra, ("input",))
x4 = noise(2, 4)
for extra in ({}, {"p": 2}, {"weight": doubles(1, 0, 2, 0.5)}):
    add("multi_margin/far", "MultiMarginLoss", {"input": doubles(1e18, -1e18, 3, 0).reshape(1, 4), "target": longs([1])}, extra, ("input",))
add("multi_margin/far", "MultiMarginLoss", {"input": doubles(0, -inf, 3, inf).reshape(1, 4), "target": longs([3])}, {}, ("input",))
add("multi_margin/far", "MultiMarginLoss", {"input": doubles(0, -inf, 3, 1).reshape(1, 4), "target": longs([2])}, {"p": 2}, ("input",))
add("multi_margin/near", "MultiMarginLoss", {"input": rounded(doubles(1 + 2**-20, 2**-20, 1, 0.99)).reshape(1, 4), "target": longs([0])}, {"p": 2, "reduction": "sum"}, ("input",))
add("multi_margin/list of one", "MultiMarginLoss", {"input": noise(4), "target": longs([2])}, {"reduction": "none"}, ("input",))
for reduction, v in {"none": torch.zeros(0), "mean": doubles(nan)[0], "sum": doubles(0)[0]}.items():
    e = torch.zeros(0, 4)
    answer("multi_margin/empty", "MultiMarginLoss", {"input": e, "target": longs([])}, {"reduction": reduction}, v, {"input": e})
answer("multi_margin/nan", "MultiMarginLoss", {"input": doubles(nan, 0, 0), "target": longs(1)}, {"reduction": "sum"}, doubles(nan)[0], {"input": doubles(1, -2, 1) / 3})
for y, error in (([0, 4], "target[1] is 4"), ([-1, 0], "target[0] is -1"), ([0], "target has shape [1]"), ([0.5, 0], "whole number")):
    refused("multi_margin/target", "MultiMarginLoss", {"input": x4, "target": torch.tensor(y)}, {}, error)
for options, error in (
    ({"p": 3}, "p is 3"), ({"p": 0}, "p is 0"), ({"p": 1.5}, "whole number"), ({"margin": inf}, "margin is +Inf"), ({"margin": nan}, "margin is NaN"),
    ({"weight": torch.ones(3)}, "weight has shape [3]"), ({"weight": doubles(1, nan, 1, 1)}, "weight[1] is NaN"), ({"reduction": "max"}, "reduction"),
):
    refused("multi_margin/option", "MultiMarginLoss", {"input": x4, "target": longs([0, 1])}, options, error)
refused("multi_margin/shape", "MultiMarginLoss", {"input": noise(1, 2, 2), "target": longs([0])}, {}, "two dimensions")
refused("multi_margin/shape", "MultiMarginLoss", {"input": noise(3, 0), "target": longs([0, 0, 0])}, {}, "at least 1")


# MultiLabelMargin.
def labels(shape, repeat):
    """Rows of labels, ended by −1 where they are not full."""
    y = torch.full(shape, -1, dtype=torch.int64)
    for row in y.reshape(-1, shape[-1]):
        c = len(row)
        k = int(torch.randint(0, min(c, 6) + 1, ()))
        row[:k] = torch.randint(0, c, (k,)) if repeat else torch.randperm(c)[:k]
    return y


for (shape, reduction), repeat in itertools.product(shapes((1, 1), (5, 2), (6, 7), (4, 17), (3, 33), (1, 257), (5,), (12,)), (False, True)):
    for draw in (noise, grid, lambda *s: noise(*s, scale=4.0)):
        add("multilabel_margin", "MultiLabelMarginLoss", {"input": draw(*shape), "target": labels(shape, repeat)}, {"reduction": reduction}, ("input",))
for y in ([0, 1, 2, 3], [-1, -1, -1, -1], [2, 2, 2, 2], [3, -1, -1, -1]):
    for x in (noise(4), doubles(1e30, -1e30, 0, 1), doubles(-inf, 1, 2, 3), doubles(1, 0, 0, -inf), doubles(1, 2, inf, 3)):
        add("multilabel_margin/edge", "MultiLabelMarginLoss", {"input": rounded(x), "target": longs(y)}, {}, ("input",))
for reduction, v in {"none": torch.zeros(0), "mean": doubles(nan)[0], "sum": doubles(0)[0]}.items():
    e = torch.zeros(0, 4)
    answer("multilabel_margin/empty", "MultiLabelMarginLoss", {"input": e, "target": e.long()}, {"reduction": reduction}, v, {"input": e})
for y, error in (
    ([0, 4, -1, -1], "target[1] is 4"), ([-2, -1, -1, -1], "target[0] is -2"),
    ([0, -1, -1], "target has [3]"), ([0, 0.5, -1, -1], "whole number"),
):
    refused("multilabel_margin/target", "MultiLabelMarginLoss", {"input": noise(4), "target": torch.tensor(y)}, {}, error)
# What follows a row's first −1 is not considered; the first case is PyTorch's own example.
for y in ([3, 0, -1, 1], [-1, 3, 0, 1], [2, -1, 2, 2]):
    add("multilabel_margin/behind", "MultiLabelMarginLoss", {"input": rounded(torch.tensor([[0.1, 0.2, 0.4, 0.8]])), "target": longs([y])}, {}, ("input",))
refused("multilabel_margin/option", "MultiLabelMarginLoss", {"input": noise(4), "target": longs([0, -1, -1, -1])}, {"margin": 1.0}, "no option")


# CosineEmbedding.
def cosine_embedding(x, y, target, margin):
    """The loss and gradients of one pair, exactly."""
    x, y = [mpmath.mpf(float(v)) for v in x], [mpmath.mpf(float(v)) for v in y]
    eps = mpmath.mpf(float(torch.tensor(1e-12)))  # PyTorch has it in float32
    dot = mpmath.fdot(x, y)
    rx, ry = 1 / mpmath.sqrt(mpmath.fdot(x, x) + eps), 1 / mpmath.sqrt(mpmath.fdot(y, y) + eps)
    cos = dot * rx * ry
    side = -1 if target == 1 else int(cos >= margin)
    dx = [side * rx * (b * ry - cos * a * rx) for a, b in zip(x, y)]
    dy = [side * ry * (a * rx - cos * b * ry) for a, b in zip(x, y)]
    return (1 - cos if target == 1 else max(0, cos - margin)), dx, dy


def exact_cosine(id, x, y, target, margin=0.0, **kw):
    rows = [cosine_embedding(*row, margin) for row in zip(x, y, target)]
    value = doubles(*[float(r[0]) for r in rows])
    grad = {name: doubles(*[[float(v) for v in r[i + 1]] for r in rows]) for i, name in enumerate(PAIR)}
    inputs = {"input1": x, "input2": y, "target": target}
    answer(id, "CosineEmbeddingLoss", inputs, {"margin": margin, "reduction": "none"}, value, grad, **kw)


def signs(*shape):
    return (torch.randint(0, 2, shape) * 2 - 1).double()


for shape, reduction in shapes((1, 1), (6, 2), (5, 7), (3, 17), (4, 33), (1, 257), (5,), (16,)):
    for draw, margin in itertools.product((noise, grid), (0.0, 0.5, -0.25)):
        x, y, t = draw(*shape), draw(*shape), signs(*shape[:-1])
        # A single coordinate has no gradient but eps's, which PyTorch's float64 loses.
        size = 1.0 if shape[-1] == 1 else 1e-4
        add("cosine", "CosineEmbeddingLoss", {"input1": x, "input2": y, "target": t}, {"margin": margin, "reduction": reduction}, PAIR, size=size)
x = noise(6, 5)
for step in (0.0, 1e-6, 1e-4, 1e-2):
    y = rounded(x * 3 * (1 + step * torch.randn(6, 5)))
    exact_cosine("cosine/near", x, y, torch.ones(6), size=max(1e-5, step * 1e-2))
    exact_cosine("cosine/near", x, y, -torch.ones(6), margin=0.5, size=max(1e-5, step * 1e-2))
for s, t in itertools.product((1e-30, 1e-7, 1e-6, 1e5, 1e17, 1e30), repeat=2):
    exact_cosine("cosine/scale", rounded(noise(2, 3) * s), rounded(noise(2, 3) * t), doubles(1, -1), margin=-1.0, size=1e-40)
for s, t in itertools.product((1e-200, 1.0, 1e200, 1e300), repeat=2):
    exact_cosine("cosine/scale", noise(2, 3) * s, noise(2, 3) * t, doubles(1, -1), margin=-1.0, skip="float32")
zero, unit, up = doubles(0, 0, 0)[None], doubles(1, 0, 0)[None], doubles(0, 2, 0)[None]
for x, y, t in itertools.product((zero, unit), (zero, up), (1, -1)):  # at cos = margin the gradient passes
    add("cosine/kink", "CosineEmbeddingLoss", {"input1": x, "input2": y, "target": doubles(t)}, {}, PAIR, size=1e-3)
for reduction, v in {"none": torch.zeros(0), "mean": doubles(nan)[0], "sum": doubles(0)[0]}.items():
    e = torch.zeros(0, 4)
    answer("cosine/empty", "CosineEmbeddingLoss", {"input1": e, "input2": e, "target": torch.zeros(0)}, {"reduction": reduction}, v, {"input1": e, "input2": e})
a = noise(2, 3)
for inputs, options, error in (
    ({"input1": a, "input2": a, "target": doubles(1, 0)}, {}, "target[1] is 0; it must be 1 or -1"),
    ({"input1": a, "input2": a, "target": doubles(nan, 1)}, {}, "target[0] is NaN"),
    ({"input1": a, "input2": a[:1], "target": doubles(1, 1)}, {}, "must be the same"),
    ({"input1": a, "input2": a, "target": doubles(1)}, {}, "target has shape [1]"),
    ({"input1": a, "input2": a, "target": doubles(1, 1)}, {"margin": nan}, "margin is NaN"),
    ({"input1": a, "input2": a}, {}, "needs the input"),
):
    refused("cosine/refused", "CosineEmbeddingLoss", inputs, options, error)


# TripletMargin.
def triple(draw, *shape):
    return {name: draw(*shape) for name in TRIPLE}


def norm_of_any_degree(p):
    """F.pairwise_distance, which in PyTorch 1.13 has p in float32 on the way; the newest has not."""
    return lambda x, y: ((x - y + 1e-6).abs() ** p).sum(-1) ** (1 / p)


for shape, reduction in shapes((1, 1), (6, 2), (5, 7), (3, 17), (2, 33), (1, 257), (5,)):
    for p, swap in itertools.product((1.0, 2.0, 0.5, 2.3, 3.0, inf), (False, True)):
        options = {"p": p, "swap": swap, "reduction": reduction}
        if shape[-1] > 10 and not swap:
            continue
        f = None
        if p == 2.3:
            f = nn.TripletMarginWithDistanceLoss(distance_function=norm_of_any_degree(p), margin=0.25, swap=swap, reduction=reduction)
        add("triplet", "TripletMarginLoss", triple(noise, *shape), options | {"margin": 0.25}, TRIPLE, f, size=1e-4)
        if shape[-1] < 20 and not f:
            add("triplet/grid", "TripletMarginLoss", triple(grid, *shape), options | {"eps": 0.0}, TRIPLE, size=1e-4)
            add("triplet/eps", "TripletMarginLoss", triple(grid, *shape), options | {"eps": 0.125, "margin": 2.0}, TRIPLE, size=1e-4)
origin, right, top, corner = doubles(0, 0), doubles(2, 0), doubles(0, 2), doubles(1, 1)
for p, (a, b, c), swap in itertools.product(
    (0.0, 1.0, 2.0, 3.0, inf),
    ((origin, right, corner), (origin, origin, corner), (origin, right, origin), (right, right, right), (origin, right, 2 * right), (origin, corner, 2 * top)),
    (False, True),
):  # equal distances, distances of 0, a loss of just 0
    options = {"p": p, "eps": 0.0, "swap": swap, "reduction": "none"}
    add("triplet/kink", "TripletMarginLoss", {"anchor": a, "positive": b, "negative": c}, options, TRIPLE, size=1e-3)
    add("triplet/kink", "TripletMarginLoss", {"anchor": a, "positive": b, "negative": c}, options | {"margin": 2.0}, TRIPLE, size=1e-3)
for s, p in itertools.product((1e-30, 1e-3, 1e19, 1e30), (1.0, 2.0)):
    x = {name: rounded(noise(2, 5) * s) for name in TRIPLE}
    add("triplet/scale", "TripletMarginLoss", x, {"p": p, "eps": 0.0, "swap": True}, TRIPLE)
for s, p in itertools.product((1e-250, 1e250), (1.0, 2.0, 3.0)):  # PyTorch's powers vanish or overflow: divide by s
    x = triple(noise, 2, 5)
    y = [v.clone().requires_grad_() for v in x.values()]
    value = F.triplet_margin_loss(*y, margin=1 / s, p=p, eps=0, reduction="none") if s > 1 else None
    if s > 1:
        value.sum().backward()
        value = value.detach() * s
    else:
        d = [F.pairwise_distance(y[0], v, p=p, eps=0) for v in y[1:]]
        (d[0] - d[1]).sum().backward()
        value = 1 + (d[0] - d[1]).detach() * s
    x = {name: v * s for name, v in x.items()}
    answer("triplet/scale", "TripletMarginLoss", x, {"p": p, "eps": 0.0, "reduction": "none"}, value, dict(zip(TRIPLE, (v.grad for v in y))), skip="float32")
for reduction, v in {"none": torch.zeros(0), "mean": doubles(nan)[0], "sum": doubles(0)[0]}.items():
    e = torch.zeros(0, 4)
    for name in ("TripletMarginLoss", "TripletMarginWithDistanceLoss"):
        answer("triplet/empty", name, dict.fromkeys(TRIPLE, e), {"reduction": reduction}, v, dict.fromkeys(TRIPLE, e))
a = dict.fromkeys(TRIPLE, noise(2, 3))
for inputs, options, error in (
    (a, {"margin": 0.0}, "margin is 0"), (a, {"margin": -1.0}, "margin is -1"), (a, {"margin": nan}, "margin is NaN"), (a, {"p": -1.0}, "p is -1"),
    (a, {"p": nan}, "p is NaN"), (a, {"eps": inf}, "eps is +Inf"), (a, {"swap": 1.0}, "true or false"), (a | {"positive": noise(1, 3)}, {}, "must be the same"),
    (a | {"negative": noise(3)}, {}, "must be the same"), (dict.fromkeys(TRIPLE, noise(2, 0)), {}, "at least 1"), (dict.fromkeys(TRIPLE, noise()), {}, "two dimensions"),
):
    refused("triplet/refused", "TripletMarginLoss", inputs, options, error)


# TripletMarginWithDistance.
DISTANCES = {
    "pairwise_distance": F.pairwise_distance,
    "cosine_similarity": lambda x, y: 1 - F.cosine_similarity(x, y, dim=-1),
    "squared_euclidean": lambda x, y: ((x - y) ** 2).sum(-1),
}
for shape, reduction in shapes((1, 1), (6, 2), (5, 7), (3, 17), (2, 33), (1, 257), (5,)):
    for (name, d), swap, margin in itertools.product(DISTANCES.items(), (False, True), (None, 0.25)):
        options = {"swap": swap, "reduction": reduction} | ({"margin": margin} if margin else {})
        f = nn.TripletMarginWithDistanceLoss(distance_function=d, **options)
        size = 1.0 if shape[-1] == 1 else 1e-4
        for draw in (noise, grid):
            if shape[-1] > 10 and (draw is grid or not swap):
                continue
            if draw is grid and name == "cosine_similarity":
                continue  # rows of zeros and ties up to rounding
            add("triplet_distance", "TripletMarginWithDistanceLoss", triple(draw, *shape), options | {"distance_function": name}, TRIPLE, f, size=size)
refused("triplet_distance/option", "TripletMarginWithDistanceLoss", a, {"distance_function": "euclidean"}, "distance_function is")
refused("triplet_distance/option", "TripletMarginWithDistanceLoss", a, {"margin": 0.0}, "margin is 0")
refused("triplet_distance/option", "TripletMarginWithDistanceLoss", a, {"p": 2.0}, "no option")
cases.write("margin.jsonl")
