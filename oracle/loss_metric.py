"""Writes loss/testdata/metric.jsonl.gz: the losses over the pairs of a batch, over samples
and classes, and over two views.

Each is its paper's definition, written out anchor by anchor, and differentiated by
PyTorch's autograd in float64.
"""

import itertools
import math

import torch
from torch.nn import functional as F

from losscase import Cases, rounded

torch.manual_seed(11)
cases = Cases()
inf, nan = math.inf, math.nan
SHORTEST = 1e-12


def add(id, name, inputs, options, f, size=0.0, **kw):
    """A case of f, whose errors are taken relative to its greatest derivative at least."""
    trained = [k for k in inputs if k not in ("labels", "ref_labels")]
    x = {k: v.clone() for k, v in inputs.items()}
    for k in trained:
        x[k].requires_grad_()
    value = f(**x)
    if value.requires_grad:
        value.backward()
    grad = {k: x[k].grad if x[k].grad is not None else torch.zeros_like(x[k]) for k in trained}
    greatest = max(float(g.abs().max()) if g.numel() else 0.0 for g in grad.values())
    if math.isfinite(greatest):
        size = max(size, greatest)
    cases.answer(f"{id}/{len(cases.lines)}", name, inputs, options, value, grad, size, **kw)


def refused(id, name, inputs, options, error):
    cases.refused(f"{id}/{len(cases.lines)}", name, inputs, options, error)


def doubles(*x):
    return torch.tensor(x, dtype=torch.float64)


def longs(x):
    return torch.tensor(x, dtype=torch.int64)


def noise(*shape, scale=1.0):
    """Normal numbers with few digits."""
    return torch.round(torch.randn(shape).double() * scale * 256) / 256


def drawn(n, k):
    return torch.randint(0, k, (n,))


# Distances and similarities.
def root(x):
    """The square root, with the derivative 0 at 0."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, torch.ones_like(x)).sqrt(), torch.zeros_like(x))


def unit(x):
    return x / root((x * x).sum(-1, keepdim=True)).clamp_min(SHORTEST)


def lp(d, p):
    if p == inf:
        return d.abs().amax(-1)
    if p == 1:
        return d.abs().sum(-1)
    s = (d.abs() ** p).sum(-1)
    positive = s > 0
    return torch.where(positive, torch.where(positive, s, torch.ones_like(s)) ** (1 / p), torch.zeros_like(s))


def measured(x, r, similarity, distance, p=2.0, normalize=False):
    """What two rows have between them, of all x and all r."""
    if normalize or distance == "cosine":
        x, r = unit(x), unit(r)
    if distance in ("cosine", "dot"):
        s = x @ r.T
        return s if similarity else (1 - s if distance == "cosine" else -s)
    d = x[:, None] - r[None]
    v = {"euclidean": lambda: root((d * d).sum(-1)), "squared": lambda: (d * d).sum(-1), "lp": lambda: lp(d, p)}[distance]()
    return -v if similarity else v


MEASURES = ("distance", "p", "normalize")


def over_pairs(similarity, distance, definition):
    """A loss of anchors: definition takes, for each, its values to the positives and to the
    negatives, in the references' order."""

    def loss(embeddings, labels, ref_emb=None, ref_labels=None, **options):
        how = {"distance": distance} | {k: options.pop(k) for k in MEASURES if k in options}
        own = ref_emb is None
        if own:
            ref_emb, ref_labels = embeddings, labels
        v = measured(embeddings, ref_emb, similarity, **how)
        anchors = []
        for i, y in enumerate(labels):
            p = [j for j, z in enumerate(ref_labels) if z == y and not (own and i == j)]
            n = [j for j, z in enumerate(ref_labels) if z != y]
            anchors.append((v[i][p], v[i][n]))
        return definition(anchors, **options) + 0 * embeddings.sum()

    return loss


def reduce(terms, reduction="mean", over="all"):
    if reduction == "sum":
        return sum(terms, doubles(0)[0])
    if over == "active":
        terms = [t for t in terms if t > 0]
    return sum(terms, doubles(0)[0]) / max(len(terms), 1)


def softplus(x):
    """log(1 + exp(x)), which torch.logaddexp rounds near 0."""
    above = x > 0
    low = torch.where(above, torch.zeros_like(x), x)
    high = torch.where(above, x, torch.zeros_like(x))
    return torch.where(above, high + (-high).exp().log1p(), low.exp().log1p())


def none(x):
    return x.numel() == 0


def contrastive(anchors, pos_margin=0.0, neg_margin=1.0, power=2, over="active", reduction="mean"):
    near = [(x - pos_margin).relu() ** power for p, _ in anchors for x in p]
    far = [(neg_margin - x).relu() ** power for _, n in anchors for x in n]
    return reduce(near, reduction, over) + reduce(far, reduction, over)


def batch_triplet(anchors, margin=None, mining="hard", soft=False, over="active", reduction="mean"):
    terms = []
    margin = (0.0 if soft else 0.2) if margin is None else margin

    def term(ap, an):
        terms.append(softplus(margin + ap - an) if soft else (margin + ap - an).relu())

    for p, n in anchors:
        if none(p) or none(n):
            continue
        if mining == "hard":
            term(p[first_most(p)], n[first_most(-n)])
            continue
        for ap in p:
            if mining == "all":
                for an in n:
                    term(ap, an)
                continue
            farther = [k for k, an in enumerate(n) if an > ap]
            k = farther[first_most(-n[farther])] if farther else first_most(n)
            term(ap, n[k])
    return reduce(terms, reduction, over)


def first_most(x):
    x = x.tolist()
    return x.index(max(x))


def nt_xent(anchors, temperature=0.07, reduction="mean"):
    terms = []
    for p, n in anchors:
        for x in p:
            terms.append(0 * x if none(n) else softplus(torch.logsumexp(n / temperature, 0) - x / temperature))
    return reduce(terms, reduction)


def sup_con(anchors, temperature=0.1, reduction="mean"):
    return reduce([torch.logsumexp(torch.cat((p, n)) / temperature, 0) - p.mean() / temperature for p, n in anchors if not none(p)], reduction)


def multi_similarity(anchors, alpha=2.0, beta=50.0, base=0.5, mine=False, epsilon=0.1, reduction="mean"):
    terms = []
    for p, n in anchors:
        if mine:
            least, most = min(p.tolist(), default=inf), max(n.tolist(), default=-inf)
            p, n = p[(p - epsilon < most)], n[(n + epsilon > least)]
        near = 0 if none(p) else softplus(torch.logsumexp(-alpha * (p - base), 0)) / alpha
        far = 0 if none(n) else softplus(torch.logsumexp(beta * (n - base), 0)) / beta
        terms.append(near + far + doubles(0)[0])
    return reduce(terms, reduction)


def circle(anchors, m=0.4, gamma=80.0, reduction="mean"):
    terms = []
    for p, n in anchors:
        if none(p) or none(n):
            continue
        near = -gamma * (1 + m - p.detach()).relu() * (p - 1 + m)
        far = gamma * (n.detach() + m).relu() * (n - m)
        terms.append(softplus(torch.logsumexp(near, 0) + torch.logsumexp(far, 0)))
    return reduce(terms, reduction)


def n_pairs(embeddings, labels, l2_reg=0.0, reduction="mean"):
    of = {}
    for i, y in enumerate(labels.tolist()):
        of.setdefault(y, []).append(i)
    pairs = [rows[:2] for rows in of.values() if len(rows) > 1]
    if not pairs:
        return 0 * embeddings.sum()
    a, p = (embeddings[[q[k] for q in pairs]] for k in (0, 1))
    s = a @ p.T
    terms = []
    for k in range(len(pairs)):
        others = [j for j in range(len(pairs)) if j != k]
        x = softplus(torch.logsumexp(s[k][others], 0) - s[k, k]) if others else 0 * s[k, k]
        terms.append(x + l2_reg * ((a[k] ** 2).sum() + (p[k] ** 2).sum()))
    return reduce(terms, reduction)


# Losses of samples and classes.
def picked(z, labels, reduction):
    """The cross-entropy of logits, with all digits of small losses."""
    c = z.shape[1]
    if c == 1:
        return 0 * z.sum()
    terms = [softplus(torch.logsumexp(row[torch.arange(c) != y], 0) - row[y]) for row, y in zip(z, labels)]
    return reduce(terms, reduction)


def arcface(embeddings, labels, weight, margin=0.5, scale=64.0, reduction="mean"):
    x, w = unit(embeddings), unit(weight)
    own = w[labels]
    c = (x * own).sum(-1)
    short = ((embeddings.norm(dim=-1) <= SHORTEST) | (weight.norm(dim=-1) <= SHORTEST)[labels]).detach()
    minus, plus = root(((x - own) ** 2).sum(-1)), root(((x + own) ** 2).sum(-1))
    angle = torch.where(short, torch.acos(torch.where(short, c, 0 * c)), 2 * torch.atan2(minus, plus))  # acos loses the angle near 0
    phi = torch.where(angle > math.pi - margin, c - margin * math.sin(margin), torch.cos(angle + margin))
    z = x @ w.T
    hot = F.one_hot(labels, w.shape[0]).bool()
    return picked(scale * torch.where(hot, phi[:, None], z), labels, reduction)


def cosface(embeddings, labels, weight, margin=0.35, scale=64.0, reduction="mean"):
    z = unit(embeddings) @ unit(weight).T
    return picked(scale * (z - margin * F.one_hot(labels, weight.shape[0]).double()), labels, reduction)


def proxy_nca(embeddings, labels, proxies, temperature=None, plus_plus=False, reduction="mean"):
    temperature = temperature or (1 / 9 if plus_plus else 1.0)
    z = measured(embeddings, proxies, True, "squared", normalize=True) / temperature
    if plus_plus or z.shape[1] == 1:
        return picked(z, labels, reduction)
    own = F.one_hot(labels, z.shape[1]).bool()
    return reduce([torch.logsumexp(row[~o], 0) - row[o].sum() for row, o in zip(z, own)], reduction)


def proxy_anchor(embeddings, labels, proxies, margin=0.1, alpha=32.0, reduction="mean"):
    near, far = [], []
    for k, s in enumerate(unit(proxies) @ unit(embeddings).T):
        p, n = s[labels == k], s[labels != k]
        if not none(p):
            near.append(softplus(torch.logsumexp(-alpha * (p - margin), 0)))
        far.append(0 * s.sum() if none(n) else softplus(torch.logsumexp(alpha * (n + margin), 0)))
    return reduce(near, reduction) + reduce(far, reduction)


# Losses of two views.
def off_diagonal(c):
    return c[~torch.eye(c.shape[0], dtype=torch.bool)]


def vicreg(x, y, invariance=25.0, variance=25.0, covariance=1.0, eps=1e-4):
    n, d = x.shape
    loss = invariance * F.mse_loss(x, y)
    for v in (x, y):
        v = v - v.mean(0)
        deviation = ((v * v).sum(0) / (n - 1) + eps).sqrt()
        c = v.T @ v / (n - 1)
        loss = loss + variance * (1 - deviation).relu().mean() / 2 + covariance * (off_diagonal(c) ** 2).sum() / d
    return loss


def barlow_twins(x, y, **options):
    n = x.shape[0]
    lam, eps = options.get("lambda", 0.0051), options.get("eps", 1e-5)
    a, b = ((v - v.mean(0)) / (v.var(0, unbiased=False) + eps).sqrt() for v in (x, y))
    c = a.T @ b / n
    return ((torch.diagonal(c) - 1) ** 2).sum() + lam * (off_diagonal(c) ** 2).sum()


PAIRS = {
    "Contrastive": (over_pairs(False, "euclidean", contrastive), "euclidean", [
        {}, {"pos_margin": 0.25, "neg_margin": 1.5, "over": "all"}, {"power": 1, "reduction": "sum"}, {"power": 1, "neg_margin": 3.0}]),
    "BatchTriplet": (over_pairs(False, "euclidean", batch_triplet), "euclidean", [
        {"mining": mining, "soft": soft} | mean
        for mining in ("hard", "semi_hard_or_farthest", "all")
        for soft, mean in ((False, {"over": "active"}), (False, {"over": "all"}), (True, {}), (False, {"reduction": "sum"}))]),
    "NTXent": (over_pairs(True, "cosine", nt_xent), "cosine", [{}, {"temperature": 0.5}, {"temperature": 1.0, "reduction": "sum"}]),
    "SupCon": (over_pairs(True, "cosine", sup_con), "cosine", [{}, {"temperature": 0.5}, {"temperature": 1.0, "reduction": "sum"}]),
    "MultiSimilarity": (over_pairs(True, "cosine", multi_similarity), "cosine", [
        {}, {"alpha": 1.0, "beta": 5.0, "base": 0.25}, {"mine": True}, {"mine": True, "epsilon": 0.5, "beta": 3.0, "reduction": "sum"}]),
    "Circle": (over_pairs(True, "cosine", circle), "cosine", [{}, {"m": 0.25, "gamma": 4.0}, {"m": -0.25, "gamma": 2.0, "reduction": "sum"}]),
}
HOW = [
    {"distance": "euclidean"}, {"distance": "squared"}, {"distance": "cosine"}, {"distance": "dot"}, {"distance": "lp", "p": 3.0},
    {"distance": "lp", "p": 1.0}, {"distance": "lp", "p": inf}, {"distance": "lp", "p": 2.0}, {"distance": "euclidean", "normalize": True},
    {"distance": "dot", "normalize": True}, {"distance": "lp", "p": 1.5, "normalize": True},
]
SIZES = [(1, 1), (2, 3), (5, 2), (9, 7), (6, 17), (3, 65), (17, 5)]


def sizes(options, variants):
    """All sizes with the first options, the small ones with others."""
    return SIZES if options is variants[0] else SIZES[1:4]



def batch(n, d, k=None, draw=noise):
    return {"embeddings": draw(n, d), "labels": drawn(n, k or max(n // 3, 2))}


def referred(x, m, k, draw=noise):
    return x | {"ref_emb": draw(m, x["embeddings"].shape[1]), "ref_labels": drawn(m, k)}


def pair(id, name, x, options, size=0.0, **kw):
    f = PAIRS[name][0]
    add(f"{id}", name, x, options, lambda **x: f(**x, **options), size, **kw)


def steep(name, options):
    """The greatest slope of an exponent, times which errors of similarities count."""
    return {"NTXent": 1 / options.get("temperature", 0.07), "SupCon": 1 / options.get("temperature", 0.1),
            "MultiSimilarity": options.get("beta", 50.0) / 50, "Circle": options.get("gamma", 80.0)}.get(name, 1.0)


for name, (_, usual, variants) in PAIRS.items():
    turn = itertools.cycle(HOW)
    for options in variants:
        for n, d in sizes(options, variants):
            x = batch(n, d)
            pair("metric", name, x, options, steep(name, options))
            pair("metric/against", name, referred(x, n // 2 + 1, 3), options, steep(name, options))
        for _ in range(2 if name == "BatchTriplet" else 4):
            how = next(turn)
            far = "normalize" not in how and how["distance"] in ("squared", "dot")
            x = batch(8, 3, draw=lambda *s: noise(*s, scale=0.5))
            soft = {"temperature": 2.0} if name in ("NTXent", "SupCon") else {"gamma": 2.0} if name == "Circle" else {"beta": 2.0} if name == "MultiSimilarity" else {}
            o = options | how | (soft if far else {})
            pair("metric/measure", name, x, o, 10 * steep(name, o))
            pair("metric/measure", name, referred(x, 6, 3, lambda *s: noise(*s, scale=0.5)), o, 10 * steep(name, o))
    some = noise(6, 4)
    for options in variants[:9:4] if name == "BatchTriplet" else variants[:2]:
        s = steep(name, options)
        for id, x, y in (
            ("one label", some, [3] * 6), ("all different", some, list(range(6))), ("negative labels", some, [-5, 7, -5, 7, 2**40, 2**40]),
            ("duplicates", some[[0, 1, 0, 2, 1, 0]], [0, 1, 0, 2, 2, 1]), ("all alike", some[[0] * 6], [0, 0, 1, 1, 2, 2]),
            ("zeros", some * doubles(0, 1, 1, 0, 1, 0)[:, None], [0, 0, 1, 1, 0, 1]),
        ):
            if id == "zeros" and usual == "cosine":
                continue  # below, with the greatest derivatives
            pair(f"metric/{id}", name, {"embeddings": x, "labels": longs(y)}, options, s)
        pair("metric/no anchor", name, {"embeddings": noise(0, 3), "labels": longs([])}, options)
        pair("metric/no reference", name, {"embeddings": some, "labels": drawn(6, 2), "ref_emb": noise(0, 4), "ref_labels": longs([])}, options)
        pair("metric/others alone", name, {"embeddings": some, "labels": drawn(6, 2), "ref_emb": noise(3, 4), "ref_labels": longs([7, 8, 9])}, options, s)
        # Clusters whose squares of norms would swallow their distances, near the origin and far.
        for at, width in ((16.0, 2**-8), (1024.0, 2**-6), (0.0, 2**-12)):
            c = torch.randint(-8, 9, (8, 3)).double() * width + at * doubles(1, -1, 0.5)
            for how in ({"distance": "euclidean"}, {"distance": "squared"}, {"distance": "lp", "p": 3.0}, {"distance": "cosine"}):
                if how["distance"] != "cosine":
                    pair("metric/tight", name, {"embeddings": c, "labels": longs([0, 0, 1, 1, 2, 2, 3, 3])}, options | how, s)
                elif at:
                    pair("metric/tight", name, {"embeddings": c, "labels": longs([0, 0, 1, 1, 2, 2, 3, 3])}, options | how, 10 * s)
    big = {"embeddings": rounded(noise(6, 4) * 1e6), "labels": longs([0, 1, 0, 1, 2, 2])}
    small = {"embeddings": rounded(noise(6, 4) * 1e-6), "labels": longs([0, 1, 0, 1, 2, 2])}
    for how in ({"distance": "euclidean"}, {"distance": "cosine"}):
        if name in ("Contrastive", "BatchTriplet"):
            pair("metric/large", name, big, how, 1.0)
            pair("metric/small", name, small, how, 1.0)
    pair("metric/large", name, big, {"distance": "cosine"}, steep(name, {}))
    pair("metric/small", name, small, {"distance": "cosine"}, steep(name, {}))
zeros = {"embeddings": noise(5, 4) * doubles(0, 1, 1, 0, 1)[:, None], "labels": longs([0, 0, 1, 1, 0])}
pair("metric/zeros", "NTXent", zeros, {})
pair("metric/zeros", "Contrastive", zeros, {"distance": "cosine"})
for name in ("NTXent", "SupCon"):  # exponents of a thousand and of a thousandth
    for t in (1e-3, 1e3):
        pair("metric/temperature", name, batch(9, 5), {"temperature": t}, 10 / t if t < 1 else 1.0)
        pair("metric/temperature", name, batch(9, 5), {"temperature": t, "distance": "euclidean"}, 30 / t if t < 1 else 1.0)
pair("metric/gamma", "Circle", batch(9, 5), {"gamma": 1000.0}, 1e4)
pair("metric/beta", "MultiSimilarity", batch(9, 5), {"beta": 1000.0, "alpha": 1000.0}, 10.0)
pair("metric/kink", "Contrastive", {"embeddings": doubles(0, 1, 3, 4)[:, None], "labels": longs([0, 0, 1, 1])}, {"pos_margin": 1.0, "neg_margin": 3.0, "power": 1})
pair("metric/kink", "BatchTriplet", {"embeddings": doubles(0, 1, 2, 3)[:, None], "labels": longs([0, 0, 1, 1])}, {"margin": 1.0, "mining": "all"})

for (n, d), options in itertools.product(SIZES, ({}, {"l2_reg": 0.25}, {"l2_reg": 0.02, "reduction": "sum"})):
    add("n_pairs", "NPairs", batch(n, d, draw=lambda *s: noise(*s, scale=0.5)), options, lambda **x: n_pairs(**x, **options), 1.0)
for y in ([0] * 6, list(range(6)), [4, -4, 4, -4, 4, -4], [0, 1, 2, 2, 1, 0]):
    add("n_pairs/labels", "NPairs", {"embeddings": noise(6, 3), "labels": longs(y)}, {"l2_reg": 0.5}, lambda **x: n_pairs(**x, l2_reg=0.5), 1.0)
add("n_pairs/none", "NPairs", {"embeddings": noise(0, 3), "labels": longs([])}, {}, n_pairs)
add("n_pairs/large", "NPairs", {"embeddings": noise(8, 3, scale=200.0), "labels": longs([0, 1, 2, 3] * 2)}, {}, n_pairs, 1e3)

CLASSES = {
    "ArcFace": (arcface, "weight", [{}, {"scale": 4.0}, {"margin": 1.25, "scale": 2.0, "reduction": "sum"}, {"margin": 0.0, "scale": 8.0}, {"margin": math.pi, "scale": 3.0}]),
    "CosFace": (cosface, "weight", [{}, {"scale": 4.0}, {"margin": 1.5, "scale": 2.0, "reduction": "sum"}, {"margin": 0.0, "scale": 8.0}]),
    "ProxyNCA": (proxy_nca, "proxies", [{}, {"plus_plus": True}, {"temperature": 0.5, "reduction": "sum"}, {"plus_plus": True, "temperature": 2.0}]),
    "ProxyAnchor": (proxy_anchor, "proxies", [{}, {"alpha": 4.0}, {"margin": -0.25, "alpha": 1.0, "reduction": "sum"}, {"margin": 0.5}]),
}


def classed(id, name, x, y, w, options, size=0.0, **kw):
    f, points, _ = CLASSES[name]
    if isinstance(y, list):
        y = longs(y)
    add(id, name, {"embeddings": x, "labels": y, points: w}, options, lambda **x: f(**x, **options), size, **kw)


for name, (_, _, variants) in CLASSES.items():
    for options in variants:
        size = options.get("scale", options.get("alpha", {"ArcFace": 64.0, "CosFace": 64.0, "ProxyNCA": 10.0, "ProxyAnchor": 32.0}[name]))
        for (n, d), c in itertools.product(sizes(options, variants), (1, 2, 7)):
            if d == 1 and name in ("ArcFace", "CosFace"):
                continue  # below: angles of 0 and π
            classed("classes", name, noise(n, d), drawn(n, c), noise(c, d), options, size)
        classed("classes/many", name, noise(3, 4), [0, 18, 5], noise(19, 4), options, size)
        classed("classes/many", name, noise(40, 3), drawn(40, 3), noise(3, 3), options, size)
        classed("classes/one", name, noise(5, 4), [2] * 5, noise(4, 4), options, size)
        classed("classes/none", name, noise(0, 4), [], noise(4, 4), options, size)
        classed("classes/line", name, doubles(2, -0.5, 4)[:, None], [0, 0, 1], doubles(1, -3)[:, None], options, size)
        w = noise(4, 5)
        # On a class's own weight, opposite, and so near that a cosine has lost the angle.
        classed("classes/on", name, w * 2, [0, 1, 2, 3], w, options, size)
        classed("classes/opposite", name, w * -2, [0, 1, 2, 3], w, options, size)
        for step in (1e-2, 1e-4, 1e-6):
            near = rounded(w * (1 + step * torch.randn(4, 5)))
            classed("classes/near", name, near, [0, 1, 2, 3], w, options, size)
            classed("classes/near", name, -near, [0, 1, 2, 3], w, options, size)
            classed("classes/near", name, near, [1, 2, 3, 0], w, options, size)
        classed("classes/large", name, rounded(noise(4, 5) * 1e6), [0, 1, 2, 3], rounded(w * 1e-6), options, size)
        classed("classes/short", name, rounded(noise(3, 5) * doubles(2e-13, 1, 1)[:, None]), [0, 1, 2], rounded(w * doubles(1, 1, 2e-13, 1)[:, None]), options, size)
        classed("classes/zeros", name, noise(3, 5) * doubles(0, 1, 1)[:, None], [0, 1, 2], w * doubles(1, 1, 0, 1)[:, None], options, size)
    w = noise(4, 5)
    extreme = {"temperature": 1e-3} if name == "ProxyNCA" else {"alpha": 1e3} if name == "ProxyAnchor" else {"scale": 1e3}
    classed("classes/extreme", name, noise(6, 5), drawn(6, 4), w, extreme, 1e4)
turns = torch.arange(0, 33).double() / 32 * math.pi  # all the way round, past where the second line begins
classed("arcface/turn", "ArcFace", rounded(torch.stack((turns.cos(), turns.sin()), 1)), [0] * 33, doubles([1, 0], [0, 1]), {"scale": 2.0}, 2.0)

VIEWS = {
    "VICReg": (vicreg, [{}, {"invariance": 1.0, "variance": 2.0, "covariance": 3.0}, {"invariance": 0.0}, {"variance": 0.0}, {"covariance": 0.0}]),
    "BarlowTwins": (barlow_twins, [{}, {"lambda": 1.0}, {"lambda": 0.0}, {"eps": 0.5, "lambda": 0.25}]),
}
for name, (f, variants) in VIEWS.items():
    for options in variants:

        def views(id, x, y, size=0.0, **kw):
            add(id, name, {"x": x, "y": y}, options, lambda **v: f(**v, **options), size, **kw)

        for n, d in ((2, 1), (2, 3), (5, 2), (9, 7), (3, 65), (40, 3)) if options is variants[0] else ((2, 3), (7, 6)):
            x = noise(n, d)
            for scale in (0.25, 1.0):
                views("views", x * scale, (x + noise(n, d, scale=0.25)) * scale, 1.0)
        x = noise(7, 4)
        views("views/same", x, x, 1.0)
        views("views/apart", x, noise(7, 4), 1.0)
        views("views/constant", x * doubles(1, 0, 1, 0) + doubles(0, 3, 1, 0), noise(7, 4), 1.0)
        views("views/all alike", x[[0] * 7], x[[1] * 7], 1.0)
        views("views/far", x + 1024, noise(7, 4) - 4096, 1.0)
        views("views/tight", x * 2**-10 + 8, noise(7, 4, scale=4.0) * 2**-10 + 8, 1.0)
        views("views/copies", x[:, [0, 0, 1, 1]], x[:, [0, 1, 0, 1]], 1.0)
        views("views/large", rounded(x * 1e4), rounded(noise(7, 4) * 1e4), 1.0)

# Batches that are learnt: losses near 0 keep their digits.
apart = torch.eye(4).double()[[0, 1, 2, 3] * 2] + noise(8, 4, scale=0.1)
ways = longs([0, 1, 2, 3] * 2)
pair("metric/sure", "NTXent", {"embeddings": apart, "labels": ways}, {"temperature": 0.03125})
pair("metric/sure", "MultiSimilarity", {"embeddings": apart, "labels": ways}, {"alpha": 32.0})
pair("metric/sure", "Circle", {"embeddings": apart, "labels": ways}, {"gamma": 32.0})
for name in CLASSES:
    classed("classes/sure", name, apart, ways, 2 * torch.eye(4).double(), {"plus_plus": True, "temperature": 0.0625} if name == "ProxyNCA" else {"margin": 0.0})

# What must be refused, and what is no number.
ask = batch(4, 3, 2)
view = {"x": noise(4, 3), "y": noise(4, 3)}
proxied = ask | {"proxies": noise(2, 3)}
weighed = ask | {"weight": noise(2, 3)}
for name, inputs, options, error in (
    ("Contrastive", ask, {"neg_margin": -1.0}, "neg_margin is -1"), ("Contrastive", ask, {"pos_margin": nan}, "pos_margin is NaN"),
    ("Contrastive", ask, {"power": 3}, "power is 3"), ("Contrastive", ask, {"over": "some"}, "over is \"some\""),
    ("Contrastive", ask, {"distance": "taxicab"}, "distance is \"taxicab\""), ("Contrastive", ask, {"distance": "lp", "p": 0.5}, "p is 0.5"),
    ("Contrastive", ask, {"reduction": "none"}, "mean or sum"), ("Contrastive", ask, {"temperature": 1.0}, "no option"),
    ("BatchTriplet", ask, {"margin": 0.0}, "margin is 0"), ("BatchTriplet", ask, {"mining": "easy"}, "mining is \"easy\""),
    ("NTXent", ask, {"temperature": 0.0}, "temperature is 0"), ("SupCon", ask, {"temperature": inf}, "temperature is +Inf"),
    ("MultiSimilarity", ask, {"alpha": 0.0}, "alpha is 0"), ("MultiSimilarity", ask, {"base": nan}, "base is NaN"),
    ("Circle", ask, {"gamma": -1.0}, "gamma is -1"), ("NPairs", ask, {"l2_reg": -1.0}, "l2_reg is -1"),
    ("NTXent", ask | {"labels": longs([0, 1])}, {}, "labels has shape [2]"), ("NTXent", ask | {"labels": doubles(0, 1, 0.5, 1)}, {}, "labels[2] is 0.5"),
    ("NTXent", ask | {"embeddings": noise(4)}, {}, "two dimensions"), ("NTXent", ask | {"embeddings": noise(4, 0)}, {}, "at least 1"),
    ("NTXent", ask | {"ref_emb": noise(2, 3)}, {}, "ref_labels"), ("NTXent", ask | {"ref_emb": noise(2, 4), "ref_labels": longs([0, 1])}, {}, "last dimensions"),
    ("ArcFace", weighed, {"margin": -0.1}, "margin is -0.1"), ("ArcFace", weighed, {"margin": 3.2}, "margin is 3.2"), ("ArcFace", weighed, {"scale": 0.0}, "scale is 0"),
    ("ArcFace", weighed | {"labels": longs([0, 1, 2, 0])}, {}, "labels[2] is 2; it must be a class from 0 to 1"),
    ("ArcFace", weighed | {"labels": longs([0, -1, 1, 0])}, {}, "labels[1] is -1"), ("ArcFace", weighed | {"weight": noise(2, 4)}, {}, "weight has shape [2 4]"),
    ("ArcFace", weighed | {"weight": noise(0, 3)}, {}, "weight has 0 elements"), ("ArcFace", ask, {}, "needs the input \"weight\""),
    ("CosFace", weighed, {"margin": nan}, "margin is NaN"), ("CosFace", weighed, {"reduction": "none"}, "mean or sum"),
    ("ProxyNCA", proxied, {"temperature": 0.0}, "temperature is 0"), ("ProxyNCA", proxied | {"labels": longs([0, 1, 9, 0])}, {}, "labels[2] is 9"),
    ("ProxyAnchor", proxied, {"alpha": 0.0}, "alpha is 0"), ("ProxyAnchor", proxied, {"margin": inf}, "margin is +Inf"),
    ("ProxyAnchor", proxied, {"reduction": "batchmean"}, "mean or sum"),
    ("VICReg", view, {"variance": -1.0}, "variance is -1"), ("VICReg", view, {"eps": 0.0}, "eps is 0"), ("VICReg", {"x": noise(1, 3), "y": noise(1, 3)}, {}, "at least 2"),
    ("VICReg", view | {"y": noise(4, 2)}, {}, "must be the same"), ("VICReg", {"x": noise(4), "y": noise(4)}, {}, "two dimensions"),
    ("BarlowTwins", view, {"lambda": nan}, "lambda is NaN"), ("BarlowTwins", view, {"eps": -1.0}, "eps is -1"), ("BarlowTwins", {"x": noise(0, 3), "y": noise(0, 3)}, {}, "at least 2"),
    # Options that others make void.
    ("Contrastive", ask, {"p": 3.0}, "option p 3 has no effect: it counts only where distance is lp"),
    ("NTXent", ask, {"normalize": True}, "option normalize true has no effect: it counts only where distance is euclidean"),
    ("SupCon", ask, {"distance": "cosine", "normalize": False}, "option normalize"), ("Circle", ask, {"distance": "dot", "p": 2.0}, "option p"),
    ("MultiSimilarity", ask, {"epsilon": 0.5}, "option epsilon 0.5 has no effect: it counts only where mine is true"),
    ("Contrastive", ask, {"over": "all", "reduction": "sum"}, "option over all has no effect: it counts only where reduction is mean"),
    ("BatchTriplet", ask, {"over": "all", "soft": True}, "option over all has no effect: it counts only where soft is false"),
    ("BatchTriplet", ask, {"over": "active", "reduction": "sum"}, "option over"), ("VICReg", view, {"variance": 0.0, "eps": 0.5}, "option eps"),
    # Margins below 0 are for distances below 0.
    ("Contrastive", ask, {"distance": "cosine", "pos_margin": -0.5}, "pos_margin is -0.5; it must be a number of at least 0"),
    ("Contrastive", ask, {"distance": "dot", "neg_margin": inf}, "neg_margin is +Inf; it must be a finite number"),
    ("BatchTriplet", ask, {"distance": "dot", "margin": -0.5}, "margin is -0.5"), ("BatchTriplet", ask, {"soft": True, "margin": -0.5}, "margin is -0.5"),
):
    refused("metric/refused", name, inputs, options, error)


def hurt(x, v):
    x = x.clone()
    x.view(-1)[1] = v
    return x


for v in (nan, inf, -inf):
    for name in ["NPairs", *PAIRS, *CLASSES, *VIEWS]:
        given = ask if name == "NPairs" or name in PAIRS else view if name in VIEWS else ask | {CLASSES[name][1]: noise(2, 3)}
        floats = [k for k in given if k != "labels"]
        for k in floats:
            grad = {j: torch.full_like(given[j], nan) for j in floats}
            cases.answer(f"metric/{v}/{len(cases.lines)}", name, given | {k: hurt(given[k], v)}, {}, doubles(nan)[0], grad)

# Smooth triplets with a margin, and contrastive margins for the distance −a·b.
four = {"embeddings": doubles([1, 0], [0.5, 1], [0, 1], [-1, 0.5]), "labels": longs([0, 0, 1, 1])}
for mining, margin, x in itertools.product(("hard", "semi_hard_or_farthest", "all"), (0.5, 5.0), (four, batch(9, 7), referred(batch(6, 3), 5, 2))):
    pair("metric/soft margin", "BatchTriplet", x, {"soft": True, "mining": mining, "margin": margin})
pair("metric/soft margin", "BatchTriplet", four, {"soft": True, "mining": "all", "margin": 0.25, "distance": "dot"})
for margins in ({"pos_margin": -0.5}, {"neg_margin": -0.5}, {"pos_margin": -1.5, "neg_margin": -0.25, "power": 1}, {"pos_margin": -0.75, "neg_margin": 0.25, "over": "all"}):
    for x in (four, batch(9, 7, draw=lambda *s: noise(*s, scale=0.5)), referred(batch(6, 3), 5, 2)):
        pair("metric/signed margins", "Contrastive", x, {"distance": "dot"} | margins, 10.0)
cases.write("metric.jsonl")
