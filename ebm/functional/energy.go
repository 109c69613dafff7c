package functional

// Energy pushes the correct answer's energy down, and nothing up.
//
//	q = E⁺
//
// Statistic: none.
// Margin: none. It is safe only for energies that cannot be low everywhere, such as
// ‖G(x) − y‖² with fixed codes y; two learned branches collapse to a flat surface.
// Units: those of the energy. An energy without a lower bound sinks without end.
// Kinks: none.
// Source: [lecun2006].
type Energy struct{}

// Name returns "energy".
func (Energy) Name() string { return "energy" }

// Statistic returns that of kind None.
func (Energy) Statistic() Statistic { return Statistic{Kind: None} }

// Eval returns E⁺ and its derivatives.
func (Energy) Eval(correct, _ float64) (loss, dCorrect, dOther float64) { return correct, 1, 0 }
