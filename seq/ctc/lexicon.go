package ctc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// noWord is the place in a lexicon of letters that begin no word of it.
const noWord = -1

// lexicon has the words that can be told from others, as the bytes of their spelling, so
// that it does not matter how tokens cut them up.
type lexicon struct {
	trie[byte]
	words  []lexiconWord // of each node
	closed bool          // other words are forbidden
}

type lexiconWord struct {
	id int32 // in the language model
	is bool  // the node is a word's end
}

// newLexicon makes it of the beam's words, or of its model's if there are none. It returns
// nil where there is neither.
func newLexicon(b *Beam, model *vocabulary) *lexicon {
	words, closed := b.Lexicon, b.Lexicon != nil
	if !closed {
		if b.Model == nil {
			return nil
		}
		words = b.Model.Words()
	}
	type entry struct {
		spelling []byte
		id       int32
	}
	all := make([]entry, 0, len(words))
	for _, w := range words {
		all = append(all, entry{[]byte(w), model.id(w)})
	}
	slices.SortFunc(all, func(a, b entry) int { return slices.Compare(a.spelling, b.spelling) })
	spellings := make([][]byte, len(all))
	for i := range all {
		spellings[i] = all[i].spelling
	}
	l := &lexicon{closed: closed}
	var ends []int32
	l.trie, ends = newTrie(spellings)
	l.words = make([]lexiconWord, len(l.first)-1)
	for i, n := range ends {
		l.words[n] = lexiconWord{all[i].id, true}
	}
	return l
}

// walk returns the place after the bytes of a token.
func (l *lexicon) walk(at int32, text string) int32 {
	for i := 0; i < len(text) && at != noWord; i++ {
		at = l.child(at, text[i])
	}
	return at
}

// word returns the model's number of the word that ends at a place; unknown is that of
// words that are not in the lexicon. ok tells whether the word may be.
func (l *lexicon) word(at int32, unknown int32) (id int32, ok bool) {
	if at == noWord || !l.words[at].is {
		return unknown, !l.closed
	}
	return l.words[at].id, true
}

// checkWords refuses words that the tokens cannot spell: one of the lexicon, or in the main those of the
// model.
func (b *Beam) checkWords() error {
	tokens := newSpeller(b)
	for i, w := range b.Lexicon {
		switch {
		case w == "":
			return fmt.Errorf("ctc: Lexicon[%d] is empty; it must be a word", i)
		case strings.Contains(w, b.Separator):
			return fmt.Errorf("ctc: Lexicon[%d] is %q; it must be one word, without the separator %q", i, excerpt.Of(w), b.Separator)
		case !tokens.spell(w):
			hint := ""
			if other, ok := tokens.otherCase(w); ok {
				hint = fmt.Sprintf("; they spell %q: mind the case of letters", excerpt.Of(other))
			}
			return fmt.Errorf("ctc: Lexicon[%d] is %q; it must be a word that the tokens spell%s", i, excerpt.Of(w), hint)
		}
	}
	if b.Model == nil {
		return nil
	}
	var words, spelled, others int
	strange := "" // the first word that cannot be spelled
	for _, w := range b.Model.Words() {
		if isMark(w) || w == unknownWord {
			continue
		}
		words++
		if tokens.spell(w) {
			spelled++
			continue
		}
		strange = cmp.Or(strange, w)
		if _, ok := tokens.otherCase(w); ok {
			others++
		}
	}
	if strange != "" && (spelled == 0 || others >= 10*spelled) {
		return fmt.Errorf("ctc: Model has %d words, of which the tokens spell %d, not %q; in the other case of letters they spell %d more: the model must have words as the tokens write them", words, spelled, excerpt.Of(strange), others)
	}
	return nil
}
