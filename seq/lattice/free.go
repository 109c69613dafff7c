package lattice

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// FreeEnergies writes each chain's free energy
//
//	F = −ln Σ_y exp(−E(y))
//
// to dst. Shapes: dst has one element a chain. Special cases: +Inf where no path is
// possible, 0 for an empty chain. Source: [lafferty2001], [rabiner1989].
func (s *Solver[T]) FreeEnergies(dst []float64, c *Chains[T]) error {
	return s.freeEnergies(doFree, dst, nil, nil, nil, c)
}

// Marginals writes each chain's free energy to dst, and its derivatives: the shares
// exp(F − E(y)) of the paths y that pass a state or a pair,
//
//	unary[t, i]   = up · Σ_{y: y_t = i} exp(F − E(y))
//	pair[t, i, j] = up · Σ_{y: y_{t−1} = i, y_t = j} exp(F − E(y))
//
// summed over steps and chains where a Pair is shared. up has a factor a chain, of which
// nil is ones. unary or pair is nil if it is not to be written, else as long as the energies
// that it belongs to. Chains with no path add nothing.
func (s *Solver[T]) Marginals(dst []float64, unary, pair, up []T, c *Chains[T]) error {
	return s.freeEnergies(doMarginals, dst, unary, pair, up, c)
}

func (s *Solver[T]) freeEnergies(t task, dst []float64, unary, pair, up []T, c *Chains[T]) error {
	if err := s.begin(c); err != nil {
		return err
	}
	if err := checkLength("dst", len(dst), len(c.Lengths)); err != nil {
		return err
	}
	if err := checkDerivatives(unary, pair, up, c); err != nil {
		return err
	}
	s.energies, s.unary, s.pair, s.up = dst, unary, pair, up
	s.derive, s.keep = unary != nil || pair != nil, s.shared && pair != nil
	if s.shared {
		s.share(c.Pair)
	}
	if s.keep {
		s.clearGroups()
	}
	s.doubtful = scratch.Sized(s.doubtful, len(c.Lengths))
	clear(s.doubtful)
	s.run(t)
	if s.keep {
		s.reduce(pair)
	}
	return s.widen(dst, unary, pair, up, c)
}

// checkDerivatives checks the lengths of derivatives and their factors, each of which may
// be nil.
func checkDerivatives[T tensor.Float](unary, pair, up []T, c *Chains[T]) error {
	for _, x := range []struct {
		arg  string
		x    []T
		want int
	}{{"unary", unary, len(c.Unary)}, {"pair", pair, len(c.Pair)}, {"up", up, len(c.Lengths)}} {
		if x.x != nil {
			if err := checkLength(x.arg, len(x.x), x.want); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Solver[T]) clearGroups() {
	for len(s.groups) < len(s.bounds)-1 {
		s.groups = append(s.groups, group[T]{})
	}
	for i := range s.bounds[1:] {
		g := &s.groups[i]
		g.outer = scratch.Sized(g.outer, len(s.c.Pair))
		clear(g.outer)
		g.direct = g.direct[:0]
	}
}

// reduce adds up the groups' shares of a shared Pair's derivative, in order.
func (s *Solver[T]) reduce(pair []T) {
	clear(pair)
	for i := range s.bounds[1:] {
		simd.AddTo(pair, s.groups[i].outer)
	}
	simd.Mul(pair, pair, s.weights)
	for i := range s.bounds[1:] {
		for j, v := range s.groups[i].direct {
			pair[j] += T(v)
		}
	}
}

// free returns a chain's free energy and writes its derivatives.
func (s *Solver[T]) free(w *workspace[T], i, g int) float64 {
	vars := s.chain(i)
	if len(vars) == 0 {
		return 0
	}
	up := T(1)
	if s.up != nil {
		up = s.up[i]
	}
	f, ok := s.freeScaled(w, i, g, up)
	switch {
	case !ok && narrowType[T]():
		s.doubtful[i] = true
		return 0
	case !ok:
		f = s.freeLogs(w, i, g, up)
	}
	if math.IsInf(f, 1) && s.derive {
		s.zero(i)
	}
	return f
}

// zero writes the derivatives of a chain without a path.
func (s *Solver[T]) zero(i int) {
	if s.unary != nil {
		lo, hi := s.unaries(i)
		clear(s.unary[lo:hi])
	}
	if s.pair != nil && !s.shared {
		lo, hi := s.pairs(i)
		clear(s.pair[lo:hi])
	}
}

// energiesOf returns the energies of a variable's states, and of it with its left
// neighbour.
func (s *Solver[T]) energiesOf(vars []span, t int) (unary, pair []T) {
	v := vars[t]
	unary = s.c.Unary[v.unary : v.unary+v.states]
	if t > 0 {
		pair = s.c.Pair[v.pair : v.pair+vars[t-1].states*v.states]
	}
	return unary, pair
}
