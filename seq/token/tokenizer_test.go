package token

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tokenizers is what oracle/tokenizer_files.py has written.
const tokenizers = "testdata/tokenizers"

func unpacked(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(tokenizers, name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func unpackedTokenizer(t testing.TB, name string) *Tokenizer {
	t.Helper()
	own, err := DecodeTokenizer(unpacked(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return own
}

// goldenPieces are texts and how the tokenizers of files spell them; nil where a character has no piece.
type goldenPieces struct {
	Texts []string
	Files []struct {
		File   string
		Pieces [][]string
	}
}

func readGolden(t testing.TB) (g goldenPieces) {
	t.Helper()
	if err := json.Unmarshal(unpacked(t, "pieces.json"), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// Texts are spelled as sentencepiece and tokenizers spell them.
func TestPiecesAreTheirs(t *testing.T) {
	g := readGolden(t)
	if len(g.Files) != 18 {
		t.Fatalf("%d files", len(g.Files))
	}
	for _, f := range g.Files {
		own := unpackedTokenizer(t, f.File)
		spelled := 0
		for i, text := range g.Texts {
			got, err := own.Pieces(text)
			want := f.Pieces[i]
			switch {
			case want == nil && err == nil:
				t.Errorf("%s: %q is %q; it has an unknown character", f.File, text, got)
			case want != nil && err != nil:
				t.Errorf("%s: %q: %v; want %q", f.File, text, err, want)
			case want != nil && !slices.Equal(got, want):
				t.Errorf("%s: %q is %q; want %q", f.File, text, got, want)
			}
			if len(want) > 0 {
				spelled++
			}
		}
		if spelled < len(g.Texts)/2 {
			t.Errorf("%s spells %d of %d texts: no trial", f.File, spelled, len(g.Texts))
		}
	}
}

// A set finds the classes of pieces by their names or texts, and takes no text that a tokenizer changes.
func TestSpeller(t *testing.T) {
	own := unpackedTokenizer(t, "bpe.model")
	m, err := sentencePiece(unpacked(t, "bpe.model"))
	if err != nil {
		t.Fatal(err)
	}
	listed, err := m.listing().understand(Options{})
	if err != nil {
		t.Fatal(err)
	}
	nemo := []string{} // its vocab.txt has no ▁, and ## before pieces that continue a word
	for _, name := range m.names[3:] {
		if rest, ok := strings.CutPrefix(name, Begins); ok && rest != "" {
			nemo = append(nemo, rest)
		} else if name != Begins {
			nemo = append(nemo, Continues+name)
		}
	}
	marked, err := Of(nemo, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Set{"own": listed, "NeMo": marked} {
		spell := own.Speller(s)
		for _, text := range []string{"reading the forest", "outspoken", "  größe  don't "} {
			classes, err := spell(text)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			pieces, err := own.Pieces(text)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := s.Text(classes), strings.Join(strings.Fields(text), " "); got != want || len(classes) != len(pieces) {
				t.Errorf("%s: %q is %v, %q; want %q", name, text, classes, got, pieces)
			}
		}
		for text, want := range map[string]string{
			"AB":          `the tokenizer spells "AB" as "ab"; the text must be as the tokenizer has it`,
			"the 日 a":     `"the 日 a" cannot be spelled with the tokenizer: it has no piece for "日"`,
			"a\xffb":      "is not UTF-8",
			"the\ufb01nd": `the tokenizer spells`,
		} {
			if classes, err := spell(text); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q: %v, %v; want %q", name, text, classes, err, want)
			}
		}
	}
	few, err := Of([]string{"▁th", "e"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Speller(few)("forest"); err == nil || !strings.Contains(err.Error(), "is not one of the tokens (a list, 3 of them)") {
		t.Error(err)
	}
	// A tokenizer of bytes has a space before the first word only where there is one.
	bytes := unpackedTokenizer(t, "bpe_bytelevel.json")
	s, err := parse("tokenizer.json", unpacked(t, "bpe_bytelevel.json"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if classes, err := bytes.Speller(s)("the größe"); err != nil || s.Names[classes[0]] != "Ġthe" || s.Join(classes) != " the größe" {
		t.Error(classes, err)
	}
}

// What is not supported is refused by its name.
func TestTokenizersRefused(t *testing.T) {
	const tail = `,"model":{"type":"WordPiece","vocab":{"a":0}}}`
	for text, want := range map[string]string{
		"":                                  "it is no tokenizer",
		"a\nb\n":                            "it is no tokenizer",
		"\n\x7fa":                           "it is no .model of SentencePiece: piece 0",
		`{"a":0}`:                           "it has no model",
		`{"normalizer":{"type":"X"}` + tail: `its normalizer "X" is not supported`,
		`{"normalizer":{"type":"Sequence","normalizers":[{"type":"Y"}]}` + tail:             `its normalizer "Y" is not supported`,
		`{"normalizer":{"type":"Replace","pattern":{"Regex":"a(?=b)"}}` + tail:              `the regular expression "a(?=b)" of its normalizer Replace is not supported`,
		`{"normalizer":{"type":"Replace"}` + tail:                                           "has no pattern",
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAA="}` + tail:         "the table of characters has 2 bytes",
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"/wAAAAAAAAA="}` + tail: "the trie of the table of characters has 255 bytes",
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAABh"}` + tail: "does not end with a zero",
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"?"}` + tail:            "illegal base64",
		`{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"x"}}` + tail:                  `its pre_tokenizer "Split" is not supported`,
		`{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Z"}]}` + tail:        `its pre_tokenizer "Z" is not supported`,
		`{"pre_tokenizer":{"type":"Punctuation","behavior":"Removed"}` + tail:               `the behaviour "Removed"`,
		`{"pre_tokenizer":{"type":"Metaspace","replacement":"ab"}` + tail:                   `is "ab"; it must be one character`,
		`{"model":{"type":"WordLevel","vocab":{"a":0}}}`:                                    `its model "WordLevel" is not supported`,
		`{"model":{"type":"WordPiece","vocab":{}}}`:                                         "model.vocab has no tokens",
		`{"model":{"type":"WordPiece","vocab":3}}`:                                          "model.vocab: ",
		`{"model":{"type":"Unigram","vocab":[["a",0],["a",1]]}}`:                            `model.vocab[1] is "a", which is there twice`,
		`{"model":{"type":"Unigram","vocab":[["a"]]}}`:                                      "model.vocab[0] has 1 elements",
		`{"model":{"type":"Unigram","vocab":[["a","b"]]}}`:                                  "model.vocab[0] is [a b]; it must be a piece and its score",
		`{"model":{"type":"Unigram","unk_id":1,"vocab":[["a",0]]}}`:                         "model.unk_id is 1; it must be from 0 to 0",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}}`:                         `model.merges[0] is "a" and "a"; "aa" is not in model.vocab`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}`:                           `model.merges[0] is "a"; it must be two pieces`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}`:                         "model.merges[0] has 1 elements",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":3}}`:                               "model.merges: ",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}`:                "model.dropout is 0.1",
		modelOf(modelPiece("a", 1, 0), []byte{2<<3 | 2, 2, 3 << 3, 4}):                      "its model is char; unigram and BPE are supported",
		modelOf(modelPiece("a", 1, 0), []byte{2<<3 | 2, 3, 24<<3&0x7f | 0x80, 1, 1}):        "treat_whitespace_as_suffix",
		modelOf(modelPiece("a", 1, 0), modelPiece("b", unusedPiece, 0)):                     `its piece 1, "b", is unused`,
		modelOf(modelPiece("a", 1, 0), modelPiece("a", 1, 0)):                               `its piece 1, "a", is there twice`,
		modelOf(modelPiece("<s>", controlPiece, 0)):                                         "it has no pieces of text",
		modelOf(modelPiece("a", 1, 0xff)):                                                   `the score of piece 0, "a", is NaN`,
		modelOf(modelPiece("", 1, 0)):                                                       "piece 1 or what is behind it: a piece without a text",
	} {
		if _, err := DecodeTokenizer([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

// modelPiece is a piece of a .model: with a score whose bytes are all alike.
func modelPiece(name string, kind, score byte) []byte {
	body := slices.Concat([]byte{1<<3 | 2, byte(len(name))}, []byte(name), []byte{2<<3 | 5, score, score, score, score, 3 << 3, kind})
	return slices.Concat([]byte{1<<3 | 2, byte(len(body))}, body)
}

func modelOf(fields ...[]byte) string { return string(slices.Concat(fields...)) }

// A .model is a file of tokens, too.
func TestReadModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.model")
	if err := os.WriteFile(path, unpacked(t, "unigram_bytes.model"), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Read(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := s.Class("▁the")
	if s.Layout != sentencePieceLayout || s.Mark != Begins || s.Blank != len(s.Names)-1 || s.Unknown != 0 || s.Start != 1 || s.End != 2 || c < 0 || s.Texts[c] != " the" || s.Texts[s.Class("<0x41>")] != "A" {
		t.Errorf("%+v", s)
	}
	if err := os.WriteFile(path, []byte("\n\x05ab"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, Options{}); err == nil || !strings.Contains(err.Error(), "m.model: it is no .model of SentencePiece") {
		t.Error(err)
	}
	// A list whose first token is empty begins as a .model does.
	if s, err := parse("tokens.txt", []byte("\n|\na\nb\n"), Options{}); err != nil || s.Blank != 0 || len(s.Names) != 4 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Whatever a file holds, a tokenizer is refused or spells texts so that its pieces are in order.
func FuzzTokenizer(f *testing.F) {
	for _, file := range []string{
		modelOf(modelPiece("▁", 1, 1), modelPiece("a", 1, 2), modelPiece("▁a", userPiece, 3), modelPiece("<0x41>", bytePiece, 0)),
		modelOf(modelPiece("▁", 1, 1), modelPiece("a", 1, 2), []byte{2<<3 | 2, 2, 3 << 3, 2}, []byte{3<<3 | 2, 4, 3 << 3, 0, 4 << 3, 0}),
		`{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"}]},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"},"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["▁a",-1],["b",-2.5]]}}`,
		`{"normalizer":{"type":"Replace","pattern":{"Regex":"a+"},"content":"b"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"Ġ":3},"merges":["a b"]}}`,
		`{"normalizer":{"type":"BertNormalizer","lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","vocab":{"a":0,"##b":1}}}`,
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"CAAAAAAEAAAAAQAAYQA="},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`,
	} {
		f.Add([]byte(file), "a größe 42")
	}
	f.Fuzz(func(t *testing.T, file []byte, text string) {
		if len(text) > 1000 {
			return
		}
		own, err := DecodeTokenizer(file)
		if err != nil {
			return
		}
		pieces, err := own.Pieces(text)
		again, _ := own.Pieces(text)
		if err == nil && !slices.Equal(pieces, again) || slices.Contains(pieces, "") {
			t.Errorf("%q is %q, then %q", text, pieces, again)
		}
		if s, err := parse("tokenizer.json", file, Options{}); err == nil {
			_, _ = own.Speller(s)(text)
		}
	})
}

func BenchmarkPieces(b *testing.B) {
	text := strings.TrimSpace(string(bytes.Repeat([]byte("reading the forest in the morning "), 20)))
	for _, name := range []string{"bpe.model", "unigram.model", "wordpiece.json"} {
		own := unpackedTokenizer(b, name)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := own.Pieces(text); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(text)))
		})
	}
}
