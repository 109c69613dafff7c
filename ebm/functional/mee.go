package functional

import "math"

// MEE, minimum empirical error, is the probability of an incorrect answer under
// p(y) ∝ exp(−β E(y)): unlike NLL it gives up on samples that are hopelessly wrong.
//
//	q = 1 − exp(−β E⁺)/∫ exp(−β E(y)) dy = 1 − exp(−β (E⁺ − F_β)),  β = Beta
//
// Statistic: the free energy F_β.
// Margin: > 0.
// Units: Beta has the inverse of the energy's; the loss is between 0 and 1 for labels.
// Kinks: none. As β → ∞ it becomes 0 or 1: whether another answer is below.
// Special cases: over labels, full relative accuracy however small the loss is.
// Preconditions: the integral is finite; for labels, no energy is −Inf.
// Source: [lecun2006].
type MEE struct {
	Beta float64 // β > 0; 0 means 1
}

// Name returns "mee".
func (MEE) Name() string { return "mee" }

// Statistic returns that of kind FreeEnergy.
func (f MEE) Statistic() Statistic {
	return Statistic{Kind: FreeEnergy, Beta: orOne(f.Beta), Relative: true}
}

// Eval returns 1 − exp(−β(E⁺ − F)) and its derivatives.
func (f MEE) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	beta := orOne(f.Beta)
	d := beta * (correct - other)
	slope := beta * math.Exp(-d)
	return -math.Expm1(-d), slope, -slope
}
