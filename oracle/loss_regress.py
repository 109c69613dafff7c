"""Writes loss/testdata/regress.jsonl: L1, MSE, SmoothL1, Huber, PoissonNLL, GaussianNLL, KLDiv."""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional as F

from losscase import Cases, rounded

torch.manual_seed(5)
cases = Cases()
inf = math.inf
SHAPES = [(0,), (), (1,), (7,), (17,), (33,), (257,), (5, 3), (2, 3, 4)]
REDUCTIONS = ["none", "mean", "sum"]
BOTH = ("input", "target")


def add(id, name, inputs, options, trained=BOTH, **kw):
    """A case whose answer is that of PyTorch's class."""
    f = getattr(nn, name)(**options)
    cases.add(f"{id}/{len(cases.lines)}", name, inputs, lambda **x: f(*x.values()), options, trained, **kw)


def noise(*shape, scale=3.0):
    """Normal numbers with few digits."""
    return torch.round(torch.randn(shape).double() * scale * 64) / 64


def reduced(x, reduction):
    return {"none": lambda: x, "mean": x.mean, "sum": x.sum}[reduction]()


for shape, reduction in itertools.product(SHAPES, REDUCTIONS):
    if (shape == (257,) and reduction != "mean") or (shape == (33,) and reduction != "none"):
        continue  # enough of the long ones
    r = {"reduction": reduction}
    x, y = noise(*shape), noise(*shape)
    near = rounded(y + torch.randint(-2, 3, shape) * 0.5)  # on the corners, and at 0
    for inputs in ({"input": x, "target": y}, {"input": near, "target": y}):
        add("l1", "L1Loss", inputs, r)
        add("mse", "MSELoss", inputs, r)
        for width in (0.5, 2.0):
            add("huber", "HuberLoss", inputs, r | {"delta": width})
            add("smooth_l1", "SmoothL1Loss", inputs, r | {"beta": width})
    # Without ties, where PyTorch's derivative with beta 0 is -1 and L1's is 0.
    add("smooth_l1/l1", "SmoothL1Loss", {"input": x + 1 / 128, "target": y}, r | {"beta": 0.0})
    counts = torch.poisson(torch.rand(shape) * 4).double()
    for full in (False, True):
        if full:  # at 0, autograd makes NaN of the approximation that is not used there
            counts = counts.clamp(min=0.5)
        add("poisson_nll/log", "PoissonNLLLoss", {"input": noise(*shape, scale=1.5), "target": counts}, r | {"full": full}, size=1.0)
        add("poisson_nll/rate", "PoissonNLLLoss", {"input": rounded(torch.rand(shape) * 5), "target": counts},
            r | {"full": full, "log_input": False, "eps": 0.01}, size=1.0)
    var = rounded(torch.rand(shape) * 2)
    every = BOTH + ("var",)
    if shape:
        for full, eps in ((False, 1e-6), (True, 0.25)):
            add("gaussian_nll", "GaussianNLLLoss", {"input": x, "target": y, "var": var}, r | {"full": full, "eps": eps}, every, size=1.0)
    if len(shape) > 1:
        for rows in (shape[:-1], shape[:-1] + (1,)):
            add("gaussian_nll/rows", "GaussianNLLLoss", {"input": x, "target": y, "var": rounded(torch.rand(rows) + 0.1)}, r, every, size=1.0)
    p, q = rounded(torch.rand(shape)), rounded(torch.rand(shape))
    for how in [reduction] + (["batchmean"] if reduction == "sum" and shape and shape[0] else []):
        add("kl_div", "KLDivLoss", {"input": rounded(p.log()), "target": q}, {"reduction": how}, size=1.0)
        add("kl_div/log", "KLDivLoss", {"input": rounded(p.log()), "target": rounded(q.log())}, {"reduction": how, "log_target": True}, size=1.0)

# Elementwise weights, which PyTorch 1.13 has not: the mean of MSE and L1 is over the sum of
# the weights, that of Huber over the elements.
for name, each, over_weights in (
    ("L1Loss", lambda input, target: (input - target).abs(), True),
    ("MSELoss", lambda input, target: (input - target) ** 2, True),
    ("HuberLoss", lambda input, target: F.huber_loss(input, target, reduction="none"), False),
    ("SmoothL1Loss", lambda input, target: F.smooth_l1_loss(input, target, reduction="none"), False),
):
    for shape, reduction in itertools.product([(7,), (33,), (5, 3)], REDUCTIONS):
        w = rounded(torch.rand(shape) * torch.randint(0, 3, shape))

        def f(input, target):
            l = w * each(input, target)
            if reduction == "mean" and over_weights:
                return l.sum() / w.sum()
            return reduced(l, reduction)

        cases.add(f"weight/{len(cases.lines)}", name, {"input": noise(*shape), "target": noise(*shape)}, f,
                  {"reduction": reduction, "weight": w}, BOTH)

# One number for all variances, as the newest PyTorch takes it.
for reduction in REDUCTIONS:
    def f(input, target, var):
        return F.gaussian_nll_loss(input, target, var.expand(input.shape), reduction=reduction)

    cases.add(f"gaussian_nll/one/{reduction}", "GaussianNLLLoss",
              {"input": noise(4, 3), "target": noise(4, 3), "var": rounded(torch.tensor(0.7))}, f, {"reduction": reduction}, BOTH + ("var",), size=1.0)

# Targets and variances with 1 for one of the dimensions, as documented.
for (shape, target, var), reduction in itertools.product((
    ((2, 3, 4), (2, 1, 4), (2, 3, 4)), ((2, 3, 4), (2, 3, 4), (2, 1, 4)), ((2, 3, 4), (1, 3, 4), (2, 3, 1)),
    ((2, 3, 4), (2, 3, 1), (1, 3, 4)), ((5, 2), (5, 1), (5, 2)), ((5, 2), (1, 2), (5,)), ((4,), (1,), (1,)), ((1, 6), (1, 1), (1, 6)),
), REDUCTIONS):
    def f(input, target, var):
        return F.gaussian_nll_loss(input, target.expand(input.shape), var, reduction=reduction)  # which warns otherwise

    cases.add(f"gaussian_nll/shared/{len(cases.lines)}", "GaussianNLLLoss",
              {"input": noise(*shape), "target": noise(*target), "var": rounded(torch.rand(var) + 0.1)}, f, {"reduction": reduction}, BOTH + ("var",), size=1.0)

# Extremes and kinks.
huge = rounded(torch.tensor([1e30, -1e30, 1e-30, 0.0]))
zero = torch.zeros(4).double()
add("extreme", "L1Loss", {"input": huge, "target": zero}, {"reduction": "none"})
add("extreme", "HuberLoss", {"input": huge, "target": zero}, {"reduction": "none"})
add("extreme", "SmoothL1Loss", {"input": huge, "target": zero}, {"reduction": "none"})
add("extreme", "MSELoss", {"input": huge, "target": zero}, {"reduction": "none"}, skip="float32")
add("infinite", "L1Loss", {"input": torch.tensor([inf, -inf]).double(), "target": zero[:2]}, {"reduction": "none"})
cases.answer("nan", "L1Loss", {"input": rounded(torch.tensor([1.0, 2.0])), "target": rounded(torch.tensor([math.nan, 1]))}, {"reduction": "sum"},
             torch.tensor(math.nan), {"input": torch.tensor([math.nan, 1]), "target": torch.tensor([math.nan, -1])})
add("rate 0", "PoissonNLLLoss", {"input": zero, "target": rounded(torch.tensor([0.5, 1, 2, 5]))}, {"reduction": "none", "log_input": False, "full": True}, size=1.0)

# Where PyTorch gives NaN.
one = rounded(torch.tensor([-0.5, -inf, -inf]))
share = rounded(torch.tensor([0.0, 0.0, 0.5]))
cases.answer("kl_div/zeros", "KLDivLoss", {"input": one, "target": share}, {"reduction": "none"}, torch.tensor([0, 0, inf]),
             {"input": torch.tensor([0, 0, -0.5]), "target": torch.tensor([-inf, inf, inf])})
cases.answer("kl_div/log zeros", "KLDivLoss", {"input": one, "target": rounded(torch.tensor([-inf, -inf, 0.0]))},
             {"reduction": "none", "log_target": True}, torch.tensor([0, 0, inf]),
             {"input": torch.tensor([0, 0, -1.0]), "target": torch.tensor([0, 0, inf])})
cases.answer("poisson_nll/no rate", "PoissonNLLLoss", {"input": rounded(torch.tensor([-inf])), "target": rounded(torch.tensor([0.0]))},
             {"reduction": "none"}, torch.tensor([0.0]), {"input": torch.tensor([0.0]), "target": torch.tensor([inf])})
w0 = rounded(torch.tensor([0.0, 1.0]))
cases.answer("poisson_nll/full at 0", "PoissonNLLLoss", {"input": rounded(torch.tensor([0.5])), "target": rounded(torch.tensor([0.0]))},
             {"reduction": "none", "full": True}, torch.tensor([0.5]).double().exp(),
             {"input": torch.tensor([0.5]).double().exp(), "target": torch.tensor([-0.5])})
cases.answer("weight 0", "MSELoss", {"input": rounded(torch.tensor([-inf, 3.0])), "target": rounded(torch.tensor([0.0, 1]))},
             {"weight": w0, "reduction": "mean"}, torch.tensor(4.0), {"input": torch.tensor([0, 4.0]), "target": torch.tensor([0, -4.0])})

# Errors.
two, three = noise(2), noise(3)
positive = rounded(torch.rand(2))
for id, name, inputs, options, error in (
    ("shapes", "MSELoss", {"input": two, "target": three}, {}, "input has shape [2], target has [3]"),
    ("broadcast", "L1Loss", {"input": two, "target": noise(1)}, {}, "must be the same"),
    ("delta", "HuberLoss", {"input": two, "target": two}, {"delta": 0.0}, "delta is 0"),
    ("delta", "HuberLoss", {"input": two, "target": two}, {"delta": math.nan}, "option delta is NaN"),
    ("beta", "SmoothL1Loss", {"input": two, "target": two}, {"beta": -1.0}, "beta is -1"),
    ("reduction", "MSELoss", {"input": two, "target": two}, {"reduction": "batchmean"}, "reduction"),
    ("reduction", "MSELoss", {"input": two, "target": two}, {"reduction": "average"}, "average"),
    ("option", "MSELoss", {"input": two, "target": two}, {"delta": 1.0}, 'no option "delta"'),
    ("weight", "MSELoss", {"input": two, "target": two}, {"weight": three}, "weight"),
    ("weight", "MSELoss", {"input": two, "target": two}, {"weight": rounded(torch.tensor([1, inf]))}, "weight[1]"),
    ("variance", "GaussianNLLLoss", {"input": two, "target": two, "var": rounded(torch.tensor([1.0, -0.5]))}, {}, "var[1] is -0.5"),
    ("variance", "GaussianNLLLoss", {"input": two, "target": two, "var": three}, {}, "var has shape [3]"),
    ("shape", "GaussianNLLLoss", {"input": noise(2, 3), "target": noise(1, 1), "var": noise(2, 3).abs()}, {}, "target has shape [1 1]"),
    ("shape", "GaussianNLLLoss", {"input": noise(2, 3), "target": noise(2), "var": noise(2, 3).abs()}, {}, "target has shape [2]"),
    ("shape", "GaussianNLLLoss", {"input": noise(2, 3), "target": noise(2, 3), "var": noise(1, 1).abs()}, {}, "var has shape [1 1]"),
    ("shape", "GaussianNLLLoss", {"input": noise(2, 1), "target": noise(2, 3), "var": noise(2, 1).abs()}, {}, "target has shape [2 3]"),
    ("target", "KLDivLoss", {"input": two, "target": rounded(torch.tensor([0.5, -0.25]))}, {}, "target[1] is -0.25"),
    ("rate", "PoissonNLLLoss", {"input": rounded(torch.tensor([0.5, -0.25])), "target": positive}, {"log_input": False}, "input[1] is -0.25"),
):
    cases.refused(f"error/{id}/{len(cases.lines)}", name, inputs, options, error)

cases.write("regress.jsonl")
