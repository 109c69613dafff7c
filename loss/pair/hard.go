package pair

import (
	"fmt"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// Pick is which of an anchor's positives or negatives to take.
type Pick string

// The picks; "" means Hardest.
const (
	Hardest Pick = "hardest" // the farthest positive, the nearest negative
	Easiest Pick = "easiest" // the nearest positive, the farthest negative
)

func (p Pick) check(name, field string) error {
	if p != "" && p != Hardest && p != Easiest {
		return fmt.Errorf("pair: %s: %s is %q; it must be %s or %s", name, field, p, Hardest, Easiest)
	}
	return nil
}

// BatchHard makes one triplet of each anchor: by default of its hardest positive and its
// hardest negative. The easiest positive with the hardest negative lets a class have
// several clusters.
//
// Source: [hermans2017]; easiest positives [xuan2020].
type BatchHard[T tensor.Float] struct {
	Distance distance.Measure
	Positive Pick
	Negative Pick

	mining mining[T]
}

// Mine overwrites dst with the triplets, ordered by anchor.
//
// Errors: those of [Strips.Set]; labels that are not one a row; an unknown pick.
func (m *BatchHard[T]) Mine(dst *Triplets, embeddings []T, dim int, labels []int) (Stats, error) {
	dst.reset()
	if err := m.Positive.check("BatchHard", "positive"); err != nil {
		return Stats{}, err
	}
	if err := m.Negative.check("BatchHard", "negative"); err != nil {
		return Stats{}, err
	}
	farPositive, farNegative := m.Positive != Easiest, m.Negative == Easiest
	stats, err := m.mining.each("BatchHard", m.Distance, embeddings, dim, labels, func(a int, d []T) {
		p, n := -1, -1
		for j, l := range labels {
			switch {
			case l != labels[a]:
				n = pick(d, n, j, farNegative)
			case j != a:
				p = pick(d, p, j, farPositive)
			}
		}
		dst.add(a, p, n)
	})
	stats.Mined = dst.Len()
	return stats, err
}

// pick returns which of the two is farther, or nearer; the first of equals. best is −1 at first.
func pick[T tensor.Float](d []T, best, j int, far bool) int {
	if best < 0 || (far && d[j] > d[best]) || (!far && d[j] < d[best]) {
		return j
	}
	return best
}
