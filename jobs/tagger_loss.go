package jobs

import (
	"fmt"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/lattice"
)

// chainLoss is a functional of the paths of chains, and its derivatives by the energies.
type chainLoss struct {
	f       functional.Functional
	answers answers.Chains[float32]
	loss    answers.Loss
	each    []float64               // [chains] losses
	raw     answers.Chains[float32] // of diagnoses

	unary, pair []float32 // derivatives of the sum of the losses

	// Of the likelihood alone.
	solver      lattice.Solver[float32]
	right, free []float64
	down        []float32 // −1 for each chain
}

// eval returns the sum of the losses of chains whose right paths are gold; unary and pair
// are then its derivatives.
func (l *chainLoss) eval(c *lattice.Chains[float32], gold []int) (float64, error) {
	l.unary, l.pair = scratch.Sized(l.unary, len(c.Unary)), scratch.Sized(l.pair, len(c.Pair))
	if f, ok := l.f.(functional.NLL); ok && f.Beta == 1 && !l.answers.PerPlace {
		return l.likelihood(c, gold)
	}
	clear(l.unary)
	clear(l.pair)
	if err := l.answers.Set(c, gold, l.unary, l.pair); err != nil {
		return 0, err
	}
	l.each = scratch.Sized(l.each, len(c.Lengths))
	if _, err := l.loss.Eval(&l.answers, l.f, l.each); err != nil {
		return 0, err
	}
	var sum float64
	for _, v := range l.each {
		sum += v
	}
	return sum, l.loss.AddGrads(1)
}

// likelihood is eval of nll, E(ȳ) − F: package answers runs the forward algorithm once for F and once more for the
// shares, which are the derivatives whatever the loss is, and so can be computed with F.
// Source: [lafferty2001].
func (l *chainLoss) likelihood(c *lattice.Chains[float32], gold []int) (float64, error) {
	n := len(c.Lengths)
	l.right, l.free = scratch.Sized(l.right, n), scratch.Sized(l.free, n)
	for len(l.down) < n {
		l.down = append(l.down, -1)
	}
	if err := l.solver.Energies(l.right, gold, c); err != nil {
		return 0, err
	}
	if err := l.solver.Marginals(l.free, l.unary, l.pair, l.down[:n], c); err != nil {
		return 0, err
	}
	if err := l.solver.AddPaths(l.unary, l.pair, gold, nil, c); err != nil {
		return 0, err
	}
	var sum float64
	for i, e := range l.right {
		loss := e - l.free[i]
		if loss != loss {
			return 0, fmt.Errorf("the energy of the right tags is %v, that of all %v", e, l.free[i])
		}
		sum += max(loss, 0) // below only by rounding
	}
	return sum, nil
}
