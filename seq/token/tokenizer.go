package token

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// A Tokenizer gives the one spelling of a text that a network was trained on, as the program does that made its file. Without one a text has every
// spelling that the tokens allow.
type Tokenizer struct {
	Layout string // what the file is

	normalise func(text string) string
	split     func(text string) []string
	model     model
	text      func(piece string) string // a space being where words part
	added     []string                  // tokens that stand beside the model's, which are cut out of texts before it sees them
}

// A model spells a part of a text by pieces.
type model interface {
	// pieces returns their names, or an error where the model has none for a character.
	pieces(text string) ([]string, error)
}

// OpenTokenizer opens a file of a tokenizer:
//
//	tokenizer.json  of Hugging Face's tokenizers, with a model BPE, Unigram or WordPiece
//	.model          of SentencePiece, Unigram or BPE
//
// The special tokens that they put around texts are left out, as CTC has none.
//
// Errors: another form of file; a kind of model, normaliser or pre-tokenizer that is not known, by its name.
func OpenTokenizer(path string) (*Tokenizer, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	t, err := DecodeTokenizer(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// DecodeTokenizer is [OpenTokenizer] for what a file holds.
func DecodeTokenizer(text []byte) (*Tokenizer, error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		return decodeHuggingFace(trimmed)
	}
	m, err := sentencePiece(text)
	if err != nil {
		return nil, err
	}
	return m.tokenizer()
}

// Pieces returns the names of the tokens that spell a text.
//
// Errors: a text that is not UTF-8, or that has an added token of the file, or a character that no token spells.
func (t *Tokenizer) Pieces(text string) (all []string, err error) {
	err = t.each(text, func(part string) error {
		pieces, err := t.model.pieces(part)
		all = append(all, pieces...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// each calls do with the parts of a text that the model spells one by one.
func (t *Tokenizer) each(text string, do func(part string) error) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%q is not UTF-8", excerpt.Of(text))
	}
	if text == "" {
		return nil
	}
	for _, name := range t.added {
		if strings.Contains(text, name) {
			return fmt.Errorf("%q has the text of the tokenizer's added token %q; texts must have none", excerpt.Of(text), excerpt.Of(name))
		}
	}
	for _, part := range t.split(t.normalise(text)) {
		if part == "" {
			continue
		}
		if err := do(part); err != nil {
			return fmt.Errorf("%q cannot be spelled with the tokenizer: %w", excerpt.Of(text), err)
		}
	}
	return nil
}

// Speller returns what spells texts by the classes of a set: pieces are those of its tokens that are called so, or else have their text. Where words
// begin with marked pieces, the first word does, too, as [Set.Form] has it.
//
// Its errors: those of Pieces; a piece that is not one of the set's tokens; a text that the tokenizer changes, so that words would be others.
func (t *Tokenizer) Speller(s *Set) func(text string) ([]int, error) {
	names, texts := map[string]int{}, map[string]int{}
	for c := len(s.Names) - 1; c >= 0; c-- { // the first of several
		if c != s.Blank && s.Texts[c] != "" {
			names[s.Names[c]], texts[s.Texts[c]] = c, c
		}
	}
	classes := func(text string) (classes []int, err error) {
		pieces, err := t.Pieces(text)
		for _, p := range pieces {
			own := t.text(p)
			c, ok := names[p]
			if !ok || s.Texts[c] != own { // one that is called so may be another, where marks are
				if c, ok = texts[own]; !ok {
					c, ok = names[p]
				}
				if !ok {
					return nil, fmt.Errorf("the tokenizer's piece %q is not one of the tokens (%s, %d of them)", excerpt.Of(p), s.Layout, len(s.Names))
				}
			}
			classes = append(classes, c)
		}
		return classes, err
	}
	return func(text string) ([]int, error) {
		all, err := classes(text)
		if s.Mark != "" && err == nil && !strings.HasPrefix(s.Join(all), " ") {
			if marked, err := classes(" " + text); err == nil && s.Join(marked) == s.Form(text) {
				all = marked
			}
		}
		if err != nil {
			return nil, err
		}
		said := strings.Join(strings.Fields(text), " ")
		if own := s.Text(all); own != said {
			return nil, fmt.Errorf("the tokenizer spells %q as %q; the text must be as the tokenizer has it", excerpt.Of(said), excerpt.Of(own))
		}
		return all, nil
	}
}

// spaced is the text of a piece with ▁ for spaces.
func spaced(piece string) string { return strings.ReplaceAll(piece, Begins, " ") }

// An unspelled is a character that no piece spells.
type unspelled string

func (u unspelled) Error() string {
	return fmt.Sprintf("it has no piece for %q", excerpt.Of(string(u)))
}

// bytePieces spells a text by pieces of bytes, where there are such.
func bytePieces(text string, has func(name string) bool) ([]string, bool) {
	var all []string
	for i := range len(text) {
		name := fmt.Sprintf("<0x%02X>", text[i])
		if !has(name) {
			return nil, false
		}
		all = append(all, name)
	}
	return all, true
}
