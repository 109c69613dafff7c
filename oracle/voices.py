"""Writes a corpus of recorded voices: the prompts of the telephone exchange Asterisk, and what is said in them.

    /usr/bin/python3 oracle/voices.py DIR [--held-out N] [--longest SECONDS] [--root /]

It needs Debian's asterisk-core-sounds-LL-wav, for one language LL or more of en, es, fr, it, ru: some 25 minutes each of one
speaker, 8 kHz, 16 bits. A language whose package is missing is skipped, and named. DIR gets for each language

    LL-train.csv  path,text,voice
    LL-test.csv   alike: prompts that are held out
    LL-train.txt  the texts of LL-train.csv, a line each, for a language model

and all-train.csv, the prompts of all languages that are not held out.

One prompt of N (8) is held out, by a hash of its text, so that no text is in both; prompts above --longest (60) seconds are not trained on. Prompts are in the order of that hash. Texts are in
lower case without punctuation; the digits 0 to 9, * and # are written as they are said. Left out are tones, silence, and prompts whose text
does not tell what is said: longer numbers, addresses, abbreviations with digits in them.
"""

import argparse
import csv
import gzip
import hashlib
import os
import re
import sys
import unicodedata
import wave

SAID = {
    "en": "zero one two three four five six seven eight nine star pound",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve asterisco numeral",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf étoile dièse",
    "it": "zero uno due tre quattro cinque sei sette otto nove asterisco cancelletto",
    "ru": "ноль один два три четыре пять шесть семь восемь девять звёздочка решётка",
}


def normal(text, said):
    """The words of a prompt, or "" where its text does not tell them."""
    text = unicodedata.normalize("NFC", text.lower())
    text = re.sub(r"\[[^]]*\]|\([^)]*\)|<[^>]*>", " ", text)  # what is heard besides words, and remarks
    if "www" in text:
        return ""
    for symbol, word in zip("0123456789*#", said):
        text = re.sub(rf"(?<![\w.*#]){re.escape(symbol)}(?![\w*#]|\.\w)", f" {word} ", text)
    text = text.replace("’", "'")
    text = re.sub(r"[.,;:!?…\"«»“”/¡¿\-–]|(?<!\w)'|'(?!\w)", " ", text)
    words = " ".join(text.split())
    return words if re.fullmatch(r"(?:[^\W\d_]|[' ])+", words) else ""


def prompts(language, root):
    """(path, text, voice) of every prompt, and the number of those that are left out; None without the package."""
    sounds = os.path.join(root, "usr/share/asterisk/sounds", language)
    listed = os.path.join(root, f"usr/share/doc/asterisk-core-sounds-{language}/core-sounds-{language}.txt")
    opener = next((o for o, p in ((gzip.open, listed + ".gz"), (open, listed)) if os.path.exists(p)), None)
    if opener is None or not os.path.isdir(sounds):
        return None
    sounds, kept, left = os.path.realpath(sounds), [], 0
    with opener(listed + ".gz" if opener is gzip.open else listed, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, colon, text = line.partition(":")
            path = os.path.join(sounds, name.strip() + ".wav")
            if line.startswith(";") or not colon or not os.path.exists(path):
                continue
            words = normal(text, SAID[language].split())
            kept += [(path, words, os.path.basename(sounds))] if words else []
            left += not words
    return kept, left


def place(text):
    """A number by which texts are ordered and dealt out."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def seconds(path):
    with wave.open(path) as w:
        return w.getnframes() / w.getframerate()


def write(folder, name, rows):
    """Writes a manifest of (path, text, voice), and returns them in its order."""
    rows = sorted(rows, key=lambda r: (place(r[1]), r[0]))
    with open(os.path.join(folder, name), "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(("path", "text", "voice"))
        out.writerows(rows)
    print(f"{len(rows)} prompts, {sum(seconds(r[0]) for r in rows) / 60:.1f} minutes, in {name}", file=sys.stderr)
    return rows


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("dir")
    args.add_argument("--held-out", type=int, default=8)
    args.add_argument("--longest", type=float, default=60, help="seconds of a prompt to train on")
    args.add_argument("--root", default="/", help="where the packages are installed")
    args = args.parse_args()
    os.makedirs(args.dir, exist_ok=True)
    everything = []
    for language in SAID:
        found = prompts(language, args.root)
        if found is None:
            print(f"{language}: asterisk-core-sounds-{language}-wav is not installed; skipped", file=sys.stderr)
            continue
        kept, left = found
        parts = {"train": [], "test": []}
        for path, text, voice in kept:
            if place(text) % args.held_out == 0:
                parts["test"].append((path, text, voice))
            elif seconds(path) <= args.longest:
                parts["train"].append((path, text, voice))
        for part, rows in parts.items():
            parts[part] = write(args.dir, f"{language}-{part}.csv", rows)
        everything += parts["train"]
        with open(os.path.join(args.dir, f"{language}-train.txt"), "w", encoding="utf-8") as f:
            f.writelines(text + "\n" for _, text, _ in parts["train"])
        known = {w for _, text, _ in parts["train"] for w in text.split()}
        said = [w for _, text, _ in parts["test"] for w in text.split()]
        print(f"{language}: {left} prompts left out; {sum(w not in known for w in said)} of {len(said)} words held out are not in the training texts", file=sys.stderr)
    if not everything:
        raise SystemExit("no package of prompts is installed: apt-get install asterisk-core-sounds-en-wav")
    write(args.dir, "all-train.csv", everything)


if __name__ == "__main__":
    main()
