package retrieval

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// NMI is the normalised mutual information of two partitions of the same samples, the mean
// of their entropies being its denominator:
//
//	2·I(a; b) / (H(a) + H(b))
//
// It is 1 where the two are the same up to names, one cluster each included.
//
// Errors: no samples; lengths that differ.
func NMI(a, b []int) (float64, error) {
	if len(a) == 0 || len(a) != len(b) {
		return 0, fmt.Errorf("retrieval: NMI: a has %d elements, b %d; they must have as many, one at least", len(a), len(b))
	}
	na, ca := numbered(a)
	nb, cb := numbered(b)
	both := make([]int, len(a))
	for i := range both {
		both[i] = na[i]*len(cb) + nb[i]
	}
	_, cab := numbered(both)
	ha, hb, hab := entropy(ca, len(a)), entropy(cb, len(a)), entropy(cab, len(a))
	if ha+hb == 0 {
		return 1, nil
	}
	return min(1, max(0, 2*(ha+hb-hab)/(ha+hb))), nil
}

// numbered gives labels numbers in the order in which they come, and counts each.
func numbered(labels []int) (numbers, counts []int) {
	of := map[int]int{}
	numbers = make([]int, len(labels))
	for i, l := range labels {
		c, ok := of[l]
		if !ok {
			c = len(counts)
			of[l] = c
			counts = append(counts, 0)
		}
		numbers[i] = c
		counts[c]++
	}
	return numbers, counts
}

func entropy(counts []int, n int) (h float64) {
	for _, c := range counts {
		p := float64(c) / float64(n)
		h -= float64(p * math.Log(p))
	}
	return h
}

// maxRounds bounds the rounds of k-means.
const maxRounds = 100

// KMeans returns the cluster of each of the vectors, rows of dim coordinates: k-means++
// draws k centres, then Lloyd's rounds move them until no vector changes its cluster, or for
// a hundred times. A cluster that loses all its vectors begins anew at the vector that is
// farthest from its centre.
//
// Errors: k outside [1, rows]; no rng; what [pair.CheckRows] refuses; the context's, soon after it has ended.
//
// Source: [lloyd1982], [arthur2007].
func KMeans(ctx context.Context, vectors []float32, dim, k int, rng *rand.Rand) ([]int, error) {
	n, err := pair.CheckRows("vectors", vectors, dim)
	if err != nil {
		return nil, fmt.Errorf("retrieval: KMeans: %w", err)
	}
	if k < 1 || k > n {
		return nil, fmt.Errorf("retrieval: KMeans: k is %d; it must be from 1 to %d, the number of vectors", k, n)
	}
	if rng == nil {
		return nil, fmt.Errorf("retrieval: KMeans: rng is nil; it must be given")
	}
	m := &means{vectors: vectors, dim: dim, n: n, centres: make([]float32, k*dim), cluster: make([]int, n), far: make([]float32, n)}
	m.draw(rng)
	for round := 0; ; round++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		changed, err := m.assign()
		if err != nil {
			return nil, err
		}
		if !changed || round == maxRounds {
			return m.cluster, nil
		}
		m.move()
	}
}

// means is the state of k-means.
type means struct {
	vectors []float32
	dim, n  int
	centres []float32
	cluster []int     // of each vector
	far     []float32 // each vector's squared distance from its centre
	strips  pair.Strips[float32]
}

// draw chooses centres among the vectors: the first by chance, each further one with the
// chance of its squared distance from those that are there.
func (m *means) draw(rng *rand.Rand) {
	k := len(m.centres) / m.dim
	next, d := rng.IntN(m.n), make([]float32, m.n)
	for c := range k {
		centre := m.centres[c*m.dim:][:m.dim]
		copy(centre, m.vectors[next*m.dim:])
		simd.SquaredDistances(d, m.vectors, centre, m.n, 1, m.dim)
		for i, v := range d {
			if c == 0 || v < m.far[i] {
				m.far[i] = v
			}
		}
		next = m.drawn(rng)
	}
}

// drawn draws a vector with the chance of its squared distance; any, if all are 0.
func (m *means) drawn(rng *rand.Rand) int {
	sum := 0.0
	for _, v := range m.far {
		sum += float64(v)
	}
	if sum == 0 {
		return rng.IntN(m.n)
	}
	u, last := rng.Float64()*sum, 0
	for i, v := range m.far {
		if v > 0 {
			if last = i; u < float64(v) {
				break
			}
			u -= float64(v)
		}
	}
	return last
}

// assign gives each vector to the nearest centre, the first of equals, and reports whether
// one changed.
func (m *means) assign() (changed bool, err error) {
	if err := m.strips.Set(distance.Measure{Kind: distance.Squared}, m.vectors, m.centres, m.dim); err != nil {
		return false, err
	}
	k := len(m.centres) / m.dim
	for lo := 0; lo < m.n; {
		strip, hi := m.strips.At(lo)
		for i := lo; i < hi; i++ {
			row := strip[(i-lo)*k:][:k]
			c := simd.ArgMin(row)
			changed = changed || c != m.cluster[i]
			m.cluster[i], m.far[i] = c, row[c]
		}
		lo = hi
	}
	return changed, nil
}

// move puts each centre into the middle of its vectors.
func (m *means) move() {
	k := len(m.centres) / m.dim
	sums, counts := make([]float64, k*m.dim), make([]int, k)
	for i, c := range m.cluster {
		sum := sums[c*m.dim:][:m.dim]
		for j, v := range m.vectors[i*m.dim:][:m.dim] {
			sum[j] += float64(v)
		}
		counts[c]++
	}
	for c, n := range counts {
		centre := m.centres[c*m.dim:][:m.dim]
		if n == 0 {
			i := m.farthest()
			copy(centre, m.vectors[i*m.dim:])
			continue
		}
		for j, v := range sums[c*m.dim:][:m.dim] {
			centre[j] = float32(v / float64(n))
		}
	}
}

// farthest returns the vector that is farthest from its centre, another one each time.
func (m *means) farthest() int {
	i := slices.Index(m.far, slices.Max(m.far))
	m.far[i] = 0
	return i
}

// clustered returns the NMI of labels and clusters.
func clustered(ctx context.Context, vectors []float32, dim int, labels []int, o Options) (float64, error) {
	if o.Distance.Normalize || o.Distance.Kind == distance.Cosine {
		vectors = unit(vectors, dim)
	}
	_, counts := numbered(labels)
	clusters, err := KMeans(ctx, vectors, dim, len(counts), o.Rand)
	if err != nil {
		return 0, err
	}
	return NMI(clusters, labels)
}

// unit returns rows of unit length; those that are too short for that stay shorter.
func unit(vectors []float32, dim int) []float32 {
	u := make([]float32, len(vectors))
	for i := 0; i < len(u); i += dim {
		simd.Unit(u[i:i+dim], vectors[i:i+dim])
	}
	return u
}
