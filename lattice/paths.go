package lattice

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/internal/simd"
)

// Energies writes the energies of given paths, one a chain, to dst: +Inf where one is
// forbidden.
//
// Shapes: paths has a state for each variable; dst one element a chain.
func (s *Solver[T]) Energies(dst []float64, paths []int, c *Chains[T]) error {
	if err := s.begin(c); err != nil {
		return err
	}
	if err := checkLength("dst", len(dst), len(c.Lengths)); err != nil {
		return err
	}
	if err := s.checkPaths(paths); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = s.energy(s.chain(i), paths[s.chains[i]:s.chains[i+1]])
	}
	s.c = nil
	return nil
}

func (s *Solver[T]) checkPaths(paths []int) error {
	if err := checkLength("paths", len(paths), len(s.vars)); err != nil {
		return err
	}
	for v, y := range paths {
		if k := s.vars[v].states; y < 0 || y >= k {
			return fmt.Errorf("lattice: paths[%d] is %d; the variable has states 0 to %d", v, y, k-1)
		}
	}
	return nil
}

// AddPaths adds to unary and pair up times the derivatives of the energies of given
// paths: 1 where a path passes. up has a factor a chain, of which nil is ones; unary or
// pair is nil if it is not wanted. A chain whose path begins with −1, as those of Minima
// where none is possible, is passed over.
func (s *Solver[T]) AddPaths(unary, pair []T, paths []int, up []T, c *Chains[T]) error {
	if err := s.lay(c.Lengths, c.States, len(c.Unary), len(c.Pair)); err != nil {
		return err
	}
	if err := checkLength("paths", len(paths), len(s.vars)); err != nil {
		return err
	}
	for i := range c.Lengths {
		by := T(1)
		if up != nil {
			by = up[i]
		}
		path := paths[s.chains[i]:s.chains[i+1]]
		if len(path) == 0 || path[0] < 0 {
			continue
		}
		for t, v := range s.chain(i) {
			if unary != nil {
				unary[v.unary+path[t]] += by
			}
			if pair != nil && t > 0 {
				pair[v.pair+path[t-1]*v.states+path[t]] += by
			}
		}
	}
	return nil
}

// Sample draws a path of each chain from p(y) = exp(F − E(y)), exactly: forward, and then
// backward from state to state. paths has a state for each variable; −1 where no path is
// possible.
func (s *Solver[T]) Sample(paths []int, rng *rand.Rand, c *Chains[T]) error {
	if err := s.begin(c); err != nil {
		return err
	}
	if err := checkLength("paths", len(paths), len(s.vars)); err != nil {
		return err
	}
	l := &s.workers[0].logs
	for i := range c.Lengths {
		vars, path := s.chain(i), paths[s.chains[i]:s.chains[i+1]]
		if len(vars) == 0 {
			continue
		}
		if math.IsInf(s.forwardLogs(l, vars), -1) {
			for t := range path {
				path[t] = -1
			}
			continue
		}
		s.drawBack(l, vars, path, rng)
	}
	s.c = nil
	return nil
}

func (s *Solver[T]) drawBack(l *logs, vars []span, path []int, rng *rand.Rand) {
	l.beta = grow(l.beta, s.widest)
	for t := len(vars) - 1; t >= 0; t-- {
		p := l.beta[:vars[t].states]
		copy(p, row(l.alpha, vars, t))
		if t+1 < len(vars) {
			_, pair := s.energiesOf(vars, t+1)
			k := vars[t+1].states
			for i := range p {
				p[i] -= float64(pair[i*k+path[t+1]])
			}
		}
		path[t] = draw(p, rng)
	}
}

// draw returns an index by its share of Σ exp(p), overwriting p.
func draw(p []float64, rng *rand.Rand) int {
	top := simd.Max(p)
	var sum float64
	for i, v := range p {
		p[i] = math.Exp(v - top)
		sum += p[i]
	}
	u := rng.Float64() * sum
	last := 0
	for i, v := range p {
		if v == 0 {
			continue
		}
		if last = i; u < v {
			return i
		}
		u -= v
	}
	return last // by rounding
}

// ExpectedCost writes each chain's Σ_y exp(F − E(y))·cost(y) to dst, where a path's cost is
// the sum of its states': cost is as long as Unary. NaN where no path is possible.
func (s *Solver[T]) ExpectedCost(dst []float64, cost []T, c *Chains[T]) error {
	if err := checkCost(cost, len(c.Unary)); err != nil {
		return err
	}
	s.marginal = grow(s.marginal, len(c.Unary))
	if err := s.Marginals(dst, s.marginal, nil, nil, c); err != nil {
		return err
	}
	for i := range dst {
		if Impossible(dst[i]) {
			dst[i] = math.NaN()
			continue
		}
		lo, hi := s.unaries(i)
		dst[i] = inner(s.marginal[lo:hi], cost[lo:hi])
	}
	return nil
}
