"""Losses over all pairs of a batch, value and gradient."""

import torch
from torch.nn import functional as F

DIM = 128


def graded(n, loss):
    z = torch.randn(n, DIM, requires_grad=True)

    def run():
        z.grad = None
        loss(z).backward()

    return run


def triplet_hard(n):
    """Batch hard: of each anchor the farthest positive and the nearest negative."""
    y = torch.randint(0, n // 8, (n,))
    same = y[:, None] == y[None]
    positive = same & ~torch.eye(n, dtype=torch.bool)
    valid = positive.any(1) & ~same.all(1)

    def loss(z):
        d = torch.cdist(z, z)
        far = d.masked_fill(~positive, -1).max(1).values
        near = d.masked_fill(same, float("inf")).min(1).values
        l = F.relu(far - near + 0.2)[valid]
        return l.sum() / (l > 0).sum().clamp(min=1)

    return graded(n, loss)


def nt_xent(n):
    """Two views of n/2 pictures."""
    target = (torch.arange(n) + n // 2) % n

    def loss(z):
        z = F.normalize(z)
        s = z @ z.T / 0.07
        s.fill_diagonal_(float("-inf"))
        return F.cross_entropy(s, target)

    return graded(n, loss)


JOBS = {
    "pair/triplet_hard/1024x128": lambda: triplet_hard(1024),
    "pair/triplet_hard/8192x128": lambda: triplet_hard(8192),
    "pair/nt_xent/1024x128": lambda: nt_xent(1024),
    "pair/nt_xent/8192x128": lambda: nt_xent(8192),
}
