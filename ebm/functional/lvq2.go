package functional

// LVQ2 is a capped hinge without a margin: samples that are hopelessly wrong are let be.
//
//	q = min(M, max(0, (E⁺ − E⁻)/(δ E⁻))),  M = Cap, δ = Delta > 0
//	q = min(M, max(0, E⁺ − E⁻))            Delta = 0, the table's form
//
// Statistic: the most offending incorrect answer's energy E⁻, or as Rival says.
// Margin: 0.
// Units: with Delta none; without it Cap and the loss have those of the energy.
// Kinks: at 0 and at M, where both sides are pushed, as by torch.clamp; and where
// incorrect answers tie, the first is pushed.
// Special cases: with Delta, an E⁻ of 0, or an F⁻ below, gives M, or 0 if E⁺ = 0 too, and pushes nothing.
// Preconditions: E ≥ 0 if Delta > 0.
// Source: [lecun2006], [kohonen1990], [driancourt1991].
type LVQ2 struct {
	Cap   float64 // M > 0; 0 means 1
	Delta float64 // δ ≥ 0; 0 means the form without a quotient
	Rival Rival
}

// Name returns "lvq2".
func (LVQ2) Name() string { return "lvq2" }

// Statistic returns that of Rival.
func (f LVQ2) Statistic() Statistic { return f.Rival.statistic(f.Delta == 0, f.Delta != 0) }

// Eval returns the loss and its derivatives.
func (f LVQ2) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	limit := orOne(f.Cap)
	switch {
	case correct < other || (f.Delta != 0 && correct == 0 && other == 0):
		return 0, 0, 0
	case f.Delta == 0:
		loss, dCorrect, dOther = correct-other, 1, -1
	case other < 0 && f.Delta != 0 && correct >= other: // which F⁻ alone may be
		return limit, 0, 0
	default:
		loss, dCorrect, dOther = (correct-other)/other/f.Delta, 1/other/f.Delta, -correct/other/other/f.Delta
	}
	if loss > limit {
		return limit, 0, 0
	}
	return loss, dCorrect, dOther
}

// orOne returns the setting v, of which 0 means the default, 1.
func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}
