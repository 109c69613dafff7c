"""The jobs by name, as PyTorch's users would write them."""

import torch
from torch import nn
from torch.nn import functional as F

import densities
import indexes
import losses
import pairs
import sequences


def gemm(m, k, n):
    a, b, c = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
    return lambda: torch.mm(a, b, out=c)


def mlp():
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 10),
    )


def step(net, *shape):
    """One step of SGD on cross-entropy: forward, backward, update."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    x, y = torch.randn(*shape), torch.randint(0, 10, (shape[0],))

    def run():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    return run


def evaluate(net, *shape):
    net.eval()
    x = torch.randn(*shape)

    def run():
        with torch.inference_mode():
            net(x).argmin(1)

    return run


JOBS = {
    "gemm/1024": lambda: gemm(1024, 1024, 1024),
    "gemm/256x784x512": lambda: gemm(256, 784, 512),
    "step/mlp": lambda: step(mlp(), 256, 784),
    "step/cnn": lambda: step(cnn(), 64, 1, 28, 28),
    "eval/cnn": lambda: evaluate(cnn(), 1000, 1, 28, 28),
    **densities.JOBS,
    **sequences.JOBS,
    **losses.JOBS,
    **pairs.JOBS,
    **indexes.JOBS,
}


def find(name):
    make = JOBS.get(name)
    return make() if make else None
