package sampler

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"
)

// Normal is a density with a known partition function and exact draws: independent
// normals of one mean and scale in D dimensions. As a Target its energy is
// Σ (yᵢ − Mean)²/(2·Scale²).
type Normal[T tensor.Float] struct {
	D           int
	Mean, Scale float64
}

// Dim implements Target.
func (n Normal[T]) Dim() int { return n.D }

// Energies implements Target.
func (n Normal[T]) Energies(energy []float64, grad, y []T) {
	precision := 1 / (n.Scale * n.Scale)
	for i := range energy {
		var e float64
		for j := i * n.D; j < (i+1)*n.D; j++ {
			r := float64(y[j]) - n.Mean
			e += r * r
			if grad != nil {
				grad[j] = T(r * precision)
			}
		}
		energy[i] = e * precision / 2
	}
}

// LogPartition is log ∫ exp(−E(y)) dy = D·log(Scale·√(2π)).
func (n Normal[T]) LogPartition() float64 {
	return float64(n.D) * (math.Log(n.Scale) + math.Log(2*math.Pi)/2)
}

// Draw writes exact draws to y.
func (n Normal[T]) Draw(rng *rand.Rand, y []T) {
	for i := range y {
		y[i] = T(n.Mean + n.Scale*rng.NormFloat64())
	}
}

// Uniform is the density without a slope over the box [Low, High]^D, with a known
// partition function and exact draws. As a Target its energy is 0 in the box, +Inf outside.
type Uniform[T tensor.Float] struct {
	D         int
	Low, High float64
}

// Dim implements Target.
func (u Uniform[T]) Dim() int { return u.D }

// Energies implements Target.
func (u Uniform[T]) Energies(energy []float64, grad, y []T) {
	clear(grad)
	for i := range energy {
		energy[i] = 0
		for _, v := range y[i*u.D : (i+1)*u.D] {
			if !(float64(v) >= u.Low && float64(v) <= u.High) {
				energy[i] = math.Inf(1)
			}
		}
	}
}

// LogPartition is log ∫ exp(−E(y)) dy = D·log(High − Low).
func (u Uniform[T]) LogPartition() float64 { return float64(u.D) * math.Log(u.High-u.Low) }

// Draw writes exact draws to y.
func (u Uniform[T]) Draw(rng *rand.Rand, y []T) {
	for i := range y {
		y[i] = T(u.Low + (u.High-u.Low)*rng.Float64())
	}
}
