"""Writes seq/audio/testdata/*.jsonl.gz: resampling, log-mel features and WAV files from torchaudio.

Numbers are float64 results for float32 inputs.
"""

import base64
import gzip
import io
import json
import math
import os

import torch
import torchaudio

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_default_dtype(torch.float64)  # or torchaudio's filters are float32


def signal(seed, n):
    """Noise on a rising tone, as float32 numbers."""
    g = torch.Generator().manual_seed(seed)
    t = torch.arange(n) / max(n, 1)
    x = 0.5 * torch.sin(2 * math.pi * n / 8 * t * t) + 0.1 * torch.randn(n, generator=g)
    return x.float()


def write(name, lines):
    path = os.path.join(HERE, "..", "seq", "audio", "testdata", name + ".jsonl.gz")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    with open(path, "wb") as f:
        f.write(gzip.compress(text.encode(), mtime=0))
    print(f"{len(lines)} cases in {name}.jsonl.gz")


def resample():
    rates = [(8000, 16000), (16000, 8000), (44100, 16000), (22050, 16000), (16000, 16000), (48000, 44100), (7, 5), (5, 7), (1001, 1000), (16000, 100)]
    for i, (old, new) in enumerate(rates):
        for n in (0, 1, 2, 97, 700):
            x = signal(i, n)
            y = torchaudio.functional.resample(x.double(), old, new) if n else x
            yield {"from": old, "to": new, "x": x.tolist(), "y": y.tolist()}


def logmel():
    options = [
        dict(Rate=16000, Window=400, Hop=160, FFT=512, Mels=40, LowHz=0.0, HighHz=8000.0, Floor=1e-6),
        dict(Rate=16000, Window=512, Hop=128, FFT=512, Mels=23, LowHz=20.0, HighHz=7600.0, Floor=1e-10),
        dict(Rate=8000, Window=200, Hop=80, FFT=256, Mels=20, LowHz=64.5, HighHz=3800.0, Floor=1e-2),
        dict(Rate=22050, Window=551, Hop=220, FFT=1024, Mels=64, LowHz=0.0, HighHz=11025.0, Floor=1e-6),
        dict(Rate=16000, Window=99, Hop=250, FFT=120, Mels=6, LowHz=100.0, HighHz=6000.0, Floor=1e-6),
    ]
    for i, o in enumerate(options):
        front = torchaudio.transforms.MelSpectrogram(
            sample_rate=o["Rate"], n_fft=o["FFT"], win_length=o["Window"], hop_length=o["Hop"],
            f_min=o["LowHz"], f_max=o["HighHz"], n_mels=o["Mels"], power=2.0, center=False, norm=None, mel_scale="htk",
        )
        for scale in (1.0, 1e-4):
            x = (signal(100 + i, 2000) * scale).float()
            # torch.stft puts the window into the middle of its frame
            left = (o["FFT"] - o["Window"]) // 2
            padded = torch.nn.functional.pad(x.double(), (left, o["FFT"] - o["Window"] - left))
            y = front(padded).clamp(min=o["Floor"]).log().T
            yield {"options": o, "x": x.tolist(), "frames": y.shape[0], "y": y.reshape(-1).tolist()}


def wav():
    codings = [("PCM_U", 8), ("PCM_S", 16), ("PCM_S", 24), ("PCM_S", 32), ("PCM_F", 32), ("PCM_F", 64)]
    for encoding, bits in codings:
        for channels, n in ((1, 31), (2, 20), (5, 9)):
            x = torch.stack([signal(c + bits, n) for c in range(channels)]).clamp(-1, 1)
            f = io.BytesIO()
            torchaudio.save(f, x, 11025, format="wav", encoding=encoding, bits_per_sample=bits)
            y, rate = torchaudio.load(io.BytesIO(f.getvalue()), format="wav")
            yield {
                "name": f"{encoding} {bits} bits {channels} channels", "rate": rate,
                "file": base64.b64encode(f.getvalue()).decode(), "y": y.double().mean(0).tolist(),
            }


write("resample", list(resample()))
write("logmel", list(logmel()))
write("wav", list(wav()))
