"""Writes seq/sentence/testdata/: small models of texts as sentence-transformers saves them, with random weights, and for some texts the tokens and
vectors that it gives.

Needs sentence-transformers beside torch.
"""

import json
import os
import shutil

import sentence_transformers as S
import tokenizers as K
import torch
import transformers as T
from sentence_transformers import models as M

import weights

TEXTS = ["The cat sees the dog.", "a", "Dogs, cats & birds", "Ünïcode CAFÉ", "unseen zzz words", "", "the " * 14 + "end"]
WORDS = "the cat dog see bird a un word cafe unicode end b d e i n o r s u w z ##s ##ed ##en ##een ##e ##n ##z . , &".split()


def model(name, tokenizer, config, pooling, post):
    path = weights.here("seq", "sentence", "testdata", name)
    shutil.rmtree(path, ignore_errors=True)
    build = weights.here("seq", "sentence", "testdata", name + ".build")
    torch.manual_seed(len(name))
    net = T.BertModel(config)
    for t in net.state_dict().values():
        if t.is_floating_point():
            t.add_(0.2 * torch.randn(t.shape))
    net.eval().save_pretrained(build)
    tokenizer.post_processor = post
    T.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]").save_pretrained(build)
    base = M.Transformer(build, max_seq_length=16)
    whole = S.SentenceTransformer(modules=[base, M.Pooling(base.get_word_embedding_dimension(), pooling_mode=pooling)] + ([M.Normalize()] if pooling == "mean" else []))
    whole.save(path)
    shutil.rmtree(build)
    for f in os.listdir(path):
        if f in ("README.md", "config_sentence_transformers.json", "special_tokens_map.json", "vocab.txt"):
            os.remove(os.path.join(path, f))
    golden = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        row = {"text": text, "tokens": ids}
        if len(ids) <= 16:
            row["vector"] = whole.encode([text], convert_to_numpy=True)[0].tolist()
        golden.append(row)
    with open(path + ".json", "w") as f:
        json.dump(golden, f, indent=1, ensure_ascii=False)
        f.write("\n")


def main():
    vocab = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS)}
    config = dict(vocab_size=len(vocab), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12, max_position_embeddings=24)

    def pieces():
        t = K.Tokenizer(K.models.WordPiece(vocab, unk_token="[UNK]"))
        t.normalizer = K.normalizers.BertNormalizer(lowercase=True)
        t.pre_tokenizer = K.pre_tokenizers.BertPreTokenizer()
        return t

    around = K.processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    model("mean", pieces(), T.BertConfig(**config), "mean", around)
    model("first", pieces(), T.BertConfig(**config), "cls", K.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)))


if __name__ == "__main__":
    with torch.no_grad():
        main()
