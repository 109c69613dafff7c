"""Writes engine/autodiff/testdata/torch.safetensors: PyTorch's values and derivatives of operations.

For each case, in float64: CASE/0, CASE/1, … the inputs, CASE/y the value, CASE/dy the
upstream gradient, CASE/d0, CASE/d1, … the derivatives. A case is named as the row of
engine/autodiff/table_test.go that it checks. Inputs of the cases of `kinks` are small integers,
so that ties and zeros occur.
"""

import torch
import torch.nn.functional as F

import weights


def torch_conv1d(x, w, b, left, right, **o):
    return F.conv1d(F.pad(x, (left, right)), w, b, **o)


def embedding(w):
    return F.embedding(torch.tensor([2, 0, 2, 3, 2]), w)


def running(x, gain, bias):
    mean = 0.25 * torch.arange(3.0, dtype=x.dtype)
    return F.batch_norm(x, mean, 0.5 + torch.arange(3.0, dtype=x.dtype), gain, bias, False, 0.1, 1e-3)


def attention(q, k, hidden=None, add=0.0):
    """The weights of two heads; 0 where all keys are hidden."""
    q, k = (x.view(2, -1, 2, 3).transpose(1, 2) for x in (q, k))
    scores = q @ k.mT / 3**0.5 + add
    if hidden is not None:
        scores = scores.masked_fill(hidden, -torch.inf)
    none = (scores == -torch.inf).all(-1, keepdim=True)
    return F.softmax(scores.masked_fill(none, 0.0), -1).masked_fill(none, 0.0)


def hidden_keys():
    return torch.tensor([[0, 1, 0, 0, 1], [1, 1, 1, 1, 1]]).bool().view(2, 1, 1, 5)


def score_mask():
    i, t, s = torch.meshgrid(torch.arange(4), torch.arange(3), torch.arange(5), indexing="ij")
    return torch.where((i + t + s) % 3 == 0, -torch.inf, 0.25 * (s - t)).view(2, 2, 3, 5)


pair = [(2, 3, 6), (2, 5, 6)]
odd, cube, images = [(3, 7)], [(2, 3, 4)], [(2, 3, 6, 5)]
overlapping = dict(kernel_size=(3, 2), stride=(2, 1), padding=(1, 1))

CASES = {
    "Div": ([(3, 7)] * 2, torch.div),
    "AddRow": ([(2, 3, 5), (5,)], torch.add),
    "ReLU": (odd, F.relu),
    "LeakyReLU": (odd, lambda x: F.leaky_relu(x, 0.1)),
    "Tanh": (odd, torch.tanh),
    "Sigmoid": (odd, torch.sigmoid),
    "Softplus": (odd, lambda x: F.softplus(x, threshold=100)),
    "SiLU": (odd, F.silu),
    "GELU": (odd, F.gelu),
    "ELU": (odd, lambda x: F.elu(x, 0.7)),
    # F.hardsigmoid's derivative is float32's 1/6, in float64 too.
    "HardSigmoid": (odd, lambda x: F.relu6(x + 3) / 6),
    "HardSwish": (odd, F.hardswish),
    "Exp": (odd, torch.exp),
    "Log": (odd, torch.log),
    "Square": (odd, torch.square),
    "Sqrt": (odd, torch.sqrt),
    "Abs": (odd, torch.abs),
    "MatMul": ([(3, 5), (5, 2)], torch.matmul),
    "MatMul/AᵀBᵀ": ([(5, 3), (2, 5)], lambda a, b: a.T @ b.T),
    "Linear/sequence": ([(2, 3, 5), (4, 5), (4,)], lambda x, w, b: F.relu(F.linear(x, w, b))),
    "Conv2D": ([(2, 3, 5, 4), (2, 3, 3, 2), (2,)], F.conv2d),
    "Conv2D/ReLU": ([(2, 2, 6, 5), (3, 2, 3, 3), (3,)], lambda x, w, b: F.relu(F.conv2d(x, w, b, padding=1))),
    "Conv2D/strided": (
        [(1, 2, 7, 6), (3, 2, 2, 3), (3,)],
        lambda x, w, b: F.relu(F.conv2d(x, w, b, stride=(2, 3), padding=(1, 2), dilation=(2, 1))),
    ),
    "Conv1D": ([(2, 3, 9), (4, 3, 3), (4,)], lambda x, w, b: F.relu(torch_conv1d(x, w, b, 4, 0, dilation=2))),
    "Conv1D/strided": ([(2, 2, 9), (3, 2, 4), (3,)], lambda x, w, b: torch_conv1d(x, w, b, 1, 2, stride=2)),
    "Conv2D/groups": (
        [(2, 4, 5, 6), (6, 2, 3, 2), (6,)],
        lambda x, w, b: F.relu(F.conv2d(F.pad(x, (1, 3, 1, 0)), w, b, stride=(2, 1), groups=2)),
    ),
    "Conv2D/depthwise": (
        [(2, 3, 6, 5), (6, 1, 3, 3), (6,)],
        lambda x, w, b: F.relu(F.conv2d(F.pad(x, (2, 0, 1, 2)), w, b, groups=3)),
    ),
    "Conv2D/strided depthwise": (
        [(3, 3, 7, 6), (3, 1, 3, 2), (3,)],
        lambda x, w, b: F.conv2d(x, w, b, stride=(2, 3), padding=(2, 1), dilation=(2, 1), groups=3),
    ),
    "Conv1D/depthwise": ([(2, 3, 9), (3, 1, 4), (3,)], lambda x, w, b: F.relu(torch_conv1d(x, w, b, 3, 0, groups=3))),
    "ConvTranspose2D": ([(2, 3, 3, 4), (3, 2, 3, 2), (2,)], F.conv_transpose2d),
    "ConvTranspose2D/strided": (
        [(2, 4, 3, 4), (4, 3, 3, 3), (6,)],
        # PyTorch has no padding of one side; the columns that are more are those of an output padding.
        lambda x, w, b: F.conv_transpose2d(
            x, w, b, stride=(2, 3), padding=(1, 0), output_padding=(1, 1), dilation=(1, 2), groups=2
        )[..., 1:],
    ),
    "ConvTranspose2D/depthwise": (
        [(2, 3, 4, 3), (3, 1, 2, 3), (3,)],
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(1, 2), groups=3),
    ),
    "ConvTranspose1D": (
        [(2, 4, 5), (4, 3, 4), (6,)],
        lambda x, w, b: F.conv_transpose1d(x, w, b, stride=3, padding=1, output_padding=1, dilation=2, groups=2),
    ),
    "Pad/reflect": (images, lambda x: F.pad(x, (1, 4, 5, 2), mode="reflect").square()),
    "Pad/replicate": (cube, lambda x: F.pad(x, (5, 3, 1, 2), mode="replicate").square()),
    "Pad/circular": (cube, lambda x: F.pad(x[None], (4, 2, 3, 1), mode="circular").square()[0]),
    "SquaredDistances": ([(5, 3), (4, 3)], lambda x, c: (x[:, None] - c[None]).square().sum(-1)),
    "Concat/middle": ([(2, 3, 2), (2, 1, 2)], lambda a, b: torch.cat([a, b, a], 1)),
    "Slice": ([(5, 3)], lambda x: x[1:4]),
    "RepeatRows": ([(3, 2, 2)], lambda x: x.repeat_interleave(3, 0)),
    "TileRows": ([(3, 2, 2)], lambda x: x.repeat(3, 1, 1)),
    "Embedding": ([(4, 3)], embedding),
    "Gather": ([(3, 4)], lambda x: x[torch.arange(3), torch.tensor([3, 0, 3])]),
    "Sum": (cube, torch.sum),
    "Mean": (cube, torch.mean),
    "SumAxis": (cube, lambda x: x.sum(0)),
    "SumAxis/middle": (cube, lambda x: x.sum(1)),
    "SumLast": (cube, lambda x: x.sum(-1)),
    "LogSumExp": ([(3, 5)], lambda x: torch.logsumexp(x, 1)),
    "Softmax": (cube, lambda x: F.softmax(x, -1)),
    "LogSoftmax": (cube, lambda x: F.log_softmax(x, -1)),
    "MaxPool2D": (images, lambda x: F.max_pool2d(x, 2)),
    "MaxPool2D/overlapping": (images, lambda x: F.max_pool2d(x, **overlapping)),
    "AvgPool2D": (images, lambda x: F.avg_pool2d(x, 2)),
    "AvgPool2D/overlapping": (images, lambda x: F.avg_pool2d(x, **overlapping)),
    "GlobalAvgPool2D": (images, lambda x: x.mean((2, 3))),
    "AttentionWeights": (pair, lambda q, k: attention(q, k).square()),
    "AttentionWeights/causal": (pair, lambda q, k: attention(q, k, torch.ones(3, 5).triu(1) > 0).square()),
    "AttentionWeights/masked": (pair, lambda q, k: attention(q, k, hidden_keys(), score_mask()).square()),
    "AttentionSum": (
        [(2, 2, 3, 5), (2, 5, 4)],
        lambda p, v: (p @ v.view(2, 5, 2, 2).transpose(1, 2)).transpose(1, 2).reshape(2, 3, 4),
    ),
    "LayerNorm": ([(2, 3, 5), (5,), (5,)], lambda x, g, b: F.layer_norm(x, [5], g, b, 1e-3)),
    "GroupNorm": ([(3, 6, 2, 2), (6,), (6,)], lambda x, g, b: F.group_norm(x, 2, g, b, 1e-3)),
    "BatchNorm": ([(5, 3), (3,), (3,)], lambda x, g, b: F.batch_norm(x, None, None, g, b, True, 0.1, 1e-3)),
    "BatchNorm/images": (
        [(3, 19, 2, 2), (19,), (19,)],
        lambda x, g, b: F.batch_norm(x, None, None, g, b, True, 0.1, 1e-3),
    ),
    "BatchNorm/running": ([(4, 3, 2), (3,), (3,)], running),
}

KINKS = ["ReLU", "ELU", "LeakyReLU", "Abs", "Linear/sequence", "MaxPool2D", "MaxPool2D/overlapping", "Conv2D/ReLU"]
POSITIVE = ["Div", "Log", "Sqrt"]


def record(out, name, f, xs):
    xs = [x.requires_grad_() for x in xs]
    y = f(*xs)
    dy = torch.randn_like(y)
    grads = torch.autograd.grad(y, xs, dy)
    out.update({f"{name}/{i}": x for i, x in enumerate(xs)})
    out[f"{name}/y"], out[f"{name}/dy"] = y, dy
    out.update({f"{name}/d{i}": g for i, g in enumerate(grads)})


def main():
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    out = {}
    for name, (shapes, f) in CASES.items():
        xs = [torch.randn(s) for s in shapes]
        record(out, name, f, [x.exp() for x in xs] if name in POSITIVE else xs)
    for name in KINKS:
        shapes, f = CASES[name]
        record(out, f"kinks/{name}", f, [torch.randint(-1, 2, s).double() for s in shapes])
    for name in ["HardSigmoid", "HardSwish"]:
        ends = torch.arange(-10, 11).double().view(3, 7) / 2  # the kinks are −3 and 3
        record(out, f"kinks/{name}", CASES[name][1], [ends])
    weights.save(weights.here("engine", "autodiff", "testdata", "torch.safetensors"), out)


if __name__ == "__main__":
    main()
