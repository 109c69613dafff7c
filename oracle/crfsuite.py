"""Writes seq/tag/testdata/crfsuite.jsonl.gz: what CRFsuite trains on files of its own, and how it tags others.

    oracle/crfsuite.py CRFSUITE

CRFSUITE is the program of https://github.com/chokkan/crfsuite (tested with 0.12.2 and liblbfgs 1.10). It trains until the gradient is
almost 0. The files have values, escaped colons and backslashes, labels alone, attributes that come twice, several tabs, weights of
sequences, and in the tests attributes and labels that training has not.
"""

import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "..", "seq", "tag", "testdata", "crfsuite.jsonl.gz")
LABELS = ["B", "I", "O", "X\\:1"]


def line(rng, label, words, strange):
    attributes = []
    for name in ("w", "p", "q"):
        word = int(words ** rng.random())
        if rng.random() < 0.6:  # the label shows
            word = LABELS.index(label) + 4 * rng.randrange(3)
        attributes.append(f"{name}={word}" + rng.choice(["", "", "", ":0.5", ":-2", ":1e-1", ":"]))
    if rng.random() < 0.2:
        attributes.append(rng.choice(["a\\:b", "a\\\\", "a\\b", "ü ß", "a\\:b:3"]))
    if rng.random() < 0.1:
        attributes.append(attributes[0])
    if rng.random() < 0.05:
        attributes = []
    if strange and rng.random() < 0.2:
        attributes.append("never")
    if strange and rng.random() < 0.1:
        label = "other"
    return "\t".join([label] + attributes).replace("\t", rng.choice(["\t", "\t", "\t\t"]), 1) + "\n"


def text(rng, sequences, words, weights=False, strange=False):
    out = []
    for _ in range(sequences):
        label = 0
        if weights and rng.random() < 0.3:
            out.append(f"@weight:{rng.choice([0.5, 2, 3])}\n")
        for _ in range(rng.randint(1, 9)):
            label = (label + rng.choice([0, 1, 1, 2])) % 4
            out.append(line(rng, LABELS[label], words, strange))
        out.append(rng.choice(["\n", "\n\n"]))
    return "".join(out)


def case(rng, program, c2, **settings):
    weights = settings.pop("weights", False)
    train, test = text(rng, 30, 12, weights), text(rng, 6, 14, strange=True)
    with tempfile.TemporaryDirectory() as d:
        for name, content in (("train", train), ("test", test)):
            with open(os.path.join(d, name), "w") as f:
                f.write(content)
        args = [program, "learn", "-m", os.path.join(d, "model"), "-p", f"c2={c2}", "-p", "epsilon=1e-9", "-p", "delta=1e-15"]
        for name, value in settings.items():
            args += ["-p", f"feature.{name}={value}"]
        log = subprocess.run([*args, os.path.join(d, "train")], check=True, capture_output=True, text=True).stdout
        tagged = subprocess.run([program, "tag", "-l", "-m", os.path.join(d, "model"), os.path.join(d, "test")], check=True, capture_output=True, text=True).stdout
    loss = float(re.findall(r"^Loss: (.*)$", log, re.M)[-1])
    features = int(re.findall(r"Number of features: (\d+)", log)[-1])
    return {"train": train, "test": test, "c2": c2, "settings": settings, "loss": loss, "features": features, "tagged": tagged}


rng = random.Random(18)
program = sys.argv[1]
cases = [
    case(rng, program, 1),
    case(rng, program, 0.1),
    case(rng, program, 1, possible_states=1),
    case(rng, program, 0.3, possible_transitions=1),
    case(rng, program, 1, possible_states=1, possible_transitions=1),
    case(rng, program, 1, minfreq=2),
    case(rng, program, 1, minfreq=1, possible_states=1, possible_transitions=1),
    case(rng, program, 0.5, weights=True),
    case(rng, program, 0.5, weights=True, minfreq=1.5),
]
with open(PATH, "wb") as f:
    f.write(gzip.compress("".join(json.dumps(c) + "\n" for c in cases).encode(), 9, mtime=0))
print(f"{len(cases)} cases, losses {[c['loss'] for c in cases]}")
