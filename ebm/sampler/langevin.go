package sampler

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Langevin is the unadjusted Langevin algorithm.
//
//	y ← y − StepSize·∇E(y) + Noise·ξ,  ξ standard normal
//
// With Noise = √(2·StepSize), which NewLangevin sets, its law tends to exp(−E) as the
// step goes to 0; at a finite step it is biased. The short runs of the papers on
// energy-based models set the two apart, the noise much smaller; Noise 0 is gradient
// descent. Clip bounds each part of the gradient, and a box keeps y within [Low, High].
//
// Every move is accepted, but to places that are not finite.
// Source: [roberts1996], [nijkamp2019] for short runs.
type Langevin[T tensor.Float] struct {
	StepSize  float64
	Noise     float64
	Clip      float64 // greatest |∂E/∂yᵢ|; 0: none
	Low, High float64 // the box; none where both are 0

	p  proposal[T]
	xi []T
}

// NewLangevin returns the sampler of a step size ε whose noise is √(2ε).
func NewLangevin[T tensor.Float](eps float64) *Langevin[T] {
	return &Langevin[T]{StepSize: eps, Noise: math.Sqrt(2 * eps)}
}

// Step implements Sampler.
func (l *Langevin[T]) Step(rng *rand.Rand, target Target[T], s *State[T]) Info {
	l.p.fit(s)
	to, slope := &l.p.to, s.Grad
	if l.Clip > 0 {
		slope = to.Grad
		copy(slope, s.Grad)
		clamp(slope, -l.Clip, l.Clip)
	}
	simd.AXPY(to.Y, T(-l.StepSize), slope)
	if l.Noise != 0 {
		l.xi = scratch.Sized(l.xi, len(s.Y))
		l.p.noise.fill(rng, l.xi)
		simd.AXPY(to.Y, T(l.Noise), l.xi)
	}
	if l.Low != 0 || l.High != 0 {
		clamp(to.Y, l.Low, l.High)
	}
	to.Refresh(target)
	return l.p.moveAll(s)
}

func clamp[T tensor.Float](x []T, low, high float64) {
	lo, hi := T(low), T(high)
	for i, v := range x {
		x[i] = min(max(v, lo), hi)
	}
}
