package sampler

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
)

// Chains draws the negatives that training pushes up: short runs of a sampler that start
// from the data (contrastive divergence, CD-k) or, with a Buffer, from where earlier runs
// ended (persistent contrastive divergence).
//
// Source: [hinton2002], [tieleman2008], [nijkamp2019].
type Chains[T tensor.Float] struct {
	Sampler Sampler[T]
	Steps   int        // k
	Buffer  *Buffer[T] // nil: start from the data
	// Fresh writes starting points; a Buffer that starts some chains afresh needs it. It also
	// replaces starting points whose position, energy or slope is not finite.
	Fresh func(rng *rand.Rand, y []T)

	state State[T]
	at    []int
}

// Draw writes len(y)/Dim negatives to y, as many as there are in data [n, Dim], and
// returns what the run's last step says.
//
// A chain that is not finite at its start is redrawn by Fresh, or, where that is nil, starts
// from its row of data. If that is not finite either, the chain stays there, counts as
// diverged, and does not enter the Buffer; whoever uses its energy must check it.
func (c *Chains[T]) Draw(rng *rand.Rand, target Target[T], data, y []T) (last Info) {
	d := target.Dim()
	s := &c.state
	s.fit(len(y)/d, d)
	if c.Buffer == nil {
		copy(s.Y, data)
	} else {
		c.at = scratch.Sized(c.at, len(y)/d)
		c.Buffer.Take(rng, s.Y, c.at, func(y []T) { c.Fresh(rng, y) })
	}
	s.Refresh(target)
	for try := 0; try < redraws && c.redraw(rng, data); try++ {
		s.Refresh(target)
	}
	for range c.Steps {
		last = c.Sampler.Step(rng, target, s)
	}
	if c.Buffer != nil {
		c.Buffer.Put(s, c.at)
	}
	copy(y, s.Y)
	return last
}

// redraws is how often a chain that is not finite gets another start.
const redraws = 8

// redraw gives other starts to the chains that are not finite, and reports whether it did.
func (c *Chains[T]) redraw(rng *rand.Rand, data []T) (done bool) {
	s := &c.state
	if s.allFinite() || c.Fresh == nil && len(data) != len(s.Y) {
		return false
	}
	d := len(s.Y) / s.N()
	for i := range s.N() {
		switch {
		case s.Finite(i):
			continue
		case c.Fresh != nil:
			c.Fresh(rng, s.Row(i))
		default:
			copy(s.Row(i), data[i*d:(i+1)*d])
		}
		done = true
	}
	return done
}
