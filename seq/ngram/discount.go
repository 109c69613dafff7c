package ngram

import (
	"fmt"
	"slices"
)

// DiscountError says why a text gives no discounts for the n-grams of an order.
type DiscountError struct {
	Order int
	Count int // a, at which they fail
	// N is how many n-grams have the count; if it is not 0, the discount is Discount, which is not from 0 to Count.
	N        int
	Discount float64
}

// Error implements error.
func (e *DiscountError) Error() string {
	if e.N == 0 {
		return fmt.Sprintf("ngram: order %d: no n-gram has the count %d, so that there is no discount", e.Order, e.Count)
	}
	return fmt.Sprintf("ngram: order %d: the discount of the count %d is %.4g; it must be from 0 to %d", e.Order, e.Count, e.Discount, e.Count)
}

// discounts are those of counts 0, 1, 2, and 3 and above.
type discounts [4]float64

func (d *discounts) of(count int64) float64 { return d[min(count, 3)] }

// discounts works out those of a depth, or falls back.
func (t *trainer) discounts(depth int) (discounts, error) {
	var n [5]int // how many n-grams have a count
	t.m.level(depth, func(i int32, _ *node) {
		if c := t.counts[i]; c < int64(len(n)) {
			n[c]++
		}
	})
	if depth < t.m.order {
		t.countLast(&n, depth)
	}
	d, bad := kneserNeyDiscounts(n)
	if bad == nil {
		return d, nil
	}
	bad.Order = depth
	if t.o.Fallback == nil {
		return d, bad
	}
	if t.o.FellBack != nil {
		t.o.FellBack(bad)
	}
	copy(d[1:], t.o.Fallback)
	return d, nil
}

// kneserNeyDiscounts works in single precision, as lmplz does: it decides at the bounds.
func kneserNeyDiscounts(n [5]int) (d discounts, bad *DiscountError) {
	for k := 1; k < len(d); k++ {
		if n[k] == 0 {
			return d, &DiscountError{Count: k}
		}
	}
	y := float32(n[1]) / float32(float64(n[1])+2*float64(n[2]))
	for k := 1; k < len(d); k++ {
		less := float32(float32(float32(k+1)*y)*float32(n[k+1])) / float32(n[k])
		v := float64(float32(k) - less)
		if v < 0 || v > float64(k) {
			return d, &DiscountError{Count: k, N: n[k], Discount: v}
		}
		d[k] = v
	}
	return d, nil
}

// countLast counts the last n-gram of a depth, below the full one, as lmplz does: by how often it is in the text instead of by a. The
// last is that of the n-gram of the full order that is last by its last word, then by the word before, and so on, words in the order
// in which the text first has them.
func (t *trainer) countLast(n *[5]int, depth int) {
	at := t.lastPlace()
	if depth > at-t.sentence(at)+1 {
		return // it would begin before <s>
	}
	last := t.text[at-depth+1 : at+1]
	node, seen := int32(0), 0
	for _, w := range last {
		node = t.m.child(node, w)
	}
	for i := depth - 1; i < len(t.text); i++ {
		if slices.Equal(t.text[i-depth+1:i+1], last) {
			seen++
		}
	}
	if c := t.counts[node]; c < int64(len(n)) {
		n[c]--
	}
	if seen < len(n) {
		n[seen]++
	}
}

// lastPlace is where the last n-gram of the full order ends.
func (t *trainer) lastPlace() int {
	best := -1
	for i, w := range t.text {
		if w != t.m.ids[start] && (best < 0 || t.after(i, best)) {
			best = i
		}
	}
	return best
}

// after reports whether the n-gram of the full order that ends at i comes after that which ends at j.
func (t *trainer) after(i, j int) bool {
	for range t.m.order {
		a, b := t.rank(t.text[i]), t.rank(t.text[j])
		if a != b {
			return a > b
		}
		if t.text[i] == t.m.ids[start] {
			return false // before it is only <s>
		}
		i, j = i-1, j-1
	}
	return false
}

// rank is a word's place in lmplz's order.
func (t *trainer) rank(w Word) int32 {
	switch w {
	case t.m.unk:
		return -3
	case t.m.ids[start]:
		return -2
	case t.m.ids[end]:
		return -1
	}
	return w
}

// sentence returns where the sentence of a place begins, with <s>.
func (t *trainer) sentence(at int) int {
	for t.text[at] != t.m.ids[start] {
		at--
	}
	return at
}
