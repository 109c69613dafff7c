"""Writes when words are said in a corpus of English recordings, as PocketSphinx aligns them.

    python oracle/voice_times.py MANIFEST TIMES

MANIFEST is a CSV file of path and text, such as voices.py writes; TIMES becomes one of path, word index, word, start, end in seconds, as
energo align --truth takes it. It needs the wheels numpy and pocketsphinx, whose dictionary and acoustic model of American English it takes: tied states
of triphones at 16 kHz, trained on other voices, ends of words at whole hundredths of a second. Recordings of another rate are brought to 16 kHz by
their spectrum. Left out, and counted, are recordings with a word that the dictionary does not have, and those that it cannot align.
"""

import csv
import os
import sys
import wave

import numpy as np
import pocketsphinx

RATE = 16000


def samples(path):
    """A WAV file of 16 bits and one channel, as bytes at 16 kHz."""
    with wave.open(path) as w:
        if w.getsampwidth() != 2 or w.getnchannels() != 1:
            raise SystemExit(f"{path}: it must have one channel of 16 bits")
        rate = w.getframerate()
        x = np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(float)
    if rate != RATE:
        n, x = len(x) * RATE // rate, np.concatenate([x, np.zeros(rate + -len(x) % rate)])  # whole seconds, the last of them silent
        spectrum, wide = np.fft.rfft(x), np.zeros(len(x) * RATE // rate // 2 + 1, complex)
        keep = min(len(spectrum), len(wide))
        wide[:keep] = spectrum[:keep]
        x = np.fft.irfft(wide)[:n] * RATE / rate
    return np.clip(np.round(x), -32768, 32767).astype("<i2").tobytes()


def align(decoder, sound, words):
    """(word, start, end) of the words, or None."""
    def run():
        decoder.start_utt()
        decoder.process_raw(sound, full_utt=True)
        decoder.end_utt()

    decoder.set_align_text(" ".join(words))
    try:
        run()
        if decoder.hyp() is None:
            return None
        decoder.set_alignment()  # once more, by states
        run()
    except RuntimeError:  # no path is left
        return None
    said = [w for w in decoder.get_alignment().words() if not w.name.startswith(("<", "["))]
    if [w.name.split("(")[0] for w in said] != words:
        return None
    return [(word, w.start / 100, (w.start + w.duration) / 100) for word, w in zip(words, said)]


def main():
    manifest, times = sys.argv[1:]
    decoder = pocketsphinx.Decoder(lm=None, samprate=RATE, loglevel="FATAL")
    unknown = failed = aligned = 0
    with open(manifest, newline="", encoding="utf-8") as f, open(times, "w", newline="", encoding="utf-8") as g:
        out = csv.writer(g, lineterminator="\n")
        out.writerow(("path", "word index", "word", "start", "end"))
        for row in csv.DictReader(f):
            words = row["text"].split()
            if any(decoder.lookup_word(w) is None for w in words):
                unknown += 1
                continue
            said = align(decoder, samples(os.path.join(os.path.dirname(manifest), row["path"])), words)
            failed += said is None
            aligned += said is not None
            for i, (word, start, end) in enumerate(said or []):
                out.writerow((row["path"], i, word, f"{start:.2f}", f"{end:.2f}"))
    print(f"{aligned} recordings; {unknown} with a word that the dictionary does not have, {failed} not aligned", file=sys.stderr)


if __name__ == "__main__":
    main()
