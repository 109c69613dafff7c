"""Writes a corpus of spoken strings of digits: recordings, what is said, and when.

    /usr/bin/python3 oracle/speech.py DIR [--train N] [--heard N] [--test N] [--seed N]

It needs Debian's flite and espeak-ng. DIR gets

    wavs/*.wav  as the voices give them: 8, 16 or 22.05 kHz, 16 bits
    train.csv   path,text,voice: strings of 1 to 7 of "zero" to "nine"
    heard.csv   the same voices, strings that train.csv cannot have
    test.csv    voices that are not in train.csv, strings that it cannot have
    times.csv   path,word index,word,start,end in seconds, for the voices of flite
    phones.csv  path,word index,phone,start,end in seconds, alike

Whether a string is for training is decided by a hash of it, and an utterance by seed,
split and number alone, so larger corpora begin with the smaller ones. Half of the
utterances are flite's. Words follow each other closely or behind a comma, which the
voices make a pause of; speed and, for espeak-ng, pitch vary.

Times are those that flite -psdur prints: where the synthesiser put the ends of the
phones, not where someone heard them. Phones are dealt out to words by the number of
phones that a digit has, and a word whose first phone is not as it should be stops the
script. Held against the rise of loudness of voiced sounds behind pauses, the times of
awb, rms and slt, which work in frames of 5 ms, are within 5 ms; those of kal and kal16,
one speaker, are some 10 ms early. The latter two leave out half of the last pause.
"""

import argparse
import concurrent.futures
import csv
import hashlib
import os
import random
import subprocess
import sys
import wave

WORDS = "zero one two three four five six seven eight nine".split()
PHONES = {  # the first phone and how many there are
    "zero": ("z", 4), "one": ("w", 3), "two": ("t", 2), "three": ("th", 3), "four": ("f", 3),
    "five": ("f", 3), "six": ("s", 4), "seven": ("s", 5), "eight": ("ey", 2), "nine": ("n", 3),
}
HEARD = [
    "flite kal", "flite kal16", "flite awb", "flite slt",
    "espeak-ng en-us", "espeak-ng en-us+m3", "espeak-ng en-us+f2", "espeak-ng en-us+klatt2", "espeak-ng en-us+grandpa",
    "espeak-ng en-gb", "espeak-ng en+m1", "espeak-ng en+f3", "espeak-ng en-gb-x-gbclan+m5", "espeak-ng en-gb-x-gbcwmd+f1",
    "espeak-ng en-029+m4", "espeak-ng en-us-nyc+f5", "espeak-ng en-us-nyc+Denis", "espeak-ng en+Annie",
]
UNHEARD = [
    "flite rms",
    "espeak-ng en-gb-scotland+m7", "espeak-ng en-gb-x-rp+f4", "espeak-ng en-us+m6", "espeak-ng en-us+Andrea", "espeak-ng en-029+Michael",
]


def draw(seed, split, number):
    """The voice, the string, the text to speak and how, of one utterance."""
    rng = random.Random(f"{seed} {split} {number}")
    voices = UNHEARD if split == "test" else HEARD
    family = rng.choice(["flite", "espeak-ng"])
    voice = rng.choice([v for v in voices if v.split()[0] == family])
    while True:
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 7))]
        if for_training(words) == (split == "train"):
            break
    pauses = rng.choice([0, 0, 0.15, 0.5])
    text = "".join(w + (", " if rng.random() < pauses else " ") for w in words).rstrip(" ,")
    speed, pitch = rng.uniform(0.8, 1.25), rng.randint(25, 75)
    return voice, words, text, speed, pitch


def for_training(words):
    """Four strings of five are; of the single digits all but "zero" and "nine"."""
    return hashlib.sha256(" ".join(words).encode()).digest()[1] % 5 != 0


def speak(path, voice, text, speed, pitch):
    """Writes the recording and returns flite's phones with their ends, if it is flite."""
    family, name = voice.split()
    if family == "flite":
        command = ["flite", "-voice", name, "--setf", f"duration_stretch={1 / speed:.3f}", "-psdur", "-t", text, "-o", path]
    else:
        command = ["espeak-ng", "-v", name, "-s", f"{160 * speed:.0f}", "-p", str(pitch), "-z", "-w", path, text]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    if out.stderr:
        raise SystemExit(f"{' '.join(command)}: {out.stderr}")
    pairs = [p.rsplit(":", 1) for p in out.stdout.split()] if family == "flite" else []
    return [(phone, float(end)) for phone, end in pairs]


def check_voices(folder):
    """Stops where two voices sound alike: espeak-ng passes over a variant that it cannot take."""
    path, heard = os.path.join(folder, "voice.wav"), {}
    for voice in HEARD + UNHEARD:
        speak(path, voice, "three seven nine zero", 1.0, 50)
        with open(path, "rb") as f:
            other = heard.setdefault(hashlib.sha256(f.read()).digest(), voice)
        if other != voice:
            raise SystemExit(f"the voices {other} and {voice} are one")
    os.remove(path)


def spread(words, segments):
    """(word index, phone, start, end) of all phones but pauses."""
    starts = [0.0] + [end for _, end in segments]
    phones = [(phone, start, end) for (phone, end), start in zip(segments, starts) if phone != "pau"]
    rows = []
    for i, word in enumerate(words):
        first, n = PHONES[word]
        mine = phones[len(rows):len(rows) + n]
        if len(mine) < n or mine[0][0] != first:
            raise SystemExit(f"{words}: word {i} has the phones {mine}")
        rows += [(i, *p) for p in mine]
    if len(rows) != len(phones):
        raise SystemExit(f"{words}: phones are left over: {phones[len(rows):]}")
    return rows


def utterance(folder, seed, split, number):
    voice, words, text, speed, pitch = draw(seed, split, number)
    name = f"wavs/{split}-{number:05d}.wav"
    path = os.path.join(folder, name)
    segments = speak(path, voice, text, speed, pitch)
    with wave.open(path) as w:
        length = w.getnframes() / w.getframerate()
    times = spread(words, segments) if segments else []
    if not length > 0.2 or times and times[-1][3] > length + 0.006:
        raise SystemExit(f"{path}: {length} s are too short for {words}, whose phones are {times}")
    return name, words, voice, times


def table(path, header, rows):
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("dir")
    args.add_argument("--train", type=int, default=1500)
    args.add_argument("--heard", type=int, default=200)
    args.add_argument("--test", type=int, default=200)
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()
    os.makedirs(os.path.join(args.dir, "wavs"), exist_ok=True)
    check_voices(args.dir)
    words, phones = [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for split in "train", "heard", "test":
            numbers = range(getattr(args, split))
            made = list(pool.map(lambda n: utterance(args.dir, args.seed, split, n), numbers))
            rows = [(name, " ".join(said), voice) for name, said, voice, _ in made]
            table(os.path.join(args.dir, split + ".csv"), ("path", "text", "voice"), rows)
            for name, said, _, times in made:
                phones += [(name, i, phone, f"{start:.3f}", f"{end:.3f}") for i, phone, start, end in times]
                for i, word in enumerate(said if times else []):
                    mine = [t for t in times if t[0] == i]
                    words.append((name, i, word, f"{mine[0][2]:.3f}", f"{mine[-1][3]:.3f}"))
            print(f"{len(rows)} utterances in {split}.csv", file=sys.stderr)
    table(os.path.join(args.dir, "times.csv"), ("path", "word index", "word", "start", "end"), words)
    table(os.path.join(args.dir, "phones.csv"), ("path", "word index", "phone", "start", "end"), phones)


if __name__ == "__main__":
    main()
