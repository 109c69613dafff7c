"""Writes seq/ngram/testdata/small.jsonl.gz: what lmplz makes of small texts, or that it refuses them.

    oracle/kenlm_discounts.py LMPLZ

LMPLZ is KenLM's program (https://github.com/kpu/kenlm, tested with commit 4cb443e). The texts have few words or few sentences, so that orders have
no discounts, or some at the bounds of their range, and so that the last n-gram, which lmplz counts otherwise, matters.
"""

import gzip
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "..", "seq", "ngram", "testdata", "small.jsonl.gz")


def case(rng, lmplz):
    words, sentences = rng.choice([3, 8, 30, 100]), rng.choice([1, 3, 10, 60])
    text = "".join(" ".join(f"w{int(words ** rng.random())}" for _ in range(rng.randint(1, 9))) + "\n" for _ in range(sentences))
    order = rng.randint(1, 4)
    prune = rng.choice([p for p in ([], [0, 1], [0, 0, 1]) if len(p) <= order])
    fallback = rng.random() < 0.6
    args = [lmplz, "-o", str(order), "--vocab_estimate", "1000", "-S", "60M", "-T", "/tmp/"]
    args += ["--discount_fallback"] if fallback else []
    args += ["--prune", *map(str, prune)] if prune else []
    done = subprocess.run(args, input=text.encode(), capture_output=True)
    if done.returncode and b"BadDiscountException" not in done.stderr:
        raise SystemExit(done.stderr.decode())
    return {"text": text, "order": order, "prune": prune, "fallback": fallback, "arpa": done.stdout.decode() if done.returncode == 0 else ""}


rng = random.Random(18)
cases = [case(rng, sys.argv[1]) for _ in range(80)]
with open(PATH, "wb") as f:
    f.write(gzip.compress("".join(json.dumps(c) + "\n" for c in cases).encode(), 9, mtime=0))
print(f"{len(cases)} cases, {sum(not c['arpa'] for c in cases)} refused")
