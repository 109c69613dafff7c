package sampler

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Bipartite is a density over two layers of binary units in which the units of a layer
// are independent given the other layer: a restricted Boltzmann machine.
type Bipartite[T tensor.Float] interface {
	Visible() int
	Hidden() int
	// HiddenGiven writes P(hⱼ = 1 | v) of each row of v [n, Visible] to p [n, Hidden], and
	// VisibleGiven P(vᵢ = 1 | h).
	HiddenGiven(p, v []T)
	VisibleGiven(p, h []T)
}

// Gibbs is block Gibbs sampling of chains of binary units: all hidden ones given the
// visible ones, then all visible ones.
//
// Source: [hinton2002], [tieleman2008] for chains that persist over training.
type Gibbs[T tensor.Float] struct {
	bits  bits[T]
	h     []T
	start []T
}

// Step moves every row of v [n, Visible] on by one sweep. If p is not nil, it gets the
// visible units' probabilities that the new v was drawn from. Rows with a probability that
// is NaN stay where they are; Step returns their number.
func (g *Gibbs[T]) Step(rng *rand.Rand, target Bipartite[T], v, p []T) (diverged int) {
	n := len(v) / target.Visible()
	g.start = append(g.start[:0], v...)
	g.h = scratch.Sized(g.h, n*target.Hidden())
	target.HiddenGiven(g.h, v)
	g.Flip(rng, g.h)
	target.VisibleGiven(v, g.h)
	if p != nil {
		copy(p, v)
	}
	g.Flip(rng, v)
	return g.stay(v, target.Visible())
}

// stay takes rows that have become NaN back to the start and returns their number.
func (g *Gibbs[T]) stay(v []T, d int) (diverged int) {
	if !simd.HasNonFinite(v) {
		return 0
	}
	for lo := 0; lo < len(v); lo += d {
		if row := v[lo : lo+d]; !finite(row) {
			copy(row, g.start[lo:lo+d])
			diverged++
		}
	}
	return diverged
}

// Flip sets each of v to 1 with the probability that it holds, else to 0; NaN stays NaN.
func (g *Gibbs[T]) Flip(rng *rand.Rand, v []T) { g.bits.draw(rng, v, v) }

// bits draws many coin flips on all cores, as noise draws normals.
type bits[T tensor.Float] struct {
	dst, p []T
	seed   [2]uint64
	pcg    []rand.PCG
}

// draw sets dst to 1 with probability p, to NaN where p is NaN, else to 0. The two may be
// the same memory.
func (b *bits[T]) draw(rng *rand.Rand, dst, p []T) {
	b.dst, b.p, b.seed = dst, p, [2]uint64{rng.Uint64(), rng.Uint64()}
	b.pcg = scratch.Sized(b.pcg, simd.Threads())
	simd.Run((len(dst)+noiseRun-1)/noiseRun, (*bitsJob[T])(b))
	b.dst, b.p = nil, nil
}

// bitsJob hides Do, which the pool calls.
type bitsJob[T tensor.Float] bits[T]

func (b *bitsJob[T]) Do(task, worker int) {
	r := &b.pcg[worker]
	r.Seed(b.seed[0], b.seed[1]+uint64(task))
	const resolution = 1 << 53
	lo := task * noiseRun
	for i := lo; i < min(lo+noiseRun, len(b.dst)); i++ {
		p := b.p[i]
		bit := p - p // 0, or NaN
		if float64(r.Uint64()>>11)/resolution < float64(p) {
			bit = 1
		}
		b.dst[i] = bit
	}
}
