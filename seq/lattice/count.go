package lattice

import (
	"math"
	"math/big"
)

// Counts returns the number of paths of finite energy of each chain.
func (s *Solver[T]) Counts(c *Chains[T]) ([]*big.Int, error) {
	if err := s.begin(c); err != nil {
		return nil, err
	}
	all := make([]*big.Int, len(c.Lengths))
	s.counts = all
	s.run(doCount)
	return all, nil
}

func (s *Solver[T]) count(i int) *big.Int {
	vars := s.chain(i)
	ways, next := make([]big.Int, 1+s.widest)[:1], make([]big.Int, 1+s.widest)
	ways[0].SetInt64(1)
	for t, v := range vars {
		unary, pair := s.energiesOf(vars, t)
		next = next[:v.states]
		for j, e := range unary {
			next[j].SetInt64(0)
			if math.IsInf(float64(e), 1) {
				continue
			}
			for i := range ways {
				if t == 0 || !math.IsInf(float64(pair[i*v.states+j]), 1) {
					next[j].Add(&next[j], &ways[i])
				}
			}
		}
		ways, next = next, ways
	}
	sum := new(big.Int)
	for i := range ways {
		sum.Add(sum, &ways[i])
	}
	return sum
}

// Count returns the number of paths of finite energy.
func (s *GraphSolver[T]) Count(g *Graph[T]) (*big.Int, error) {
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
	return new(big.Int).Set(&ways[g.Nodes-1]), nil
}
