package pair

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// MultiSimilarity makes pairs of an anchor, First, with those positives that are farther
// than its nearest negative, and with those negatives that are nearer than its farthest
// positive, each by a tolerance of Epsilon:
//
//	positive  d + Epsilon > the least distance of a negative
//	negative  d − Epsilon < the greatest distance of a positive
//
// The paper's distance is [distance.Cosine].
//
// PyTorch: pytorch-metric-learning's MultiSimilarityMiner(epsilon=Epsilon).
// Source: [wang2019].
type MultiSimilarity[T tensor.Float] struct {
	Distance distance.Measure
	Epsilon  float64 // at least 0, in units of Distance; the paper's is 0.1

	mining mining[T]
}

// Mine overwrites dst with the pairs, ordered by anchor and partner.
// Both orders of a pair may come, for either sample is an anchor.
//
// Errors: those of [Strips.Set]; labels that are not one a row; Epsilon that is not finite
// and at least 0.
func (m *MultiSimilarity[T]) Mine(dst *Pairs, embeddings []T, dim int, labels []int) (Stats, error) {
	dst.reset()
	if !(m.Epsilon >= 0 && m.Epsilon <= math.MaxFloat64) {
		return Stats{}, fmt.Errorf("pair: MultiSimilarity: epsilon is %v; it must be finite and at least 0", m.Epsilon)
	}
	skipped := 0
	stats, err := m.mining.each("MultiSimilarity", m.Distance, embeddings, dim, labels, func(a int, d []T) {
		before := dst.Len()
		farPositive, nearNegative := hardest(labels, a, d)
		for j, l := range labels {
			switch v := float64(d[j]); {
			case l != labels[a]:
				if v-m.Epsilon < farPositive {
					dst.add(a, j, false)
				}
			case j != a:
				if v+m.Epsilon > nearNegative {
					dst.add(a, j, true)
				}
			}
		}
		if dst.Len() == before {
			skipped++
		}
	})
	stats.Skipped, stats.Mined = skipped, dst.Len()
	return stats, err
}

// hardest returns the greatest distance of a positive and the least of a negative.
func hardest[T tensor.Float](labels []int, a int, d []T) (farPositive, nearNegative float64) {
	farPositive, nearNegative = math.Inf(-1), math.Inf(1)
	for j, l := range labels {
		switch {
		case l != labels[a]:
			nearNegative = min(nearNegative, float64(d[j]))
		case j != a:
			farPositive = max(farPositive, float64(d[j]))
		}
	}
	return farPositive, nearNegative
}
