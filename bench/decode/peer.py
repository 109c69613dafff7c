"""The side of pyctcdecode and flashlight-text: decodes the emissions of a folder as requests on stdin say, a JSON line each."""

import json
import logging
import os
import sys
import time

import numpy as np

logging.disable(logging.WARNING)
folder = sys.argv[1]
about = json.load(open(os.path.join(folder, "about.json")))
tokens, blank = about["tokens"], about["blank"]
emissions = []
for i in range(about["files"]):
    emissions.append(np.fromfile(os.path.join(folder, f"{i}.f32"), "<f4").reshape(-1, len(tokens)))
hot = open(os.path.join(folder, "hot.txt")).read().split()
words = open(os.path.join(folder, "words.txt")).read().split()
arpa = os.path.join(folder, "lm.arpa")


def pyctcdecode(request):
    from pyctcdecode import build_ctcdecoder

    labels = ["" if i == blank else t for i, t in enumerate(tokens)]
    if request["lm"]:
        d = build_ctcdecoder(labels, arpa, unigrams=words, alpha=about["weight"], beta=about["bonus"])
    else:
        d = build_ctcdecoder(labels)
    chosen = hot[: request["hot"]] or None
    return lambda x: d.decode(x, beam_width=about["beam"], beam_prune_logp=-about["threshold"], hotwords=chosen, hotword_weight=about["boost"])


def flashlight(request):
    from flashlight.lib.text import decoder as f
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    space = tokens.index(" ")
    if not request["lm"]:
        options = f.LexiconFreeDecoderOptions(about["beam"], len(tokens), about["threshold"], 0.0, 0.0, True, f.CriterionType.CTC)
        d = f.LexiconFreeDecoder(options, f.ZeroLM(), space, blank, [])
    else:
        dictionary = Dictionary()
        for w in words:
            dictionary.add_entry(w)
        dictionary.add_entry("<unk>")
        lm = KenLM(arpa, dictionary)
        trie, start = f.Trie(len(tokens), space), lm.start(False)
        for w in words:
            index = dictionary.get_index(w)
            _, score = lm.score(start, index)
            trie.insert([tokens.index(c) for c in w] + [space], index, score)
        trie.smear(f.SmearingMode.MAX)
        # weights of KenLM are to the base 10 here
        options = f.LexiconDecoderOptions(about["beam"], len(tokens), about["threshold"], about["weight"] * np.log(10), about["bonus"], -np.inf, 0.0, True, f.CriterionType.CTC)
        d = f.LexiconDecoder(options, trie, lm, space, blank, dictionary.get_index("<unk>"), [], False)

    def decode(x):
        best = d.decode(x.ctypes.data, x.shape[0], x.shape[1])[0]
        last, text = blank, ""
        for c in best.tokens:
            if c not in (last, blank):
                text += tokens[c]
            last = c
        return " ".join(text.split())

    return decode


made = {}
for line in sys.stdin:
    request = json.loads(line)
    try:
        if line not in made:
            made[line] = {"pyctcdecode": pyctcdecode, "flashlight": flashlight}[request["side"]](request)
        begin = time.process_time()
        texts = [made[line](x) for x in emissions]
        print(json.dumps({"seconds": time.process_time() - begin, "texts": texts}), flush=True)
    except Exception as e:
        print(json.dumps({"error": f"{type(e).__name__}: {e}"}), flush=True)
