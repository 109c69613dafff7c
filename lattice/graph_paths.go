package lattice

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"

	"github.com/energo-ml/energo/internal/simd"
)

// Path is one of the k best: its energy, and its arcs or, of a chain, its states.
type Path struct {
	Energy float64
	Steps  []int
}

// ranked is one of the best ways to a node.
type ranked struct {
	energy float64
	arc    int32
	rank   int32 // of the way to the arc's From
}

// KBest returns the k paths of least energy, the least first, or as many as are
// possible; exactly, and equals always in the same order.
//
// Each node keeps its k best ways; an arc offers those of its From, best first, until
// one is not good enough. Source: [huang2005], algorithm 0.
func KBest[T simd.Float](k int, g *Graph[T]) ([]Path, error) {
	if k < 1 || k > math.MaxInt32 {
		return nil, fmt.Errorf("lattice: k is %d; it must be from 1 to %d", k, math.MaxInt32)
	}
	var s GraphSolver[T]
	if err := s.begin(g); err != nil {
		return nil, err
	}
	ways := make([][]ranked, g.Nodes)
	ways[0] = []ranked{{arc: -1}}
	for a, from := range g.From {
		if math.IsInf(float64(g.Energy[a]), 1) {
			continue
		}
		to := ways[g.To[a]]
		for rank, w := range ways[from] {
			e := w.energy + float64(g.Energy[a])
			at := len(to)
			for at > 0 && e < to[at-1].energy {
				at--
			}
			if at == k {
				break
			}
			if len(to) < k {
				to = append(to, ranked{})
			}
			copy(to[at+1:], to[at:])
			to[at] = ranked{e, int32(a), int32(rank)}
		}
		ways[g.To[a]] = to
	}
	var all []Path
	for _, w := range ways[g.Nodes-1] {
		p := Path{Energy: w.energy}
		for w.arc >= 0 {
			p.Steps = append(p.Steps, int(w.arc))
			w = ways[g.From[w.arc]][w.rank]
		}
		reverse(p.Steps)
		all = append(all, p)
	}
	return all, nil
}

// Count returns the number of paths of finite energy.
func Count[T simd.Float](g *Graph[T]) (*big.Int, error) {
	var s GraphSolver[T]
	if err := s.begin(g); err != nil {
		return nil, err
	}
	ways := make([]big.Int, g.Nodes)
	ways[0].SetInt64(1)
	for a, from := range g.From {
		if !math.IsInf(float64(g.Energy[a]), 1) {
			ways[g.To[a]].Add(&ways[g.To[a]], &ways[from])
		}
	}
	return &ways[g.Nodes-1], nil
}

// ExpectedCost returns Σ exp(F − E)·cost over the paths, where a path's cost is the sum
// of its arcs': the expectation semiring. NaN where no
// path is possible. Source: [eisner2002].
func (s *GraphSolver[T]) ExpectedCost(cost []T, g *Graph[T]) (float64, error) {
	if err := s.begin(g); err != nil {
		return 0, err
	}
	if err := checkCost(cost, len(g.Energy)); err != nil {
		return 0, err
	}
	// A node's mean cost over the ways to it is moved by each arc towards the mean that
	// comes with it, by its share of the ways so far.
	s.alpha, s.logs = grow(s.alpha, g.Nodes), grow(s.logs, g.Nodes)
	clear(s.alpha)
	clear(s.logs)
	s.alpha[0] = logSum{0, 1}
	for a, from := range g.From {
		v := s.alpha[from].log() - float64(g.Energy[a])
		if math.IsInf(v, -1) {
			continue
		}
		to := g.To[a]
		s.alpha[to].add(v)
		s.logs[to] += math.Exp(v-s.alpha[to].log()) * (s.logs[from] + float64(cost[a]) - s.logs[to])
	}
	if s.alpha[g.Nodes-1].sum == 0 {
		return math.NaN(), nil
	}
	return s.logs[g.Nodes-1], nil
}

// Sample draws n paths from p = exp(F − E), exactly, and returns the arcs of each; none
// where no path is possible.
func (s *GraphSolver[T]) Sample(n int, rng *rand.Rand, g *Graph[T]) ([][]int, error) {
	if err := s.begin(g); err != nil {
		return nil, err
	}
	if math.IsInf(s.forward(g), -1) {
		return nil, nil
	}
	s.incoming(g)
	all := make([][]int, n)
	for i := range all {
		for node := g.Nodes - 1; node != 0; {
			into := s.in[s.from[node]:s.from[node+1]]
			s.weights = grow(s.weights, len(into))
			for j, a := range into {
				s.weights[j] = s.alpha[g.From[a]].log() - float64(g.Energy[a])
			}
			a := int(into[draw(s.weights, rng)])
			all[i] = append(all[i], a)
			node = g.From[a]
		}
		reverse(all[i])
	}
	return all, nil
}

// incoming sorts the arcs by where they lead: node n's are in[from[n]:from[n+1]].
func (s *GraphSolver[T]) incoming(g *Graph[T]) {
	s.from, s.in = grow(s.from, g.Nodes+2), grow(s.in, len(g.To))
	clear(s.from)
	for _, to := range g.To {
		s.from[to+2]++
	}
	for n := range g.Nodes {
		s.from[n+2] += s.from[n+1]
	}
	for a, to := range g.To {
		s.in[s.from[to+1]] = int32(a)
		s.from[to+1]++
	}
}

// Graph returns chain i of the batch as a graph: an arc for each state of its first
// variable, and one for each pair of neighbours' states, with the right one's energy;
// those of energy 0 at the end close it.
func (c *Chains[T]) Graph(i int) (*Graph[T], error) {
	var s Solver[T]
	if err := s.begin(c); err != nil {
		return nil, err
	}
	if i < 0 || i >= len(c.Lengths) {
		return nil, fmt.Errorf("lattice: there is no chain %d; there are %d", i, len(c.Lengths))
	}
	vars := s.chain(i)
	if len(vars) == 0 {
		return &Graph[T]{Nodes: 1}, nil
	}
	g := &Graph[T]{}
	first := vars[0].unary
	last := vars[len(vars)-1]
	g.Nodes = last.unary + last.states - first + 2
	add := func(from, to int, e T) {
		g.From, g.To, g.Energy = append(g.From, from), append(g.To, to), append(g.Energy, e)
	}
	for t, v := range vars {
		unary, pair := s.energiesOf(vars, t)
		if t == 0 {
			for j, e := range unary {
				add(0, 1+j, e)
			}
			continue
		}
		for i := range vars[t-1].states {
			for j, e := range unary {
				add(1+vars[t-1].unary-first+i, 1+v.unary-first+j, e+pair[i*v.states+j])
			}
		}
	}
	for j := range last.states {
		add(1+last.unary-first+j, g.Nodes-1, 0)
	}
	return g, nil
}

// KBest returns the k paths of least energy of chain i, as states.
func (c *Chains[T]) KBest(i, k int) ([]Path, error) {
	g, err := c.Graph(i)
	if err != nil {
		return nil, err
	}
	best, err := KBest(k, g)
	if err != nil || g.Nodes == 1 {
		return best, err
	}
	var s Solver[T]
	if err := s.begin(c); err != nil {
		return nil, err
	}
	vars := s.chain(i)
	for _, p := range best {
		for t, v := range vars {
			p.Steps[t] = g.To[p.Steps[t]] - 1 - (v.unary - vars[0].unary)
		}
	}
	for n := range best {
		best[n].Steps = best[n].Steps[:len(vars)]
	}
	return best, nil
}

// Count returns the number of paths of finite energy of chain i.
func (c *Chains[T]) Count(i int) (*big.Int, error) {
	g, err := c.Graph(i)
	if err != nil {
		return nil, err
	}
	return Count(g)
}
