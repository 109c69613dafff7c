package lattice

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/internal/scratch"
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
	s.begins(g)
	s.mean = scratch.Sized(s.mean, g.Nodes)
	clear(s.mean)
	for a, from := range g.From {
		if v, to := s.way(g, a, from), g.To[a]; !v.isZero() {
			share := s.into[to].add(v)
			s.mean[to] += share * (s.mean[from] + float64(cost[a]) - s.mean[to])
		}
	}
	if s.into[g.Nodes-1].sum == 0 {
		return math.NaN(), nil
	}
	return s.mean[g.Nodes-1], nil
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
	if math.IsInf(s.forward(g), 1) {
		return nil, nil
	}
	s.incoming(g)
	all := make([][]int, n)
	for i := range all {
		for node := g.Nodes - 1; node != 0; {
			into := s.in[s.from[node]:s.from[node+1]]
			s.weights = scratch.Sized(s.weights, len(into))
			for j, a := range into {
				s.weights[j] = 0
				if v := s.way(g, int(a), g.From[a]); !v.isZero() {
					s.weights[j] = s.into[node].share(v)
				}
			}
			a := int(into[draw(s.weights, 1, rng)])
			all[i] = append(all[i], a)
			node = g.From[a]
		}
		reverse(all[i])
	}
	return all, nil
}

// incoming sorts the arcs by where they lead: node n's are in[from[n]:from[n+1]].
func (s *GraphSolver[T]) incoming(g *Graph[T]) {
	s.from, s.in = scratch.Sized(s.from, g.Nodes+2), scratch.Sized(s.in, len(g.To))
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
