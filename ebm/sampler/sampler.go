// Package sampler draws from densities proportional to exp(−E(y)) over real y: Langevin
// dynamics, MALA, Hamiltonian Monte Carlo and parallel tempering, thousands of chains at
// once with one batched evaluation of energy and gradient a step.
//
// A sampler is a struct of settings with a method Step; what moves is in a State. A
// sampler keeps scratch memory and serves one goroutine at a time. The same seed gives
// the same draws whatever the number of cores is.
package sampler

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Target is an energy over points of Dim numbers; low is likely. It knows no model, and
// a sampler knows no more of it.
type Target[T tensor.Float] interface {
	Dim() int
	// Energies writes the energy of each row of y [n, Dim] and, where grad [n, Dim] is
	// not nil, ∂E/∂y. It may be called with any n, and must give each row what it would
	// alone.
	Energies(energy []float64, grad, y []T)
}

// Sampler moves all chains of a state on.
//
// A chain stays where it is, and counts as diverged, if its position, energy or slope is
// not finite, or if those of the place that it would move to are not. It does not change
// what the other chains do.
type Sampler[T tensor.Float] interface {
	// Step makes one transition of every chain. The state must be one of target.
	Step(rng *rand.Rand, target Target[T], s *State[T]) Info
}

// Info says how a step went. It can be thrown away.
type Info struct {
	Accepted float64 // mean probability of acceptance over the chains, 0 for those that diverged
	Diverged int     // chains that stayed because they or their proposals were not finite
}

// State is the chains' positions with the energy and the gradient there.
type State[T tensor.Float] struct {
	Y      []T       // [N, Dim]
	Energy []float64 // [N]
	Grad   []T       // [N, Dim]
}

// NewState evaluates target at the starting points y [N, Dim], which it copies.
//
// Errors: y is not points of Dim numbers; a number of y, an energy or a slope is not finite.
func NewState[T tensor.Float](target Target[T], y []T) (*State[T], error) {
	d := target.Dim()
	if d < 1 || len(y) == 0 || len(y)%d != 0 {
		return nil, fmt.Errorf("sampler: %d numbers are not points of %d", len(y), d)
	}
	s := &State[T]{Y: append([]T(nil), y...), Energy: make([]float64, len(y)/d), Grad: make([]T, len(y))}
	s.Refresh(target)
	for i, e := range s.Energy {
		row, slope := s.Row(i), s.Grad[i*d:(i+1)*d]
		switch {
		case !finite(row):
			return nil, fmt.Errorf("sampler: starting point %d is %v; its numbers must be finite", i, short(row))
		case e-e != 0:
			return nil, fmt.Errorf("sampler: the energy of starting point %d is %v; it must be finite", i, e)
		case !finite(slope):
			return nil, fmt.Errorf("sampler: the slope of starting point %d is %v; it must be finite", i, short(slope))
		}
	}
	return s, nil
}

// short returns what an error quotes of a row: from the first number that is not finite on.
func short[T tensor.Float](row []T) string {
	const most = 4
	at := slices.IndexFunc(row, func(v T) bool { return v-v != 0 })
	row = row[at:]
	if len(row) > most {
		return fmt.Sprintf("%v… from number %d on", row[:most], at)
	}
	return fmt.Sprintf("%v from number %d on", row, at)
}

// Refresh evaluates the target at the chains' positions: after they, or the target, were
// changed from outside.
func (s *State[T]) Refresh(target Target[T]) { target.Energies(s.Energy, s.Grad, s.Y) }

// N returns the number of chains.
func (s *State[T]) N() int { return len(s.Energy) }

// Row returns the position of chain i.
func (s *State[T]) Row(i int) []T {
	d := len(s.Y) / len(s.Energy)
	return s.Y[i*d : (i+1)*d]
}

// Finite reports whether position, energy and slope of chain i are finite.
func (s *State[T]) Finite(i int) bool {
	d := len(s.Y) / len(s.Energy)
	return s.Energy[i]-s.Energy[i] == 0 && finite(s.Row(i)) && finite(s.Grad[i*d:(i+1)*d])
}

// allFinite reports whether all chains are.
func (s *State[T]) allFinite() bool {
	return !simd.HasNonFinite(s.Energy) && !simd.HasNonFinite(s.Y) && !simd.HasNonFinite(s.Grad)
}

// fit sizes a state for n chains of d numbers, in its memory if that is enough.
func (s *State[T]) fit(n, d int) {
	s.Y, s.Grad, s.Energy = scratch.Sized(s.Y, n*d), scratch.Sized(s.Grad, n*d), scratch.Sized(s.Energy, n)
}

// finite reports whether all of a row are finite.
func finite[T tensor.Float](row []T) bool {
	for _, v := range row {
		if v-v != 0 {
			return false
		}
	}
	return true
}
