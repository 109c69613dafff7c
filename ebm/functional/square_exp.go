package functional

import "math"

// SquareExp pulls the correct answer's energy to 0 and pushes the most offending
// incorrect one's up without end, exponentially less the higher it is.
//
//	q = (E⁺)² + γ exp(−E⁻),  γ = Gamma
//
// Statistic: the most offending incorrect answer's energy E⁻, or as Rival says.
// Margin: > 0.
// Units: the energy has none.
// Kinks: where incorrect answers tie, the first is pushed.
// Preconditions: E ≥ 0, as for distances; wrap other energies in a softplus.
// Source: [lecun2006].
type SquareExp struct {
	Gamma float64 // γ > 0; 0 means 1
	Rival Rival
}

// Name returns "square_exp".
func (SquareExp) Name() string { return "square_exp" }

// Statistic returns that of Rival, of energies of at least 0.
func (f SquareExp) Statistic() Statistic { return f.Rival.statistic(false, true) }

// Eval returns (E⁺)² + γ exp(−E⁻) and its derivatives.
func (f SquareExp) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	e := orOne(f.Gamma) * math.Exp(-other)
	return correct*correct + e, 2 * correct, -e
}
