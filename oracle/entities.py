"""Writes seq/tag/testdata/entities.jsonl.gz: precision, recall and F1 of entities from seqeval, of random tags, invalid ones too."""

import gzip
import json
import os
import random
import warnings

from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as default
from seqeval.metrics.v1 import precision_recall_fscore_support as strict
from seqeval.scheme import BILOU, IOB2, IOBES

HERE = os.path.dirname(os.path.abspath(__file__))
warnings.simplefilter("ignore")


def case(rng, letters, scheme):
    tags = ["O"] + [f"{letter}-{kind}" for letter in letters for kind in ("PER", "ORG", "a-b")]
    right = [[rng.choice(tags) for _ in range(rng.randrange(1, 12))] for _ in range(rng.randrange(1, 5))]
    tagged = [[t if rng.random() < 0.7 else rng.choice(tags) for t in s] for s in right]
    out = {"right": right, "tagged": tagged}
    both = {"strict": lambda average: strict(right, tagged, average=average, scheme=scheme, zero_division=0)}
    if scheme is not BILOU:  # the default mode does not know its letters
        both["default"] = lambda average: default(right, tagged, average=average, zero_division=0)
    for mode, of in both.items():
        out[mode] = {a: [float(x) for x in of(a)[:3]] for a in ("micro", "macro")}
        if any(x != x for x in out[mode]["macro"]):  # no entity at all
            return case(rng, letters, scheme)
        out[mode]["types"] = [[float(x) for x in row] for row in of(None)]
    return out


rng = random.Random(18)
lines = [case(rng, letters, scheme) for letters, scheme in (("BI", IOB2), ("BIES", IOBES), ("BILU", BILOU)) for _ in range(60)]
path = os.path.join(HERE, "..", "seq", "tag", "testdata", "entities.jsonl.gz")
os.makedirs(os.path.dirname(path), exist_ok=True)
with open(path, "wb") as f:
    f.write(gzip.compress("".join(json.dumps(x) + "\n" for x in lines).encode(), mtime=0))
print(f"{len(lines)} cases in entities.jsonl.gz")
