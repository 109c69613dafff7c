package sampler

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/internal/simd"
)

// Chains draws the negatives that training pushes up: short runs of a sampler that start
// from the data (contrastive divergence, CD-k) or, with a Buffer, from where earlier runs
// ended (persistent contrastive divergence).
//
// Source: [hinton2002], [tieleman2008], [nijkamp2019].
type Chains[T simd.Float] struct {
	Sampler Sampler[T]
	Steps   int        // k
	Buffer  *Buffer[T] // nil: start from the data
	// Fresh writes starting points; a Buffer that starts some chains afresh needs it.
	Fresh func(rng *rand.Rand, y []T)

	state State[T]
	at    []int
}

// Draw writes len(y)/Dim negatives to y, as many as there are in data [n, Dim], and
// returns what the run's last step says. Chains without a finite energy stay where they
// are: who uses their energies finds out.
func (c *Chains[T]) Draw(rng *rand.Rand, target Target[T], data, y []T) (last Info) {
	d := target.Dim()
	s := &c.state
	s.Y, s.Grad, s.Energy = grow(s.Y, len(y)), grow(s.Grad, len(y)), grow(s.Energy, len(y)/d)
	if c.Buffer == nil {
		copy(s.Y, data)
	} else {
		c.at = grow(c.at, len(y)/d)
		c.Buffer.Take(rng, s.Y, c.at, func(y []T) { c.Fresh(rng, y) })
	}
	s.Refresh(target)
	for range c.Steps {
		last = c.Sampler.Step(rng, target, s)
	}
	if c.Buffer != nil {
		c.Buffer.Put(s.Y, c.at)
	}
	copy(y, s.Y)
	return last
}
