"""Writes seq/ctc/testdata/decoders.json.gz: what pyctcdecode and flashlight-text make of drawn emissions, with a language model, unknown words, hot words and a lexicon.

Tested with pyctcdecode 0.5.0 and flashlight-text 0.0.7 (with kenlm 0.3.0). All searches are wide enough to lose nothing, so that scores are those of the systems' definitions.
"""

import gzip
import json
import logging
import os

import numpy as np

logging.disable(logging.WARNING)
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "seq", "ctc", "testdata")
rng = np.random.default_rng(5)

ARPA = """\\data\\
ngram 1=7
ngram 2=6

\\1-grams:
-1.6	<unk>
-99	<s>	-0.4
-0.7	</s>
-0.9	dig	-0.3
-1.1	digit	-0.25
-0.8	it	-0.2
-1.3	dd	-0.1

\\2-grams:
-0.5	<s> dig
-0.9	<s> it
-0.6	dig it
-0.3	digit </s>
-0.4	it </s>
-1.2	it dig

\\end\\
"""
KNOWN = ["dig", "digit", "it", "dd"]


def emissions(frames, classes, sharp):
    x = rng.normal(size=(frames, classes)) * sharp
    return (x - np.log(np.exp(x).sum(axis=1, keepdims=True))).astype(np.float32)


def said(path, classes, sharp):
    """Emissions of which each frame's best class is likely that of a path."""
    x = rng.normal(size=(len(path), classes)) * 1.1
    for t, c in enumerate(path):
        x[t, c] += sharp
    return (x - np.log(np.exp(x).sum(axis=1, keepdims=True))).astype(np.float32)


def pyctcdecode(arpa):
    from pyctcdecode import build_ctcdecoder

    tokens = ["<unk>", "▁dig", "▁d", "ig", "▁it", "it", "d", ""]  # the blank last
    cases = []
    for lm, alpha, beta, unknown, hot in [(False, 0, 0, 0, []), (True, 0.5, 1.5, -10.0, []), (True, 0.9, 0.4, -2.0, []), (True, 0.7, -0.5, 0.0, []), (False, 0, 0, 0, ["dig", "ditd"]), (True, 0.6, 1.0, -1.0, ["dit"])]:
        for frames in (1, 4, 5):
            x = emissions(frames, len(tokens), 2)
            x[:, 0] = -40  # no text
            x = (x - np.log(np.exp(x).sum(axis=1, keepdims=True))).astype(np.float32)
            more = dict(kenlm_model_path=arpa, unigrams=KNOWN, alpha=alpha, beta=beta, unk_score_offset=unknown) if lm else {}
            d = build_ctcdecoder(tokens, **more)
            beams = d.decode_beams(x, beam_width=10**6, beam_prune_logp=-1e9, token_min_logp=-35.0, hotwords=hot or None, hotword_weight=2.5)
            cases.append(
                dict(
                    lm=lm, alpha=alpha, beta=beta, unknown=unknown, hot=hot, emissions=x.tolist(),
                    best=[dict(text=b[0], acoustic=float(b[3]), total=float(b[4])) for b in beams if b[0]][:40],
                )
            )
    return dict(tokens=tokens, blank=len(tokens) - 1, cases=cases)


def flashlight(arpa):
    from flashlight.lib.text import decoder as f
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    tokens = ["_", "|", "d", "i", "g", "t"]
    blank, silence = 0, 1
    words = Dictionary()
    for w in KNOWN + ["gig", "<unk>"]:
        words.add_entry(w)
    lexicon = KNOWN + ["gig"]  # gig is in no model
    cases = []
    for weight, bonus, texts in [(1.2, 0.5, ["dig it", "digit", "dd gig"]), (0.6, -0.3, ["it dig", "gig digit", "it it dd"]), (2.0, 1.0, ["dig dig", "digit it", "it"])]:
        for text in texts:
            path, last = [], ""
            for c in text.replace(" ", "|") + "|":
                path += [blank] * (int(rng.integers(0, 2)) if c != last else 1) + [tokens.index(c)] * int(rng.integers(1, 3))
                last = c
            x = said(path, len(tokens), 4)
            lm = KenLM(arpa, words)
            trie, start = f.Trie(len(tokens), silence), lm.start(False)
            for w in lexicon:
                index = words.get_index(w)
                trie.insert([tokens.index(c) for c in w] + [silence], index, lm.score(start, index)[1])
            trie.smear(f.SmearingMode.MAX)
            options = f.LexiconDecoderOptions(20000, len(tokens), 1e9, weight, bonus, -np.inf, 0.0, False, f.CriterionType.CTC)
            d = f.LexiconDecoder(options, trie, lm, silence, blank, words.get_index("<unk>"), [], False)
            best = d.decode(x.ctypes.data, x.shape[0], x.shape[1])
            cases.append(
                dict(
                    weight=weight, bonus=bonus, emissions=x.tolist(),
                    best=[
                        dict(words=[words.get_entry(w) for w in b.words if w >= 0], frames=list(b.tokens)[1:-1], acoustic=b.emittingModelScore, lm=b.lmScore, total=b.score)
                        for b in best[:5]
                    ],
                )
            )
    return dict(tokens=tokens, blank=blank, lexicon=lexicon, cases=cases)


def main():
    os.makedirs(OUT, exist_ok=True)
    arpa = "/tmp/decoders.arpa"
    with open(arpa, "w") as file:
        file.write(ARPA)
    result = dict(arpa=ARPA, pyctcdecode=pyctcdecode(arpa), flashlight=flashlight(arpa))
    with open(os.path.join(OUT, "decoders.json.gz"), "wb") as file:
        file.write(gzip.compress(json.dumps(result, ensure_ascii=False).encode(), 9, mtime=0))


main()
