package ctc

import (
	"fmt"
	"math"

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
	lm    float64
	boost float64 // of hot words that are complete
	prior float64 // what these and the words add to the total, with what hot words have been lent
	words int32
	place int32 // in the lexicon, of the word that has begun
	begun bool  // there is such a word
	state int32 // of the language model
	hot   int32
}

// before returns what is known of no labels at all.
func (d *Decoder) before() knowledge {
	var k knowledge
	if d.beam.Model != nil {
		k.state = d.beam.Model.Start()
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
	switch {
	case d.separator == none:
		err = d.word(k, d.idOf(token))
	case token == d.separator:
		allowed, err = d.endWord(k)
	default:
		k.begun = true
		if d.lexicon != nil {
			k.place = d.lexicon.walk(k.place, d.beam.Tokens[token])
			allowed = k.place != noWord || !d.lexicon.closed
		}
	}
	if !allowed || err != nil {
		k.prior = math.Inf(-1)
		return err
	}
	if d.hot != nil {
		k.hot = d.hot.next(k.hot, token)
		k.boost += d.hot.boost[k.hot]
	}
	d.settle(k)
	return nil
}

// atEnd returns what is known when nothing follows; the prior is −Inf where that may not be.
// Errors: those of score.
func (d *Decoder) atEnd(k knowledge) (knowledge, error) {
	allowed, err := d.endWord(&k)
	if err == nil && d.end != noNumber {
		err = d.score(&k, d.end)
	}
	if err != nil {
		return k, err
	}
	if d.hot != nil && d.separator != none {
		k.hot = d.hot.next(k.hot, d.separator)
		k.boost += d.hot.boost[k.hot]
	}
	k.hot = 0 // what has been lent is taken back
	d.settle(&k)
	if !allowed {
		k.prior = math.Inf(-1)
	}
	return k, nil
}

// endWord ends the word that has begun, if any, and reports whether it may be.
func (d *Decoder) endWord(k *knowledge) (allowed bool, err error) {
	if !k.begun {
		return true, nil
	}
	id, ok := int32(noNumber), true
	if d.lexicon != nil {
		id, ok = d.lexicon.word(k.place, d.unknown)
	}
	k.begun, k.place = false, 0
	return ok, d.word(k, id)
}

// idOf returns the model's number of a token that is a word.
func (d *Decoder) idOf(token int32) int32 {
	if d.ids == nil {
		return noNumber
	}
	return d.ids[token]
}

// word counts a word.
func (d *Decoder) word(k *knowledge, id int32) error {
	k.words++
	if d.beam.Model == nil {
		return nil
	}
	if id == noNumber {
		k.lm = math.Inf(-1)
		return nil
	}
	return d.score(k, id)
}

// score adds a word or the end to the language model's probability. Errors: one that is NaN
// or above the model's bound, by which the search leaves out what cannot be among the best.
func (d *Decoder) score(k *knowledge, id int32) error {
	p, next := d.beam.Model.Score(k.state, id)
	if !(p <= d.bound) {
		return fmt.Errorf("ctc: Model.Score(%d, %d) is %v for the word %q; it must be at most Bound(), which is %v",
			k.state, id, p, excerpt.Of(d.beam.Model.Words()[id]), d.beam.Model.Bound())
	}
	k.lm += p
	k.state = next
	return nil
}

// settle works out prior.
func (d *Decoder) settle(k *knowledge) {
	k.prior = k.boost
	if d.beam.LMWeight > 0 { // 0 · −Inf would be NaN
		k.prior += d.beam.LMWeight * k.lm
	}
	k.prior += d.beam.WordBonus * float64(k.words)
	if d.hot != nil {
		k.prior += d.hot.lent[k.hot]
	}
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
