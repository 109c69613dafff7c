package lattice

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// search finds the best ways from node 0 to a node one after another, exactly, each only
// once it is needed.
//
// A heap has the best way not yet taken over each arc into a node. When one is taken, the
// next over its arc is needed, for which the arc's other end may have to take one itself,
// and so on towards node 0. k ways over n arcs each so take k·n steps at most, and not a
// step for each of the k best to each node. Source: [huang2005], algorithm 3.
type search struct {
	nodes []bestWays
	into  func(dst []way, node int) []way // appends the arcs into a node, by add
	arcs  []way
	down  []int
}

// bestWays are the best ways to a node.
type bestWays struct {
	ways []way // taken; the first is there from the start
	rest []way // the heap, filled when a second way is needed
	open bool  // it is filled
	done bool  // there are no more
}

// way is a way to a node.
type way struct {
	energy double
	last   double // energy of its last arc
	from   int    // where that comes from
	arc    int32
	rank   int32 // of the way to from
}

// before orders the ways to a node that a heap can have: equals as their arcs are.
func (w *way) before(v *way) bool {
	return w.energy.under(v.energy) || w.energy == v.energy && w.arc < v.arc
}

// begin takes a lattice in. All other nodes are to be settled next, each after those that
// it can be reached from.
func (s *search) begin(nodes int, into func(dst []way, node int) []way) {
	s.nodes, s.into = scratch.Sized(s.nodes, nodes), into
	s.nodes[0].ways, s.nodes[0].done = append(s.nodes[0].ways[:0], way{}), true
}

// add appends the best way over an arc, if one is possible.
func (s *search) add(dst []way, from, arc int, energy double) []way {
	ways := s.nodes[from].ways
	if len(ways) == 0 || math.IsInf(energy.hi, 1) {
		return dst
	}
	return append(dst, way{ways[0].energy.add(energy), energy, from, int32(arc), 0})
}

// settle finds the best way to a node.
func (s *search) settle(node int) {
	s.arcs = s.into(s.arcs[:0], node)
	n := &s.nodes[node]
	*n = bestWays{ways: n.ways[:0], rest: n.rest[:0], done: len(s.arcs) == 0}
	if n.done {
		return
	}
	best := &s.arcs[0]
	for i := range s.arcs {
		if s.arcs[i].before(best) {
			best = &s.arcs[i]
		}
	}
	n.ways = append(n.ways, *best)
}

// best returns the k best ways to a node, or as many as there are.
func (s *search) best(k, node int) []way {
	n := &s.nodes[node]
	for len(n.ways) < k && !n.done {
		s.down = append(s.down[:0], node)
		for at := node; s.wants(at); {
			at = s.nodes[at].lastWay().from
			s.down = append(s.down, at)
		}
		for i := len(s.down) - 1; i >= 0; i-- {
			s.take(s.down[i])
		}
	}
	s.into = nil
	return n.ways
}

// wants reports whether a way must be taken elsewhere before one to a node.
func (s *search) wants(node int) bool {
	last := s.nodes[node].lastWay()
	from := &s.nodes[last.from]
	return !from.done && len(from.ways) == int(last.rank)+1
}

func (n *bestWays) lastWay() *way { return &n.ways[len(n.ways)-1] }

// take takes the next way to a node, if there is one.
func (s *search) take(node int) {
	n := &s.nodes[node]
	next := *n.lastWay()
	if !n.open {
		n.open = true
		s.fill(n, node, next.arc)
	}
	next.rank++
	switch ways := s.nodes[next.from].ways; {
	case int(next.rank) < len(ways):
		next.energy = ways[next.rank].energy.add(next.last)
		if len(n.rest) > 0 && n.rest[0].before(&next) {
			next, n.rest[0] = n.rest[0], next
			sift(n.rest, 0)
		}
	case len(n.rest) > 0:
		end := len(n.rest) - 1
		next, n.rest[0] = n.rest[0], n.rest[end]
		n.rest = n.rest[:end]
		sift(n.rest, 0)
	default:
		n.done = true
		return
	}
	n.ways = append(n.ways, next)
}

// fill makes the heap of a node, without the arc of its first way.
func (s *search) fill(n *bestWays, node int, first int32) {
	for _, w := range s.into(s.arcs[:0], node) {
		if w.arc != first {
			n.rest = append(n.rest, w)
		}
	}
	for i := len(n.rest)/2 - 1; i >= 0; i-- {
		sift(n.rest, i)
	}
}

// sift moves down what stands at a place of a heap.
func sift(heap []way, at int) {
	for {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(heap); child++ {
			if heap[child].before(&heap[least]) {
				least = child
			}
		}
		if least == at {
			return
		}
		heap[at], heap[least] = heap[least], heap[at]
		at = least
	}
}
