package lattice

import (
	"fmt"
	"math"
	"slices"
)

// Path is one of the k best: its energy, and its arcs or, of a chain, its states.
type Path struct {
	Energy float64
	Steps  []int
}

// KBest returns the k paths of least energy of each chain, the least first, or as many
// as are possible; exactly, and of equals first those whose last states come first.
// Errors: k below 1. Source: [huang2005], algorithm 3.
func (s *Solver[T]) KBest(k int, c *Chains[T]) ([][]Path, error) {
	if err := checkK(k); err != nil {
		return nil, err
	}
	if err := s.begin(c); err != nil {
		return nil, err
	}
	all := make([][]Path, len(c.Lengths))
	s.k, s.best = k, all
	s.run(doKBest)
	return all, nil
}

func checkK(k int) error {
	if k < 1 || k > math.MaxInt32 {
		return fmt.Errorf("lattice: k is %d; it must be from 1 to %d", k, math.MaxInt32)
	}
	return nil
}

// kBest finds the best paths of a chain. Node 0 is its start; then there is one for each
// state of each variable, and its end.
func (s *Solver[T]) kBest(w *workspace[T], i int) []Path {
	vars, find := s.chain(i), &w.search
	if len(vars) == 0 {
		return []Path{{}}
	}
	lo, hi := s.unaries(i)
	end := 1 + hi - lo
	find.begin(end+1, func(dst []way, node int) []way { return s.into(dst, find, vars, node) })
	for node := 1; node <= end; node++ {
		find.settle(node)
	}
	ways := find.best(s.k, end)
	all, steps := make([]Path, len(ways)), make([]int, len(ways)*len(vars))
	for n, way := range ways {
		path := steps[n*len(vars) : (n+1)*len(vars) : (n+1)*len(vars)]
		all[n] = Path{way.energy.float(), path}
		for t := len(path) - 1; t >= 0; t-- {
			path[t] = int(way.arc)
			way = find.nodes[way.from].ways[way.rank]
		}
	}
	return all
}

// into appends the arcs into a node of a chain, which are numbered as the states that
// they come from.
func (s *Solver[T]) into(dst []way, find *search, vars []span, node int) []way {
	first, last := vars[0].unary, vars[len(vars)-1]
	at := first + node - 1
	if at == last.unary+last.states {
		for j := range last.states {
			dst = find.add(dst, 1+last.unary-first+j, j, double{})
		}
		return dst
	}
	t, ok := slices.BinarySearchFunc(vars, at, func(v span, at int) int { return v.unary - at })
	if !ok {
		t--
	}
	unary, pair := s.energiesOf(vars, t)
	j := at - vars[t].unary
	e := double{hi: float64(unary[j])}
	if t == 0 || math.IsInf(e.hi, 1) {
		return find.add(dst, 0, 0, e)
	}
	left := vars[t-1]
	for i := range left.states {
		if p := float64(pair[i*len(unary)+j]); !math.IsInf(p, 1) {
			dst = find.add(dst, 1+left.unary-first+i, i, e.plus(p))
		}
	}
	return dst
}

// KBest returns the k paths of least energy, the least first, or as many as are possible;
// exactly, and of equals first those whose last arcs come first.
// Errors: k below 1. Source: [huang2005], algorithm 3.
func (s *GraphSolver[T]) KBest(k int, g *Graph[T]) ([]Path, error) {
	if err := checkK(k); err != nil {
		return nil, err
	}
	if err := s.begin(g); err != nil {
		return nil, err
	}
	s.incoming(g)
	find, end := &s.search, g.Nodes-1
	find.begin(g.Nodes, func(dst []way, node int) []way {
		for _, a := range s.in[s.from[node]:s.from[node+1]] {
			dst = find.add(dst, g.From[a], int(a), double{hi: float64(g.Energy[a])})
		}
		return dst
	})
	settled := s.left // its memory
	clear(settled)
	settled[0] = true
	settle := func(node int) {
		if !settled[node] {
			settled[node] = true
			find.settle(node)
		}
	}
	for _, from := range g.From {
		settle(from)
	}
	settle(end)
	ways := find.best(k, end)
	all := make([]Path, len(ways))
	for n, way := range ways {
		all[n].Energy = way.energy.float()
		for node := end; node != 0; {
			all[n].Steps = append(all[n].Steps, int(way.arc))
			node = way.from
			way = find.nodes[node].ways[way.rank]
		}
		reverse(all[n].Steps)
	}
	return all, nil
}
