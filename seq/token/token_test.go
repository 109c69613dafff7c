package token

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/plaintext"
)

// A layout is a file of tokens, and what it means.
type layout struct {
	name    string
	files   map[string]string // the first in order of their names that is not beside is read
	read    string
	options Options
	blank   int
	texts   []string // of all classes
	says    string   // classes of "HE LL" … are not repeated: a line of Why
}

func one(file, text string) map[string]string { return map[string]string{file: text} }

var layouts = []layout{
	{
		name: "Hugging Face's vocab.json", files: one("vocab.json", `{"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "E": 5, "T": 6}`),
		blank: 0, texts: []string{"", "", "", "", " ", "E", "T"}, says: "blank is <pad>, class 0",
	},
	{
		name: "[PAD] last, with added tokens that the network has", files: map[string]string{
			"vocab.json": `{"a": 0, "b": 1, "|": 2, "[UNK]": 3, "[PAD]": 4}`, "added_tokens.json": `{"<s>": 5, "</s>": 6}`,
		},
		read: "vocab.json", blank: 4, texts: []string{"a", "b", " ", "", "", "", ""}, says: "<s> 5 (start), </s> 6 (end)",
	},
	{
		name: "added tokens that the network does not have", files: map[string]string{
			"vocab.json": `{"a": 0, "b": 1, "|": 2, "[UNK]": 3, "[PAD]": 4}`, "added_tokens.json": `{"<s>": 5, "</s>": 6}`,
		},
		read: "vocab.json", options: Options{Classes: 5}, blank: 4, texts: []string{"a", "b", " ", "", ""}, says: "<s> and what follows it",
	},
	{
		name: "names from tokenizer_config.json", files: map[string]string{
			"vocab.json":            `{"a": 0, "~": 1, "_": 2, "|": 3}`,
			"tokenizer_config.json": `{"pad_token": {"content": "_"}, "word_delimiter_token": "~", "unk_token": "|"}`,
		},
		read: "vocab.json", blank: 2, texts: []string{"a", " ", "", ""}, says: "blank is _, class 2: tokenizer_config.json says so",
	},
	{
		name: "tokenizer.json of CTC", files: one("tokenizer.json", `{"added_tokens": [{"id": 3, "content": "<s>", "special": true}],
			"decoder": {"type": "CTC", "pad_token": "p", "word_delimiter_token": "w"}, "model": {"type": "WordLevel", "vocab": {"a": 0, "w": 1, "p": 2}}}`),
		blank: 2, texts: []string{"a", " ", "", ""}, says: "tokenizer.json's decoder says so",
	},
	{
		name: "tokenizer.json of Unigram pieces", files: one("tokenizer.json", `{"added_tokens": [{"id": 0, "content": "<pad>", "special": true}, {"id": 1, "content": "<unk>", "special": true}],
			"decoder": {"type": "Metaspace", "replacement": "▁"}, "model": {"type": "Unigram", "vocab": [["<pad>", 0], ["<unk>", 0], ["▁he", -1.5], ["llo", -2]]}}`),
		blank: 0, texts: []string{"", "", " he", "llo"},
	},
	{
		name: "tokenizer.json of WordPiece, the blank behind all", files: one("tokenizer.json", `{"added_tokens": [{"id": 0, "content": "[PAD]", "special": true}],
			"decoder": {"type": "WordPiece", "prefix": "##"}, "model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "he": 1, "##llo": 2}}}`),
		options: Options{Classes: 4}, blank: 3, texts: []string{"", " he", "llo", ""}, says: "one class more than there are tokens",
	},
	{
		name: "tokenizer.json of bytes", files: one("tokenizer.json", `{"added_tokens": [{"id": 0, "content": "<pad>", "special": true}],
			"decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"<pad>": 0, "Ġhe": 1, "llo": 2, "Ã¼": 3}}}`),
		blank: 0, texts: []string{"", " he", "llo", "ü"},
	},
	{
		name: "torchaudio", files: one("labels.txt", "-\n|\nE\nT\n'\n"),
		blank: 0, texts: []string{"", " ", "E", "T", "'"},
	},
	{
		name: "torchaudio, as JSON, the blank in the middle", files: one("labels.json", `["|", "E", "-", "T"]`),
		blank: 2, texts: []string{" ", "E", "", "T"},
	},
	{
		name: "icefall, with symbols of a lexicon", files: one("tokens.txt", "<blk> 0\n<sos/eos> 1\n<unk> 2\n▁HE 3\nLL 4\n▁ 5\n#0 6\n#1 7\n"),
		blank: 0, texts: []string{"", "", "", " HE", "LL", " "}, says: "symbols of a lexicon",
	},
	{
		name: "sherpa, NeMo's blank last, a space's class alone", files: one("tokens.txt", "a 1\n  0\nb\t2\n<blk> 3\n"),
		blank: 3, texts: []string{" ", "a", "b", ""},
	},
	{
		name: "wenet", files: one("units.txt", "<blank> 0\n<unk> 1\n' 2\nA 3\n▁ 4\n<sos/eos> 5\n"),
		blank: 0, texts: []string{"", "", "'", "A", " ", ""},
	},
	{
		name: "Kaldi's <eps>", files: one("tokens.txt", "<eps> 0\nSIL 1\nB 2\n"),
		blank: 0, texts: []string{"", "SIL", "B"}, says: "every token is a word",
	},
	{
		name: "ESPnet, classes from 1", files: one("units.txt", "<unk> 1\na 2\n<space> 3\n"),
		blank: 0, texts: []string{"", "", "a", " "}, says: "begin with 1",
	},
	{
		name: "NeMo's characters", files: one("labels.json", `[" ", "a", "b", "'"]`),
		blank: 4, texts: []string{" ", "a", "b", "'", ""}, says: "no token is called a blank",
	},
	{
		name: "NeMo's pieces", files: one("vocab.txt", "<unk>\n▁t\nhe\n▁\n"),
		options: Options{Classes: 5}, blank: 4, texts: []string{"", " t", "he", " ", ""},
	},
	{
		name: "flashlight", files: one("tokens.txt", "|\n'\na\nb\n#\n"),
		blank: 4, texts: []string{" ", "'", "a", "b", ""},
	},
	{
		name: "flashlight's pieces, without a blank", files: one("tokens.txt", "_the\nre\n_\n"),
		blank: 3, texts: []string{" the", "re", " ", ""},
	},
	{
		name: "PaddleOCR, with a space of its own", files: one("en_dict.txt", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\na\n{\n|\n}\n-\n \n"),
		blank: 0, texts: strings.Split(",0,1,2,3,4,5,6,7,8,9,a,{,|,},-, ", ","), says: "| is a character, class 13",
	},
	{
		name: "PaddleOCR, with another space", files: one("en_dict.txt", "0\n1\na\n \n"),
		options: Options{Classes: 6}, blank: 0, texts: []string{"", "0", "1", "a", " ", " "}, says: "two classes more",
	},
	{
		name: "PaddleOCR's ideographs", files: one("ppocr_keys_v1.txt", "'\n疗\n绚\n#\n1\n"),
		blank: 0, texts: []string{"", "'", "疗", "绚", "#", "1"},
	},
	{
		name: "PaddleOCR by flags", files: one("dict.txt", "a\nb\n|\n \n"),
		options: Options{Blank: "0", Classes: 5}, blank: 0, texts: []string{"", "a", "b", "|", " "},
	},
	{
		name: "SentencePiece's .vocab", files: one("tokenizer.vocab", "<unk>\t0\n<s>\t0\n</s>\t0\n▁t\t-0\nhe\t-1\n"),
		blank: 5, texts: []string{"", "", "", " t", "he", ""},
	},
	{
		name: "WordPiece, one token a line that begins with [", files: one("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[unused1]\nhe\n##llo\n##\n"),
		blank: 0, texts: []string{"", "", "", "", " he", "llo", " ##"},
	},
	{
		name: "Keras: the unknown token is empty, the blank behind all", files: one("vocabulary.json", `["", "a", "b", " "]`),
		options: Options{Classes: 5}, blank: 4, texts: []string{"", "a", "b", " ", ""},
	},
	{
		name: "Keras's [UNK]", files: one("vocabulary.txt", "[UNK]\na\nb\n"),
		blank: 3, texts: []string{"", "a", "b", ""},
	},
	{
		name: "DeepSpeech's alphabet", files: one("alphabet.txt", "# a comment\n \na\n\\#\n# the end\n"),
		blank: 3, texts: []string{" ", "a", "#", ""},
	},
	{
		name: "deepspeech.pytorch", files: one("labels.json", `["_", "'", "A", " "]`),
		blank: 0, texts: []string{"", "'", "A", " "},
	},
	{
		name: "fairseq", files: one("dict.ltr.txt", "| 94802\nE 51860\nT 38431\n"),
		blank: 0, texts: []string{"", "", "", "", " ", "E", "T"}, says: "fairseq",
	},
	{
		name: "classes and tokens", files: one("idx.json", `{"0": "<blank>", "2": "b", "1": "a"}`),
		blank: 0, texts: []string{"", "a", "b"},
	},
	{
		name: "under a key", files: one("config.json", `{"labels": ["a", "|", "<pad>"]}`),
		blank: 2, texts: []string{"a", " ", ""},
	},
	{
		name: "bytes", files: one("tokens.txt", "<blk> 0\n<0xC3> 1\n<0xBC> 2\n▁a 3\n"),
		blank: 0, texts: []string{"", "\xc3", "\xbc", " a"},
	},
	{
		name: "by flags: a token", files: one("tokens.txt", "a\nq\n~\n"),
		options: Options{Blank: "q", Separator: "~"}, blank: 1, texts: []string{"a", "", " "}, says: "blank (--blank) is q",
	},
	{
		name: "by flags: last, none", files: one("tokens.txt", "a\n|\nq\n"),
		options: Options{Blank: "last", Separator: "none"}, blank: 2, texts: []string{"a", "|", ""},
	},
	{
		name: "by flags: behind all", files: one("tokens.txt", "<pad>\n▁a\nb\n"),
		options: Options{Blank: "none+1", Separator: "▁"}, blank: 3, texts: []string{"", " a", "b", ""},
	},
	{
		name: "by flags: another mark of pieces", files: one("tokens.txt", "<blank>\n@a\nb\n"),
		options: Options{Separator: "@"}, blank: 0, texts: []string{"", " a", "b"},
	},
	{
		name: "texts of a set", files: one("tokens.json", `["", " he", "llo", "", " "]`),
		blank: 0, texts: []string{"", " he", "llo", "", " "},
	},
}

// write writes files into a folder of their own, and returns the path of one.
func write(t *testing.T, files map[string]string, read string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			read = name
		}
	}
	return filepath.Join(dir, read)
}

// TestLayouts: each system's file means what the system means by it.
func TestLayouts(t *testing.T) {
	for _, l := range layouts {
		s, err := Read(write(t, l.files, l.read), l.options)
		if err != nil {
			t.Errorf("%s: %v", l.name, err)
			continue
		}
		if s.Blank != l.blank || !slices.Equal(s.Texts, l.texts) || !strings.Contains(strings.Join(s.Why, "\n"), l.says) {
			t.Errorf("%s: blank %d, texts %q; they must be %d, %q\n%s", l.name, s.Blank, s.Texts, l.blank, l.texts, strings.Join(s.Why, "\n"))
		}
		// A set's texts, with its blank and separator, are a list that means the same.
		again, err := Of(s.Texts, Options{Blank: strconv.Itoa(s.Blank), Separator: s.SeparatorOption(), Classes: len(s.Texts)})
		if err != nil || again.Blank != s.Blank || !slices.Equal(again.Texts, s.Texts) || again.Words() != s.Words() {
			t.Errorf("%s: its texts are read as %+v, %v", l.name, again, err)
		}
		if plain := OfTexts(s.Texts, s.Blank); !slices.Equal(plain.Texts, s.Texts) || plain.Words() != s.Words() || (plain.Mark == "") != (s.Mark == "") {
			t.Errorf("%s: its texts are taken for %+v", l.name, plain)
		}
	}
}

// TestErrors: what cannot be is refused, by what is wrong.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		file, text string
		o          Options
		says       string
	}{
		{"t.txt", "", Options{}, "no tokens"},
		{"t.txt", "\n\n", Options{}, "no tokens"},
		{"t.txt", "\uFEFF", Options{}, "no tokens"},
		{"t.json", "[]", Options{}, "no tokens"},
		{"t.json", "{}", Options{}, "no tokens"},
		{"t.json", "[1]", Options{}, "cannot unmarshal number"},
		{"t.json", `{"a": 0,`, Options{}, "unexpected end"},
		{"t.json", `{"eng": {"a": 0}}`, Options{}, "several languages"},
		{"t.txt", "a\nb\na\n", Options{}, `token 2 is "a", and so is token 0`},
		{"t.json", `{"a": 0, "b": 2}`, Options{}, `the class of "b" is 2; with 2 tokens it must be from 0 to 1`},
		{"t.json", `{"a": 0, "b": -1}`, Options{}, `the class of "b" is -1`},
		{"t.json", `{"a": 1, "b": 0, "c": 1}`, Options{}, `"a" and "c" are both class 1`},
		{"t.json", `{"a": 0.5}`, Options{}, `the class of "a" is 0.5`},
		{"t.json", `{"1": "a", "0": "a"}`, Options{}, "two classes, 0 and 1"},
		{"t.txt", "a\nb\xff\n", Options{}, "line 2 of the text has the byte 0xff"},
		{"t.txt", "a 0\nb 0\n", Options{}, `line 2: "b" is class 0, which line 1 has, too`},
		{"t.txt", "a 0\nb 7\n", Options{}, `line 2: the class of "b" is 7`},
		{"t.txt", "<blank>\n<s>\n", Options{}, "none of the tokens is a text"},
		{"t.txt", "<blank>\na\n", Options{Classes: 3}, "there are 2 tokens, with the blank; the emissions have 3 classes"},
		{"t.txt", "a\nb\n", Options{Classes: 2}, "there are 3 tokens, with the blank; the emissions have 2 classes"},
		{"t.txt", "a\nb\n", Options{Blank: "3"}, "blank is 3; with 2 tokens it must be a class from 0 to 2"},
		{"t.txt", "a\nb\n", Options{Blank: "-1"}, "blank is -1"},
		{"t.txt", "<blank>\na\n", Options{Blank: "<blenk>"}, `blank is "<blenk>", which is no token, did you mean <blank>?`},
		{"t.txt", "<blank>\na\n", Options{Separator: "|"}, `separator is "|", which is no token`},
		{"t.txt", "<blank>\na\n", Options{Separator: "<blank>"}, "which is the blank"},
		{"t.txt", "<blank>\na\n", Options{Separator: "##"}, "separator is ##, which no token has"},
		{"t.txt", "<blank>\na\n", Options{Classes: -1}, "number of classes is -1"},
		{"tokenizer.json", `{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1, "content": "a"}]}`, Options{}, "class 0 in model.vocab, and 1"},
		{"tokenizer.json", `{"model": {"vocab": [["a", 1], ["a", 2]]}}`, Options{}, "a token twice"},
	} {
		if s, err := Read(write(t, one(c.file, c.text), ""), c.o); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%q: %+v, %v; the error must say %q", c.text, s, err, c.says)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none"), Options{}); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestForm: what tokens spell is what their texts make up.
func TestForm(t *testing.T) {
	for _, c := range []struct {
		names      []string
		form, text string
		classes    []int
	}{
		{[]string{"<blank>", "|", "a", "b"}, "a b", "a b", []int{1, 2, 1, 1, 3, 1}},
		{[]string{"<blank>", "▁a", "b"}, " a b", "ab a", []int{1, 2, 1}},
		{[]string{"[PAD]", "a", "##b", "[CLS]"}, " a b", "ab a", []int{3, 1, 2, 1, 3}},
		{[]string{"<blank>", "a", "b"}, "a b", "ab", []int{1, 2}},
	} {
		s, err := Of(c.names, Options{})
		if err != nil || s.Form(" a  b ") != c.form || s.Text(c.classes) != c.text {
			t.Errorf("%q: %q, %q, %v; they must be %q, %q", c.names, s.Form(" a  b "), s.Text(c.classes), err, c.form, c.text)
		}
	}
	s, err := Of([]string{"a", "<s>", "b", "<pad>"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if texts, order := s.BlankFirst(); !slices.Equal(texts, []string{"", "a", "", "b"}) || !slices.Equal(order, []int{3, 0, 1, 2}) {
		t.Errorf("%q, %v", texts, order)
	}
}

func FuzzRead(f *testing.F) {
	for _, l := range layouts {
		for _, text := range l.files {
			f.Add("vocab.json", text, l.options.Classes)
			f.Add("t", text, 0)
		}
	}
	f.Fuzz(func(t *testing.T, name, text string, classes int) {
		plain, err := plaintext.ReadAll(strings.NewReader(text), most)
		if err != nil {
			return
		}
		s, err := parse(name, plain, Options{Classes: classes})
		if err != nil {
			return
		}
		n := len(s.Names)
		if len(s.Texts) != n || len(s.Roles) != n || s.Blank < 0 || s.Blank >= n || s.Texts[s.Blank] != "" || s.Roles[s.Blank] != Blank || classes > 0 && n != classes {
			t.Errorf("%+v", s)
		}
	})
}
