package ctc

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// noWord is the place in a lexicon of letters that begin no word of it.
const noWord = -1

// lexicon has the words that can be told from others, by the symbols of their spelling.
type lexicon struct {
	trie[int32]
	spans  []span  // of each node, where its words are
	all    []int32 // numbers of words, those of one spelling together
	closed bool    // other words are forbidden

	ahead []float64 // of each node, what a word that has come there is charged, 0 at most; nil without a model
}

// span is where in a list some elements are.
type span struct{ lo, hi int32 }

// newLexicon makes it of the beam's words, or of its models' if there are none. It returns
// nil where there is neither. Errors: those of Tokenize.
func newLexicon(b *Beam, v *vocabulary, a *alphabetOf) (*lexicon, error) {
	if b.Lexicon == nil && b.Model == nil {
		return nil, nil
	}
	type entry struct {
		spelling []int32
		word     int32
	}
	var all []entry
	if b.Lexicon == nil {
		for i, w := range v.words {
			all = append(all, entry{bytesOf(w.text), int32(i)})
		}
	}
	for i, w := range b.Lexicon {
		spelling := bytesOf(w)
		switch {
		case b.Spellings != nil:
			spelling = bytesOf(b.Spellings[i])
		case b.Tokenize != nil:
			var err error
			if spelling, err = b.tokenized(w, a); err != nil {
				return nil, fmt.Errorf("ctc: Lexicon[%d]: %w", i, err)
			}
		}
		all = append(all, entry{spelling, v.id(w)})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return slices.Compare(a.spelling, b.spelling) })
	spellings := make([][]int32, len(all))
	l := &lexicon{closed: b.Lexicon != nil, all: make([]int32, len(all))}
	for i := range all {
		spellings[i], l.all[i] = all[i].spelling, all[i].word
	}
	var ends []int32
	l.trie, ends = newTrie(spellings)
	l.spans = make([]span, len(l.first)-1)
	for i, n := range ends {
		if l.spans[n].hi == 0 {
			l.spans[n].lo = int32(i)
		}
		l.spans[n].hi = int32(i + 1)
	}
	return l, nil
}

// walk returns the place after symbols.
func (l *lexicon) walk(at int32, symbols []int32) int32 {
	for i := 0; i < len(symbols) && at != noWord; i++ {
		at = l.child(at, symbols[i])
	}
	return at
}

// lookAhead works out what words are charged before they end: the most that the models give, at the start of a
// sentence, to any word that begins so, and 0 at most. Source: [steinbiss1994], look-ahead by single words.
func (d *Decoder) lookAhead() {
	l := d.lexicon
	if l == nil || len(d.words.models) == 0 || len(l.all) == 0 {
		return
	}
	const least = -50 // nats: what is impossible at the start may be possible elsewhere
	most := func(same ...int32) float64 {
		best := math.Inf(-1)
		for _, w := range same {
			k := d.before()
			prior := k.prior
			if d.word(&k, w) == nil { // an error comes up when the word is said
				d.settle(&k)
				best = max(best, k.prior-prior-d.beam.WordBonus, least)
			}
		}
		return best
	}
	d.stray = min(most(noNumber), 0)
	ahead := make([]float64, len(l.spans))
	for n := len(ahead) - 1; n >= 0; n-- { // longer ones first
		ahead[n] = most(l.words(int32(n))...)
		for k := l.first[n]; k < l.first[n+1]; k++ {
			ahead[n] = max(ahead[n], ahead[k+1])
		}
		if !l.closed {
			ahead[n] = max(ahead[n], d.stray)
		}
		ahead[n] = min(ahead[n], 0)
	}
	l.ahead = ahead
}

// words returns the numbers of the words that end at a place.
func (l *lexicon) words(at int32) []int32 {
	if at == noWord {
		return nil
	}
	return l.all[l.spans[at].lo:l.spans[at].hi]
}

// checkWords refuses words that the tokens cannot spell: one of the lexicon, or in the main those of a
// model.
func (b *Beam) checkWords() error {
	tokens := newSpeller(b)
	for i, w := range b.Lexicon {
		name, spelling := "Lexicon", w
		if b.Spellings != nil {
			name, spelling = "Spellings", b.Spellings[i]
		}
		switch {
		case w == "" || isMark(w):
			return fmt.Errorf("ctc: Lexicon[%d] is %q; it must be a word", i, w)
		case spelling == "":
			return fmt.Errorf("ctc: Spellings[%d] is empty; it must spell %q", i, excerpt.Of(w))
		case strings.Contains(w, b.Separator) || strings.Contains(spelling, b.Separator):
			return fmt.Errorf("ctc: %s[%d] is %q; it must be one word, without the separator %q", name, i, excerpt.Of(spelling), b.Separator)
		case !tokens.spell(spelling):
			hint := ""
			if other, ok := tokens.otherCase(spelling); ok {
				hint = fmt.Sprintf("; they spell %q: mind the case of letters", excerpt.Of(other))
			}
			return fmt.Errorf("ctc: %s[%d] is %q; it must be a word that the tokens spell%s", name, i, excerpt.Of(spelling), hint)
		}
	}
	if b.Spellings != nil {
		return nil // the words are not what the tokens spell
	}
	for i, m := range b.models() {
		if err := tokens.checkModel(modelName(i), m.Model); err != nil {
			return err
		}
	}
	return nil
}

// checkModel refuses a model of whose words the tokens spell none, or far more in the other case of letters.
func (s *speller) checkModel(name string, m LanguageModel) error {
	var words, spelled, others int
	strange := "" // the first word that cannot be spelled
	for _, w := range m.Words() {
		if isMark(w) || w == unknownWord {
			continue
		}
		words++
		if s.spell(w) {
			spelled++
			continue
		}
		strange = cmp.Or(strange, w)
		if _, ok := s.otherCase(w); ok {
			others++
		}
	}
	if strange != "" && (spelled == 0 || others >= 10*spelled) {
		return fmt.Errorf("ctc: %s has %d words, of which the tokens spell %d, not %q; in the other case of letters they spell %d more: the model must have words as the tokens write them", name, words, spelled, excerpt.Of(strange), others)
	}
	return nil
}
