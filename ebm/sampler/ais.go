package sampler

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
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
// w is an unbiased estimate of Z/Z₀, so that LogZ is, on average, too low. Where E is +Inf
// the density is 0: a draw from base there stays and has the weight 0.
//
// Errors: betas that do not rise from 0 to 1; fewer than 2 chains; an energy that is NaN or
// −Inf, or +Inf for all chains.
// Source: [neal2001].
func Anneal[T tensor.Float](rng *rand.Rand, base Normal[T], target Target[T], sampler Sampler[T], betas []float64, chains int) (Estimate, error) {
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
	if e.Size == 0 {
		return Estimate{}, fmt.Errorf("sampler: annealing: the energy of all %d draws from base is +Inf; base must reach where it is finite", chains)
	}
	e.LogZ += base.LogPartition()
	return e, nil
}

// AnnealBack walks the other way: from draws y of the target, such as a long run of a
// sampler, to base. On average its LogZ is too high, if the draws are exact: it and
// Anneal bracket the truth. Where the walk from y never comes, because E is +Inf there, base
// must not count either: its share outside, if any, is estimated by a draw from it for
// each chain.
//
// Errors: those of Anneal; a point of y whose energy is not finite.
// Source: [burda2015].
func AnnealBack[T tensor.Float](rng *rand.Rand, base Normal[T], target Target[T], sampler Sampler[T], betas []float64, y []T) (Estimate, error) {
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
	inside, err := path.inside(rng, base, len(weights))
	if err != nil {
		return Estimate{}, err
	}
	e.LogZ = base.LogPartition() + math.Log(inside) - e.LogZ
	e.StdErr = math.Hypot(e.StdErr, math.Sqrt((1-inside)/(inside*float64(len(weights)))))
	return e, nil
}

// inside returns the fraction of n draws from base at which the target's energy is finite.
func (b *blend[T]) inside(rng *rand.Rand, base Normal[T], n int) (float64, error) {
	y := make([]T, n*base.D)
	base.Draw(rng, y)
	b.e1 = scratch.Sized(b.e1, n)
	b.target.Energies(b.e1, nil, y)
	finite := 0
	for i, e := range b.e1 {
		if err := checkEnergy(i, e); err != nil {
			return 0, err
		}
		if !math.IsInf(e, 1) {
			finite++
		}
	}
	if finite == 0 {
		return 0, fmt.Errorf("sampler: annealing: the energy of all %d draws from base is +Inf; base must reach where it is finite", n)
	}
	return float64(finite) / float64(n), nil
}

// checkEnergy refuses energies of a chain that are those of no density.
func checkEnergy(chain int, e float64) error {
	if math.IsNaN(e) || math.IsInf(e, -1) {
		return fmt.Errorf("sampler: annealing: the energy of chain %d is %v; it must be a number, or +Inf where the density is 0", chain, e)
	}
	return nil
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

// blend is (1−β)E₀ + βE; at the ends it is one of the two, whatever the other is.
type blend[T tensor.Float] struct {
	base   Target[T]
	target Target[T]
	beta   float64

	e0, e1 []float64 // of the last evaluation
	g0     []T
}

func (b *blend[T]) Dim() int { return b.target.Dim() }

func (b *blend[T]) Energies(energy []float64, grad, y []T) {
	b.e0, b.e1 = scratch.Sized(b.e0, len(energy)), scratch.Sized(b.e1, len(energy))
	var g0 []T
	if grad != nil {
		b.g0 = scratch.Sized(b.g0, len(grad))
		g0 = b.g0
	}
	b.base.Energies(b.e0, g0, y)
	b.target.Energies(b.e1, grad, y)
	switch b.beta { // the product of 0 and an infinite energy is NaN
	case 0:
		copy(energy, b.e0)
		copy(grad, g0)
		return
	case 1:
		copy(energy, b.e1)
		return
	}
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
			if err := checkEnergy(i, b.e1[i]); err != nil {
				return nil, err
			}
			weights[i] += (betas[k] - betas[k-1]) * (b.e0[i] - b.e1[i])
		}
		if k+1 < len(betas) {
			sampler.Step(rng, b, s)
		}
	}
	return weights, nil
}

// Average returns the log of the mean of weights whose logarithms are given. Special cases:
// where all weights are 0, LogZ is −Inf, Size 0 and StdErr NaN; NaN anywhere makes all NaN.
func Average(log []float64) Estimate {
	top := math.Inf(-1)
	for _, w := range log {
		top = max(top, w)
	}
	if math.IsInf(top, -1) {
		return Estimate{LogZ: top, StdErr: math.NaN()}
	}
	var sum, squares float64
	for _, w := range log {
		r := math.Exp(w - top)
		sum += r
		squares += r * r
	}
	n := float64(len(log))
	mean := sum / n
	variance := max(squares/n-float64(mean*mean), 0) / (n - 1)
	return Estimate{LogZ: top + math.Log(mean), StdErr: math.Sqrt(variance) / mean, Size: sum * sum / squares}
}
