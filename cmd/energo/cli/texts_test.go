package cli

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/energo-ml/energo/job"
	"github.com/spf13/pflag"
)

// A textReader is a way in which a command reads texts: its arguments, with the files that it reads as texts.
type textReader struct {
	name  string
	args  string
	texts map[string]string // names and contents; "-" is stdin
	flags string            // of the command, those that name the texts
}

// textFiles are files that stay as they are while others are tried.
var textFiles = map[string]string{
	"tokens.txt":   "<pad>\n|\na\nb\né\n",
	"e.jsonl":      "[0, 0, 9, 0, 0]\n[9, 0, 0, 0, 0]\n[0, 0, 0, 9, 0]\n[0, 9, 0, 0, 0]\n[0, 0, 0, 0, 9]\n[9, 0, 0, 0, 0]\n",
	"lm.arpa":      "\\data\\\nngram 1=4\n\n\\1-grams:\n-1\t</s>\n-99\t<s>\n-1\tab\n-1\té\n\n\\end\\\n",
	"manifest.csv": "path,text\ne.jsonl,ab é\n",
	"a.conll":      strings.Repeat("Zoë NNP B-NP B-PER\nsees VBZ B-VP O\n\nthe DT B-NP O\ndog NN I-NP O\n\n", 4),
}

func textReaders() []textReader {
	const align, transcribe = "align tokens.txt e.jsonl --logits ", "transcribe tokens.txt e.jsonl --logits "
	one := func(name, text string) map[string]string { return map[string]string{name: text} }
	manifest := func(name, path string, texts map[string]string) textReader {
		return textReader{name: name, args: "align tokens.txt --logits --json --manifest " + path, texts: texts, flags: "align manifest"}
	}
	return []textReader{
		{name: "tokens, a list", args: "tokens x.txt", texts: one("x.txt", textFiles["tokens.txt"])},
		{name: "tokens and classes", args: "tokens x.txt", texts: one("x.txt", "<blk> 0\na 1\né 2\n")},
		{name: "vocab.json and added_tokens.json", args: "tokens h/vocab.json", texts: map[string]string{
			"h/vocab.json": `{"[PAD]": 0, "|": 1, "é": 2}`, "h/added_tokens.json": `{"<s>": 3}`, "h/special_tokens_map.json": `{"bos_token": "<s>"}`, "h/tokenizer_config.json": `{"pad_token": "[PAD]"}`,
		}},
		{name: "tokenizer.json", args: "tokens h/tokenizer.json", texts: one("h/tokenizer.json", `{"model": {"type": "BPE", "vocab": {"a": 0, "é": 1}}, "added_tokens": [{"id": 2, "content": "<pad>", "special": true}]}`)},
		{name: "tokens of transcribe", args: "transcribe x.txt e.jsonl --logits", texts: one("x.txt", textFiles["tokens.txt"])},
		{name: "tokens of align", args: "align x.txt e.jsonl --logits --json", texts: one("x.txt", textFiles["tokens.txt"])},
		{name: "emissions", args: "transcribe tokens.txt x.jsonl --logits", texts: one("x.jsonl", textFiles["e.jsonl"])},
		{name: "emissions of stdin", args: "transcribe tokens.txt - --logits", texts: one("-", textFiles["e.jsonl"])},
		{name: "lengths", args: transcribe + "--lengths x", texts: one("x", "[\n4\n]\n"), flags: "align lengths transcribe lengths"},
		{name: "text", args: align + "--json --text x", texts: one("x", "ab\né\n"), flags: "align text"},
		{name: "text of stdin", args: align + "--json --text -", texts: one("-", "ab\né\n")},
		manifest("CSV", "x.csv", one("x.csv", "path,text\ne.jsonl,ab é\n")),
		manifest("NeMo", "x.json", one("x.json", "{\"audio_filepath\": \"e.jsonl\", \"text\": \"ab é\"}\n")),
		manifest("Common Voice", "x.tsv", one("x.tsv", "path\tsentence\ne.jsonl\tab é\n")),
		manifest("LJSpeech", "x.csv", one("x.csv", "e.jsonl|Ab É|ab é\n")),
		manifest("LibriSpeech", "libri", one("libri/1-2.trans.txt", "1-2-3.jsonl ab é\n")),
		manifest("Kaldi", "kaldi", map[string]string{"kaldi/wav.scp": "r ../e.jsonl\n", "kaldi/text": "u ab é\n", "kaldi/segments": "u r 0 -1\n", "kaldi/utt2spk": "u zoé\n"}),
		{name: "manifest of transcribe", args: "transcribe tokens.txt --logits --edits --manifest x.csv", texts: one("x.csv", "path,text\ne.jsonl,ab e\n"), flags: "transcribe manifest"},
		{name: "times", args: "align tokens.txt --logits --manifest manifest.csv --truth x.csv", texts: one("x.csv", "path,word,start,end\ne.jsonl,ab,0,0.06\ne.jsonl,é,0.08,0.1\n"), flags: "align truth"},
		{name: "hot words", args: transcribe + "--json --hot-file x", texts: one("x", "ab\t2\né\n"), flags: "transcribe hot-file"},
		{name: "tokenizer", args: align + "--json --tokenizer x.json ab é", texts: one("x.json", `{"model": {"type": "Unigram", "vocab": [["a", -1], ["b", -1], [" ", -1], ["é", -1]]}}`), flags: "align tokenizer transcribe tokenizer"},
		{name: "lexicon", args: transcribe + "--json --lexicon x", texts: one("x", "ab a b\nÉ é\n"), flags: "transcribe lexicon"},
		{name: "language model", args: transcribe + "--json --lm x.arpa", texts: one("x.arpa", textFiles["lm.arpa"]), flags: "transcribe lm"},
		{name: "lm train", args: "lm train x --order 2 --out out.arpa", texts: one("x", "zoé sees\nzoé runs\n")},
		{name: "lm train of stdin", args: "lm train --order 2 --out out.arpa", texts: one("-", "zoé sees\nzoé runs\n")},
		{name: "lm eval, the model", args: "lm eval x.arpa tokens.txt", texts: one("x.arpa", textFiles["lm.arpa"])},
		{name: "lm eval, the text", args: "lm eval lm.arpa x", texts: one("x", "ab é\n")},
		{name: "lm score", args: "lm score lm.arpa x", texts: one("x", "ab é\n")},
		{name: "tag", args: "tag run x --text", texts: one("x", "Zoë sees the dog.\nthe dog\n")},
		{name: "tag of stdin", args: "tag run --text", texts: one("-", "Zoë sees the dog.\nthe dog\n")},
		{name: "tag --column", args: "tag run x --column ner", texts: one("x", textFiles["a.conll"]), flags: ""},
	}
}

// textForms are the ways in which people have a text.
var textForms = map[string]func(text string) []byte{
	"UTF-8":             func(text string) []byte { return []byte(text) },
	"byte order mark":   func(text string) []byte { return []byte("\uFEFF" + text) },
	"UTF-16":            func(text string) []byte { return utf16Text(text, 0, 8) },
	"UTF-16 big-endian": func(text string) []byte { return utf16Text(text, 8, 0) },
	"gzip":              func(text string) []byte { return gzipText([]byte(text)) },
	"gzip of UTF-16":    func(text string) []byte { return gzipText(utf16Text(text, 0, 8)) },
}

func utf16Text(text string, first, second int) (out []byte) {
	for _, u := range utf16.Encode([]rune("\uFEFF" + text)) {
		out = append(out, byte(u>>first), byte(u>>second))
	}
	return out
}

func gzipText(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // a buffer takes all
	_ = z.Close()
	return b.Bytes()
}

// isTagger is the one job whose flags are needed.
func isTagger(j job.Job) bool { return j.Name == "tagger" }

// readText runs a command with its texts in one form, and returns all that it says.
func readText(t *testing.T, r textReader, form func(text string) []byte) (said string, err error) {
	t.Helper()
	files := map[string][]byte{"libri/1-2-3.jsonl": []byte(textFiles["e.jsonl"])}
	for name, text := range textFiles {
		files[name] = []byte(text)
	}
	for name, text := range r.texts {
		files[name] = form(text)
	}
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	root := Energo().commands(isTagger)
	root.SetArgs(strings.Fields(r.args))
	root.SetIn(bytes.NewReader(files["-"]))
	root.SetOut(&out)
	root.SetErr(&out)
	if err := root.Execute(); err != nil {
		return out.String(), err
	}
	made, _ := os.ReadFile("out.arpa")
	return out.String() + string(made), nil
}

// TestTextForms: every text that a command of sequences reads may be compressed, in UTF-8 or UTF-16, with a byte order mark or without, and is the same
// in each form; what is not UTF-8 is refused by its file.
func TestTextForms(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := readText(t, textReader{args: "train tagger --data a.conll --test-data a.conll --column ner --bits 10 --batch 2 --epochs 1 --quiet --run run"}, nil); err != nil {
		t.Fatal(err)
	}
	for _, r := range textReaders() {
		want, err := readText(t, r, textForms["UTF-8"])
		if err != nil || want == "" {
			t.Errorf("%s: %q, %v", r.name, want, err)
			continue
		}
		for name, form := range textForms {
			if got, err := readText(t, r, form); err != nil || got != want {
				t.Errorf("%s in %s: %q, %v; in UTF-8 it is %q", r.name, name, got, err, want)
			}
		}
		latin1 := func(text string) []byte { return []byte(text + "\xe9") }
		said, err := readText(t, r, latin1)
		if err == nil {
			t.Errorf("%s: a byte that is not UTF-8 is read", r.name)
		} else if said += err.Error(); !strings.Contains(said, "which is not UTF-8") || !namesText(r, said) {
			t.Errorf("%s: a byte that is not UTF-8: %v, %s", r.name, err, said)
		}
	}
}

// namesText reports whether an error names one of the files of texts, or stdin.
func namesText(r textReader, says string) bool {
	for name := range r.texts {
		if strings.Contains(says, name) || name == "-" && (strings.Contains(says, "input") || strings.Contains(says, "stdin") || strings.Contains(says, "ngram: ")) {
			return true
		}
	}
	return false
}

// otherFiles are flags of those commands that name files which are not read as texts, but written, or of bytes as their systems have them.
var otherFiles = []string{"align tokenizer", "transcribe tokenizer", "align out", "transcribe out", "tag out", "lm train out", "transcribe token-file"}

// TestTextReaders: each flag of those commands that names a file has a row in textReaders.
func TestTextReaders(t *testing.T) {
	var have []string
	for _, r := range textReaders() {
		fields := strings.Fields(r.flags)
		for i := 0; i+1 < len(fields); i += 2 {
			have = append(have, fields[i]+" "+fields[i+1])
		}
	}
	for _, path := range []string{"align", "transcribe", "tokens", "tag", "lm train", "lm eval", "lm score"} {
		cmd, _, err := Energo().commands(isTagger).Find(strings.Fields(path))
		if err != nil {
			t.Fatal(err)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(f); name == "file" && !slices.Contains(slices.Concat(have, otherFiles), path+" "+f.Name) {
				t.Errorf("energo %s --%s names a file, and has no row in textReaders", path, f.Name)
			}
		})
	}
}
