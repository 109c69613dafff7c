"""Writes loss/testdata/binary.jsonl.gz: BCE, BCEWithLogits, SoftMargin, HingeEmbedding,
MarginRanking, MultiLabelSoftMargin."""

import itertools
import math

import torch
from torch import nn

from losscase import Cases, rounded

torch.manual_seed(6)
cases = Cases()
inf, nan = math.inf, math.nan
SHAPES = [(0,), (), (1,), (7,), (17,), (33,), (257,), (5, 3), (2, 3, 4)]
REDUCTIONS = ["none", "mean", "sum"]
BOTH = ("input", "target")


def add(id, name, inputs, options, trained=BOTH, **kw):
    """A case whose answer is that of PyTorch's class."""
    f = getattr(nn, name)(**options)
    cases.add(f"{id}/{len(cases.lines)}", name, inputs, lambda **x: f(*x.values()), options, trained, **kw)


def bce(id, inputs, options, **kw):
    """BCELoss. Its derivative by target is that of its value, the logarithms cut off at
    -100; PyTorch's does not know of the cut and is infinite at 0 and 1."""
    f = nn.BCELoss(**options)

    def loss(input, target):
        yes, no = (torch.log(x).clamp(min=-100) for x in (input.detach(), 1 - input.detach()))
        line = -(target * yes + (1 - target) * no) * options.get("weight", 1)
        line = {"mean": line.mean, "sum": line.sum, "none": lambda: line}[options["reduction"]]()
        return f(input, target.detach()) + (line - line.detach())

    cases.add(f"{id}/{len(cases.lines)}", "BCELoss", inputs, loss, options, BOTH, **kw)


def noise(*shape, scale=3.0):
    """Normal numbers with few digits."""
    return torch.round(torch.randn(shape).double() * scale * 64) / 64


def shares(*shape):
    return torch.round(torch.rand(shape).double() * 1024) / 1024


def signs(*shape):
    return (torch.randint(0, 2, shape) * 2 - 1).double()


def bits(*shape):
    return torch.randint(0, 2, shape).double()


for shape, reduction in itertools.product(SHAPES, REDUCTIONS):
    if (shape == (257,) and reduction != "mean") or (shape == (33,) and reduction != "none"):
        continue  # enough of the long ones
    r = {"reduction": reduction}
    x, y = noise(*shape), noise(*shape)
    weights = [{}]
    if shape and shape[-1]:
        weights += [{"weight": shares(*shape)}, {"weight": shares(shape[-1])}]
    if len(shape) > 1:
        weights += [{"weight": shares(*shape[:-1], 1)}]
    for w in weights:
        bce("bce", {"input": shares(*shape), "target": shares(*shape)}, r | w, size=1e-3)
        for target in (shares(*shape), bits(*shape)):
            add("bce_logits", "BCEWithLogitsLoss", {"input": x, "target": target}, r | w, size=1e-2)
            if shape and shape[-1]:
                add("bce_logits/pos", "BCEWithLogitsLoss", {"input": x, "target": target}, r | w | {"pos_weight": 4 * shares(shape[-1])}, size=1e-2)
    add("soft_margin", "SoftMarginLoss", {"input": x, "target": signs(*shape)}, r, ("input",))
    for margin in (0.0, 1.0, 2.5):
        near = torch.round(x)  # often at the margin
        add("hinge_embedding", "HingeEmbeddingLoss", {"input": near, "target": signs(*shape)}, r | {"margin": margin}, ("input",))
        add("margin_ranking", "MarginRankingLoss", {"input1": near, "input2": torch.round(y), "target": signs(*shape)},
            r | {"margin": margin}, ("input1", "input2", "target"))
    if shape and shape[-1]:
        for w in ({}, {"weight": shares(shape[-1])}):
            add("multilabel_soft_margin", "MultiLabelSoftMarginLoss", {"input": x, "target": bits(*shape)}, r | w, size=1e-2)

# Extremes and kinks.
none = {"reduction": "none"}
ends = rounded(torch.tensor([0.0, 0, 1, 1, 1e-42, 1 - 2**-24, 0.5, 1e-7]))
bce("ends", {"input": ends, "target": rounded(torch.tensor([0.0, 1, 0, 1, 1, 0, 0.5, 0.25]))}, none)
bce("ends", {"input": ends[:4], "target": rounded(torch.tensor([0.25, 0.75, 0.25, 0.75]))}, {"reduction": "sum"})
# PyTorch's own formulas lose the digits of small losses; log1p keeps them.
far = rounded(torch.tensor([100.0, -100, 1e4, -1e4, 1e-4, -1e-4, 30, -30]))
bit = rounded(torch.tensor([0.0, 1, 1, 0, 1, 0, 1, 0]))
toward = far * (1 - 2 * bit)  # the loss is log(1 + exp(toward))
loss = toward.clamp(min=0) + torch.log1p(torch.exp(-toward.abs()))
cases.answer("bce_logits/far", "BCEWithLogitsLoss", {"input": far, "target": bit}, none, loss,
             {"input": (1 - 2 * bit) * torch.sigmoid(toward), "target": -far})
cases.answer("soft_margin/far", "SoftMarginLoss", {"input": far, "target": 2 * bit - 1}, none, loss,
             {"input": (1 - 2 * bit) * torch.sigmoid(toward)})

# Where PyTorch overflows or gives NaN.
cases.answer("soft_margin/1000", "SoftMarginLoss", {"input": rounded(torch.tensor([1000.0, -1000, inf, inf])), "target": rounded(torch.tensor([-1.0, 1, -1, 1]))},
             none, torch.tensor([1000, 1000, inf, 0]), {"input": torch.tensor([1.0, -1, 1, 0])})
fits = rounded(torch.tensor([inf, -inf, inf, -inf, inf]))
wants = rounded(torch.tensor([1.0, 0, 0, 1, 0.5]))
infinite = {"loss": torch.tensor([0, 0, inf, inf, inf]), "input": torch.tensor([0, 0, 1.0, -1, 0.5]), "target": -fits}
cases.answer("bce_logits/infinite", "BCEWithLogitsLoss", {"input": fits, "target": wants}, none, infinite["loss"],
             {"input": infinite["input"], "target": infinite["target"]})
cases.answer("bce_logits/pos/infinite", "BCEWithLogitsLoss", {"input": fits[:4], "target": wants[:4]},
             none | {"pos_weight": rounded(torch.tensor([2.0]))}, torch.tensor([0, 0, inf, inf]),
             {"input": torch.tensor([0, 0, 1.0, -2]), "target": torch.tensor([-inf, inf, -inf, inf])})
cases.answer("bce_logits/weight 0", "BCEWithLogitsLoss", {"input": rounded(torch.tensor([-inf, 0.0])), "target": rounded(torch.tensor([1.0, 0]))},
             {"reduction": "sum", "weight": rounded(torch.tensor([0.0, 1]))}, torch.tensor([2.0]).double().log()[0],
             {"input": torch.tensor([0, 0.5]), "target": torch.tensor([0.0, 0])})
cases.answer("multilabel_soft_margin/infinite", "MultiLabelSoftMarginLoss", {"input": rounded(torch.tensor([[inf, -inf]])), "target": rounded(torch.tensor([[1.0, 0]]))},
             {"reduction": "sum"}, torch.tensor(0.0), {"input": torch.tensor([[0.0, 0]]), "target": torch.tensor([[-inf, inf]])})
cases.answer("margin_ranking/infinite", "MarginRankingLoss",
             {"input1": rounded(torch.tensor([inf])), "input2": rounded(torch.tensor([0.0])), "target": rounded(torch.tensor([1.0]))},
             none, torch.tensor([0.0]), {"input1": torch.tensor([0.0]), "input2": torch.tensor([0.0]), "target": torch.tensor([0.0])})

# Errors.
two, three = noise(2), noise(3)
half = rounded(torch.tensor([0.5, 0.5]))
one = torch.ones(2).double()


def t(*x):
    return rounded(torch.tensor(x))


for id, name, inputs, options, error in (
    ("input", "BCELoss", {"input": t(0.5, 1.25), "target": half}, {}, "input[1] is 1.25"),
    ("input", "BCELoss", {"input": t(nan, 0.5), "target": half}, {}, "input[0] is NaN"),
    ("target", "BCELoss", {"input": half, "target": t(0.5, -0.25)}, {}, "target[1] is -0.25"),
    ("target", "BCEWithLogitsLoss", {"input": two, "target": t(0.5, 2)}, {}, "target[1] is 2"),
    ("weight", "BCEWithLogitsLoss", {"input": two, "target": half}, {"pos_weight": t(1, 2, 3)}, "pos_weight"),
    ("weight", "BCEWithLogitsLoss", {"input": two, "target": half}, {"pos_weight": t(1, nan)}, "pos_weight[1] is NaN"),
    ("weight", "BCELoss", {"input": half, "target": half}, {"weight": t(1, 2, 3)}, "weight"),
    ("sign", "SoftMarginLoss", {"input": two, "target": t(1, 0)}, {}, "target[1] is 0"),
    ("sign", "HingeEmbeddingLoss", {"input": two, "target": t(1, 2)}, {}, "target[1] is 2"),
    ("sign", "MarginRankingLoss", {"input1": two, "input2": two, "target": t(-1, nan)}, {}, "target[1] is NaN"),
    ("margin", "HingeEmbeddingLoss", {"input": two, "target": one}, {"margin": nan}, "margin is NaN"),
    ("margin", "MarginRankingLoss", {"input1": two, "input2": two, "target": one}, {"margin": inf}, "margin"),
    ("shape", "MarginRankingLoss", {"input1": two, "input2": three, "target": one}, {}, "must be the same"),
    ("shape", "MultiLabelSoftMarginLoss", {"input": noise(2, 3), "target": bits(3, 2)}, {}, "must be the same"),
    ("weight", "MultiLabelSoftMarginLoss", {"input": noise(2, 3), "target": bits(2, 3)}, {"weight": t(1, 2)}, "weight has shape [2]"),
    ("target", "MultiLabelSoftMarginLoss", {"input": two, "target": t(0, -1)}, {}, "target[1] is -1"),
):
    cases.refused(f"error/{id}/{len(cases.lines)}", name, inputs, options, error)

cases.write("binary.jsonl")
