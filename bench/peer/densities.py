"""Sampling and training of energies over real answers, as PyTorch's users write them."""

import torch
from torch import nn


def plane():
    return nn.Sequential(nn.Linear(2, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 1))


def pictures():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 4), nn.SiLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.SiLU(),
        nn.Conv2d(32, 64, 3, 2, 1), nn.SiLU(), nn.Conv2d(64, 64, 3, 2, 1), nn.SiLU(),
        nn.Flatten(), nn.Linear(256, 64), nn.SiLU(), nn.Linear(64, 1),
    )


def fixed(net):
    """Without gradients by the weights, which sampling does not need."""
    for p in net.parameters():
        p.requires_grad_(False)
    return net


def slope(net, y):
    y.requires_grad_(True)
    (g,) = torch.autograd.grad(net(y).sum(), y)
    y.requires_grad_(False)
    return g


def langevin(net, y, steps, step_size, noise, clip=None, box=None):
    for _ in range(steps):
        g = slope(net, y)
        if clip is not None:
            g.clamp_(-clip, clip)
        y.add_(g, alpha=-step_size).add_(torch.randn_like(y), alpha=noise)
        if box is not None:
            y.clamp_(*box)


def langevin_plane():
    net, y = fixed(plane()), torch.randn(1024, 2)
    return lambda: langevin(net, y, 100, 0.01, 0.02**0.5)


def langevin_pictures():
    net, y = fixed(pictures()), torch.rand(64, 1, 28, 28)
    return lambda: langevin(net, y, 60, 2.5, 0.0025, 0.06, (0, 1))


def hmc():
    """Ten transitions of ten leapfrog steps."""
    net, eps, steps = fixed(plane()), 0.1, 10
    state = {"y": torch.randn(1024, 2)}

    def gradient(y):
        y.requires_grad_(True)
        e = net(y).squeeze(1)
        (g,) = torch.autograd.grad(e.sum(), y)
        y.requires_grad_(False)
        return e.detach(), g

    state["e"], state["g"] = gradient(state["y"])

    def run():
        for _ in range(10):
            p = torch.randn_like(state["y"])
            before = state["e"] + p.square().sum(1) / 2
            y, g = state["y"].clone(), state["g"]
            p = p - eps / 2 * g
            for i in range(steps):
                y.add_(p, alpha=eps)
                e, g = gradient(y)
                p.sub_(g, alpha=eps if i + 1 < steps else eps / 2)
            after = e + p.square().sum(1) / 2
            accept = torch.rand_like(after) < (before - after).exp()
            state["y"] = torch.where(accept[:, None], y, state["y"])
            state["g"] = torch.where(accept[:, None], g, state["g"])
            state["e"] = torch.where(accept, e, state["e"])

    return run


def contrast_step():
    net = pictures()
    adam = torch.optim.Adam(net.parameters(), lr=1e-4)
    buffer, data = torch.rand(2000, 1, 28, 28), torch.rand(64, 1, 28, 28)

    def run():
        at = torch.randperm(len(buffer))[:64]
        y = buffer[at]
        fresh = torch.rand(64) < 0.05
        y[fresh] = torch.rand(int(fresh.sum()), 1, 28, 28)
        for p in net.parameters():
            p.requires_grad_(False)
        langevin(net, y, 20, 2.5, 0.0025, 0.06, (0, 1))
        for p in net.parameters():
            p.requires_grad_(True)
        buffer[at] = y
        adam.zero_grad(set_to_none=True)
        low, high = net(torch.cat([data, y])).squeeze(1).chunk(2)
        loss = low.mean() - high.mean() + 0.1 * (low.square().mean() + high.square().mean())
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.1)
        adam.step()

    return run


JOBS = {
    "langevin/mlp": langevin_plane,
    "langevin/conv": langevin_pictures,
    "hmc/mlp": hmc,
    "cd_step/conv": contrast_step,
}
