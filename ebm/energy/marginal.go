package energy

import "github.com/energo-ml/energo/engine/autodiff"

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

// OneLabel is the energy E(k, y) of one label over inputs of D numbers, which the labeler
// takes as [B, D]: sampling from it draws inputs of that label.
type OneLabel struct {
	Labeler Labeler
	Label   int
	D       int
}

// Energy implements Surface.
func (o OneLabel) Energy(_, y *autodiff.Var) *autodiff.Var {
	e := autodiff.Slice(o.Labeler.Energies(y), 1, o.Label, o.Label+1)
	return autodiff.Reshape(e, y.Shape()[0])
}

// Dim implements Surface.
func (o OneLabel) Dim() int { return o.D }

// Params implements Surface.
func (o OneLabel) Params() []*autodiff.Param { return o.Labeler.Params() }
