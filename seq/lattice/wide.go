package lattice

import (
	"slices"

	"github.com/energo-ml/energo/internal/scratch"
)

// wide computes in float64 what float32 is too narrow for.
type wide struct {
	solver    Solver[float64]
	chains    Chains[float64]
	which     []int // chains of the narrow batch
	free      []float64
	up, unary []float64
	pair      []float64 // of chains that do not share one
}

// widen computes the chains that are doubtful again, all together, in float64.
func (s *Solver[T]) widen(dst []float64, unary, pair, up []T, c *Chains[T]) error {
	if !slices.Contains(s.doubtful, true) {
		return nil
	}
	if s.wide == nil {
		s.wide = new(wide)
	}
	w := s.wide
	s.gather(w, up, c)
	w.free = scratch.Sized(w.free, len(w.which))
	var du, dp []float64
	if unary != nil {
		w.unary = scratch.Sized(w.unary, len(w.chains.Unary))
		du = w.unary
	}
	if pair != nil {
		w.pair = scratch.Sized(w.pair, len(w.chains.Pair))
		dp = w.pair
	}
	if err := w.solver.Marginals(w.free, du, dp, w.up, &w.chains); err != nil {
		return err
	}
	for n, i := range w.which {
		dst[i] = w.free[n]
		if unary != nil {
			lo, hi := s.unaries(i)
			du = narrowed(unary[lo:hi], du)
		}
		if pair != nil && !s.shared {
			lo, hi := s.pairs(i)
			dp = narrowed(pair[lo:hi], dp)
		}
	}
	if pair != nil && s.shared {
		for j, v := range dp {
			pair[j] += T(v)
		}
	}
	return nil
}

// gather copies the doubtful chains.
func (s *Solver[T]) gather(w *wide, up []T, c *Chains[T]) {
	x := &w.chains
	w.which, w.up = w.which[:0], w.up[:0]
	x.Lengths, x.States, x.Unary, x.Pair = x.Lengths[:0], x.States[:0], x.Unary[:0], x.Pair[:0]
	if s.shared {
		x.States = append(x.States, c.States[0])
		x.Pair = widened(x.Pair, c.Pair)
	}
	for i, doubtful := range s.doubtful {
		if !doubtful {
			continue
		}
		w.which = append(w.which, i)
		by := 1.0
		if up != nil {
			by = float64(up[i])
		}
		w.up = append(w.up, by)
		x.Lengths = append(x.Lengths, c.Lengths[i])
		lo, hi := s.unaries(i)
		x.Unary = widened(x.Unary, c.Unary[lo:hi])
		if !s.shared {
			for _, v := range s.chain(i) {
				x.States = append(x.States, v.states)
			}
			lo, hi := s.pairs(i)
			x.Pair = widened(x.Pair, c.Pair[lo:hi])
		}
	}
}
