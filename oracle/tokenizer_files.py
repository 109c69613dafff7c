"""Writes seq/token/testdata/tokenizers: tokenizers that sentencepiece and Hugging Face's tokenizers have trained on a small text of our own, and how these spell texts.

Tested with sentencepiece 0.2.3 and tokenizers 0.23.3. A text with a character that a tokenizer has no piece for has null for its pieces.
"""

import base64
import gzip
import io
import json
import os
import random

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "seq", "token", "testdata", "tokenizers")
random.seed(3)

WORDS = """the a of and to in is that it was for on are as with his they at be this have from or one had by word but not what all were we when your can
said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more
write go see number no way could people my than first water been call who oil its now find long down day did get come made may part
größe straße über schön müde zwölf fünf être élève français naïve señor niño corazón día 42 7 1999 don't it's we're I'll
rain window station bridge forest mountain signal paper candle morning evening quickly slowly brighter darkest reading reader readable unreadable
learning learner relearn speaking speaker spoken outspoken listen listener listening unheard overheard""".split()

RULES = "".join(f"{a}\t{b}\n" for a, b in [("41", "61"), ("42", "62"), ("FB01", "66 69"), ("65 301", "E9"), ("E4", "61 65"), ("3000", "20"), ("9", "20"), ("2019", "27"), ("AD", ""), ("30AB 3099", "30AC")])


def sentence(n):
    return " ".join(random.choice(WORDS[: random.choice([20, 60, len(WORDS)])]) for _ in range(n))


CORPUS = [sentence(random.randint(3, 12)) for _ in range(600)]
ODD = [
    "", " ", "a", "the", "  two  spaces ", "tab\there", "Größe", "ÉLÈVE", "e\u0301te\u0301", "\ufb01rst \ufb01nd", "don\u2019t", "ＡＢＣ　ｗｉｄｅ", "AB BA", "soft\u00adhyphen",
    "one,two;three.", "what?!", "1999 42 123", "x1y2", "日本 語", "the日本the", "カ\u3099", "ñandú", "naïve", "İstanbul", "🙂", "👩\u200d🚀 go", "<unk>", "<s> a </s>", "a<laugh>b", "laugh", "<laugh>",
    "\u2581the", "the\u2581a", "a\u00a0b", "it's we're I'll don't 's", "a  \n b", "trailing   ", "zzzz qqqq", "ça va", "##the", "_under_score", "a-b", "\u200bzero", "q", "0", "ä Ä ae",
]
TEXTS = ODD + [sentence(random.randint(1, 6)) for _ in range(60)] + ["".join(random.choice("abdeghilnorstuwé ',1") for _ in range(random.randint(1, 25))) for _ in range(60)]


def write(name, data, pieces):
    with open(os.path.join(OUT, name + ".gz"), "wb") as f:
        f.write(gzip.compress(data, 9, mtime=0))
    return {"file": name, "pieces": pieces}


def sentencepiece(name, **options):
    model = io.BytesIO()
    rules = options.pop("rules", False)
    if rules:
        path = "/tmp/rules.tsv"
        with open(path, "w") as f:
            f.write(RULES)
        options["normalization_rule_tsv"] = path
    spm.SentencePieceTrainer.Train(sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=options.pop("size", 260), minloglevel=2, hard_vocab_limit=False, **options)
    data = model.getvalue()
    m = pb.ModelProto.FromString(data)
    m.trainer_spec.ClearField("input")
    m.normalizer_spec.ClearField("normalization_rule_tsv")
    data = m.SerializeToString()
    p = spm.SentencePieceProcessor(model_proto=data)

    def pieces(text):
        ids = p.EncodeAsIds(text)
        return None if p.unk_id() in ids else [p.IdToPiece(i) for i in ids]

    return data, write(name + ".model", data, [pieces(t) for t in TEXTS])


def huggingface(name, model, trainer, normalizer=None, pre=None, decoder=None, edit=None):
    t = Tokenizer(model)
    if normalizer is not None:
        t.normalizer = normalizer
    if pre is not None:
        t.pre_tokenizer = pre
    if decoder is not None:
        t.decoder = decoder
    t.train_from_iterator(CORPUS, trainer)
    file = json.loads(t.to_str())
    if edit:
        edit(file)
    data = json.dumps(file, ensure_ascii=False, separators=(",", ":")).encode()
    t = Tokenizer.from_str(data.decode())
    unknown = {i for w in ("<unk>", "[UNK]") if (i := t.token_to_id(w)) is not None}
    added = [a["content"] for a in file["added_tokens"]]

    def pieces(text):
        if any(a in text for a in added):
            return None
        e = t.encode(text, add_special_tokens=False)
        return None if unknown & set(e.ids) else e.tokens

    return write(name + ".json", data, [pieces(t_) for t_ in TEXTS])


def main():
    os.makedirs(OUT, exist_ok=True)
    special = ["<unk>", "<laugh>"]
    bpe = dict(vocab_size=300, special_tokens=special, show_progress=False)
    files = []
    table, case = sentencepiece("unigram", model_type="unigram", rules=True)
    files.append(case)
    charsmap = base64.b64encode(pb.ModelProto.FromString(table).normalizer_spec.precompiled_charsmap).decode()
    for name, options in {
        "unigram_nmt": dict(model_type="unigram"),
        "unigram_bytes": dict(model_type="unigram", normalization_rule_name="identity", byte_fallback=True, user_defined_symbols=["<laugh>", "é"], size=520),
        "unigram_spaces": dict(model_type="unigram", normalization_rule_name="identity", remove_extra_whitespaces=False),
        "bpe": dict(model_type="bpe", rules=True),
        "bpe_bytes": dict(model_type="bpe", normalization_rule_name="identity", byte_fallback=True, size=520),
        "bpe_bare": dict(model_type="bpe", normalization_rule_name="identity", add_dummy_prefix=False, user_defined_symbols=["<laugh>", "th", "1"]),
    }.items():
        files.append(sentencepiece(name, **options)[1])
    mark = pre_tokenizers.Metaspace()
    never = pre_tokenizers.Metaspace(prepend_scheme="never")
    first = pre_tokenizers.Metaspace(prepend_scheme="first")

    def fallback(file):
        names = file["model"]["vocab"]
        for i in range(256):
            names.setdefault(f"<0x{i:02X}>", len(names))
        file["model"]["byte_fallback"] = True

    def table_of(file):
        file["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": charsmap}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}

    def whole(file):
        file["model"]["ignore_merges"] = True

    files += [
        huggingface("bpe_metaspace", models.BPE(unk_token="<unk>"), trainers.BpeTrainer(**bpe), normalizers.NFKC(), mark, decoders.Metaspace()),
        huggingface("bpe_bytelevel", models.BPE(), trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), vocab_size=400, show_progress=False), normalizers.NFC(), pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()),
        huggingface("bpe_whole", models.BPE(), trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), vocab_size=400, show_progress=False), None, pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel(), whole),
        huggingface("bpe_suffix", models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), trainers.BpeTrainer(end_of_word_suffix="</w>", **bpe), normalizers.Sequence([normalizers.Nmt(), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()]), pre_tokenizers.Whitespace(), decoders.BPEDecoder()),
        huggingface("bpe_continuing", models.BPE(unk_token="<unk>", continuing_subword_prefix="##"), trainers.BpeTrainer(continuing_subword_prefix="##", **bpe), normalizers.NFD(), pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits(individual_digits=False)])),
        huggingface("bpe_llama", models.BPE(unk_token="<unk>", fuse_unk=True), trainers.BpeTrainer(**bpe), normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None, None, fallback),
        huggingface("unigram", models.Unigram(), trainers.UnigramTrainer(vocab_size=260, special_tokens=special, unk_token="<unk>", show_progress=False), None, mark, decoders.Metaspace(), table_of),
        huggingface("unigram_split", models.Unigram(), trainers.UnigramTrainer(vocab_size=260, special_tokens=special, unk_token="<unk>", show_progress=False), normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents()]), pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), never]), None),
        huggingface("unigram_first", models.Unigram(), trainers.UnigramTrainer(vocab_size=260, special_tokens=special, unk_token="<unk>", show_progress=False), None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), first]), None),
        huggingface("wordpiece", models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]", "[CLS]"], show_progress=False), normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()),
        huggingface("wordpiece_cased", models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=8), trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False), normalizers.BertNormalizer(lowercase=False, strip_accents=False, handle_chinese_chars=False), pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]), decoders.WordPiece()),
    ]
    with open(os.path.join(OUT, "pieces.json.gz"), "wb") as f:
        f.write(gzip.compress(json.dumps({"texts": TEXTS, "files": files}, ensure_ascii=False).encode(), 9, mtime=0))


main()
