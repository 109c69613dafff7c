package pair

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// SemiHard makes a triplet of each anchor and each of its positives, with the nearest
// negative that is farther than the positive, but by less than Margin.
//
// A pair without such a negative is skipped, and counted. With Farthest, which is another rule,
// a pair all of whose negatives are as near as the positive or nearer takes the farthest of them;
// with Margin +Inf it is loss.SemiHardOrFarthest, TensorFlow's triplet_semihard_loss.
//
// Source: [schroff2015], where the distance is [distance.Squared].
type SemiHard[T tensor.Float] struct {
	Distance distance.Measure
	Margin   float64 // above 0, in units of Distance; +Inf is allowed
	Farthest bool

	mining    mining[T]
	negatives []neighbour[T]
}

// A neighbour is a sample and its distance from the anchor.
type neighbour[T tensor.Float] struct {
	d T
	j int
}

// Mine overwrites dst with the triplets, ordered by anchor and positive.
//
// Errors: those of [Strips.Set]; labels that are not one a row; Margin that is not above 0.
func (m *SemiHard[T]) Mine(dst *Triplets, embeddings []T, dim int, labels []int) (Stats, error) {
	dst.reset()
	if !(m.Margin > 0) {
		return Stats{}, fmt.Errorf("pair: SemiHard: margin is %v; it must be above 0", m.Margin)
	}
	skipped := 0
	stats, err := m.mining.each("SemiHard", m.Distance, embeddings, dim, labels, func(a int, d []T) {
		m.sortNegatives(labels, a, d)
		for p, l := range labels {
			if l != labels[a] || p == a {
				continue
			}
			if n := m.negative(d[p]); n >= 0 {
				dst.add(a, p, n)
			} else {
				skipped++
			}
		}
	})
	stats.Skipped, stats.Mined = skipped, dst.Len()
	return stats, err
}

// sortNegatives lists an anchor's negatives, the nearest first, equals by index.
func (m *SemiHard[T]) sortNegatives(labels []int, a int, d []T) {
	m.negatives = m.negatives[:0]
	for j, l := range labels {
		if l != labels[a] {
			m.negatives = append(m.negatives, neighbour[T]{d[j], j})
		}
	}
	slices.SortFunc(m.negatives, func(a, b neighbour[T]) int {
		return cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(a.j, b.j))
	})
}

// negative returns the negative for a positive at distance d, or −1.
func (m *SemiHard[T]) negative(d T) int {
	i := sort.Search(len(m.negatives), func(i int) bool { return m.negatives[i].d > d })
	if i < len(m.negatives) {
		if n := m.negatives[i]; float64(n.d) < float64(d)+m.Margin {
			return n.j
		}
		return -1
	}
	if !m.Farthest {
		return -1
	}
	last := m.negatives[i-1].d
	for i > 1 && m.negatives[i-2].d == last { // the first of equals
		i--
	}
	return m.negatives[i-1].j
}
