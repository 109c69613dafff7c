package pair

import (
	"fmt"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// Stats says what a miner found.
type Stats struct {
	Anchors    int // samples, each of which is an anchor
	NoPositive int // anchors that have no other sample of their label
	NoNegative int // anchors that have no sample of another label
	Skipped    int // anchors, or their pairs with a positive, for which the miner's rule found nothing
	Mined      int // pairs or triplets
}

// mining is what the miners have in common: a walk over the anchors and their distances.
type mining[T tensor.Float] struct {
	strips Strips[T]
}

// each calls f for each anchor that has a positive and a negative, with its distances from
// all samples, itself among them.
func (m *mining[T]) each(name string, d distance.Measure, embeddings []T, dim int, labels []int, f func(a int, d []T)) (Stats, error) {
	if dim >= 1 && len(embeddings)%dim == 0 && len(labels) != len(embeddings)/dim {
		return Stats{}, fmt.Errorf("pair: %s: labels has %d elements; it must have %d, one a row of embeddings", name, len(labels), len(embeddings)/dim)
	}
	m.strips.X = "embeddings"
	if err := m.strips.Set(d, embeddings, embeddings, dim); err != nil {
		return Stats{}, fmt.Errorf("pair: %s: %w", name, err)
	}
	stats := Stats{Anchors: len(labels)}
	for lo := 0; lo < len(labels); {
		strip, hi := m.strips.At(lo)
		for a := lo; a < hi; a++ {
			if stats.usable(labels, a) {
				f(a, strip[(a-lo)*len(labels):][:len(labels)])
			}
		}
		lo = hi
	}
	return stats, nil
}

// usable reports whether an anchor has a positive and a negative, and counts what it lacks.
func (s *Stats) usable(labels []int, a int) bool {
	positive, negative := false, false
	for j, l := range labels {
		if l != labels[a] {
			negative = true
		} else if j != a {
			positive = true
		}
		if positive && negative {
			return true
		}
	}
	if !positive {
		s.NoPositive++
	}
	if !negative {
		s.NoNegative++
	}
	return false
}

// DefaultLimit is how many pairs or triplets may be made where a limit is 0.
const DefaultLimit = 1 << 22

// limited returns the limit that is meant.
func limited(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return limit
}

// tooMany reports more pairs or triplets than the limit allows.
func tooMany(what string, n float64, limit int) error {
	return fmt.Errorf("pair: there are %.0f %s; the limit is %d", n, what, limit)
}
