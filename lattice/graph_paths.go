package lattice

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// ExpectedCost returns Σ exp(F − E)·cost over the paths, where a path's cost is the sum
// of its arcs': the expectation semiring. NaN where no path is possible.
// Source: [eisner2002].
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
// where no path is possible. Errors: n below 0.
func (s *GraphSolver[T]) Sample(n int, rng *rand.Rand, g *Graph[T]) ([][]int, error) {
	if n < 0 {
		return nil, fmt.Errorf("lattice: n is %d; it must be 0 or more", n)
	}
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
