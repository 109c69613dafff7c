package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"
)

// Tunable is a sampler whose step size can be adapted to a rate of acceptance.
type Tunable[T tensor.Float] interface {
	Sampler[T]
	// Step size, to be read and set.
	Size() float64
	SetSize(float64)
	// BestRate is the rate of acceptance that theory recommends.
	BestRate() float64
}

// Size implements Tunable.
func (m *MALA[T]) Size() float64 { return m.StepSize }

// SetSize implements Tunable.
func (m *MALA[T]) SetSize(eps float64) { m.StepSize = eps }

// BestRate returns 0.574 [roberts1998].
func (m *MALA[T]) BestRate() float64 { return 0.574 }

// Size implements Tunable.
func (h *HMC[T]) Size() float64 { return h.StepSize }

// SetSize implements Tunable.
func (h *HMC[T]) SetSize(eps float64) { h.StepSize = eps }

// BestRate returns 0.8, as Stan has it.
func (h *HMC[T]) BestRate() float64 { return 0.8 }

// The constants of dual averaging, as its authors chose them.
const (
	shrinkage  = 0.05
	stabiliser = 10
	forgetting = 0.75
)

// WarmUp runs steps transitions while it adapts the sampler's step size to its best rate
// of acceptance by dual averaging, over all chains at once, and leaves it at the
// averaged size. The draws of a warm-up are not draws from the target.
//
// Source: [hoffman2014].
func WarmUp[T tensor.Float](rng *rand.Rand, target Target[T], s *State[T], sampler Tunable[T], steps int) error {
	if !(sampler.Size() > 0) || math.IsInf(sampler.Size(), 0) {
		return fmt.Errorf("sampler: the step size is %v; it must be a number above 0", sampler.Size())
	}
	centre := math.Log(10 * sampler.Size())
	var miss, average float64
	for t := 1; t <= steps; t++ {
		info := sampler.Step(rng, target, s)
		weight := 1 / (float64(t) + stabiliser)
		miss += weight * (sampler.BestRate() - info.Accepted - miss)
		log := centre - math.Sqrt(float64(t))/shrinkage*miss
		eta := math.Pow(float64(t), -forgetting)
		average += eta * (log - average)
		sampler.SetSize(math.Exp(log))
	}
	if steps > 0 {
		sampler.SetSize(math.Exp(average))
	}
	return nil
}
