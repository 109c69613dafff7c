"""CTC's jobs: value and gradient, from log-probabilities and from logits."""

import torch
from torch.nn import functional as F


def ctc(frames, batch, classes, targets, logits):
    x = torch.randn(frames, batch, classes)
    x = (x if logits else torch.log_softmax(x, 2)).requires_grad_()
    y = torch.randint(1, classes, (batch, targets))
    long, short = torch.full((batch,), frames), torch.full((batch,), targets)

    def run():
        x.grad = None
        F.ctc_loss(torch.log_softmax(x, 2) if logits else x, y, long, short).backward()

    return run


JOBS = {
    "ctc/T300N32C64S60": lambda: ctc(300, 32, 64, 60, False),
    "ctc/T300N32C64S60/logits": lambda: ctc(300, 32, 64, 60, True),
    "ctc/T150N1C28S40": lambda: ctc(150, 1, 28, 40, False),
    "ctc/T150N1C28S40/logits": lambda: ctc(150, 1, 28, 40, True),
    "ctc/T150N16C28S40": lambda: ctc(150, 16, 28, 40, False),
    "ctc/T150N16C28S40/logits": lambda: ctc(150, 16, 28, 40, True),
    "ctc/T150N64C28S40": lambda: ctc(150, 64, 28, 40, False),
    "ctc/T150N64C28S40/logits": lambda: ctc(150, 64, 28, 40, True),
    "ctc/T150N1C5000S20": lambda: ctc(150, 1, 5000, 20, False),
    "ctc/T150N1C5000S20/logits": lambda: ctc(150, 1, 5000, 20, True),
    "ctc/T150N16C5000S20": lambda: ctc(150, 16, 5000, 20, False),
    "ctc/T150N16C5000S20/logits": lambda: ctc(150, 16, 5000, 20, True),
    "ctc/T150N64C5000S20": lambda: ctc(150, 64, 5000, 20, False),
    "ctc/T150N64C5000S20/logits": lambda: ctc(150, 64, 5000, 20, True),
    "ctc/T1500N8C80S200": lambda: ctc(1500, 8, 80, 200, False),
    "ctc/T1500N8C80S200/logits": lambda: ctc(1500, 8, 80, 200, True),
}
