package ctc

import (
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// none stands for no prefix, no place in the beam, or no token; freed is the place of
// what is no prefix any more.
const (
	none  = -1
	freed = -2
)

// prefix is a node of the tree of labels. What the language model and the hot words say
// of it depends on its labels alone, so it is worked out once.
type prefix struct {
	parent, child, next, previous int32 // the tree; children are a list
	slot                          int32 // its place in the beam
	token                         int32 // the last label
	born                          int   // the frame that it came with
	knowledge
}

// knowledge is all but the acoustics.
type knowledge struct {
	lm      float64
	more    float64 // of further models, weighted
	boost   float64 // of hot words that are complete
	prior   float64 // what these and the words add to the total, with what hot words have been lent
	words   int32
	unknown int32            // of the words, those that no model has
	place   int32            // in the lexicon, of the word that has begun
	begun   bool             // there is such a word
	states  [maxModels]int32 // of the language models
	hot     int32
}

// before returns what is known of no labels at all.
func (d *Decoder) before() knowledge {
	var k knowledge
	for i := range d.words.models {
		k.states[i] = d.words.models[i].Start()
	}
	if d.hot != nil {
		k.hot = d.hot.start
	}
	d.settle(&k)
	return k
}

// after makes of k what is known with one more label. Its prior is −Inf where the label is
// forbidden. Errors: those of score.
func (d *Decoder) after(k *knowledge, token int32) (err error) {
	allowed := true
	if d.beam.Separator == "" {
		err = d.word(k, d.idOf(token))
	} else {
		allowed, err = d.spell(k, token)
	}
	if !allowed || err != nil {
		k.prior = math.Inf(-1)
		return err
	}
	if d.hot != nil {
		boost := 0.0
		k.hot, boost = d.hot.next(k.hot, token)
		k.boost += boost
	}
	d.settle(k)
	return nil
}

// spell adds a token's text, which may end words, and reports whether that may be.
func (d *Decoder) spell(k *knowledge, token int32) (allowed bool, err error) {
	for i, part := range d.alphabet.words[token] {
		if i > 0 {
			if _, allowed, err = d.endWord(k); !allowed || err != nil {
				return allowed, err
			}
		}
		if len(part) == 0 {
			continue
		}
		k.begun = true
		if d.lexicon == nil {
			continue
		}
		if k.place = d.lexicon.walk(k.place, part); k.place == noWord && d.lexicon.closed {
			return false, nil
		}
	}
	return true, nil
}

// atEnd returns what is known when nothing follows; the prior is −Inf where that may not be.
// Errors: those of score.
func (d *Decoder) atEnd(k knowledge) (knowledge, error) {
	_, allowed, err := d.endWord(&k)
	for i := range d.words.models {
		if m := &d.words.models[i]; err == nil && m.end != noNumber {
			err = d.score(&k, i, m.end)
		}
	}
	if err != nil {
		return k, err
	}
	if d.hot != nil && d.hot.between != none {
		k.hot = d.hot.step(k.hot, d.hot.between)
		k.boost += d.hot.boost[k.hot]
	}
	k.hot = 0 // what has been lent is taken back
	d.settle(&k)
	k.prior -= d.ahead(&k)
	if !allowed {
		k.prior = math.Inf(-1)
	}
	return k, nil
}

// endWord ends the word that has begun, if any. It returns its number and whether it may be. Of several words of
// one spelling it is that which the models like best.
func (d *Decoder) endWord(k *knowledge) (word int32, allowed bool, err error) {
	if !k.begun {
		return noNumber, true, nil
	}
	var same []int32
	if d.lexicon != nil {
		if same = d.lexicon.words(k.place); len(same) == 0 && d.lexicon.closed {
			return noNumber, false, nil
		}
	}
	k.begun, k.place = false, 0
	if len(same) == 0 {
		return noNumber, true, d.word(k, noNumber)
	}
	before, total := *k, 0.0
	for i, w := range same {
		next := before
		if err := d.word(&next, w); err != nil {
			return w, true, err
		}
		if d.settle(&next); i == 0 || next.prior > total {
			*k, word, total = next, w, next.prior
		}
	}
	return word, true, nil
}

// meant returns the words that labels mean.
func (d *Decoder) meant(tokens []int) (words []string) {
	text := ""
	k := d.before()
	end := func() {
		if w, _, err := d.endWord(&k); text != "" {
			if err == nil && w != noNumber {
				text = d.words.words[w].text
			}
			words = append(words, text)
		}
		text = ""
	}
	for _, c := range tokens {
		for i, part := range strings.Split(d.beam.Tokens[c], d.beam.Separator) {
			if i > 0 {
				end()
			}
			if part != "" {
				text += part
				k.begun, k.place = true, d.lexicon.walk(k.place, d.alphabet.words[c][i])
			}
		}
	}
	end()
	return words
}

// idOf returns the vocabulary's number of a token that is a word.
func (d *Decoder) idOf(token int32) int32 {
	if d.ids == nil {
		return noNumber
	}
	return d.ids[token]
}

// word counts a word.
func (d *Decoder) word(k *knowledge, word int32) error {
	k.words++
	if d.beam.Model == nil {
		return nil
	}
	if word == noNumber || !d.words.words[word].known {
		k.unknown++
	}
	for i := range d.words.models {
		id := d.words.models[i].unknown
		if word != noNumber {
			id = d.words.words[word].ids[i]
		}
		if err := d.score(k, i, id); err != nil {
			return err
		}
	}
	return nil
}

// score adds a word or the end to the probability of a language model. Errors: one that is NaN
// or above the model's bound, by which the search leaves out what cannot be among the best.
func (d *Decoder) score(k *knowledge, model int, id int32) error {
	m := &d.words.models[model]
	p, next := m.least, k.states[model]
	if id != noNumber {
		if p, next = m.Score(next, id); !(p <= m.bound) {
			return fmt.Errorf("ctc: %s.Score(%d, %d) is %v for the word %q; it must be at most Bound(), which is %v",
				modelName(model), k.states[model], id, p, excerpt.Of(m.Words()[id]), m.Bound())
		}
		if id == m.unknown && p <= logZero {
			p = m.least
		}
	}
	k.states[model] = next
	switch {
	case model == 0:
		k.lm += p
	case m.weight > 0: // 0 · −Inf would be NaN
		k.more += m.weight * p
	}
	return nil
}

// settle works out prior.
func (d *Decoder) settle(k *knowledge) {
	k.prior = k.boost
	if d.beam.LMWeight > 0 { // 0 · −Inf would be NaN
		k.prior += d.beam.LMWeight * k.lm
	}
	k.prior += k.more + d.beam.WordBonus*float64(k.words) + d.beam.Unknown*float64(k.unknown)
	k.prior += d.ahead(k)
	if d.hot != nil {
		k.prior += d.hot.lent[k.hot]
	}
}

// ahead is what the word that has begun is charged before it ends, 0 at most: so prefixes amid words compare with those whose
// words have ended. What the models charge at the end takes its place.
func (d *Decoder) ahead(k *knowledge) float64 {
	switch {
	case d.lexicon == nil || d.lexicon.ahead == nil:
		return 0
	case !k.begun:
		return d.lexicon.ahead[0]
	case k.place == noWord:
		return d.stray
	}
	return d.lexicon.ahead[k.place]
}

// forest holds prefixes. Those that are neither in the beam nor lead to one that is are
// given back at once, so it is no larger than the beam and what leads there.
type forest struct {
	at   []prefix
	free []int32
}

// add makes a prefix of one label more than parent.
func (f *forest) add(parent, token int32, born int, k knowledge) int32 {
	p := prefix{parent: parent, child: none, next: none, previous: none, slot: none, token: token, born: born, knowledge: k}
	n := int32(len(f.at))
	if last := len(f.free) - 1; last >= 0 {
		n, f.free = f.free[last], f.free[:last]
	} else {
		f.at = append(f.at, p)
	}
	if parent != none {
		if p.next = f.at[parent].child; p.next != none {
			f.at[p.next].previous = n
		}
		f.at[parent].child = n
	}
	f.at[n] = p
	return n
}

// find returns a prefix's child by a label, or none.
func (f *forest) find(parent, token int32) int32 {
	n := f.at[parent].child
	for n != none && f.at[n].token != token {
		n = f.at[n].next
	}
	return n
}

// release gives back a prefix that is not in the beam and leads nowhere, and those before
// it for which that is then true. It spares the root.
func (f *forest) release(n, root int32) {
	for n != root && f.at[n].slot == none && f.at[n].child == none {
		p := &f.at[n]
		if p.next != none {
			f.at[p.next].previous = p.previous
		}
		if p.previous != none {
			f.at[p.previous].next = p.next
		} else {
			f.at[p.parent].child = p.next
		}
		p.slot = freed
		f.free = append(f.free, n)
		n = p.parent
	}
}
