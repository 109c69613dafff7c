"""Writes seq/audio/testdata/formats.jsonl.gz: small recordings in every format that package audio reads, with their samples.

libsndfile (the wheel soundfile) and FFmpeg (the wheel av) write and read them. Samples are float32, the channels side by side.
"""

import base64
import gzip
import io
import json
import math
import os

import av
import numpy as np
import soundfile

HERE = os.path.dirname(os.path.abspath(__file__))


def signal(rate, channels, seconds=0.25):
    """A rising tone with some noise, another one in each channel."""
    n = int(rate * seconds)
    t = np.arange(n) / rate
    rng = np.random.default_rng(channels * 1000 + rate)
    x = [0.5 * np.sin(2 * math.pi * (200 + 100 * c + 600 * t) * t) + 0.02 * rng.standard_normal(n) for c in range(channels)]
    return np.stack(x, 1).astype(np.float32)


def case(name, data, rate, y, tolerance, noise=0):
    """A file and its samples; tolerance bounds each difference, or noise that of all, as a share of the signal."""
    y = np.asarray(y, np.float32)
    c = {"name": name, "rate": rate, "channels": y.shape[1], "tolerance": tolerance, "noise": noise, "file": base64.b64encode(data).decode()}
    whole = np.round(y * 32768).clip(-32768, 32767)
    if np.array_equal(whole, y * 32768) or tolerance or noise:
        return c | {"y16": base64.b64encode(whole.astype("<i2").tobytes()).decode()}
    return c | {"y": base64.b64encode(y.astype("<f4").tobytes()).decode()}


def sndfile():
    """Files that libsndfile writes and reads: exact."""
    kinds = [
        ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("WAV", "ULAW"), ("WAV", "ALAW"),
        ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAVEX", "PCM_16"), ("WAVEX", "FLOAT"), ("WAVEX", "ULAW"), ("WAVEX", "ALAW"), ("RF64", "PCM_16"), ("RF64", "ULAW"),
        ("W64", "PCM_16"), ("W64", "FLOAT"), ("W64", "ULAW"), ("W64", "IMA_ADPCM"), ("W64", "MS_ADPCM"),
        ("AIFF", "PCM_S8"), ("AIFF", "PCM_U8"), ("AIFF", "PCM_16"), ("AIFF", "PCM_24"), ("AIFF", "PCM_32"), ("AIFF", "FLOAT"), ("AIFF", "DOUBLE"), ("AIFF", "ULAW"), ("AIFF", "ALAW"),
        ("AU", "PCM_S8"), ("AU", "PCM_16"), ("AU", "PCM_24"), ("AU", "PCM_32"), ("AU", "FLOAT"), ("AU", "DOUBLE"), ("AU", "ULAW"), ("AU", "ALAW"),
        ("FLAC", "PCM_S8"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"),
    ]
    for container, subtype in kinds:
        for rate, channels, seconds in ((8000, 1, 0.05), (22050, 2, 0.0301)):
            x = signal(rate, channels, seconds)
            f = io.BytesIO()
            soundfile.write(f, x, rate, format=container, subtype=subtype)
            y, _ = soundfile.read(io.BytesIO(f.getvalue()), dtype="float32", always_2d=True)
            yield case(f"{container} {subtype} {channels}", f.getvalue(), rate, y, 0)


def encode(container, codec, x, rate, layout, options=None, fmt="fltp", bit_rate=None, flags=None):
    f = io.BytesIO()
    with av.open(f, "w", format=container, options=flags or {}) as out:
        s = out.add_stream(codec, rate=rate, layout=layout, options=options or {})
        if bit_rate:
            s.bit_rate = bit_rate
        s.format = fmt
        size = 960 if codec == "libopus" else 1152
        for lo in range(0, len(x), size):
            part = x[lo:lo + size]
            if fmt.startswith("s16"):
                part = np.round(part * 32767).clip(-32768, 32767).astype(np.int16)
            part = part.T if fmt.endswith("p") else part.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format=fmt, layout=layout)
            frame.sample_rate, frame.pts = rate, lo
            for p in s.encode(frame):
                out.mux(p)
        for p in s.encode(None):
            out.mux(p)
    return f.getvalue()


def decode(data):
    with av.open(io.BytesIO(data)) as f:
        s = f.streams.audio[0]
        parts = []
        for frame in f.decode(s):
            a = frame.to_ndarray()
            if not frame.format.is_planar:
                a = a.reshape(-1, len(frame.layout.channels)).T
            if a.dtype == np.int16:
                a = a.astype(np.float32) / 32768
            parts.append(a.astype(np.float32))
        return np.concatenate(parts, 1).T, s.rate


def compressed():
    """Files that FFmpeg's encoders write, as its decoders read them."""
    names = {1: "mono", 2: "stereo"}
    for rate in (16000, 22050, 24000, 32000, 44100, 48000):
        for channels in (1, 2):
            data = encode("mp3", "libmp3lame", signal(rate, channels, 0.15), rate, names[channels], fmt="s16p", bit_rate=64000)
            y, got = decode(data)
            yield case(f"MP3 {rate} {channels}", data, got, y, 2 / 32768, (channels - 1) * 0.01)  # joint stereo is not exact
    data = encode("mp3", "libmp3lame", signal(16000, 1, 0.15), 16000, "mono", fmt="s16p", bit_rate=32000, flags={"write_xing": "0", "id3v2_version": "0"})
    yield case("MP3 without a tag", data, 16000, decode(data)[0], 2 / 32768)
    data = encode("mp3", "libmp3lame", signal(44100, 2, 0.15), 44100, "stereo", options={"qscale": "4"}, fmt="s16p")
    yield case("MP3 of variable rate", data, 44100, decode(data)[0], 2 / 32768, 0.01)
    for rate in (8000, 16000, 44100):
        for channels in (1, 2):
            f = io.BytesIO()
            soundfile.write(f, signal(rate, channels, 0.15), rate, format="OGG", subtype="VORBIS")
            y, got = soundfile.read(io.BytesIO(f.getvalue()), dtype="float32", always_2d=True)
            yield case(f"Vorbis {rate} {channels}", f.getvalue(), got, y, 1e-4)
    for application, bits, channels, frame in (
        ("voip", 8000, 1, "20"), ("voip", 8000, 2, "60"), ("voip", 16000, 1, "10"), ("voip", 16000, 2, "20"), ("voip", 24000, 1, "20"), ("voip", 32000, 1, "60"), ("voip", 32000, 2, "20"),
        ("audio", 48000, 1, "20"), ("audio", 96000, 2, "20"), ("lowdelay", 64000, 1, "10"), ("lowdelay", 64000, 2, "20"),
    ):
        data = encode("ogg", "libopus", signal(48000, channels, 0.3), 48000, names[channels], options={"application": application, "frame_duration": frame}, fmt="s16", bit_rate=bits)
        y, got = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)  # libopus
        yield case(f"Opus {application} {bits} {channels} {frame} ms", data, got, y, 0, 0.01)


def main():
    cases = [*sndfile(), *compressed()]
    path = os.path.join(HERE, "..", "seq", "audio", "testdata", "formats.jsonl.gz")
    with open(path, "wb") as f:
        f.write(gzip.compress("".join(json.dumps(c) + "\n" for c in cases).encode(), mtime=0))
    print(f"{len(cases)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
