package energy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// PointAnswers are the answers of a Surface: all of R^D. Its statistics are those of the
// points that it is given: a search's, a grid's, or a sampler's. The points are held
// fixed; the derivative goes through the energies there, which is the derivative of a
// minimum or of a free energy over them.
type PointAnswers struct {
	Surface Surface
	X       *autodiff.Var // [B, …]; nil for a surface over y alone
	Y       *autodiff.Var // [B, D]: the correct answers

	// Offending holds the most offending incorrect answer of each sample, [B, D], and
	// Least the answer of least energy: what searches found. A sample for which a search
	// found none has +Inf by Missing.
	Offending, Least *tensor.Tensor
	Missing          []bool

	// Nodes are answers common to all samples, [S, D], with their shares LogWeights of the
	// volume (log Δy of a grid): the free energy is then a quadrature.
	Nodes      *tensor.Tensor
	LogWeights []float64

	// Samples are draws from exp(−βE), [B·S, D], each sample's S draws one after another.
	// The free energy's derivative is then the mean of the energies' over them, as in
	// contrastive divergence; its value, the mean energy, differs from the free energy by
	// the entropy, which draws don't tell.
	Samples *tensor.Tensor
}

// Correct implements Answers.
func (a *PointAnswers) Correct() *autodiff.Var { return a.Surface.Energy(a.X, a.Y) }

// Statistic implements Answers: Minimum by Least, Offending by Offending, FreeEnergy by
// Nodes or else by Samples. The cost-augmented kinds are for labels. Errors: the points
// for it were not given; Surface or Y is nil.
func (a *PointAnswers) Statistic(s functional.Statistic) (*autodiff.Var, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	switch s.Kind {
	case functional.Minimum:
		return a.at(a.Least, "least")
	case functional.Offending:
		return a.at(a.Offending, "most offending")
	case functional.FreeEnergy:
		switch {
		case a.Nodes != nil:
			return a.quadrature(s.Beta)
		case a.Samples != nil:
			return a.mean()
		}
		return nil, errors.New("energy: a free energy over real answers needs a grid's nodes or a sampler's draws")
	default:
		return nil, fmt.Errorf("energy: real answers have no statistic of the kind %q", s.Kind)
	}
}

// check refuses answers without a surface, or without the correct ones.
func (a *PointAnswers) check() error {
	if a.Surface == nil {
		return errors.New("energy: PointAnswers: Surface is nil; it must be set")
	}
	if a.Y == nil {
		return errors.New("energy: PointAnswers: Y, the correct answers, is nil; it must be set")
	}
	return nil
}

// at records the energies at one found answer a sample.
func (a *PointAnswers) at(y *tensor.Tensor, what string) (*autodiff.Var, error) {
	if y == nil {
		return nil, fmt.Errorf("energy: the %s answers were not searched for", what)
	}
	if !slices.Equal(y.Shape(), a.Y.Shape()) {
		return nil, fmt.Errorf("energy: the %s answers have shape %v; the correct ones have %v", what, y.Shape(), a.Y.Shape())
	}
	tape := a.Y.Tape()
	e := a.Surface.Energy(a.X, tape.Const(y))
	if !slices.Contains(a.Missing, true) {
		return e, nil
	}
	none := tensor.New(tape.DType(), len(a.Missing))
	for i, m := range a.Missing {
		if m {
			set(none, i, math.Inf(1))
		}
	}
	return autodiff.Add(e, tape.Const(none)), nil
}

// pairs records the energies of s answers for each of the b samples: [B, S].
func (a *PointAnswers) pairs(y *autodiff.Var, b, s int) *autodiff.Var {
	x := a.X
	if x != nil {
		x = autodiff.RepeatRows(x, s)
	}
	return autodiff.Reshape(a.Surface.Energy(x, y), b, s)
}

// quadrature is −(1/β) log Σₛ exp(−βE(yₛ) + LogWeights[s]).
func (a *PointAnswers) quadrature(beta float64) (*autodiff.Var, error) {
	b, s := a.Y.Shape()[0], a.Nodes.Dim(0)
	if len(a.LogWeights) != s {
		return nil, fmt.Errorf("energy: %d weights for %d nodes", len(a.LogWeights), s)
	}
	tape := a.Y.Tape()
	var e *autodiff.Var
	if nodes := tape.Const(a.Nodes); a.X != nil {
		e = a.pairs(autodiff.TileRows(nodes, b), b, s)
	} else { // one surface for all samples
		e = autodiff.TileRows(autodiff.Reshape(a.Surface.Energy(nil, nodes), 1, s), b)
	}
	weights := tensor.New(tape.DType(), s)
	for i, w := range a.LogWeights {
		set(weights, i, w)
	}
	e = autodiff.AddRow(autodiff.Scale(e, -beta), tape.Const(weights))
	return autodiff.Scale(autodiff.LogSumExp(e), -1/beta), nil
}

// mean is the mean energy of each sample's draws; over y alone, of all draws.
func (a *PointAnswers) mean() (*autodiff.Var, error) {
	b, n := a.Y.Shape()[0], a.Samples.Dim(0)
	draws := a.Y.Tape().Const(a.Samples)
	if a.X == nil {
		e := autodiff.Reshape(autodiff.Mean(a.Surface.Energy(nil, draws)), 1, 1)
		return autodiff.Reshape(autodiff.TileRows(e, b), b), nil
	}
	if n%b != 0 || n == 0 {
		return nil, fmt.Errorf("energy: %d draws are not as many for each of %d samples", n, b)
	}
	return autodiff.Scale(autodiff.SumLast(a.pairs(draws, b, n/b)), float64(b)/float64(n)), nil
}
