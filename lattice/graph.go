package lattice

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/simd"
)

// Graph is an acyclic lattice. A path leads along arcs from node 0 to node Nodes−1; its
// energy is the sum of its arcs'. With one node there is one path, of no arcs.
type Graph[T simd.Float] struct {
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
type GraphSolver[T simd.Float] struct {
	left        []bool
	alpha, beta []logSum
	logs        []float64
	low         []float64
	arc         []int32
	from        []int32
	weights     []float64
	in          []int32
	search      search
}

func (s *GraphSolver[T]) begin(g *Graph[T]) error {
	if g.Nodes < 1 || g.Nodes > math.MaxInt32 || len(g.From) > math.MaxInt32 {
		return fmt.Errorf("lattice: Nodes is %d and there are %d arcs; both must be at most %d, and Nodes at least 1", g.Nodes, len(g.From), math.MaxInt32)
	}
	s.left = grow(s.left, g.Nodes)
	return g.check(s.left)
}

// FreeEnergy returns F = −ln Σ exp(−E) over the paths, and writes to arcs its
// derivatives, the shares of the paths through each arc; nil if they are not wanted.
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
	logZ := s.forward(g)
	if arcs == nil {
		return -logZ, nil
	}
	clear(arcs)
	if math.IsInf(logZ, -1) {
		return math.Inf(1), nil
	}
	s.beta = grow(s.beta, g.Nodes)
	clear(s.beta)
	s.beta[g.Nodes-1] = logSum{0, 1}
	for a := len(g.From) - 1; a >= 0; a-- {
		on := s.beta[g.To[a]].log() - float64(g.Energy[a])
		s.beta[g.From[a]].add(on)
		arcs[a] = T(math.Exp(s.alpha[g.From[a]].log() + on - logZ))
	}
	return -logZ, nil
}

// forward fills alpha, ln Σ exp(−E) over the paths up to each node.
func (s *GraphSolver[T]) forward(g *Graph[T]) (logZ float64) {
	s.alpha = grow(s.alpha, g.Nodes)
	clear(s.alpha)
	s.alpha[0] = logSum{0, 1}
	for a, from := range g.From {
		s.alpha[g.To[a]].add(s.alpha[from].log() - float64(g.Energy[a]))
	}
	return s.alpha[g.Nodes-1].log()
}

// Minimum returns the least energy of a path and appends its arcs to path; of equal
// paths the one whose last arcs come first. Special cases: +Inf and no arcs where no path
// is possible.
func (s *GraphSolver[T]) Minimum(path []int, g *Graph[T]) (float64, []int, error) {
	if err := s.begin(g); err != nil {
		return 0, path, err
	}
	s.low, s.arc = grow(s.low, g.Nodes), grow(s.arc, g.Nodes)
	for n := range s.low {
		s.low[n], s.arc[n] = math.Inf(1), -1
	}
	s.low[0] = 0
	for a, from := range g.From {
		if e := s.low[from] + float64(g.Energy[a]); e < s.low[g.To[a]] {
			s.low[g.To[a]], s.arc[g.To[a]] = e, int32(a)
		}
	}
	least := s.low[g.Nodes-1]
	if math.IsInf(least, 1) {
		return least, path, nil
	}
	start := len(path)
	for n := g.Nodes - 1; n != 0; n = g.From[s.arc[n]] {
		path = append(path, int(s.arc[n]))
	}
	reverse(path[start:])
	return least, path, nil
}

func reverse(x []int) {
	for i, j := 0, len(x)-1; i < j; i, j = i+1, j-1 {
		x[i], x[j] = x[j], x[i]
	}
}
