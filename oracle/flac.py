"""Writes seq/audio/testdata/flac.jsonl.gz: FLAC files of every kind of frame that libFLAC and FFmpeg write, with their samples.

libsndfile (the wheel soundfile) and FFmpeg (the wheel av) write them, and the samples are those that were written, which libsndfile reads again, up to 24 bits.
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


def case(name, data, rate, whole, bits):
    """A file and its samples, which are whole numbers of some bits, the channels side by side."""
    y = (whole.astype(np.float64) / 2 ** (bits - 1)).astype("<f4")
    return {"name": name, "rate": rate, "channels": y.shape[1], "tolerance": 0, "noise": 0, "file": base64.b64encode(data).decode(), "y": base64.b64encode(y.tobytes()).decode()}


def tones(rate, channels, n, bits, rng):
    t = np.arange(n) / rate
    x = np.stack([0.4 * np.sin(2 * math.pi * (200 + 90 * c + 500 * t) * t) + 0.01 * rng.standard_normal(n) for c in range(channels)], 1)
    return np.round(x * 2 ** (bits - 1)).astype(np.int64)


def sndfile(name, whole, rate, bits, level=0.5):
    f = io.BytesIO()
    soundfile.write(f, (whole << (32 - bits)).astype(np.int32), rate, format="FLAC", subtype={8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}[bits], compression_level=level)
    back, _ = soundfile.read(io.BytesIO(f.getvalue()), dtype="int32", always_2d=True)
    assert np.array_equal(back.astype(np.int64) >> (32 - bits), whole), name
    return case(name, f.getvalue(), rate, whole, bits)


def ffmpeg(name, whole, rate, bits, layout, **options):
    f = io.BytesIO()
    fmt, kind = ("s16", np.int16) if bits == 16 else ("s32", np.int32)
    if bits == 32:
        options["strict"] = "experimental"
    with av.open(f, "w", format="flac") as out:
        s = out.add_stream("flac", rate=rate, layout=layout, options={k: str(v) for k, v in options.items()})
        s.format = fmt
        s.codec_context.open()
        size = s.codec_context.frame_size
        for lo in range(0, len(whole), size):
            part = whole[lo:lo + size] << (0 if bits == 16 else 32 - bits)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part.astype(kind).reshape(1, -1)), format=fmt, layout=layout)
            frame.sample_rate, frame.pts = rate, lo
            for p in s.encode(frame):
                out.mux(p)
        for p in s.encode(None):
            out.mux(p)
    if bits < 32:  # which libsndfile does not read
        back, _ = soundfile.read(io.BytesIO(f.getvalue()), dtype="int32", always_2d=True)
        assert np.array_equal(back.astype(np.int64) >> (32 - bits), whole), name
    return case(name, f.getvalue(), rate, whole, bits)


def cases():
    rng = np.random.default_rng(3)
    for rate in (24000, 176400, 88200, 192000, 96000, 32000, 11025, 12345, 123450, 37):  # each code of rates
        yield sndfile(f"{rate} samples a second", tones(rate, 1, 500, 16, rng), rate, 16)
    for channels in (3, 6, 8):
        yield sndfile(f"{channels} channels", tones(16000, channels, 200, 16, rng), 16000, 16)
    n = 700
    for bits in (8, 16, 24):
        full = np.stack([rng.integers(-2 ** (bits - 1), 2 ** (bits - 1), n)], 1)
        ends = np.where(rng.integers(0, 2, (n, 1)) == 1, 2 ** (bits - 1) - 1, -2 ** (bits - 1))
        tone = tones(16000, 1, n, bits, rng)
        kinds = {
            "one value": np.full((n, 1), -5), "noise": full, "least and greatest": ends,
            "left and right opposite": np.hstack([ends, -1 - ends]), "left and right alike": np.hstack([tone, tone + rng.integers(-1, 2, (n, 1))]),
            "left alone": np.hstack([tone, np.zeros_like(tone)]), "right alone": np.hstack([np.zeros_like(tone), tone]),
            "bits left out": tone >> 3 << 3, "a ramp": np.arange(n).reshape(-1, 1) % 50, "bursts": tone * (np.arange(n) % 200 < 60).reshape(-1, 1),
        }
        for name, whole in kinds.items():
            for level in (0, 1):
                yield sndfile(f"{bits} bits, {name}, level {level}", whole, 16000, bits, level)
    for size, n in ((16, 100), (192, 600), (256, 600), (576, 1500), (4608, 5000), (1000, 1500)):
        yield ffmpeg(f"frames of {size}", tones(16000, 1, n, 16, rng), 16000, 16, "mono", frame_size=size)
    for mode in ("indep", "left_side", "right_side", "mid_side"):
        yield ffmpeg(f"ch_mode {mode}", tones(16000, 2, 700, 16, rng), 16000, 16, "stereo", ch_mode=mode)
        for bits in (24, 32):
            yield ffmpeg(f"ch_mode {mode}, {bits} bits", tones(16000, 2, 700, bits, rng), 16000, bits, "stereo", ch_mode=mode)
    for order in (1, 2, 12, 32):
        yield ffmpeg(f"predictors of {order}", tones(44100, 1, 900, 16, rng), 44100, 16, "mono", lpc_type="cholesky", min_prediction_order=order, max_prediction_order=order)
    yield ffmpeg("coefficients of 15 bits", tones(44100, 1, 900, 16, rng), 44100, 16, "mono", lpc_type="levinson", lpc_coeff_precision=15, exact_rice_parameters=1)


def main():
    all = list(cases())
    path = os.path.join(HERE, "..", "seq", "audio", "testdata", "flac.jsonl.gz")
    with open(path, "wb") as f:
        f.write(gzip.compress("".join(json.dumps(c) + "\n" for c in all).encode(), mtime=0))
    print(f"{len(all)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
