package ngram

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// Train makes a model of the given order from text, one sentence a line with words separated
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
// or 0.5, 1 and 1.5 where the text is too small to give all three between 0 and k.
//
// prune are thresholds of the orders from 1 on, of which the last is that of all higher orders, too: an n-gram that is in the text
// no more often than its order's threshold is left out, and the model falls back on shorter ones. They do not decrease, and the first is 0. Without
// any, all n-grams are kept.
//
// The text may be compressed by gzip, and in UTF-8 or UTF-16. Memory grows with it. Errors: an order below 1 or above 16; a
// text without words; <s> or </s> as a word; a line of more than 1 MiB; what is no text.
//
// Source: [chen1999], with the fall-back of [heafield2013].
func Train(text io.Reader, order int, prune ...int) (*Model, error) {
	if order < 1 || order > maxOrder {
		return nil, fmt.Errorf("ngram: the order is %d; it must be from 1 to %d", order, maxOrder)
	}
	if err := checkPrune(prune, order); err != nil {
		return nil, err
	}
	t := trainer{m: newModel(order), prune: prune}
	if err := t.read(text); err != nil {
		return nil, err
	}
	if err := t.count(); err != nil {
		return nil, err
	}
	t.m.linkSuffixes()
	t.adjust()
	t.smooth()
	if len(prune) > 0 {
		t.m = t.kept()
		t.m.linkSuffixes()
	}
	t.m.linkContexts()
	t.m.findBound()
	return t.m, nil
}

func checkPrune(prune []int, order int) error {
	if len(prune) > order {
		return fmt.Errorf("ngram: prune has %d thresholds; the order is %d", len(prune), order)
	}
	for i, p := range prune {
		switch {
		case i == 0 && p != 0:
			return fmt.Errorf("ngram: prune[0] is %d; it must be 0: words are not left out", p)
		case i > 0 && p < prune[i-1]:
			return fmt.Errorf("ngram: prune[%d] is %d and prune[%d] is %d; thresholds must not decrease", i, p, i-1, prune[i-1])
		}
	}
	return nil
}

type trainer struct {
	m       *Model
	prune   []int
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
			if len(t.prune) > 0 {
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
func (t *trainer) smooth() {
	m := t.m
	t.totals = make([]int64, len(m.nodes))
	t.freed = make([]float64, len(m.nodes))
	t.uniform = 1 / float64(len(m.words)-1)
	for depth := 1; depth <= m.order; depth++ {
		d := t.discounts(depth)
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
}

// left reports whether an n-gram is left out.
func (t *trainer) left(n int32) bool {
	if len(t.prune) == 0 {
		return false
	}
	threshold := t.prune[min(int(t.m.nodes[n].depth), len(t.prune))-1]
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

// discounts are those of counts 0, 1, 2, and 3 and above.
type discounts [4]float64

func (d *discounts) of(count int64) float64 { return d[min(count, 3)] }

// discounts works out those of a depth.
func (t *trainer) discounts(depth int) discounts {
	var n [5]float64 // how many n-grams have a count
	t.m.level(depth, func(i int32, _ *node) {
		if c := t.counts[i]; c < int64(len(n)) {
			n[c]++
		}
	})
	var d discounts
	for k := 1; k < len(d); k++ {
		v := float64(k) - float64(k+1)*n[k+1]/n[k]*n[1]/(n[1]+2*n[2])
		if !(v > 0 && v < float64(k)) { // NaN, where there are none, among them
			return discounts{0, 0.5, 1, 1.5}
		}
		d[k] = v
	}
	return d
}
