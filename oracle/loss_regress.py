"""Writes loss/testdata/regress.jsonl."""

import torch
from torch.nn import functional as F

from losscase import Cases, rounded

torch.manual_seed(5)
cases = Cases()
for n in (0, 1, 7, 17, 33, 257):
    for reduction in ("none", "mean", "sum"):
        inputs = {"input": rounded(torch.randn(n) * 3), "target": rounded(torch.randn(n))}
        cases.add(
            f"mse/{reduction}/{n}", "MSELoss", inputs, lambda input, target: F.mse_loss(input, target, reduction=reduction),
            {"reduction": reduction}, ("input", "target"),
        )
cases.write("regress.jsonl")
