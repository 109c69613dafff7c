package pair

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// Kind is a sort of triplets by their gap g = d(anchor, negative) − d(anchor, positive).
type Kind string

// The kinds; "" means KindAll.
const (
	KindAll      Kind = "all"       // g ≤ Margin: all that a triplet loss sees
	KindHard     Kind = "hard"      // g ≤ 0
	KindSemiHard Kind = "semi_hard" // 0 < g ≤ Margin, as [SemiHard] has it
	KindEasy     Kind = "easy"      // g > Margin
)

// Kinds lists all kinds.
var Kinds = []Kind{KindAll, KindHard, KindSemiHard, KindEasy}

// TripletMargin makes every triplet of a batch that is of Kind: up to one for each anchor,
// positive and negative.
//
// PyTorch: pytorch-metric-learning's TripletMarginMiner(margin=Margin, type_of_triplets=Kind),
// whose "semihard" is KindSemiHard.
type TripletMargin[T tensor.Float] struct {
	Distance distance.Measure
	Margin   float64 // in units of Distance; 0 with KindHard, which has none
	Kind     Kind
	Limit    int // triplets at most; 0 means DefaultLimit

	mining mining[T]
}

// Mine overwrites dst with the triplets, ordered by anchor, positive and negative.
//
// Errors: those of [Strips.Set]; labels that are not one a row; Margin that is not finite
// and at least 0, or not 0 with KindHard; an unknown kind; more triplets than Limit, saying how many.
func (m *TripletMargin[T]) Mine(dst *Triplets, embeddings []T, dim int, labels []int) (Stats, error) {
	dst.reset()
	lo, hi, err := m.gaps()
	if err != nil {
		return Stats{}, err
	}
	limit := limited(m.Limit)
	mined, skipped := 0, 0
	stats, err := m.mining.each("TripletMargin", m.Distance, embeddings, dim, labels, func(a int, d []T) {
		before := mined
		for p, label := range labels {
			if label != labels[a] || p == a {
				continue
			}
			for n, other := range labels {
				if other == label {
					continue
				}
				if g := float64(d[n]) - float64(d[p]); g > lo && g <= hi {
					if mined++; mined <= limit {
						dst.add(a, p, n)
					}
				}
			}
		}
		if mined == before {
			skipped++
		}
	})
	stats.Skipped, stats.Mined = skipped, dst.Len()
	if err == nil && mined > limit {
		dst.reset()
		return Stats{}, tooMany("triplets of the kind to be mined", float64(mined), limit)
	}
	return stats, err
}

// gaps returns between which gaps a triplet is kept: above lo, up to hi.
func (m *TripletMargin[T]) gaps() (lo, hi float64, err error) {
	if !(m.Margin >= 0 && m.Margin <= math.MaxFloat64) {
		return 0, 0, fmt.Errorf("pair: TripletMargin: margin is %v; it must be finite and at least 0", m.Margin)
	}
	switch m.Kind {
	case "", KindAll:
		return math.Inf(-1), m.Margin, nil
	case KindHard:
		if m.Margin != 0 {
			return 0, 0, fmt.Errorf("pair: TripletMargin: margin is %v; it must be 0, since the kind %q has none", m.Margin, KindHard)
		}
		return math.Inf(-1), 0, nil
	case KindSemiHard:
		return 0, m.Margin, nil
	case KindEasy:
		return m.Margin, math.Inf(1), nil
	}
	return 0, 0, fmt.Errorf("pair: TripletMargin: the kind is %q; it must be one of %v", m.Kind, Kinds)
}
