"""Writes an acoustic model that others trained on recordings of people, with the cards by which energo reads it.

    pip download --no-deps hama==1.3.13
    python oracle/phoneme_model.py hama-1.3.13-py3-none-any.whl DIR

The wheel hama (Apache-2.0) carries a network of 2.3 million weights, trained by CTC, that writes the phonemes of English and Korean. This
needs the wheel onnx. DIR gets

    net.onnx     the model with its weights in float32, net.energo.yaml and tokens.txt: energo transcribe and align write phonemes
    hidden.onnx  what it computes before its last layer, and hidden.energo.yaml: energo train speech --encoder puts a layer of letters over it
    lexicon.txt  with --dictionary FILE, a dictionary in the form of CMU's: how its words are spelled in the model's phonemes, word and phonemes
                 of a line, for energo transcribe --lexicon
"""

import argparse
import json
import os
import zipfile

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

CARD = """features: waveform
rate: 16000
normalise: false
length: waveform_lengths
output: {output}
"""
HIDDEN = "/acoustic_model/export_attn_layers.1/Add_4_output_0"

# The model's phonemes for those of CMU's dictionary.
PHONEMES = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "t͡ʃ", "D": "d", "DH": "ð", "EH": "ɛ", "ER": "ɝ", "EY": "eɪ",
    "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "d͡ʒ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ",
    "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}


def widen(t):
    """Makes a tensor of float16 one of float32."""
    if t.data_type == TensorProto.FLOAT16:
        t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t).astype(np.float32), t.name))


def whole(model):
    """The model in float32."""
    for t in model.graph.initializer:
        widen(t)
    for node in model.graph.node:
        for a in node.attribute:
            if a.type == onnx.AttributeProto.TENSOR:
                widen(a.t)
            if node.op_type == "Cast" and a.name == "to" and a.i == TensorProto.FLOAT16:
                a.i = TensorProto.FLOAT
    del model.graph.value_info[:]
    return model


def save(folder, name, model, card):
    onnx.save(model, os.path.join(folder, name + ".onnx"))
    with open(os.path.join(folder, name + ".energo.yaml"), "w", encoding="utf-8") as f:
        f.write(card)


def lexicon(dictionary, path):
    with open(dictionary, encoding="utf-8") as f, open(path, "w", encoding="utf-8") as out:
        for line in f:
            word, *sounds = line.split()
            sounds = [PHONEMES.get(s.rstrip("012")) for s in sounds]
            if sounds and None not in sounds:
                out.write(" ".join([word.split("(")[0], *sounds]) + "\n")


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("wheel")
    args.add_argument("dir")
    args.add_argument("--dictionary")
    args = args.parse_args()
    os.makedirs(args.dir, exist_ok=True)
    with zipfile.ZipFile(args.wheel) as z:
        model = whole(onnx.load_from_string(z.read("hama/assets/asr_waveform_fp16.onnx")))
        tokens = json.loads(z.read("hama/assets/g2p_vocab.json"))["decoder"] + ["<wb>", "<blank>"]
    with open(os.path.join(args.dir, "tokens.txt"), "w", encoding="utf-8") as f:
        f.writelines(f"{t} {i}\n" for i, t in enumerate(tokens))
    save(args.dir, "net", model, CARD.format(output="log_probs") + "tokens: tokens.txt\nblank: <blank>\nseparator: <wb>\nemissions: log_probs\n")
    lengths = [o for o in model.graph.output if o.name == "out_lengths"]
    del model.graph.output[:]
    width = next(t for t in model.graph.initializer if t.name == "acoustic_model.model.proj.weight").dims[1]
    model.graph.output.extend([onnx.helper.make_tensor_value_info(HIDDEN, TensorProto.FLOAT, ["batch", "time", width]), *lengths])
    save(args.dir, "hidden", onnx.utils.Extractor(model).extract_model([i.name for i in model.graph.input], [HIDDEN]), CARD.format(output=HIDDEN))
    if args.dictionary:
        lexicon(args.dictionary, os.path.join(args.dir, "lexicon.txt"))


if __name__ == "__main__":
    main()
