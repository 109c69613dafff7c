package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Tempering is parallel tempering: every chain has a replica at each inverse temperature
// of Betas, which Inner moves under βE, and neighbours trade places with probability
//
//	min(1, exp((βₐ − β_b)(E(yₐ) − E(y_b))))
//
// so that hot replicas carry the cold one over barriers. A State of it holds
// len(Betas)·N rows, the rows of Betas[0], which is 1, first: those are the draws.
// All replicas are evaluated as one batch. Those that are not finite trade with none.
//
// Source: [geyer1991], [earl2005].
type Tempering[T tensor.Float] struct {
	Betas []float64 // falling from 1, above 0
	Inner Sampler[T]

	// Of the last step: the fraction of trades made between replica i and i+1, NaN where
	// that pair was not tried.
	Swaps []float64

	odd     bool // which pairs are tried next
	ladder  ladder[T]
	swapRow []T
}

// NewTempering returns parallel tempering over levels inverse temperatures, from 1
// geometrically down to coldest.
func NewTempering[T tensor.Float](inner Sampler[T], levels int, coldest float64) (*Tempering[T], error) {
	if levels < 2 || !(coldest > 0 && coldest < 1) {
		return nil, fmt.Errorf("sampler: %d levels down to %v; there must be at least 2, down to a number between 0 and 1", levels, coldest)
	}
	t := &Tempering[T]{Inner: inner}
	for i := range levels {
		t.Betas = append(t.Betas, math.Pow(coldest, float64(i)/float64(levels-1)))
	}
	return t, nil
}

// NewState returns the state of N chains that start at y [N, Dim], on all levels.
//
// Errors: those of the function NewState; Betas that do not fall from 1, or reach 0, where
// exp(−βE) is no density.
func (t *Tempering[T]) NewState(target Target[T], y []T) (*State[T], error) {
	if len(t.Betas) == 0 || t.Betas[0] != 1 {
		return nil, fmt.Errorf("sampler: Betas is %v; the first must be 1", t.Betas)
	}
	for i, b := range t.Betas {
		if !(T(b) > 0) || i > 0 && !(b < t.Betas[i-1]) {
			return nil, fmt.Errorf("sampler: Betas[%d] is %v; inverse temperatures must fall from 1 and stay above 0", i, b)
		}
	}
	all := slices.Repeat(y, len(t.Betas))
	return NewState(t.over(target, len(y)/max(target.Dim(), 1)), all)
}

// over returns the target of all levels, for n chains.
func (t *Tempering[T]) over(target Target[T], n int) *ladder[T] {
	t.ladder = ladder[T]{base: target, betas: t.Betas, n: n}
	return &t.ladder
}

// Step implements Sampler: a move of all replicas, then trades between every other pair.
func (t *Tempering[T]) Step(rng *rand.Rand, target Target[T], s *State[T]) Info {
	n := s.N() / len(t.Betas)
	info := t.Inner.Step(rng, t.over(target, n), s)
	t.Swaps = scratch.Sized(t.Swaps, len(t.Betas)-1)
	for i := range t.Swaps {
		t.Swaps[i] = math.NaN()
	}
	first := 0
	if t.odd && len(t.Betas) > 2 {
		first = 1
	}
	t.odd = !t.odd
	for level := first; level+1 < len(t.Betas); level += 2 {
		t.Swaps[level] = t.trade(rng, s, level, n)
	}
	return info
}

// trade tries to swap level and level+1 of each chain, and returns the fraction swapped.
func (t *Tempering[T]) trade(rng *rand.Rand, s *State[T], level, n int) float64 {
	cold, hot := t.Betas[level], t.Betas[level+1]
	done := 0
	for i := range n {
		a, b := level*n+i, (level+1)*n+i
		u := rng.Float64()
		// The state's energies are β-scaled.
		ea, eb := s.Energy[a]/cold, s.Energy[b]/hot
		if !(math.Log(u) < (cold-hot)*(ea-eb)) || !s.Finite(a) || !s.Finite(b) {
			continue
		}
		done++
		t.swapRow = append(t.swapRow[:0], s.Row(a)...)
		copy(s.Row(a), s.Row(b))
		copy(s.Row(b), t.swapRow)
		s.Energy[a], s.Energy[b] = eb*cold, ea*hot
		d := len(s.Grad) / s.N()
		for j := range d {
			ga, gb := float64(s.Grad[a*d+j]), float64(s.Grad[b*d+j])
			s.Grad[a*d+j], s.Grad[b*d+j] = T(gb*cold/hot), T(ga*hot/cold)
		}
	}
	return float64(done) / float64(n)
}

// ladder is βE, each level's β for its n rows.
type ladder[T tensor.Float] struct {
	base  Target[T]
	betas []float64
	n     int
}

func (l *ladder[T]) Dim() int { return l.base.Dim() }

func (l *ladder[T]) Energies(energy []float64, grad, y []T) {
	l.base.Energies(energy, grad, y)
	d := l.Dim()
	for i := range energy {
		beta := l.betas[i/l.n]
		energy[i] *= beta
		if grad != nil && beta != 1 {
			row := grad[i*d : (i+1)*d]
			simd.Scale(row, row, T(beta))
		}
	}
}
