package lattice

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Minima writes each chain's least energy to dst, and to paths the states of the path
// that has it (Viterbi's algorithm), of equals one that is the same on every machine. With a cost of each state, the paths are those of least E − cost, and dst has that:
// cost-augmented decoding.
//
// Shapes: dst has one element a chain; paths, one a variable, is nil if it is not to be written;
// cost is as long as Unary, or nil. Special cases: +Inf and states −1 where no path is possible.
// Errors: a cost beyond what energies may be. Source: [viterbi1967], [taskar2003].
func (s *Solver[T]) Minima(dst []float64, paths []int, cost []T, c *Chains[T]) error {
	if err := s.begin(c); err != nil {
		return err
	}
	if err := checkLength("dst", len(dst), len(c.Lengths)); err != nil {
		return err
	}
	if paths != nil {
		if err := checkLength("paths", len(paths), len(s.vars)); err != nil {
			return err
		}
	}
	if cost != nil {
		if err := checkCost(cost, len(c.Unary)); err != nil {
			return err
		}
	}
	if s.shared {
		s.lowerShared()
	}
	s.energies, s.paths, s.cost = dst, paths, cost
	s.run(doMinima)
	return nil
}

// lowerShared takes the least of the Pair that all share away from it.
func (s *Solver[T]) lowerShared() {
	k, pair := s.c.States[0], s.c.Pair
	s.above, s.rowLow = scratch.Sized(s.above, len(pair)), scratch.Sized(s.rowLow, k)
	copy(s.above, pair)
	if low := simd.Min(pair); !math.IsInf(float64(low), 1) {
		simd.AddScalar(s.above, pair, -low)
	}
	for i := range s.rowLow {
		s.rowLow[i] = simd.Min(s.above[i*k : (i+1)*k])
	}
}

func checkCost[T tensor.Float](cost []T, want int) error {
	if err := checkLength("cost", len(cost), want); err != nil {
		return err
	}
	bound := T(limitsOf[T]().energy)
	for i, v := range cost {
		if !(v >= -bound && v <= bound) {
			return fmt.Errorf("lattice: cost[%d] is %v; it must be a number from %v to %v", i, v, -bound, bound)
		}
	}
	return nil
}

// best is the memory of one chain's search.
type best[T tensor.Float] struct {
	from      []int32 // best left neighbour of each state
	low, next []T     // least energy up to each state, less the least of all
	path      []int
}

// minimum finds a chain's best path.
func (s *Solver[T]) minimum(w *workspace[T], c int) float64 {
	vars, b := s.chain(c), &w.best
	if len(vars) == 0 {
		return 0
	}
	first, end := s.unaries(c)
	b.from = scratch.Sized(b.from, end-first)
	b.low, b.next = scratch.Sized(b.low, s.widest), scratch.Sized(b.next, s.widest)
	low := b.low[:vars[0].states]
	clear(low)
	s.addStates(low, vars[0])
	for t, v := range vars[1:] {
		next, from := b.next[:v.states], b.from[v.unary-first:v.unary-first+v.states]
		if s.shared {
			relaxShared(next, from, low, s.above, s.rowLow)
		} else {
			_, pair := s.energiesOf(vars, t+1)
			relax(next, from, low, pair)
		}
		s.addStates(next, v)
		b.low, b.next = b.next[:s.widest], b.low[:s.widest]
		low = next
	}
	return s.trace(b, c, first, simd.ArgMin(low), low)
}

// trace follows the best path back from its last state.
func (s *Solver[T]) trace(b *best[T], c, first, at int, low []T) float64 {
	vars, path := s.chain(c), s.pathOf(b, c)
	if math.IsInf(float64(low[at]), 1) {
		for t := range path {
			path[t] = -1
		}
		return math.Inf(1)
	}
	for t := len(vars) - 1; t > 0; t-- {
		path[t] = at
		at = int(b.from[vars[t].unary-first+at])
	}
	path[0] = at
	return s.energy(vars, path)
}

// pathOf returns where a chain's path goes.
func (s *Solver[T]) pathOf(b *best[T], c int) []int {
	if s.paths != nil {
		return s.paths[s.chains[c]:s.chains[c+1]]
	}
	b.path = scratch.Sized(b.path, s.chains[c+1]-s.chains[c])
	return b.path
}

// addStates adds a variable's energies, less its costs, to x. The least of the energies is
// taken away before and that of the sums after, so that neither long chains nor large energies
// that all states have lose digits.
func (s *Solver[T]) addStates(x []T, v span) {
	unary := s.c.Unary[v.unary : v.unary+v.states]
	least, _ := extremes(unary)
	if math.IsInf(float64(least), 1) {
		copy(x, unary)
		return
	}
	sum := T(math.Inf(1))
	if s.cost == nil {
		for j, e := range unary {
			x[j] += e - least
			sum = min(sum, x[j])
		}
	} else {
		for j, c := range s.cost[v.unary : v.unary+v.states] {
			x[j] += unary[j] - least - c
			sum = min(sum, x[j])
		}
	}
	if math.IsInf(float64(sum), 1) {
		return
	}
	for j := range x {
		x[j] -= sum
	}
}

// relax computes next[j] = min_i low[i] + pair[i,j], less the least of pair, and the first i
// that has it.
func relax[T tensor.Float](next []T, from []int32, low, pair []T) {
	for j := range next {
		next[j], from[j] = T(math.Inf(1)), 0
	}
	least, _ := extremes(pair)
	if math.IsInf(float64(least), 1) {
		return
	}
	k := len(next)
	for i, l := range low {
		for j, e := range pair[i*k : (i+1)*k] {
			if e = l + (e - least); e < next[j] {
				next[j], from[j] = e, int32(i)
			}
		}
	}
}

// relaxShared is relax where the least of each row of pair is known. It begins with the
// best left state, and passes over those that cannot be better for any j: most, once a
// model is sure of itself.
func relaxShared[T tensor.Float](next []T, from []int32, low, pair, rowLow []T) {
	k := len(next)
	first := simd.ArgMin(low)
	for j, e := range pair[first*k : (first+1)*k] {
		next[j], from[j] = low[first]+e, int32(first)
	}
	worst := simd.Max(next)
	for i, l := range low {
		if i == first || l+rowLow[i] > worst {
			continue
		}
		better := false
		for j, e := range pair[i*k : (i+1)*k] {
			if e += l; e < next[j] || e == next[j] && i < int(from[j]) {
				next[j], from[j] = e, int32(i)
				better = true
			}
		}
		if better {
			worst = simd.Max(next)
		}
	}
}

// energy returns a path's energy, less its costs.
func (s *Solver[T]) energy(vars []span, path []int) (sum float64) {
	for t, v := range vars {
		unary, pair := s.energiesOf(vars, t)
		sum += float64(unary[path[t]])
		if t > 0 {
			sum += float64(pair[path[t-1]*v.states+path[t]])
		}
		if s.cost != nil {
			sum -= float64(s.cost[v.unary+path[t]])
		}
	}
	return sum
}
