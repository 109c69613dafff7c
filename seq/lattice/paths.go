package lattice

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/internal/scratch"
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
	if err := s.checkPaths(paths, false); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = s.energy(s.chain(i), paths[s.chains[i]:s.chains[i+1]])
	}
	s.c = nil
	return nil
}

// checkPaths checks given paths, among which there may be those of −1, of chains without
// one.
func (s *Solver[T]) checkPaths(paths []int, orNone bool) error {
	if err := checkLength("paths", len(paths), len(s.vars)); err != nil {
		return err
	}
	for i, hi := range s.chains[1:] {
		lo := s.chains[i]
		if orNone && none(paths[lo:hi]) {
			continue
		}
		for v, y := range paths[lo:hi] {
			if k := s.vars[lo+v].states; y < 0 || y >= k {
				but := ""
				if orNone {
					but = fmt.Sprintf(", or all of chain %d is −1 where it has no path", i)
				}
				return fmt.Errorf("lattice: paths[%d] is %d; the variable has states 0 to %d%s", lo+v, y, k-1, but)
			}
		}
	}
	return nil
}

// none tells the path of a chain that has none.
func none(path []int) bool {
	for _, y := range path {
		if y != -1 {
			return false
		}
	}
	return true
}

// AddPaths adds to unary and pair up times the derivatives of the energies of given
// paths: 1 where a path passes. up has a factor a chain, of which nil is ones; unary or
// pair is nil if it is not to be written, else as long as the energies that it belongs to. A
// chain whose path is of −1 throughout, as those of Minima and Sample where none is
// possible, is passed over. Errors: other states that a variable does not have.
func (s *Solver[T]) AddPaths(unary, pair []T, paths []int, up []T, c *Chains[T]) error {
	if err := s.lay(c.Lengths, c.States, len(c.Unary), len(c.Pair)); err != nil {
		return err
	}
	if err := checkDerivatives(unary, pair, up, c); err != nil {
		return err
	}
	if err := s.checkPaths(paths, true); err != nil {
		return err
	}
	for i := range c.Lengths {
		by := T(1)
		if up != nil {
			by = up[i]
		}
		path := paths[s.chains[i]:s.chains[i+1]]
		if none(path) {
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
// backward from state to state. rng seeds a generator for each chain, one after another.
// paths has a state for each variable; −1 where no path is possible.
func (s *Solver[T]) Sample(paths []int, rng *rand.Rand, c *Chains[T]) error {
	if err := s.begin(c); err != nil {
		return err
	}
	if err := checkLength("paths", len(paths), len(s.vars)); err != nil {
		return err
	}
	s.seeds = scratch.Sized(s.seeds, len(c.Lengths))
	for i := range s.seeds {
		s.seeds[i] = [2]uint64{rng.Uint64(), rng.Uint64()}
	}
	s.paths = paths
	s.run(doSample)
	return nil
}

// sample draws a chain's path.
func (s *Solver[T]) sample(w *workspace[T], i int) {
	vars, path := s.chain(i), s.paths[s.chains[i]:s.chains[i+1]]
	if len(vars) == 0 {
		return
	}
	if math.IsInf(s.forwardLogs(&w.logs, vars), 1) {
		for t := range path {
			path[t] = -1
		}
		return
	}
	w.pcg.Seed(s.seeds[i][0], s.seeds[i][1])
	s.drawBack(&w.logs, vars, path, w.rng)
}

func (s *Solver[T]) drawBack(l *logs, vars []span, path []int, rng *rand.Rand) {
	last := len(vars) - 1
	sum := s.ends(l, vars)
	path[last] = draw(l.weight[:vars[last].states], sum, rng)
	for t := last; t > 0; t-- {
		sum = s.ways(l, vars, t, path[t])
		path[t-1] = draw(l.weight[:vars[t-1].states], sum, rng)
	}
}

// draw returns an index by its share of weights and their sum.
func draw(weight []float64, sum float64, rng *rand.Rand) int {
	u := rng.Float64() * sum
	last := 0
	for i, v := range weight {
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
	s.marginal = scratch.Sized(s.marginal, len(c.Unary))
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
