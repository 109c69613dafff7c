package lattice

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
)

// Graph is an acyclic lattice. A path leads along arcs from node 0 to node Nodes−1; its
// energy is the sum of its arcs'. With one node there is one path, of no arcs.
type Graph[T tensor.Float] struct {
	Nodes int
	// Arcs are in topological order: all that lead into a node stand before any that
	// leads out of it. There may be several between two nodes.
	From, To []int
	Energy   []T
}

// check refuses what is no lattice, in memory that grows with Nodes.
func (g *Graph[T]) check(left []bool) error {
	if err := checkLength("To", len(g.To), len(g.From)); err != nil {
		return err
	}
	if err := checkLength("Energy", len(g.Energy), len(g.From)); err != nil {
		return err
	}
	clear(left)
	for a, from := range g.From {
		to := g.To[a]
		if from < 0 || from >= g.Nodes {
			return fmt.Errorf("lattice: From[%d] is %d; nodes are 0 to %d", a, from, g.Nodes-1)
		}
		if to < 0 || to >= g.Nodes {
			return fmt.Errorf("lattice: To[%d] is %d; nodes are 0 to %d", a, to, g.Nodes-1)
		}
		left[from] = true
		if left[to] {
			return fmt.Errorf("lattice: arc %d leads from %d to %d, which another arc before it leads out of, or itself; arcs must be in topological order", a, from, to)
		}
	}
	return checkEnergies("Energy", g.Energy)
}

// GraphSolver computes over one graph at a time. Its zero value is ready; it keeps its
// memory, and once warm FreeEnergy, ExpectedCost and Minimum do not allocate. It is not for
// several goroutines at once: each has one of its own.
type GraphSolver[T tensor.Float] struct {
	left    []bool
	into    []logSum  // of each node: Σ exp(−E) over the paths up to it, added up by its arcs
	log     []double  // … its logarithm, once an arc leads out of the node
	share   []float64 // … of the paths through it
	mean    []float64
	low     []double
	arc     []int32
	from    []int32
	weights []float64
	in      []int32
	search  search
}

func (s *GraphSolver[T]) begin(g *Graph[T]) error {
	if g.Nodes < 1 || g.Nodes > math.MaxInt32 || len(g.From) > math.MaxInt32 {
		return fmt.Errorf("lattice: Nodes is %d and there are %d arcs; both must be at most %d, and Nodes at least 1", g.Nodes, len(g.From), math.MaxInt32)
	}
	s.left = scratch.Sized(s.left, g.Nodes)
	return g.check(s.left)
}

// FreeEnergy returns F = −ln Σ exp(−E) over the paths, and writes to arcs its
// derivatives, the shares of the paths through each arc; with arcs nil it leaves them out.
//
// Special cases: +Inf, and derivatives of 0, where no path is possible.
func (s *GraphSolver[T]) FreeEnergy(arcs []T, g *Graph[T]) (float64, error) {
	if err := s.begin(g); err != nil {
		return 0, err
	}
	if arcs != nil {
		if err := checkLength("arcs", len(arcs), len(g.Energy)); err != nil {
			return 0, err
		}
	}
	free := s.forward(g)
	if arcs != nil {
		s.spread(arcs, g)
	}
	return free, nil
}

// forward fills into and log and returns the free energy.
func (s *GraphSolver[T]) forward(g *Graph[T]) float64 {
	s.begins(g)
	for a, from := range g.From {
		if v := s.way(g, a, from); !v.isZero() {
			s.into[g.To[a]].add(v)
		}
	}
	return -s.into[g.Nodes-1].log().float()
}

// begins clears into and log but for the first node, which one path leads to.
func (s *GraphSolver[T]) begins(g *Graph[T]) {
	s.into, s.log = scratch.Sized(s.into, g.Nodes), scratch.Sized(s.log, g.Nodes)
	clear(s.into)
	s.into[0].add(double{})
	clear(s.left)
}

// way returns the logarithm of what comes over an arc: that of the node that it leads out
// of, less its energy. All that lead into that node are added up by then.
func (s *GraphSolver[T]) way(g *Graph[T], arc, from int) double {
	if !s.left[from] {
		s.left[from] = true
		s.log[from] = s.into[from].log()
	}
	e := float64(g.Energy[arc])
	if s.log[from].isZero() || math.IsInf(e, 1) {
		return logZero
	}
	return s.log[from].plus(-e)
}

// spread writes the arcs' shares. The last node's is 1, and each node's is handed down to the
// arcs that lead into it, by what each has added to it: so the shares of every cut sum to 1,
// whatever the energies are.
func (s *GraphSolver[T]) spread(arcs []T, g *Graph[T]) {
	s.share = scratch.Sized(s.share, g.Nodes)
	clear(s.share)
	s.share[g.Nodes-1] = 1
	for a := len(g.From) - 1; a >= 0; a-- {
		from, to, share := g.From[a], g.To[a], 0.0
		if v := s.way(g, a, from); !v.isZero() {
			share = s.share[to] * s.into[to].share(v)
		}
		s.share[from] += share
		arcs[a] = T(share)
	}
}

// Minimum returns the least energy of a path and appends its arcs to path; of equal
// paths the one whose last arcs come first. Special cases: +Inf and no arcs where no path
// is possible.
func (s *GraphSolver[T]) Minimum(path []int, g *Graph[T]) (float64, []int, error) {
	if err := s.begin(g); err != nil {
		return 0, path, err
	}
	s.low, s.arc = scratch.Sized(s.low, g.Nodes), scratch.Sized(s.arc, g.Nodes)
	s.low[0] = double{}
	for n := range s.arc {
		s.arc[n] = -1
	}
	reached := func(node int) bool { return node == 0 || s.arc[node] >= 0 }
	for a, from := range g.From {
		e, to := float64(g.Energy[a]), g.To[a]
		if !reached(from) || math.IsInf(e, 1) {
			continue
		}
		if low := s.low[from].plus(e); !reached(to) || low.under(s.low[to]) {
			s.low[to], s.arc[to] = low, int32(a)
		}
	}
	if !reached(g.Nodes - 1) {
		return math.Inf(1), path, nil
	}
	start := len(path)
	for n := g.Nodes - 1; n != 0; n = g.From[s.arc[n]] {
		path = append(path, int(s.arc[n]))
	}
	reverse(path[start:])
	return s.low[g.Nodes-1].float(), path, nil
}

func reverse(x []int) {
	for i, j := 0, len(x)-1; i < j; i, j = i+1, j-1 {
		x[i], x[j] = x[j], x[i]
	}
}
