"""Writes seq/ctc/testdata/align.json: paths and times of torchaudio's forced_align and of ctc-segmentation.

It needs torch and torchaudio (tested with 2.15 and 2.11.1) and ctc-segmentation (1.7.5).

torchaudio searches the same paths as ctc.Aligner: the class of each frame and the scores must be the same. Emissions whose numbers are whole have
many best paths; there the score alone is.

ctc-segmentation has another search: it may begin late and end early at no cost, has no state between two tokens (a frame of a token is a blank or the
token again, whichever is likelier), and so parts two that are alike anywhere. Where emissions are as clear as a trained network's, and neighbours differ, tokens begin in the same frames.
"""

import json
import os

import numpy as np
import torch
from ctc_segmentation import CtcSegmentationParameters, ctc_segmentation, prepare_token_list
from torchaudio.functional import forced_align

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "seq", "ctc", "testdata", "align.json")
rng = np.random.default_rng(18)


def scores(frames, classes, scale):
    """Log-probabilities with four digits, so that all read the same numbers."""
    x = scale * rng.standard_normal((frames, classes))
    return np.round(x - np.log(np.exp(x).sum(1, keepdims=True)), 4).astype(np.float32)


def spoken(tokens, classes, blank):
    """Clear emissions of tokens: each a frame to three, blanks between and at both ends, of which ctc-segmentation takes two before the first token."""
    said = [blank] * rng.integers(3, 6)
    for k in tokens:
        said += [k] * rng.integers(1, 4) + [blank] * rng.integers(1, 4)
    x = scores(len(said), classes, 1)
    x[np.arange(len(said)), said] += 8
    return np.round(x - np.log(np.exp(x).sum(1, keepdims=True)), 4).astype(np.float32)


def drawn(n, classes, blank, alike):
    """Tokens, two neighbours of which are alike or not."""
    out = []
    while len(out) < n:
        k = int(rng.integers(0, classes))
        if k != blank and (alike or not out or out[-1] != k):
            out.append(k)
    return out


def case(x, blank, tokens, **more):
    return {"frames": len(x), "classes": x.shape[1], "blank": blank, "tokens": tokens, "log_probs": [round(float(v), 4) for v in x.ravel()], **more}


def by_torchaudio(x, blank, tokens, ties=False):
    path, each = forced_align(torch.from_numpy(x)[None], torch.tensor([tokens], dtype=torch.int32), blank=blank)
    more = {"ties": True} if ties else {"path": path[0].tolist()}
    return case(x, blank, tokens, score=round(float(each[0].double().sum()), 4), **more)


def by_segmentation(x, blank, tokens):
    c = CtcSegmentationParameters(index_duration=1, blank=blank, char_list=[str(k) for k in range(x.shape[1])])
    truth, _ = prepare_token_list(c, [np.array(tokens)])
    timings, _, _ = ctc_segmentation(c, x, truth)
    return case(x, blank, tokens, starts=[int(t) for t in timings[2:-1]])


torchaudio = []
for frames, classes, n, blank, scale in [(1, 2, 1, 0, 1), (12, 4, 3, 0, 2), (12, 4, 6, 3, 2), (30, 6, 9, 2, 1), (40, 8, 12, 0, 4), (60, 5, 20, 4, 0.5), (25, 6, 13, 0, 3)]:
    tokens = drawn(n, classes, blank, alike=True)
    while n + sum(a == b for a, b in zip(tokens, tokens[1:])) > frames:
        tokens = drawn(n, classes, blank, alike=True)
    torchaudio.append(by_torchaudio(scores(frames, classes, scale), blank, tokens))
for blank in (0, 3):
    x = -rng.integers(1, 4, (30, 5)).astype(np.float32)
    torchaudio.append(by_torchaudio(x, blank, drawn(8, 5, blank, alike=False), ties=True))
torchaudio.append(by_torchaudio(spoken(t := drawn(15, 6, 5, alike=True), 6, 5), 5, t))
segmentation = []
for n, classes, blank in [(3, 4, 0), (10, 6, 0), (20, 8, 7), (25, 5, 2)]:
    tokens = drawn(n, classes, blank, alike=False)
    segmentation.append(by_segmentation(spoken(tokens, classes, blank), blank, tokens))

os.makedirs(os.path.dirname(OUT), exist_ok=True)
with open(OUT, "w") as f:
    f.write('{\n"torchaudio": [\n' + ",\n".join(json.dumps(c) for c in torchaudio))
    f.write('\n],\n"ctc_segmentation": [\n' + ",\n".join(json.dumps(c) for c in segmentation) + "\n]\n}\n")
