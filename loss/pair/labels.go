package pair

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
)

// CountPairs returns how many unordered pairs labels make: of one label, and of two.
func CountPairs(labels []int) (same, different int) {
	g := groups(labels)
	n := len(labels)
	for c := range g.count() {
		size := len(g.members(c))
		same += size * (size - 1) / 2
	}
	return same, n*(n-1)/2 - same
}

// CountTriplets returns how many triplets labels make, in float64 since there may be more
// than an int holds.
func CountTriplets(labels []int) float64 {
	g := groups(labels)
	total := 0.0
	for c := range g.count() {
		size := float64(len(g.members(c)))
		total += size * (size - 1) * (float64(len(labels)) - size)
	}
	return total
}

// AllPairs returns every unordered pair, First being the lesser index, in order.
//
// Errors: more pairs than limit, saying how many; 0 means DefaultLimit.
func AllPairs(labels []int, limit int) (Pairs, error) {
	var p Pairs
	limit = limited(limit)
	if n := float64(len(labels)); n*(n-1)/2 > float64(limit) {
		return p, tooMany("pairs", n*(n-1)/2, limit)
	}
	for i, a := range labels {
		for j, b := range labels[i+1:] {
			p.add(i, i+1+j, a == b)
		}
	}
	return p, nil
}

// AllTriplets returns every triplet, ordered by anchor, positive and negative.
//
// Errors: more triplets than limit, saying how many; 0 means DefaultLimit.
func AllTriplets(labels []int, limit int) (Triplets, error) {
	var t Triplets
	limit = limited(limit)
	switch n := CountTriplets(labels); {
	case n > float64(limit):
		return t, tooMany("triplets", n, limit)
	case n == 0:
		return t, nil
	}
	g := groups(labels)
	negatives := make([][]int, g.count())
	for a, c := range g.class {
		if len(g.members(c)) < 2 {
			continue
		}
		if negatives[c] == nil {
			negatives[c] = g.others(c)
		}
		for _, p := range g.members(c) {
			if p == a {
				continue
			}
			for _, n := range negatives[c] {
				t.add(a, p, n)
			}
		}
	}
	return t, nil
}

// RandomPairs draws n pairs, half of them, rounded up, of one label and half of two, in
// random order. The first sample is any that has a partner, the second any of its partners;
// a pair may come more than once.
//
// Errors: n below 0; no label that comes twice; one label alone; no rng.
func RandomPairs(labels []int, n int, rng *rand.Rand) (Pairs, error) {
	var p Pairs
	d, err := newDrawing("RandomPairs", labels, n, rng)
	if err != nil || n == 0 {
		return p, err
	}
	for i := range n {
		if same := i%2 == 0; same {
			a := d.anchor()
			p.add(a, d.positive(a), true)
		} else {
			a := rng.IntN(len(labels))
			p.add(a, d.negative(a), false)
		}
	}
	rng.Shuffle(n, func(i, j int) {
		p.First[i], p.First[j] = p.First[j], p.First[i]
		p.Second[i], p.Second[j] = p.Second[j], p.Second[i]
		p.Same[i], p.Same[j] = p.Same[j], p.Same[i]
	})
	return p, nil
}

// RandomTriplets draws n triplets: the anchor is any sample that has a positive, the others
// any that fit. A triplet may come more than once.
//
// Errors: n below 0; no label that comes twice; one label alone; no rng.
func RandomTriplets(labels []int, n int, rng *rand.Rand) (Triplets, error) {
	var t Triplets
	d, err := newDrawing("RandomTriplets", labels, n, rng)
	if err != nil {
		return t, err
	}
	for range n {
		a := d.anchor()
		t.add(a, d.positive(a), d.negative(a))
	}
	return t, nil
}

// Partners draws partners for samples, each in constant time.
type Partners struct{ grouping }

// NewPartners returns the partners that labels make.
func NewPartners(labels []int) *Partners { return &Partners{groups(labels)} }

// Positive draws another sample of a's label; ok is false where there is none.
func (p *Partners) Positive(a int, rng *rand.Rand) (positive int, ok bool) {
	all := p.members(p.class[a])
	if len(all) < 2 {
		return 0, false
	}
	i := all[rng.IntN(len(all)-1)]
	if i == a {
		return all[len(all)-1], true
	}
	return i, true
}

// Negative draws a sample of another label than a's, from those before its class in the order by label or
// those after; ok is false where there is none.
func (p *Partners) Negative(a int, rng *rand.Rand) (negative int, ok bool) {
	first, end := p.starts[p.class[a]], p.starts[p.class[a]+1]
	others := len(p.order) - (end - first)
	if others == 0 {
		return 0, false
	}
	i := rng.IntN(others)
	if i >= first {
		i += end - first
	}
	return p.order[i], true
}

// A drawing draws partners from labels that have some.
type drawing struct {
	*Partners
	anchors []int // samples whose label comes twice at least
	rng     *rand.Rand
}

func newDrawing(name string, labels []int, n int, rng *rand.Rand) (*drawing, error) {
	if n < 0 {
		return nil, fmt.Errorf("pair: %s: n is %d; it must be at least 0", name, n)
	}
	if rng == nil {
		return nil, errNoRand(name)
	}
	d := &drawing{Partners: NewPartners(labels), rng: rng}
	for i := range labels {
		if len(d.members(d.class[i])) > 1 {
			d.anchors = append(d.anchors, i)
		}
	}
	switch {
	case n == 0:
		return d, nil
	case len(d.anchors) == 0:
		return nil, fmt.Errorf("pair: %s: no label comes twice in labels; one must", name)
	case d.count() < 2:
		return nil, fmt.Errorf("pair: %s: labels has one label alone, %d; it must have two at least", name, labels[0])
	}
	return d, nil
}

func (d *drawing) anchor() int { return d.anchors[d.rng.IntN(len(d.anchors))] }

// positive draws a positive of an anchor.
func (d *drawing) positive(a int) int {
	p, _ := d.Positive(a, d.rng)
	return p
}

// negative draws a negative of a sample; there are two labels.
func (d *drawing) negative(a int) int {
	n, _ := d.Negative(a, d.rng)
	return n
}

// A grouping is samples by class, the classes in the order of their labels.
type grouping struct {
	class  []int // of each sample
	order  []int // the samples, by class and index
	starts []int // of each class in order, and the end
}

func groups(labels []int) grouping {
	g := grouping{class: make([]int, len(labels)), order: make([]int, len(labels))}
	for i := range g.order {
		g.order[i] = i
	}
	slices.SortFunc(g.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(labels[a], labels[b]), cmp.Compare(a, b))
	})
	for i, s := range g.order {
		if i == 0 || labels[s] != labels[g.order[i-1]] {
			g.starts = append(g.starts, i)
		}
		g.class[s] = len(g.starts) - 1
	}
	g.starts = append(g.starts, len(labels))
	return g
}

func (g *grouping) count() int          { return len(g.starts) - 1 }
func (g *grouping) members(c int) []int { return g.order[g.starts[c]:g.starts[c+1]] }

// others returns the samples of all other classes, in order.
func (g *grouping) others(c int) (all []int) {
	for i, k := range g.class {
		if k != c {
			all = append(all, i)
		}
	}
	return all
}
