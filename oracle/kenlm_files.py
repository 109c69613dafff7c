"""Writes seq/ngram/testdata: KenLM's models of a text and what they score.

    oracle/kenlm_files.py LMPLZ BUILD_BINARY

The two are KenLM's programs (https://github.com/kpu/kenlm, tested with the source of kenlm 0.3.0); the scores are those of its module
for Python of that version. The text is drawn, with words as frequent as in language and some history, and without its last words
in the model, so that some are unknown.
"""

import gzip
import json
import math
import os
import random
import subprocess
import sys

import kenlm

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "seq", "ngram", "testdata")

random.seed(18)


def sentence():
    last, words = 0, []
    for _ in range(random.randint(1, 9)):
        last = (3 * last + int(math.exp(5 * random.random()))) % 60
        words.append(f"w{last}" if last % 7 else f"größe{last}")
    return " ".join(words)


def write(name, data):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)


def packed(data):
    return gzip.compress(data, 9, mtime=0)


def run(*args, **more):
    return subprocess.run(args, check=True, capture_output=True, **more).stdout


def main():
    lmplz, build = sys.argv[1:]
    os.makedirs(OUT, exist_ok=True)
    text = "".join(sentence() + "\n" for _ in range(400))
    write("text.txt.gz", packed(text.encode()))
    tests = [sentence() for _ in range(40)] + ["w1 new w2 new new w3", "", "new"]
    scores = {}
    for name, order, prune in [("o2", 2, []), ("o3", 3, []), ("o3p", 3, ["0", "0", "1"]), ("o4p", 4, ["0", "1"])]:
        args = [lmplz, "-o", str(order), "--discount_fallback", "-S", "100M", "-T", "/tmp/"] + (["--prune", *prune] if prune else [])
        arpa = run(*args, input=text.encode())
        write(name + ".arpa.gz", packed(arpa))
        with open("/tmp/kenlm_files.arpa", "wb") as f:
            f.write(arpa)
        closed = arpa.replace(b"<unk>", b"unknown")
        with open("/tmp/kenlm_closed.arpa", "wb") as f:
            f.write(closed)
        for kind, source, options in [
            ("probing", "files", ["probing"]),
            ("sparse", "files", ["-p", "2.5", "probing"]),
            ("closed", "closed", ["probing"]),
            ("closedtrie", "closed", ["trie"]),
            ("trie", "files", ["trie"]),
            ("quant", "files", ["-q", "5", "-b", "4", "trie"]),
            ("array", "files", ["-a", "6", "trie"]),
            ("both", "files", ["-q", "8", "-a", "255", "trie"]),
        ]:
            file = os.path.join("/tmp", "kenlm.bin")
            run(build, "-s", *options, f"/tmp/kenlm_{source}.arpa", file)
            with open(file, "rb") as f:
                write(f"{name}.{kind}.bin.gz", packed(f.read()))
            scores[f"{name}.{kind}"] = judged(kenlm.Model(file), tests)
        scores[name] = judged(kenlm.Model("/tmp/kenlm_files.arpa"), tests)
    write("scores.json.gz", packed(json.dumps({"tests": tests, "scores": scores}).encode()))


def judged(model, tests):
    """Of each sentence, of each word and the end: log10 of the probability, the length of the n-gram, unknown or not."""
    return [[[p, n, oov] for p, n, oov in model.full_scores(t)] for t in tests]


main()
