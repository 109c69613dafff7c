"""Writes ebm/functional/testdata/golden.safetensors: losses over label energies.

CASE/energies [B, K], CASE/target [B], CASE/loss [B] and CASE/grad [B, K], all float64.
A case is NAME, what sets it apart, and the size of its energies: "nll/beta=10/1".
Moderate sizes come from PyTorch's autograd in float64; where that would overflow or
cancel (energies to 1e4, β from 1e-3 to 1e3), from mpmath with 60 digits, by formulas
for the derivatives that are written out here. Where both apply they are compared.
"""

import mpmath
import torch
import torch.nn.functional as F

import weights

mpmath.mp.dps = 60
B, K = 12, 5
COST = torch.tensor([[max(j - i, 3 * (i - j)) / 4 for j in range(K)] for i in range(K)]).double()


def others(e, t):
    """E⁺ and the row without it."""
    return e[t], torch.cat([e[:t], e[t + 1 :]])


def offending(formula):
    def loss(e, t, **o):
        c, rest = others(e, t)
        return formula(c, rest.min(), **o)

    return loss


def nll(e, t, beta=1.0):
    return F.cross_entropy(-beta * e[None], torch.tensor([t])) / beta


def mee(e, t, beta=1.0):
    return 1 - torch.softmax(-beta * e, 0)[t]


def margin_cost(e, t, margin=1.0, cost=None):
    if cost is None:
        return K * F.multi_margin_loss(-e[None], torch.tensor([t]), margin=margin)
    z = torch.stack([e[t] - e[y] + cost[t, y] for y in range(K) if y != t])
    return torch.relu(z).sum()


def margin_cost_max(e, t, margin=1.0, cost=None):
    z = torch.stack([e[t] - e[y] + (margin if cost is None else cost[t, y]) for y in range(K) if y != t])
    return z.max().clamp(min=0)


FORMULAS = {
    "energy": lambda e, t: e[t],
    "perceptron": lambda e, t: e[t] - e.min(),
    "hinge": offending(lambda c, o, margin=1.0: F.margin_ranking_loss(c, o, torch.tensor(-1.0), margin=margin)),
    "log": offending(lambda c, o: -F.logsigmoid(o - c)),
    "lvq2": offending(lambda c, o, cap=1.0, delta=0: ((c - o) / (delta * o if delta else 1)).clamp(0, cap)),
    "mce": offending(lambda c, o: torch.sigmoid(c - o)),
    "square_square": offending(lambda c, o, margin=1.0: c**2 + torch.relu(margin - o) ** 2),
    "square_square_misprint": offending(lambda c, o, margin=1.0: c**2 - torch.relu(margin - o) ** 2),
    "square_exp": offending(lambda c, o, gamma=1.0: c**2 + gamma * torch.exp(-o)),
    "nll": nll,
    "mee": mee,
    "margin_cost": margin_cost,
    "margin_cost_max": margin_cost_max,
}

VARIANTS = {
    "hinge": [{}, {"margin": 0.0}, {"margin": 3.0}],
    "lvq2": [{}, {"cap": 100.0}, {"delta": 0.5, "cap": 3.0}],
    "square_square": [{}, {"margin": 3.0}],
    "square_square_misprint": [{}, {"margin": 3.0}],
    "square_exp": [{}, {"gamma": 0.1}],
    "nll": [{"beta": b} for b in (1e-3, 0.1, 1.0, 10.0, 1e3)],
    "mee": [{"beta": b} for b in (1e-3, 0.1, 1.0, 10.0, 1e3)],
    "margin_cost": [{}, {"margin": 3.0}, {"cost": COST}],
    "margin_cost_max": [{}, {"margin": 3.0}, {"cost": COST}],
}

NONNEGATIVE = ("square_square", "square_square_misprint", "square_exp", "lvq2")


def exact(name, e, t, beta=1.0):
    """Loss and derivatives of log, mce, nll and mee in 60 digits."""
    m = [mpmath.mpf(float(v)) for v in e]
    grad = [mpmath.mpf(0)] * K
    if name in ("log", "mce"):
        o = min((v, y) for y, v in enumerate(m) if y != t)[1]
        s = 1 / (1 + mpmath.exp(m[o] - m[t]))
        loss = mpmath.log1p(mpmath.exp(m[t] - m[o])) if name == "log" else s
        grad[t] = s if name == "log" else s / (1 + mpmath.exp(m[t] - m[o]))
        grad[o] = -grad[t]
        return loss, grad
    b = mpmath.mpf(beta)
    # p(y)/p(t) for the others; their sum is what a loss near 0 is made of.
    odds = [mpmath.exp(-b * (v - m[t])) if y != t else mpmath.mpf(0) for y, v in enumerate(m)]
    rest = mpmath.fsum(odds)
    p = [w / (1 + rest) for w in odds]
    right, wrong = 1 / (1 + rest), rest / (1 + rest)
    slope = mpmath.mpf(1) if name == "nll" else b * right
    for y in range(K):
        grad[y] = slope * (wrong if y == t else -p[y])
    return (mpmath.log1p(rest) / b if name == "nll" else wrong), grad


def case(name, scale, options, generator):
    e = torch.randn(B, K, generator=generator, dtype=torch.float64) * scale
    # Rows whose energies lie within a few 1/β of each other, on top of a large offset.
    near = torch.randn(B // 3, K, generator=generator, dtype=torch.float64) * 3 / options.get("beta", 1.0)
    e[: B // 3] = near + torch.randn(B // 3, 1, generator=generator, dtype=torch.float64) * scale
    if name in NONNEGATIVE:
        e = e.abs()
    target = torch.randint(K, (B,), generator=generator)
    loss, grad = torch.zeros(B, dtype=torch.float64), torch.zeros(B, K, dtype=torch.float64)
    for i in range(B):
        row = e[i].clone().requires_grad_()
        value = FORMULAS[name](row, int(target[i]), **options)
        value.backward()
        loss[i], grad[i] = value.detach(), row.grad
        if name in ("log", "mce", "nll", "mee"):
            value, slopes = exact(name, e[i], int(target[i]), **options)
            value, slopes = float(value), torch.tensor([float(s) for s in slopes], dtype=torch.float64)
            size = 1e-10 * (1 + scale) * (1 + options.get("beta", 1.0))
            assert abs(value - loss[i]) < size and (slopes - grad[i]).abs().max() < size, (name, scale, options, i)
            loss[i], grad[i] = value, slopes
    return e, target, loss, grad


def main():
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    generator = torch.Generator().manual_seed(1)
    out = {}
    for name in FORMULAS:
        for options in VARIANTS.get(name, [{}]):
            for scale in (1e-3, 1.0, 30.0, 1e4):
                label = "cost" if "cost" in options else ",".join(f"{k}={v:g}" for k, v in options.items())
                key = f"{name}/{label}/{scale:g}"
                e, target, loss, grad = case(name, scale, options, generator)
                out |= {key + "/energies": e, key + "/target": target.double(), key + "/loss": loss, key + "/grad": grad}
    weights.save(weights.here("ebm", "functional", "testdata", "golden.safetensors"), out)


if __name__ == "__main__":
    main()
