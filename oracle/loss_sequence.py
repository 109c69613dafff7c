"""Writes loss/testdata/sequence.jsonl.gz: CTC.

Losses, and gradients by logits, are PyTorch's in float64. Its gradient by log_probs is
exp(log_probs) − γ; the expected one is −γ, so exp(log_probs) is subtracted. Where a target
is impossible, PyTorch's gradient is NaN; the expected one is 0.
"""

import math

import torch
from torch.nn import functional as F

from losscase import Cases, rounded

torch.manual_seed(15)
cases = Cases()
inf = math.inf
NAME = "CTCLoss"


def factors(reduction, batch, lengths):
    if reduction == "mean":
        return 1 / (batch * lengths.clamp(min=1).double())
    if reduction == "per-token":
        return torch.full((batch,), 1 / max(1, int(lengths.sum())), dtype=torch.float64)
    return torch.ones(batch, dtype=torch.float64)


def losses(x, targets, frames, lengths, blank):
    return F.ctc_loss(x, targets, frames, lengths, blank=blank, reduction="none")


def add(id, x, targets, frames, lengths, logits=False, published=None, **options):
    """A case of a batch [T, N, C]; padded targets [N, S], or concatenated ones."""
    blank, reduction = options.get("blank", 0), options.get("reduction", "mean")
    x = rounded(x).requires_grad_()
    lp = torch.log_softmax(x, 2) if logits else x
    each = losses(lp, targets, frames, lengths, blank)
    lost = torch.isinf(each).detach()
    factor = factors(reduction, x.shape[1], lengths)
    value = torch.where(lost & torch.tensor(options.get("zero_infinity", False)), torch.zeros_like(each), each)
    if published is not None:
        assert (each.detach() - torch.tensor(published)).abs().max() < 5e-6, each
    value = value if reduction == "none" else (value * factor).sum()
    (each * factor)[~lost].sum().backward()
    grad = torch.zeros_like(x) if x.grad is None else x.grad.clone()
    if not logits:
        grad = grad - torch.exp(x.detach()) * factor[None, :, None]
    for n in range(x.shape[1]):
        grad[frames[n]:, n] = 0
        if lost[n]:
            grad[:, n] = 0
    inputs = {"logits" if logits else "log_probs": x.detach(), "targets": targets, "input_lengths": frames, "target_lengths": lengths}
    cases.answer(f"{id}/{len(cases.lines)}", NAME, inputs, options, value, {"logits" if logits else "log_probs": grad}, size=float(factor.max()))


def draw(T, N, C, S, blank=0, ragged=True, repeats=False):
    classes = [c for c in range(C) if c != blank]
    if repeats:
        classes = classes[:1]
    targets = torch.tensor(classes)[torch.randint(len(classes), (N, S))]
    lengths = torch.randint(0, S + 1, (N,)) if ragged else torch.full((N,), S)
    frames = torch.randint(T - T // 3, T + 1, (N,)) if ragged else torch.full((N,), T)
    return torch.randn(T, N, C).double() * 2, targets, frames, lengths


for T, N, C, S in [(1, 1, 2, 1), (1, 3, 4, 1), (2, 2, 3, 2), (5, 3, 4, 3), (7, 1, 7, 7), (20, 4, 9, 8), (33, 2, 17, 15), (40, 3, 5, 16), (60, 1, 33, 31)]:
    for blank in {0, C - 1}:
        for logits in (False, True):
            for reduction in ("none", "mean", "sum", "per-token"):
                if T > 10 and reduction != ("mean", "sum")[blank > 0]:
                    continue
                x, targets, frames, lengths = draw(T, N, C, S, blank)
                if not logits:
                    x = torch.log_softmax(x, 2)
                if reduction == "per-token":
                    lengths[0] = S  # the mean over no token is NaN
                options = {"blank": blank, "reduction": reduction, "zero_infinity": True}
                add("padded", x, targets, frames, lengths, logits, **options)
                flat = torch.cat([t[:n] for t, n in zip(targets, lengths)])
                if len(flat):
                    add("concatenated", x, flat, frames, lengths, logits, **options)

for repeats in (False, True):
    for logits in (False, True):
        x, targets, frames, lengths = draw(24, 4, 6, 12, ragged=False, repeats=repeats)
        frames = torch.tensor([24, 23, 22, 12])  # 12 repeats need 23
        for reduction in ("none", "sum"):
            for zero in (False, True):
                add("short", x if logits else torch.log_softmax(x, 2), targets, frames, lengths, logits, reduction=reduction, zero_infinity=zero)

x, targets, frames, lengths = draw(12, 3, 5, 4)
add("unnormalised", x, targets, frames, lengths, reduction="sum", zero_infinity=True)
add("unnormalised", x * 2 - 3, targets, frames, lengths, reduction="none", zero_infinity=True)
add("no_targets", torch.log_softmax(x, 2), targets, frames, torch.zeros_like(lengths))
add("peaked", x * 60, targets, frames, lengths, logits=True, zero_infinity=True)

# The vectors of TensorFlow's and PyTorch's own tests of this loss.
first = [
    [0.633766, 0.221185, 0.0917319, 0.0129757, 0.0142857, 0.0260553],
    [0.111121, 0.588392, 0.278779, 0.0055756, 0.00569609, 0.010436],
    [0.0357786, 0.633813, 0.321418, 0.00249248, 0.00272882, 0.0037688],
    [0.0663296, 0.643849, 0.280111, 0.00283995, 0.0035545, 0.00331533],
    [0.458235, 0.396634, 0.123377, 0.00648837, 0.00903441, 0.00623107],
]
second = [
    [0.30176, 0.28562, 0.0831517, 0.0862751, 0.0816851, 0.161508],
    [0.24082, 0.397533, 0.0557226, 0.0546814, 0.0557528, 0.19549],
    [0.230246, 0.450868, 0.0389607, 0.038309, 0.0391602, 0.202456],
    [0.280884, 0.429522, 0.0326593, 0.0339046, 0.0326856, 0.190345],
    [0.423286, 0.315517, 0.0338439, 0.0393744, 0.0339315, 0.154046],
]
lp = torch.log(torch.tensor([first, second]).double()).transpose(0, 1)
flat, frames, lengths = torch.tensor([0, 1, 2, 1, 0, 0, 1, 1, 0]), torch.tensor([5, 5]), torch.tensor([5, 4])
for logits in (False, True):
    add("published", lp, flat, frames, lengths, logits, published=[3.34211, 5.42262], blank=5, reduction="none")


def one(id, x, target, value, grad, **options):
    """A single sequence [T, C] whose answer is known in closed form."""
    inputs = {"log_probs": rounded(x), "targets": torch.tensor(target)}
    inputs |= {"input_lengths": torch.tensor(len(x)), "target_lengths": torch.tensor(len(target))}
    cases.answer(f"{id}/{len(cases.lines)}", NAME, inputs, options, torch.tensor(value, dtype=torch.float64), {"log_probs": torch.tensor(grad, dtype=torch.float64)})


one("one_frame", [[-1.0, -2.0, -4.0]], [2], 4.0, [[0, 0, -1]])
one("one_frame_empty", [[-1.5, -2.0]], [], 1.5, [[-1, 0]])
one("one_frame_two", [[-1.5, -2.0]], [1, 1], inf, [[0, 0]])
one("zero_infinity", [[-1.5, -2.0]], [1, 1], 0.0, [[0, 0]], zero_infinity=True)
one("one_path", [[-inf, -1.0], [-2.0, -inf], [-inf, -3.0]], [1, 1], 3.0, [[0, -0.5], [-0.5, 0], [0, -0.5]])
one("no_path", [[-inf, -1.0], [-inf, -2.0], [-inf, -3.0]], [1, 1], inf, [[0, 0], [0, 0], [0, 0]])
# Two frames spell "a" in three ways.
even = [[-1.0, -1.0], [-1.0, -1.0]]
one("three_paths", even, [1], 2 - math.log(3), [[-1 / 3, -2 / 3], [-1 / 3, -2 / 3]])
one("far", [[-3000.0, -1.0], [-1.0, -3000.0]], [1], 2.0, [[0, -1], [-1, 0]])

lp = torch.log_softmax(torch.randn(6, 2, 4).double(), 2)
good = {"log_probs": lp, "targets": torch.tensor([[1, 2], [3, 1]]), "input_lengths": torch.tensor([6, 5]), "target_lengths": torch.tensor([2, 1])}
for change, error, options in [
    ({"targets": torch.tensor([[1, 2], [4, 1]])}, "targets[1][0] is 4", {}),
    ({"targets": torch.tensor([[1, 0], [3, 1]])}, "targets[0][1] is 0", {}),
    ({"targets": torch.tensor([[1, -2], [3, 1]])}, "targets[0][1] is -2", {}),
    ({"input_lengths": torch.tensor([6, 7])}, "input_lengths[1] is 7", {}),
    ({"input_lengths": torch.tensor([6])}, "input_lengths has shape [1]", {}),
    ({"target_lengths": torch.tensor([2, 3])}, "target_lengths[1] is 3", {}),
    ({"target_lengths": torch.tensor([2, -1])}, "target_lengths[1] is -1", {}),
    ({"targets": torch.tensor([1, 2])}, "target_lengths[1] is 1", {}),
    ({"log_probs": lp[None]}, "log_probs has shape", {}),
    ({"logits": lp}, "log_probs or logits", {}),
    ({}, "blank", {"blank": 4}),
    ({}, "blank", {"blank": -1}),
    ({}, "reduction", {"reduction": "batchmean"}),
]:
    cases.refused(f"refused/{len(cases.lines)}", NAME, good | change, options, error)

cases.write("sequence.jsonl")
