package ngram

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// Options of Train.
type Options struct {
	Order int // most words of an n-gram, from 1 to 16
	// Prune are thresholds of the orders from 1 on, of which the last is that of all higher orders, too: an n-gram that is in the text
	// no more often than its order's threshold is left out, and the model falls back on shorter ones. They do not decrease, and the
	// first is 0. Without any, all n-grams are kept.
	Prune []int
	// Fallback are the discounts of counts 1, 2, and 3 and above, each from 0 to its count, of an order of which the text gives none.
	// nil refuses such a text.
	Fallback []float64
	// FellBack is told of each order that has the discounts of Fallback; it may be nil.
	FellBack func(*DiscountError)
}

// DefaultFallback returns the discounts that lmplz falls back on where it is told to, and not which.
func DefaultFallback() []float64 { return []float64{0.5, 1, 1.5} }

// Train makes a model from text, one sentence a line with words separated
// by spaces or tabs; blank lines are skipped. It smooths by modified Kneser–Ney, interpolated:
//
//	P(w | h) = (a(h w) − D(a(h w))) / a(h ·) + γ(h) · P(w | h′)
//	γ(h)     = Σ_w D(a(h w)) / a(h ·)
//
// where a counts how often an n-gram is seen, if it has the full order or starts with <s>,
// and how many words it is seen after, otherwise. Below single words is the uniform
// distribution over all words, <unk> and </s> among them and <s> not. So the probabilities
// after every history add up to 1.
//
// Each order's discounts D are, from the numbers n₁…n₄ of n-grams with a = 1…4,
//
//	D(k) = k − (k+1) n_{k+1}/n_k · n₁/(n₁ + 2n₂)    k = 1, 2, and 3 for all above
//
// The models are those of the program lmplz, with --discount_fallback where Fallback is set.
//
// The text may be compressed by gzip, and in UTF-8 or UTF-16. Memory grows with it. Errors: options out of range; a
// text without words; <s> or </s> as a word; a line of more than 1 MiB; what is no text; without Fallback, an order whose discounts the text does not
// give (*DiscountError).
//
// Source: [chen1999], [heafield2013].
func Train(text io.Reader, o Options) (*Model, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	t := trainer{m: newModel(o.Order), o: o}
	if err := t.read(text); err != nil {
		return nil, err
	}
	if err := t.count(); err != nil {
		return nil, err
	}
	t.m.linkSuffixes()
	t.adjust()
	if err := t.smooth(); err != nil {
		return nil, err
	}
	if len(o.Prune) > 0 {
		t.m = t.kept()
		t.m.linkSuffixes()
	}
	t.m.linkContexts()
	t.m.findBound()
	return t.m, nil
}

func (o *Options) check() error {
	switch {
	case o.Order < 1 || o.Order > maxOrder:
		return fmt.Errorf("ngram: the order is %d; it must be from 1 to %d", o.Order, maxOrder)
	case len(o.Prune) > o.Order:
		return fmt.Errorf("ngram: prune has %d thresholds; the order is %d", len(o.Prune), o.Order)
	case o.Fallback != nil && len(o.Fallback) != 3:
		return fmt.Errorf("ngram: there are %d fallback discounts; there must be 3, of counts 1, 2, and 3 and above", len(o.Fallback))
	}
	for i, p := range o.Prune {
		switch {
		case i == 0 && p != 0:
			return fmt.Errorf("ngram: prune[0] is %d; it must be 0: words are not left out", p)
		case i > 0 && p < o.Prune[i-1]:
			return fmt.Errorf("ngram: prune[%d] is %d and prune[%d] is %d; thresholds must not decrease", i, p, i-1, o.Prune[i-1])
		}
	}
	for i, d := range o.Fallback {
		if !(d >= 0 && d <= float64(i+1)) {
			return fmt.Errorf("ngram: the fallback discount of count %d is %v; it must be from 0 to %d", i+1, d, i+1)
		}
	}
	return nil
}

type trainer struct {
	m       *Model
	o       Options
	seen    []int64 // of each node: how often it is in the text; only where n-grams are left out
	text    []Word  // sentences, with <s> and </s>
	counts  []int64 // of each node: a(h w)
	totals  []int64 // of each node: a(h ·)
	freed   []float64
	uniform float64
}

// read reads the text and adds its words to the model.
func (t *trainer) read(text io.Reader) error {
	first := t.m.addWord(start)
	last := t.m.addWord(end)
	t.m.unk = t.m.addWord(unknown)
	l, err := newLines(text)
	if err != nil {
		return err
	}
	for l.next() {
		t.text = append(t.text, first)
		for s := range l.words() {
			if err := l.check(s); err != nil {
				return err
			}
			w, ok := t.m.ids[string(s)]
			if !ok {
				w = t.m.addWord(string(s))
			}
			t.text = append(t.text, w)
		}
		t.text = append(t.text, last)
	}
	if l.err() != nil {
		return l.locate(nil)
	}
	if len(t.text) == 0 {
		return errors.New("ngram: the text has no words")
	}
	return nil
}

// count adds all n-grams, and counts those of the full order and those that start with <s>.
func (t *trainer) count() error {
	m := t.m
	first, last := m.ids[start], m.ids[end]
	t.counts = make([]int64, len(m.nodes))
	for i, w := range t.text {
		if len(m.nodes) > maxNodes {
			return fmt.Errorf("ngram: the text has more than %d n-grams", maxNodes)
		}
		n := int32(0)
		for depth, v := range t.text[i:min(i+m.order, len(t.text))] {
			n = m.extend(n, v)
			if int(n) == len(t.counts) {
				t.counts = append(t.counts, 0)
			}
			if len(t.o.Prune) > 0 {
				t.seen = append(t.seen, make([]int64, len(t.counts)-len(t.seen))...)
				t.seen[n]++
			}
			if depth+1 == m.order || w == first {
				t.counts[n]++
			}
			if v == last {
				break
			}
		}
	}
	return nil
}

// adjust counts for the other n-grams how many words they are seen after. Being predicted
// never, <s> itself has no count.
func (t *trainer) adjust() {
	m := t.m
	for depth := 2; depth <= m.order; depth++ {
		m.level(depth, func(_ int32, at *node) { t.counts[at.suffix]++ })
	}
	t.counts[1+m.ids[start]] = 0
}

// smooth works out the probabilities, shorter n-grams first.
func (t *trainer) smooth() error {
	m := t.m
	t.totals = make([]int64, len(m.nodes))
	t.freed = make([]float64, len(m.nodes))
	t.uniform = 1 / float64(len(m.words)-1)
	for depth := 1; depth <= m.order; depth++ {
		d, err := t.discounts(depth)
		if err != nil {
			return err
		}
		m.level(depth, func(n int32, at *node) {
			t.totals[at.parent] += t.counts[n]
			if t.left(n) {
				t.freed[at.parent] += float64(t.counts[n])
			} else {
				t.freed[at.parent] += d.of(t.counts[n])
			}
		})
		m.level(depth, func(n int32, at *node) {
			lower := t.uniform
			if depth > 1 {
				lower = math.Exp(m.nodes[at.suffix].logProb)
			}
			sum := float64(t.totals[at.parent])
			p := (float64(t.counts[n])-d.of(t.counts[n]))/sum + t.freed[at.parent]/sum*lower
			at.logProb = math.Log(p)
		})
		m.level(depth-1, func(n int32, at *node) {
			if at.inner {
				at.backoff = math.Log(t.freed[n] / float64(t.totals[n]))
			}
		})
	}
	m.nodes[1+m.ids[start]].logProb = -99 * math.Ln10 // as ARPA files have it
	return nil
}

// left reports whether an n-gram is left out.
func (t *trainer) left(n int32) bool {
	if len(t.o.Prune) == 0 {
		return false
	}
	threshold := t.o.Prune[min(int(t.m.nodes[n].depth), len(t.o.Prune))-1]
	return threshold > 0 && t.seen[n] <= int64(threshold)
}

// kept returns the model of the n-grams that are not left out. What a longer one ends or begins with is not.
func (t *trainer) kept() *Model {
	m := newModel(t.m.order)
	for _, w := range t.m.words {
		m.addWord(w)
	}
	m.unk = t.m.unk
	place := make([]int32, len(t.m.nodes))
	for i := range t.m.nodes[1:] {
		n := int32(i + 1)
		at := &t.m.nodes[n]
		if t.left(n) {
			continue
		}
		if at.depth == 1 {
			place[n] = 1 + at.word
		} else {
			place[n] = m.extend(place[at.parent], at.word)
		}
		to := &m.nodes[place[n]]
		to.logProb, to.backoff = at.logProb, at.backoff
	}
	return m
}
