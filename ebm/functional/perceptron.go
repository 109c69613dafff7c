package functional

// Perceptron pushes the correct answer down and the present minimum up.
//
//	q = E⁺ − min_y E(y) ≥ 0
//
// Statistic: the minimum over all answers, the correct one included.
// Margin: 0. The loss is zero if and only if E⁺ is the minimum, and a tie counts, so
// that a flat surface is a solution: it works for energies linear in W, and can
// collapse otherwise. Only the present minimum is pushed up.
// Units: those of the energy.
// Kinks: where answers tie; the correct one then is the minimum and the derivatives
// cancel, of others the first is pushed.
// Print: the lecture has the loss strictly positive.
// Source: [lecun2006], [collins2002].
type Perceptron struct{}

// Name returns "perceptron".
func (Perceptron) Name() string { return "perceptron" }

// Statistic returns that of kind Minimum.
func (Perceptron) Statistic() Statistic { return Statistic{Kind: Minimum, Relative: true} }

// Eval returns E⁺ − s and its derivatives.
func (Perceptron) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	return correct - other, 1, -1
}
