package pair

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// DistanceWeighted makes a triplet of each anchor and each of its positives, with a negative
// that is drawn with the chance 1/q(d), so that all distances are about equally frequent.
//
// On the unit sphere of D coordinates the distance d of two random points has the density
//
//	q(d) ∝ d^(D−2) · (1 − d²/4)^((D−3)/2)
//
// Embeddings count by their directions alone. Distances below Cutoff are weighted as Cutoff,
// and negatives from NonzeroLoss on are not drawn, since the loss would be 0. An anchor's
// pairs that are left without a negative are skipped, and counted.
//
// PyTorch: pytorch-metric-learning's DistanceWeightedMiner(cutoff=Cutoff, nonzero_loss_cutoff=NonzeroLoss).
// Source: [wu2017].
type DistanceWeighted[T tensor.Float] struct {
	Cutoff      float64 // above 0; 0 means 0.5
	NonzeroLoss float64 // above Cutoff, below 2; 0 means 1.4

	mining  mining[T]
	indices []int
	weights []float64 // logarithms at first, then sums up to each
}

// Mine overwrites dst with the triplets, ordered by anchor and positive.
//
// Errors: those of [Strips.Set] for [distance.Cosine]; labels that are not one a row; dim below 2;
// cutoffs out of their range; no rng.
func (m *DistanceWeighted[T]) Mine(dst *Triplets, embeddings []T, dim int, labels []int, rng *rand.Rand) (Stats, error) {
	dst.reset()
	near, far, err := m.cutoffs()
	if err != nil {
		return Stats{}, err
	}
	if dim == 1 {
		return Stats{}, fmt.Errorf("pair: DistanceWeighted: dim is 1; it must be at least 2")
	}
	if rng == nil {
		return Stats{}, errNoRand("DistanceWeighted")
	}
	skipped := 0
	stats, err := m.mining.each("DistanceWeighted", distance.Measure{Kind: distance.Cosine}, embeddings, dim, labels, func(a int, d []T) {
		m.weigh(labels, a, d, float64(dim), near, far)
		for p, l := range labels {
			if l != labels[a] || p == a {
				continue
			}
			if len(m.indices) == 0 {
				skipped++
				continue
			}
			dst.add(a, p, m.indices[draw(m.weights, rng)])
		}
	})
	stats.Skipped, stats.Mined = skipped, dst.Len()
	return stats, err
}

func (m *DistanceWeighted[T]) cutoffs() (near, far float64, err error) {
	near, far = m.Cutoff, m.NonzeroLoss
	if near == 0 {
		near = 0.5
	}
	if far == 0 {
		far = 1.4
	}
	if !(near > 0 && near < 2) {
		return 0, 0, fmt.Errorf("pair: DistanceWeighted: cutoff is %v; it must be above 0 and below 2", near)
	}
	if !(far > near && far < 2) {
		return 0, 0, fmt.Errorf("pair: DistanceWeighted: nonzeroLoss is %v; it must be above the cutoff, %v, and below 2", far, near)
	}
	return near, far, nil
}

// weigh lists an anchor's negatives nearer than far, with the sums of their weights. q
// spans hundreds of orders of magnitude, so weights are relative to the greatest.
func (m *DistanceWeighted[T]) weigh(labels []int, a int, cosine []T, dim, near, far float64) {
	m.indices, m.weights = m.indices[:0], m.weights[:0]
	top := math.Inf(-1)
	for j, l := range labels {
		d := math.Sqrt(2 * float64(cosine[j])) // of unit vectors
		if l == labels[a] || d >= far {
			continue
		}
		d = max(d, near)
		w := (2-dim)*math.Log(d) + (3-dim)/2*math.Log1p(-d*d/4)
		top = max(top, w)
		m.indices, m.weights = append(m.indices, j), append(m.weights, w)
	}
	sum := 0.0
	for i, w := range m.weights {
		sum += math.Exp(w - top)
		m.weights[i] = sum
	}
}

// draw returns an index with the chances whose sums are given.
func draw(sums []float64, rng *rand.Rand) int {
	last := len(sums) - 1
	u := rng.Float64() * sums[last]
	return min(sort.Search(len(sums), func(i int) bool { return sums[i] > u }), last)
}

func errNoRand(name string) error { return fmt.Errorf("pair: %s: rng is nil; it must be given", name) }
