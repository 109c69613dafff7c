"""Writes loss/testdata/vocabulary.jsonl.gz: LinearCrossEntropy, AdaptiveLogSoftmaxWithLoss."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from losscase import Cases, rounded

torch.manual_seed(8)
cases = Cases()


def noise(*shape, scale=1.0):
    """Normal numbers with few digits."""
    return torch.round(torch.randn(shape).double() * scale * 64) / 64


for n, d, c in ((1, 1, 1), (5, 3, 7), (17, 7, 33), (33, 5, 17), (0, 3, 4)):
    for reduction, smooth, bias, weighted in itertools.product(("none", "mean", "sum"), (0.0, 0.2), (False, True), (False, True)):
        options = {"reduction": reduction, "label_smoothing": smooth}
        if weighted:
            options |= {"weight": rounded(torch.rand(c) + 0.25), "ignore_index": 0 if n > 1 else -100}
        inputs = {"input": noise(n, d), "linear_weight": noise(c, d), "target": torch.randint(0, c, (n,))}
        if bias:
            inputs["linear_bias"] = noise(c)

        def f(input, linear_weight, target, linear_bias=None):
            return F.cross_entropy(F.linear(input, linear_weight, linear_bias), target, **options)

        cases.add(f"linear_cross_entropy/{len(cases.lines)}", "LinearCrossEntropyLoss", inputs, f, options,
                  ("input", "linear_weight") + (("linear_bias",) if bias else ()), size=1e-1)
inputs = {"input": noise(3), "linear_weight": noise(4, 3), "target": torch.tensor(2)}
cases.add("linear_cross_entropy/one", "LinearCrossEntropyLoss", inputs, lambda input, linear_weight, target: F.cross_entropy(input @ linear_weight.T, target),
          {"in_features": 3, "num_classes": 4, "bias": False}, ("input", "linear_weight"))

for n, d, c, cutoffs, div in ((6, 5, 9, [3, 6], 1.5), (17, 8, 30, [4, 10, 20], 2.0), (1, 4, 5, [2], 2.0), (9, 16, 12, [5], 4.0)):
    for head_bias in (False, True):
        module = nn.AdaptiveLogSoftmaxWithLoss(d, c, cutoffs, div, head_bias).double()
        with torch.no_grad():
            for p in module.parameters():
                p.copy_(noise(*p.shape))
        inputs = {"input": noise(n, d), "target": torch.randint(0, c, (n,))} | {k: v.detach() for k, v in module.state_dict().items()}

        def f(**x):
            from torch.nn.utils.stateless import functional_call

            return functional_call(module, {k: v for k, v in x.items() if "weight" in k or "bias" in k}, (x["input"], x["target"])).loss

        cases.add(f"adaptive/{len(cases.lines)}", "AdaptiveLogSoftmaxWithLoss", inputs, f,
                  {"n_classes": c, "cutoffs": rounded(torch.tensor(cutoffs)), "div_value": div, "head_bias": head_bias},
                  tuple(k for k in inputs if k != "target"), size=1e-1)

for id, name, inputs, options, error in (
    ("class", "LinearCrossEntropyLoss", {"input": noise(2, 3), "linear_weight": noise(4, 3), "target": torch.tensor([0, 4])}, {}, "target[1] is 4"),
    ("features", "LinearCrossEntropyLoss", {"input": noise(2, 2), "linear_weight": noise(4, 3), "target": torch.tensor([0, 3])}, {}, "input has shape [2 2]"),
    ("bias", "LinearCrossEntropyLoss", {"input": noise(2, 3), "linear_weight": noise(4, 3), "target": torch.tensor([0, 3]), "linear_bias": noise(3)}, {}, "linear_bias has shape [3]"),
    ("features", "LinearCrossEntropyLoss", {"input": noise(2, 3), "linear_weight": noise(4, 3), "target": torch.tensor([0, 3])}, {"in_features": 2}, "in_features"),
    ("cutoffs", "AdaptiveLogSoftmaxWithLoss", {"input": noise(1, 2), "target": torch.tensor([0]), "head.weight": noise(3, 2)}, {"n_classes": 4, "cutoffs": rounded(torch.tensor([4]))}, "cutoffs[0] is 4"),
    ("tail", "AdaptiveLogSoftmaxWithLoss", {"input": noise(1, 2), "target": torch.tensor([0]), "head.weight": noise(3, 2)}, {"n_classes": 4, "cutoffs": rounded(torch.tensor([2]))}, "tail.0.0.weight"),
    ("class", "AdaptiveLogSoftmaxWithLoss", {"input": noise(1, 2), "target": torch.tensor([9]), "head.weight": noise(3, 2), "tail.0.0.weight": noise(1, 2), "tail.0.1.weight": noise(2, 1)},
     {"n_classes": 4, "cutoffs": rounded(torch.tensor([2]))}, "target[0] is 9"),
):
    cases.refused(f"error/{id}/{len(cases.lines)}", name, inputs, options, error)

cases.write("vocabulary.jsonl")
