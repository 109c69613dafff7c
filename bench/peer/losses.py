"""The losses' jobs: value and gradient, as PyTorch's users would write them."""

import torch
from torch.nn import functional as F

N = 1 << 20


def step(f, *inputs):
    """f(*inputs) forward, then backward to the inputs that are leaves to be trained."""
    leaves = [x for x in inputs if x.requires_grad]

    def run():
        for x in leaves:
            x.grad = None
        f(*inputs).backward()

    return run


def trained(x):
    return x.requires_grad_()


def randn(*shape):
    return trained(torch.randn(*shape))


def signs(*shape):
    return torch.randint(0, 2, shape).float() * 2 - 1


def classes(n, k):
    return torch.randint(0, k, (n,))


def multilabel(n, k):
    """Up to eight labels a row, ended by -1."""
    y = torch.full((n, k), -1, dtype=torch.int64)
    for i in range(n):
        labels = torch.randperm(k)[: int(torch.randint(1, 9, ()))]
        y[i, : len(labels)] = labels
    return y


def linear_cross_entropy(x, w, y):
    return F.cross_entropy(F.linear(x, w), y)


JOBS = {
    "loss/bce_logits": lambda: step(F.binary_cross_entropy_with_logits, randn(N), torch.rand(N)),
    "loss/bce": lambda: step(F.binary_cross_entropy, trained(torch.rand(N)), torch.rand(N)),
    "loss/kl_div": lambda: step(F.kl_div, trained(torch.rand(N).log()), torch.rand(N)),
    "loss/soft_margin": lambda: step(F.soft_margin_loss, randn(N), signs(N)),
    "loss/margin_ranking": lambda: step(F.margin_ranking_loss, randn(N), randn(N), signs(N)),
    "loss/hinge_embedding": lambda: step(F.hinge_embedding_loss, randn(N), signs(N)),
    "loss/mse": lambda: step(F.mse_loss, randn(N), torch.randn(N)),
    "loss/l1": lambda: step(F.l1_loss, randn(N), torch.randn(N)),
    "loss/huber": lambda: step(F.huber_loss, randn(N), torch.randn(N)),
    "loss/smooth_l1": lambda: step(F.smooth_l1_loss, randn(N), torch.randn(N)),
    "loss/poisson_nll": lambda: step(F.poisson_nll_loss, randn(N), torch.rand(N)),
    "loss/gaussian_nll": lambda: step(F.gaussian_nll_loss, randn(N), torch.randn(N), trained(torch.rand(N) + 0.1)),
    "loss/multilabel_soft_margin": lambda: step(
        F.multilabel_soft_margin_loss, randn(N // 64, 64), torch.randint(0, 2, (N // 64, 64)).float()
    ),
    "loss/cross_entropy/8192x128": lambda: step(F.cross_entropy, randn(8192, 128), classes(8192, 128)),
    "loss/cross_entropy/512x50257": lambda: step(F.cross_entropy, randn(512, 50257), classes(512, 50257)),
    "loss/nll/8192x128": lambda: step(F.nll_loss, trained(torch.randn(8192, 128).log_softmax(1)), classes(8192, 128)),
    "loss/triplet/8192x128": lambda: step(F.triplet_margin_loss, randn(8192, 128), randn(8192, 128), randn(8192, 128)),
    "loss/cosine_embedding/8192x128": lambda: step(F.cosine_embedding_loss, randn(8192, 128), randn(8192, 128), signs(8192)),
    "loss/multilabel_margin/4096x64": lambda: step(F.multilabel_margin_loss, randn(4096, 64), multilabel(4096, 64)),
    "loss/multi_margin/4096x64": lambda: step(F.multi_margin_loss, randn(4096, 64), classes(4096, 64)),
    "loss/linear_cross_entropy/1024x512x50257": lambda: step(
        linear_cross_entropy, randn(1024, 512), trained(torch.randn(50257, 512) * 0.05), classes(1024, 50257)
    ),
}
