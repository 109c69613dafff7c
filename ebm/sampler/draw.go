package sampler

import (
	"context"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"
)

// Draws are what chains went through: Y[t] holds the positions [N, Dim] after the t-th
// kept step.
type Draws[T tensor.Float] struct {
	Y        [][]T
	N, Dim   int
	Accepted float64 // mean over the steps
	Diverged int     // sum over the steps
}

// Draw makes thin steps before each of n draws, of the first keep chains of the state
// (all where keep is 0). When ctx ends it returns what it has.
func Draw[T tensor.Float](
	ctx context.Context, rng *rand.Rand, target Target[T], s *State[T], sampler Sampler[T], n, thin, keep int,
) *Draws[T] {
	if keep == 0 {
		keep = s.N()
	}
	d := &Draws[T]{N: keep, Dim: target.Dim()}
	steps := 0
	for len(d.Y) < n && ctx.Err() == nil {
		for range max(thin, 1) {
			info := sampler.Step(rng, target, s)
			d.Accepted += info.Accepted
			d.Diverged += info.Diverged
			steps++
		}
		d.Y = append(d.Y, append([]T(nil), s.Y[:keep*d.Dim]...))
	}
	d.Accepted /= float64(max(steps, 1))
	return d
}

// Trace returns the draws of f, a number that a position has, chain by chain, as
// SplitRHat and EffectiveSize take them.
func (d *Draws[T]) Trace(f func(y []T) float64) [][]float64 {
	chains := make([][]float64, d.N)
	for i := range chains {
		for _, y := range d.Y {
			chains[i] = append(chains[i], f(y[i*d.Dim:(i+1)*d.Dim]))
		}
	}
	return chains
}

// Coordinate returns the trace of coordinate k.
func (d *Draws[T]) Coordinate(k int) [][]float64 {
	return d.Trace(func(y []T) float64 { return float64(y[k]) })
}
