package recipe

import (
	"fmt"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/lattice"
)

// chainLoss is the loss of chains of right paths, and its derivatives by the energies:
//
//	nll         E(ȳ) − F                        the forward algorithm; a CRF
//	perceptron  E(ȳ) − min E                    Viterbi's
//	hinge       E(ȳ) − min_y (E(y) − C(y, ȳ))   cost-augmented; C is margin for each wrong tag
//
// Where another path ties with the right one, perceptron and hinge still push the two
// apart: all weights begin at 0, where every path ties.
// Source: [lafferty2001], [collins2002], [taskar2003].
type chainLoss struct {
	name   string
	margin float32

	solver      lattice.Solver[float32]
	right       []float64
	other       []float64
	unary, pair []float32
	cost        []float32
	down        []float32 // −1 for each chain
	paths       []int
}

// eval returns the sum of the losses of chains whose right paths are gold; unary and pair
// are then its derivatives.
func (l *chainLoss) eval(c *lattice.Chains[float32], gold []int) (float64, error) {
	n := len(c.Lengths)
	l.right, l.other = scratch.Sized(l.right, n), scratch.Sized(l.other, n)
	l.unary, l.pair = scratch.Sized(l.unary, len(c.Unary)), scratch.Sized(l.pair, len(c.Pair))
	for len(l.down) < n {
		l.down = append(l.down, -1)
	}
	if err := l.solver.Energies(l.right, gold, c); err != nil {
		return 0, err
	}
	var err error
	switch l.name {
	case "nll":
		err = l.solver.Marginals(l.other, l.unary, l.pair, l.down[:n], c)
	case "hinge":
		err = l.minima(c, l.costs(c, gold))
	default:
		err = l.minima(c, nil)
	}
	if err != nil {
		return 0, err
	}
	if err := l.solver.AddPaths(l.unary, l.pair, gold, nil, c); err != nil {
		return 0, err
	}
	var sum float64
	for i, e := range l.right {
		loss := e - l.other[i]
		if loss != loss {
			return 0, fmt.Errorf("the energy of the right tags is %v, that of all %v", e, l.other[i])
		}
		sum += max(loss, 0) // below only by rounding
	}
	return sum, nil
}

// minima puts the paths of least energy, less cost, under l.other and their derivatives,
// negative, under unary and pair.
func (l *chainLoss) minima(c *lattice.Chains[float32], cost []float32) error {
	words := 0
	for _, n := range c.Lengths {
		words += n
	}
	l.paths = scratch.Sized(l.paths, words)
	if err := l.solver.Minima(l.other, l.paths, cost, c); err != nil {
		return err
	}
	clear(l.unary)
	clear(l.pair)
	return l.solver.AddPaths(l.unary, l.pair, l.paths, l.down[:len(c.Lengths)], c)
}

// costs is margin for each state but the right ones.
func (l *chainLoss) costs(c *lattice.Chains[float32], gold []int) []float32 {
	l.cost = scratch.Sized(l.cost, len(c.Unary))
	simd.Fill(l.cost, l.margin)
	at := 0
	for v, y := range gold {
		l.cost[at+y] = 0
		if len(c.States) == 1 {
			at += c.States[0]
		} else {
			at += c.States[v]
		}
	}
	return l.cost
}
