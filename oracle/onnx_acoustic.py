"""Writes acoustic models in the ONNX format, and what ONNX Runtime makes of recordings, to seq/read/testdata.

waveform.onnx has the form of wav2vec 2.0: convolutions over samples, a layer of self-attention, random weights. beeps.onnx has that of NeMo's:
convolutions and an LSTM over log-mel features, the number of frames as an input; it learns here, in half a minute, to write the letters of beeps.
acoustic.json has recordings, and the log-probabilities of their frames. tune.onnx is a network with its first weights, and tune.json what PyTorch's
CTC loss of a batch is before each of a few steps. It needs torch and onnxruntime.

python oracle/onnx_acoustic.py tune writes the last two files alone.
"""

import base64
import json
import math
import os
import sys

import numpy as np
import onnxruntime
import torch
from torch import nn

import audio_frontend

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "seq", "read", "testdata")
RATE = 8000
LETTERS = {"a": 500, "b": 900, "c": 1500}
FRONT = audio_frontend.NEMO | dict(Rate=RATE, Window=200, Hop=80, FFT=256, Mels=16, HighHz=4000.0)


class Wave(nn.Module):
    def __init__(self, width=16, classes=5):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(1, width, 10, 5), nn.Conv1d(width, width, 8, 4)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = nn.functional.gelu(self.conv1(x[:, None]))
        x = nn.functional.gelu(self.conv2(x)).transpose(1, 2)
        x = self.norm1(x)
        q, k, v = self.qkv(x).chunk(3, -1)
        x = self.norm2(x + self.out(torch.softmax(q @ k.transpose(1, 2) / 4, -1) @ v))
        return self.head(self.norm3(x + self.down(nn.functional.gelu(self.up(x)))))


class Beeps(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv1d(FRONT["Mels"], width, 5, 2, 2)
        self.lstm = nn.LSTM(width, width, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * width, len(LETTERS) + 1)

    def forward(self, x, length):
        x = x * (torch.arange(x.shape[2]) < length[:, None])[:, None]
        x, _ = self.lstm(torch.relu(self.conv(x)).transpose(1, 2))
        return torch.log_softmax(self.head(x), -1)


def recording(text, rng):
    """Beeps of a tenth of a second, with pauses between them, as 16-bit samples."""
    parts = [np.zeros(800)]
    for letter in text:
        t = np.arange(800) / RATE
        parts += [(0.3 + 0.3 * rng.random()) * np.sin(2 * math.pi * LETTERS[letter] * t) * np.sin(math.pi * t / 0.1), np.zeros(400 + rng.integers(400))]
    x = np.concatenate(parts)
    x = x + 0.003 * rng.standard_normal(len(x))
    return np.round(x * 32767).astype("<i2")


def features(samples):
    return audio_frontend.features(FRONT, torch.from_numpy(samples / 32768)).T.float()


def learn():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = Beeps()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(250):
        texts = ["".join(rng.choice(list(LETTERS), rng.integers(1, 6))) for _ in range(8)]
        xs = [features(recording(text, rng)) for text in texts]
        batch = torch.zeros(8, FRONT["Mels"], max(x.shape[1] for x in xs))
        for i, x in enumerate(xs):
            batch[i, :, : x.shape[1]] = x
        lengths = torch.tensor([x.shape[1] for x in xs])
        logs = network(batch, lengths)
        targets = torch.tensor(["abc".index(c) for text in texts for c in text])
        loss = nn.functional.ctc_loss(logs.transpose(0, 1), targets, (lengths + 1) // 2, torch.tensor([len(t) for t in texts]), blank=3)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
    print("loss", loss.item())
    return network


def export(network, name, inputs, names, axes):
    path = os.path.join(HERE, name)
    torch.onnx.export(network.eval(), inputs, path, input_names=names, output_names=["y"], dynamic_axes=axes, opset_version=17, dynamo=False)
    return onnxruntime.InferenceSession(path)


def case(name, samples, logs, **more):
    return {"model": name, "samples": base64.b64encode(samples.tobytes()).decode(), "frames": logs.shape[0], "log_probs": [round(float(v), 6) for v in logs.reshape(-1)]} | more


class Tune(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(FRONT["Mels"], width, 5, 2, 2), nn.Conv1d(width, width, 3, 1, 1)
        self.bn, self.norm, self.head = nn.BatchNorm1d(width), nn.LayerNorm(width), nn.Linear(width, len(LETTERS) + 1)

    def forward(self, x):
        x = torch.relu(self.bn(self.conv1(x)))
        return self.head(self.norm(torch.relu(self.conv2(x)).transpose(1, 2)))


def tune():
    torch.manual_seed(3)
    rng = np.random.default_rng(7)
    network = Tune()
    torch.onnx.export(
        network, (torch.zeros(2, FRONT["Mels"], 50),), os.path.join(HERE, "tune.onnx"), input_names=["x"], output_names=["y"],
        dynamic_axes={"x": {0: "batch", 2: "n"}, "y": {0: "batch", 1: "frames"}}, opset_version=17, dynamo=False, do_constant_folding=False,
        training=torch.onnx.TrainingMode.TRAINING)
    texts = ["ab", "cac", "b"]
    recordings = [recording(text, rng) for text in texts]
    xs = [features(x) for x in recordings]
    lengths = torch.tensor([(x.shape[1] + 1) // 2 for x in xs])
    batch = torch.zeros(3, FRONT["Mels"], max(x.shape[1] for x in xs))
    for i, x in enumerate(xs):
        batch[i, :, : x.shape[1]] = x
    targets = torch.tensor(["abc".index(c) for text in texts for c in text])
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), 0.05)
    losses = []
    for _ in range(6):
        logs = torch.log_softmax(network(batch), -1).transpose(0, 1)
        loss = nn.functional.ctc_loss(logs, targets, lengths, torch.tensor([len(t) for t in texts]), blank=3)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with open(os.path.join(HERE, "tune.json"), "w") as out:
        json.dump({"rate": 0.05, "losses": losses, "recordings": [{"text": t, "samples": base64.b64encode(x.tobytes()).decode()} for t, x in zip(texts, recordings)]}, out)
        out.write("\n")


def main():
    os.makedirs(HERE, exist_ok=True)
    cases = []
    torch.manual_seed(1)
    run = export(Wave(), "waveform.onnx", (torch.zeros(1, 400),), ["samples"], {"samples": {0: "batch", 1: "n"}, "y": {0: "batch", 1: "frames"}})
    rng = np.random.default_rng(5)
    for text in ("ab", "cab"):
        x = recording(text, rng)
        normal = (x / 32768 - (x / 32768).mean()) / np.sqrt((x / 32768).var() + 1e-7)
        y = torch.from_numpy(run.run(None, {"samples": normal[None].astype(np.float32)})[0][0])
        cases.append(case("waveform", x, torch.log_softmax(y, -1)))
    run = export(
        learn(), "beeps.onnx", (torch.zeros(1, FRONT["Mels"], 50), torch.tensor([50])), ["audio_signal", "length"],
        {"audio_signal": {0: "batch", 2: "n"}, "length": {0: "batch"}, "y": {0: "batch", 1: "frames"}})
    for text in ("abc", "ccab", "baac"):
        x = recording(text, rng)
        f = features(x)
        y = run.run(None, {"audio_signal": f[None].numpy(), "length": np.array([f.shape[1]])})[0][0]
        cases.append(case("beeps", x, torch.from_numpy(y), text=text))
    with open(os.path.join(HERE, "acoustic.json"), "w") as out:
        json.dump(cases, out)
        out.write("\n")


tune()
if sys.argv[1:] != ["tune"]:
    main()
