package lattice

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// The fast way to a free energy is to add up probabilities instead of logarithms: each
// step's are scaled by their greatest, and there is one exponential for each energy
// instead of one for each pair of each step. What can be lost is small numbers that come
// to count later, because what was greater ends in forbidden states.
//
// Where the energies of pairs span no more than R, nothing is: what leads on from two
// states then differs by a factor of e^R at most, and the greatest of the next step is at
// least e^−R, so that a number below δ has a share of δ·e^R at most in the end. Those below
// a bound are set to 0, which keeps subnormal numbers out. Else each state that can be
// reached must come out above a bound; where one does not, the chain is done again in
// float64, and there in logarithms.

// scaled is the memory of one chain: everything is relative to offsets in logarithms.
type scaled[T tensor.Float] struct {
	unary  []T // exp(lowest − Unary), by variables
	pair   []T // exp(lowest − Pair), by variables; unused where all share one
	alpha  []T // forward: Σ over the paths up to a state, the greatest 1
	beta   []T // backward: Σ over the paths on from a state, the greatest 1
	q      []T // unary·beta of one variable
	inv    []float64
	span   float64 // greatest difference of pair energies of one step
	offset float64 // Σ of the energies that are lowest
	logSum float64 // ln Σ of the relative weights
}

// limits are what a float type can bear.
type limits struct {
	span  float64 // of pair energies that nothing is lost with
	small float64 // is set to 0 within that span
	least float64 // that a state may have otherwise, before it is scaled
	both  float64 // that Σ αβ may have otherwise
	// energy bounds energies and costs, either way: a pair's, a state's and its cost, of
	// as many variables as a chain may have, then add up without overflow.
	energy float64
}

func limitsOf[T tensor.Float]() limits {
	if narrowType[T]() {
		return limits{25, 1e-24, 1e-30, 1e-20, 1e28}
	}
	return limits{200, 1e-200, 1e-250, 1e-100, 1e298}
}

// narrowType tells float32.
func narrowType[T tensor.Float]() bool {
	one := T(1)
	return one+1e-10 == one
}

// freeScaled is free in probabilities; ok is false where it cannot be sure.
func (s *Solver[T]) freeScaled(w *workspace[T], i, g int, up T) (f float64, ok bool) {
	vars, z := s.chain(i), &w.scaled
	if !s.weigh(z, i) {
		return math.Inf(1), true
	}
	possible, ok := s.forward(z, vars)
	if !ok || !possible {
		return math.Inf(1), ok
	}
	if s.derive {
		if !s.backward(z, vars) {
			return 0, false
		}
		s.spread(z, vars, g, up)
	}
	return z.offset - z.logSum, true
}

// weigh takes the exponentials of a chain; false is a variable with no state allowed.
func (s *Solver[T]) weigh(z *scaled[T], i int) bool {
	vars := s.chain(i)
	first, end := s.unaries(i)
	z.unary = scratch.Sized(z.unary, end-first)
	z.offset, z.span = 0, 0
	if !z.lower(z.unary, s.c.Unary[first:end], vars, first, false) {
		return false
	}
	simd.Exp(z.unary, z.unary)
	if s.shared {
		z.offset += s.lowest * float64(len(vars)-1)
		z.span = s.span
		return true
	}
	first, end = s.pairs(i)
	z.pair = scratch.Sized(z.pair, end-first)
	if !z.lower(z.pair, s.c.Pair[first:end], vars, first, true) {
		return false
	}
	simd.Exp(z.pair, z.pair)
	return true
}

// lower subtracts each variable's energies, or those of it with its left neighbour, from
// their lowest, and adds that to the offset.
func (z *scaled[T]) lower(dst, x []T, vars []span, first int, pairs bool) bool {
	for t, v := range vars {
		lo, n := v.unary-first, v.states
		if pairs {
			if t == 0 {
				continue
			}
			lo, n = v.pair-first, vars[t-1].states*v.states
		}
		row := x[lo : lo+n]
		low, high := extremes(row)
		if math.IsInf(float64(low), 1) {
			return false
		}
		z.offset += float64(low)
		if pairs {
			z.span = max(z.span, float64(high)-float64(low))
		}
		for j, e := range row {
			dst[lo+j] = low - e
		}
	}
	return true
}

// weightsOf returns the weights of a variable's states, and of it with its left neighbour.
func (s *Solver[T]) weightsOf(z *scaled[T], vars []span, t int) (unary, pair []T) {
	v, first := vars[t], vars[0].unary
	unary = z.unary[v.unary-first : v.unary-first+v.states]
	switch {
	case t == 0:
	case s.shared:
		pair = s.weights
	default:
		lo := v.pair - vars[1].pair
		pair = z.pair[lo : lo+vars[t-1].states*v.states]
	}
	return unary, pair
}

// forward fills alpha; where no state can be reached, the chain is not possible.
func (s *Solver[T]) forward(z *scaled[T], vars []span) (possible, ok bool) {
	z.alpha = scratch.Sized(z.alpha, len(z.unary))
	z.logSum = 0
	lim := limitsOf[T]()
	var prev []T
	for t, v := range vars {
		unary, pair := s.weightsOf(z, vars, t)
		lo := v.unary - vars[0].unary
		row := z.alpha[lo : lo+v.states]
		if t == 0 {
			copy(row, unary)
		} else {
			forwardStep(row, prev, pair)
			times(row, row, unary)
		}
		low, high := extremes(row)
		sure := z.span <= lim.span
		if !sure && low < T(lim.least) && !s.dead(vars, t, row, prev, T(lim.least)) {
			return false, false
		}
		if high == 0 {
			return false, true
		}
		scale(row, 1/high)
		if sure && low < high*T(lim.small) {
			flush(row, T(lim.small))
		}
		z.logSum += math.Log(float64(high))
		prev = row
	}
	z.logSum += math.Log(total(prev))
	return true, true
}

// dead reports whether all states below the bound are such that no path reaches.
func (s *Solver[T]) dead(vars []span, t int, row, prev []T, least T) bool {
	unary, pair := s.energiesOf(vars, t)
	for j, v := range row {
		if v >= least || math.IsInf(float64(unary[j]), 1) {
			continue
		}
		if v != 0 || t == 0 {
			return false
		}
		for i, a := range prev {
			if a != 0 && !math.IsInf(float64(pair[i*len(row)+j]), 1) {
				return false
			}
		}
	}
	return true
}

// backward fills beta, and with inv the scale of each step's marginals.
func (s *Solver[T]) backward(z *scaled[T], vars []span) bool {
	z.beta = scratch.Sized(z.beta, len(z.unary))
	z.q = scratch.Sized(z.q, s.widest)
	z.inv = scratch.Sized(z.inv, len(vars))
	lim := limitsOf[T]()
	first, n := vars[0].unary, len(vars)
	end := len(z.beta)
	next := z.beta[end-vars[n-1].states:]
	for j := range next {
		next[j] = 1
	}
	z.inv[n-1] = 1 / total(z.alpha[end-len(next):])
	for t := n - 1; t > 0; t-- {
		unary, pair := s.weightsOf(z, vars, t)
		q := z.q[:len(next)]
		times(q, unary, next)
		lo := vars[t-1].unary - first
		row := z.beta[lo : lo+vars[t-1].states]
		backwardStep(row, q, pair)
		low, high := extremes(row)
		if z.span > lim.span && low < T(lim.least) && !s.deadEnd(vars, t, row, next, T(lim.least)) {
			return false
		}
		both := inner(z.alpha[lo:lo+len(row)], row)
		if !(both >= lim.both) {
			return false
		}
		z.inv[t-1] = 1 / both
		scale(row, 1/high)
		next = row
	}
	return true
}

// deadEnd reports whether all states below the bound are such that no path leads on from.
func (s *Solver[T]) deadEnd(vars []span, t int, row, next []T, least T) bool {
	unary, pair := s.energiesOf(vars, t)
	for i, v := range row {
		if v >= least {
			continue
		}
		if v != 0 {
			return false
		}
		for j, b := range next {
			if b != 0 && !math.IsInf(float64(unary[j]), 1) && !math.IsInf(float64(pair[i*len(next)+j]), 1) {
				return false
			}
		}
	}
	return true
}

// spread writes the marginals.
func (s *Solver[T]) spread(z *scaled[T], vars []span, g int, up T) {
	first := vars[0].unary
	for t, v := range vars {
		lo := v.unary - first
		alpha, beta := z.alpha[lo:lo+v.states], z.beta[lo:lo+v.states]
		if s.unary != nil {
			d := s.unary[v.unary : v.unary+v.states]
			times(d, alpha, beta)
			scale(d, up*T(1/inner(alpha, beta)))
		}
		if t == 0 || s.pair == nil {
			continue
		}
		unary, pair := s.weightsOf(z, vars, t)
		q := z.q[:v.states]
		times(q, unary, beta)
		scale(q, up*T(z.inv[t-1]))
		left := vars[t-1]
		prev := z.alpha[left.unary-first : left.unary-first+left.states]
		if s.shared {
			addOuter(s.groups[g].outer, prev, q)
		} else {
			outer(s.pair[v.pair:v.pair+len(pair)], prev, q, pair)
		}
	}
}
