"""Writes seq/audio/testdata/frontend.jsonl.gz: features of whole recordings as the front ends of NeMo, Whisper and wav2vec 2.0 have them.

It needs torch alone: mel filters are written out by librosa's formulae, frames are those of torch.stft. Numbers are float64 results for float32
inputs.
"""

import gzip
import json
import math
import os

import numpy as np
import torch

RATE = 16000


def signal(seed, n):
    g = torch.Generator().manual_seed(seed)
    t = torch.arange(n) / max(n, 1)
    return (0.4 * torch.sin(2 * math.pi * n / 8 * t * t) + 0.05 * torch.randn(n, generator=g)).float()


def hertz(mels, slaney):
    """What mels are in hertz."""
    if not slaney:
        return 700 * (10 ** (mels / 2595) - 1)
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))


def mel(hz, slaney):
    if not slaney:
        return 2595 * np.log10(1 + hz / 700)
    return hz * 3 / 200 if hz < 1000 else 15 + np.log(hz / 1000) / (np.log(6.4) / 27)


def filters(rate, fft, mels, low, high, slaney, unit_area):
    """librosa.filters.mel"""
    points = hertz(np.linspace(mel(low, slaney), mel(high, slaney), mels + 2), slaney)
    bins = np.linspace(0, rate / 2, fft // 2 + 1)
    slopes = points[:, None] - bins[None, :]
    width = np.diff(points)
    out = np.maximum(0, np.minimum(-slopes[:-2] / width[:-1, None], slopes[2:] / width[1:, None]))
    if unit_area:
        out *= (2 / (points[2:] - points[:-2]))[:, None]
    return torch.from_numpy(out)


def features(o, x):
    x = x.double() * o["Scale"]
    if o["Waveform"]:
        return ((x - x.mean()) / torch.sqrt(x.var(correction=0) + 1e-7) if o["Normalise"] == "true" else x)[:, None]
    if o["Preemphasis"]:
        x = torch.cat((x[:1], x[1:] - o["Preemphasis"] * x[:-1]))
    if o["Padding"] == "none":  # torch.stft puts the window into the middle of its frame
        left = (o["FFT"] - o["Window"]) // 2
        x = torch.nn.functional.pad(x, (left, o["FFT"] - o["Window"] - left))
    spectrum = torch.stft(
        x, o["FFT"], o["Hop"], o["Window"], torch.hann_window(o["Window"], periodic=not o["Symmetric"], dtype=torch.float64), center=o["Padding"] != "none",
        pad_mode={"none": "constant", "zeros": "constant", "reflect": "reflect"}[o["Padding"]], return_complex=True)
    if o["DropLast"]:
        spectrum = spectrum[:, :-1]
    y = filters(o["Rate"], o["FFT"], o["Mels"], o["LowHz"], o["HighHz"], o["Slaney"], o["UnitArea"]) @ spectrum.abs().double() ** 2
    y = y + o["Floor"] if o["AddFloor"] else y.clamp(min=o["Floor"])
    y = {"natural": torch.log, "log10": torch.log10, "db": lambda v: 10 * torch.log10(v)}[o["Log"]](y)
    if o["Range"]:
        y = torch.maximum(y, y.max() - o["Range"])
    if o["Mean"]:
        y = (y - torch.tensor(o["Mean"], dtype=torch.float64)[:, None]) / torch.tensor(o["Deviation"], dtype=torch.float64)[:, None]
    if o["Normalise"] == "per_feature":
        y = (y - y.mean(1, keepdim=True)) / (y.std(1, keepdim=True) + 1e-5)
    elif o["Normalise"] == "true":
        y = (y - y.mean()) / (y.std() + 1e-5)
    return y.T


PLAIN = dict(
    Rate=RATE, Waveform=False, Window=400, Hop=160, FFT=512, Mels=40, LowHz=0.0, HighHz=8000.0, Floor=1e-6, Slaney=False, UnitArea=False, Symmetric=False,
    AddFloor=False, Log="natural", Scale=1.0, Preemphasis=0.0, Padding="none", DropLast=False, Range=0.0, Normalise="false", Mean=None, Deviation=None)
NEMO = PLAIN | dict(Slaney=True, UnitArea=True, Symmetric=True, AddFloor=True, Floor=2.0**-24, Preemphasis=0.97, Padding="zeros", DropLast=True, Normalise="per_feature")
WHISPER = PLAIN | dict(Window=400, FFT=400, Mels=40, Slaney=True, UnitArea=True, Floor=1e-10, Log="log10", Padding="reflect", DropLast=True, Range=8.0, Mean=[-4.0], Deviation=[4.0])
CASES = [
    NEMO,
    NEMO | dict(Padding="reflect", Normalise="true", Mels=23),
    WHISPER,
    PLAIN | dict(Padding="reflect", Log="db", LowHz=60.0, HighHz=7600.0),
    PLAIN | dict(Padding="zeros", Window=300, FFT=400, Hop=99, Mels=10, Log="log10"),
    PLAIN | dict(Padding="reflect", Window=301, FFT=400, Hop=99, Mels=10, Scale=32768.0),
    PLAIN | dict(Symmetric=True, Slaney=True, Mels=5, Mean=[-3.0, -2.0, -1.0, 0.0, 1.0], Deviation=[1.0, 2.0, 3.0, 4.0, 5.0]),
    PLAIN | dict(UnitArea=True, AddFloor=True, Floor=0.5, Range=1.0, Mels=8),
    PLAIN | dict(Waveform=True, Normalise="true"),
    PLAIN | dict(Waveform=True, Scale=32768.0),
]


def main():
    lines = []
    for i, o in enumerate(CASES):
        for n in (700, 1121):
            x = signal(i, n)
            y = features(o, x)
            lines.append({"options": o, "x": x.tolist(), "frames": y.shape[0], "y": [round(v, 9) for v in y.reshape(-1).tolist()]})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "seq", "audio", "testdata", "frontend.jsonl.gz")
    with open(path, "wb") as f:
        f.write(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), mtime=0))


if __name__ == "__main__":
    main()
