package sampler

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/internal/simd"
)

// Estimate is an estimated log partition function.
type Estimate struct {
	LogZ   float64
	StdErr float64 // of LogZ, by the spread of the weights over the chains
	Size   float64 // effective number of chains: (Σw)²/Σw²
}

// Anneal estimates log ∫ exp(−E(y)) dy by annealed importance sampling: chains drawn from
// base go through the densities exp(−((1−β)E₀ + βE)), β rising over betas from 0 to 1,
// with a step of sampler at each, and gather the weights
//
//	log w = Σₖ (βₖ − βₖ₋₁)(E₀(yₖ₋₁) − E(yₖ₋₁))
//
// w is an unbiased estimate of Z/Z₀, so that LogZ is, on average, too low.
//
// Source: [neal2001].
func Anneal[T simd.Float](rng *rand.Rand, base Normal[T], target Target[T], sampler Sampler[T], betas []float64, chains int) (Estimate, error) {
	if err := CheckBetas(betas, chains); err != nil {
		return Estimate{}, err
	}
	path := &blend[T]{base: base, target: target}
	y := make([]T, chains*base.D)
	base.Draw(rng, y)
	weights, err := path.walk(rng, sampler, betas, y)
	if err != nil {
		return Estimate{}, err
	}
	e := Average(weights)
	e.LogZ += base.LogPartition()
	return e, nil
}

// AnnealBack walks the other way: from draws y of the target, such as a long run of a
// sampler, to base. On average its LogZ is too high, if the draws are exact: it and
// Anneal bracket the truth.
//
// Source: [burda2015].
func AnnealBack[T simd.Float](rng *rand.Rand, base Normal[T], target Target[T], sampler Sampler[T], betas []float64, y []T) (Estimate, error) {
	if err := CheckBetas(betas, len(y)/max(base.D, 1)); err != nil {
		return Estimate{}, err
	}
	back := make([]float64, len(betas))
	for i, b := range betas {
		back[len(betas)-1-i] = b
	}
	path := &blend[T]{base: base, target: target, beta: 1}
	weights, err := path.walk(rng, sampler, back, append([]T(nil), y...))
	if err != nil {
		return Estimate{}, err
	}
	e := Average(weights)
	e.LogZ = base.LogPartition() - e.LogZ
	return e, nil
}

// CheckBetas returns an error unless inverse temperatures rise from 0 to 1 and there are
// at least two chains.
func CheckBetas(betas []float64, chains int) error {
	if chains < 2 {
		return errors.New("sampler: annealing needs at least 2 chains, to tell its error")
	}
	if len(betas) < 2 || betas[0] != 0 || betas[len(betas)-1] != 1 {
		return errors.New("sampler: the inverse temperatures must go from 0 to 1")
	}
	for i := 1; i < len(betas); i++ {
		if !(betas[i] > betas[i-1]) {
			return errors.New("sampler: the inverse temperatures must rise")
		}
	}
	return nil
}

// Ladder returns n+1 inverse temperatures from 0 to 1 that are dense near both ends,
// where the sigmoid that makes them is flat.
func Ladder(n int) []float64 {
	const steep = 4
	low, high := sigmoid(-steep), sigmoid(steep)
	betas := make([]float64, n+1)
	for i := range betas {
		t := 2*float64(i)/float64(n) - 1
		betas[i] = (sigmoid(steep*t) - low) / (high - low)
	}
	betas[0], betas[n] = 0, 1
	return betas
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// blend is (1−β)E₀ + βE.
type blend[T simd.Float] struct {
	base   Target[T]
	target Target[T]
	beta   float64

	e0, e1 []float64 // of the last evaluation
	g0     []T
}

func (b *blend[T]) Dim() int { return b.target.Dim() }

func (b *blend[T]) Energies(energy []float64, grad, y []T) {
	b.e0, b.e1 = grow(b.e0, len(energy)), grow(b.e1, len(energy))
	var g0 []T
	if grad != nil {
		b.g0 = grow(b.g0, len(grad))
		g0 = b.g0
	}
	b.base.Energies(b.e0, g0, y)
	b.target.Energies(b.e1, grad, y)
	for i := range energy {
		energy[i] = (1-b.beta)*b.e0[i] + b.beta*b.e1[i]
	}
	if grad != nil {
		simd.Scale(grad, grad, T(b.beta))
		simd.AXPY(grad, T(1-b.beta), g0)
	}
}

// walk goes through the betas from the first on and returns each chain's log weight.
func (b *blend[T]) walk(rng *rand.Rand, sampler Sampler[T], betas []float64, y []T) ([]float64, error) {
	b.beta = betas[0]
	s, err := NewState(Target[T](b), y)
	if err != nil {
		return nil, err
	}
	weights := make([]float64, s.N())
	for k := 1; k < len(betas); k++ {
		// A refused proposal leaves e0 and e1 behind; refresh sets them to the positions'.
		b.beta = betas[k]
		s.Refresh(b)
		for i := range weights {
			weights[i] += (betas[k] - betas[k-1]) * (b.e0[i] - b.e1[i])
		}
		if k+1 < len(betas) {
			sampler.Step(rng, b, s)
		}
	}
	return weights, nil
}

// Average returns the log of the mean of weights whose logarithms are given.
func Average(log []float64) Estimate {
	top := math.Inf(-1)
	for _, w := range log {
		top = max(top, w)
	}
	var sum, squares float64
	for _, w := range log {
		r := math.Exp(w - top)
		sum += r
		squares += r * r
	}
	n := float64(len(log))
	mean := sum / n
	variance := max(squares/n-mean*mean, 0) / (n - 1)
	return Estimate{LogZ: top + math.Log(mean), StdErr: math.Sqrt(variance) / mean, Size: sum * sum / squares}
}
