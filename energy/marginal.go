package energy

import "github.com/energo-ml/energo/autodiff"

// Marginal is the density that a classifier is, too: the energy of an input with its
// labels summed out,
//
//	E(y) = −log Σₖ exp(−E(k, y)),
//
// over inputs of D numbers, which the labeler takes as [B, D]. Trained as a density
// besides as a classifier it is JEM.
//
// Source: [grathwohl2020].
type Marginal struct {
	Labeler Labeler
	D       int
}

// Energy implements Surface.
func (m Marginal) Energy(_, y *autodiff.Var) *autodiff.Var {
	return autodiff.Neg(autodiff.LogSumExp(autodiff.Neg(m.Labeler.Energies(y))))
}

// Dim implements Surface.
func (m Marginal) Dim() int { return m.D }

// Params implements Surface.
func (m Marginal) Params() []*autodiff.Param { return m.Labeler.Params() }
