package ctc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// alphabetOf says how hot words and lexicons read tokens: as the bytes of their texts, so that it does not matter how
// tokens cut them up, or each token as a symbol of its own, where texts have one spelling.
type alphabetOf struct {
	words   [][][]int32 // of each token: the parts of words in its text, which separators part; those of a text that begins with one begin with an empty part
	between int32       // the symbol of a separator, or none
	strange int32       // the symbol of tokens without a text
	symbols int         // their number
}

// alphabet is that of the beam's tokens. With whole, each token is a symbol of its own; without a separator it always is.
func (b *Beam) alphabet(whole bool) alphabetOf {
	a := alphabetOf{between: 256, strange: 257, symbols: 258, words: make([][][]int32, b.Classes)}
	switch {
	case b.Separator == "":
		a.between, a.strange, a.symbols = none, none, b.Classes
	case whole:
		a.between, a.strange, a.symbols = int32(b.Classes), int32(b.Classes+1), b.Classes+2
	}
	for t := range a.words {
		if b.Separator == "" {
			a.words[t] = [][]int32{{int32(t)}}
			continue
		}
		for _, part := range strings.Split(b.Tokens[t], b.Separator) {
			symbols := bytesOf(part)
			if whole && part != "" {
				symbols = []int32{int32(t)}
			}
			a.words[t] = append(a.words[t], symbols)
		}
	}
	return a
}

// bytesOf are the symbols of a text's bytes.
func bytesOf(text string) []int32 {
	symbols := make([]int32, len(text))
	for i := range symbols {
		symbols[i] = int32(text[i])
	}
	return symbols
}

// flat are the symbols of each token, with those of separators.
func (a *alphabetOf) flat() [][]int32 {
	all := make([][]int32, len(a.words))
	for t, words := range a.words {
		for i, w := range words {
			if i > 0 {
				all[t] = append(all[t], a.between)
			}
			all[t] = append(all[t], w...)
		}
		if len(all[t]) == 0 {
			all[t] = []int32{a.strange}
		}
	}
	return all
}

// tokenized is a word as the one spelling of Tokenize has it.
func (b *Beam) tokenized(word string, a *alphabetOf) (symbols []int32, err error) {
	tokens, err := b.Tokenize(word)
	if err != nil {
		return nil, err
	}
	text := ""
	for _, t := range tokens {
		if t < 0 || t >= b.Classes || t == b.Blank {
			return nil, fmt.Errorf("%q has the token %d by Tokenize; it must be from 0 to %d and not the blank %d", excerpt.Of(word), t, b.Classes-1, b.Blank)
		}
		text += b.Tokens[t]
		for _, part := range a.words[t] {
			symbols = append(symbols, part...)
		}
	}
	if text = strings.TrimSuffix(strings.TrimPrefix(text, b.Separator), b.Separator); text != word {
		return nil, fmt.Errorf("%q is spelled as %q by Tokenize; it must be the same text", excerpt.Of(word), excerpt.Of(text))
	}
	return symbols, nil
}

// checkTokenize refuses a tokenizer where no word is spelled by it.
func (b *Beam) checkTokenize() error {
	switch {
	case b.Tokenize == nil:
		return nil
	case b.Separator == "":
		return errors.New("ctc: Tokenize is set without a Separator; then every token is a word, and has one spelling")
	case b.Spellings != nil:
		return errors.New("ctc: Tokenize and Spellings are both set; words are spelled by one of them")
	case b.Lexicon == nil && len(b.Hot) == 0:
		return errors.New("ctc: Tokenize is set without Lexicon and Hot; it spells their words alone")
	}
	return nil
}
