package pair

import "fmt"

// Pairs are samples two by two, by index. The three slices are of one length.
type Pairs struct {
	First, Second []int
	Same          []bool // whether the two belong together
}

// Len returns the number of pairs.
func (p *Pairs) Len() int { return len(p.First) }

// Check refuses slices of different lengths, indices outside [0, samples) and a sample
// paired with itself.
func (p *Pairs) Check(samples int) error {
	if len(p.Second) != len(p.First) || len(p.Same) != len(p.First) {
		return fmt.Errorf("pair: Pairs: First has %d elements, Second %d, Same %d; they must have as many",
			len(p.First), len(p.Second), len(p.Same))
	}
	if err := within("Pairs: First", p.First, samples); err != nil {
		return err
	}
	if err := within("Pairs: Second", p.Second, samples); err != nil {
		return err
	}
	for i, a := range p.First {
		if p.Second[i] == a {
			return fmt.Errorf("pair: Pairs: pair %d is of sample %d and itself", i, a)
		}
	}
	return nil
}

func (p *Pairs) reset() { p.First, p.Second, p.Same = p.First[:0], p.Second[:0], p.Same[:0] }

func (p *Pairs) add(first, second int, same bool) {
	p.First, p.Second, p.Same = append(p.First, first), append(p.Second, second), append(p.Same, same)
}

// Triplets returns the triplets that pairs make, either sample of a pair being an anchor:
// each of its partners of the same with each of the others, in the order of the anchors and
// of the pairs. It is how rows of a pairs file train a triplet loss.
//
// Errors: those of Check; more triplets than limit, saying how many; 0 means DefaultLimit.
func (p *Pairs) Triplets(samples, limit int) (Triplets, error) {
	var t Triplets
	if err := p.Check(samples); err != nil {
		return t, err
	}
	same, different := make([][]int, samples), make([][]int, samples)
	for i, a := range p.First {
		b, of := p.Second[i], different
		if p.Same[i] {
			of = same
		}
		of[a], of[b] = append(of[a], b), append(of[b], a)
	}
	n := 0.0
	for a := range samples {
		n += float64(len(same[a])) * float64(len(different[a]))
	}
	if limit = limited(limit); n > float64(limit) {
		return t, tooMany("triplets", n, limit)
	}
	for a := range samples {
		for _, b := range same[a] {
			for _, c := range different[a] {
				t.add(a, b, c)
			}
		}
	}
	return t, nil
}

// Triplets are samples three by three, by index: the positive belongs to the anchor, the
// negative does not. The three slices are of one length.
type Triplets struct{ Anchor, Positive, Negative []int }

// Len returns the number of triplets.
func (t *Triplets) Len() int { return len(t.Anchor) }

// Check refuses slices of different lengths and indices outside [0, samples).
func (t *Triplets) Check(samples int) error {
	if len(t.Positive) != len(t.Anchor) || len(t.Negative) != len(t.Anchor) {
		return fmt.Errorf("pair: Triplets: Anchor has %d elements, Positive %d, Negative %d; they must have as many",
			len(t.Anchor), len(t.Positive), len(t.Negative))
	}
	if err := within("Triplets: Anchor", t.Anchor, samples); err != nil {
		return err
	}
	if err := within("Triplets: Positive", t.Positive, samples); err != nil {
		return err
	}
	return within("Triplets: Negative", t.Negative, samples)
}

// Pairs overwrites dst with the pairs of the triplets: of each, the anchor with the positive and the anchor
// with the negative. A pair of several triplets is in it several times. So a miner of triplets feeds a loss
// of pairs.
func (t *Triplets) Pairs(dst *Pairs) {
	dst.reset()
	for i, a := range t.Anchor {
		dst.add(a, t.Positive[i], true)
		dst.add(a, t.Negative[i], false)
	}
}

func (t *Triplets) reset() {
	t.Anchor, t.Positive, t.Negative = t.Anchor[:0], t.Positive[:0], t.Negative[:0]
}

func (t *Triplets) add(anchor, positive, negative int) {
	t.Anchor, t.Positive, t.Negative = append(t.Anchor, anchor), append(t.Positive, positive), append(t.Negative, negative)
}

func within(what string, indices []int, n int) error {
	for i, v := range indices {
		if v < 0 || v >= n {
			return fmt.Errorf("pair: %s[%d] is %d; it must be from 0 to %d", what, i, v, n-1)
		}
	}
	return nil
}
