package functional

// SquareSquareMisprint is SquareSquare as the 2006 tutorial's table prints it, with a
// minus sign. It is kept to show what that does, and must not be trained with: it
// rewards incorrect answers for energies below Margin and pulls them down to 0, beside
// the correct one.
//
//	q = (E⁺)² − max(0, m − E⁻)²,  m = Margin
//
// Statistic: the most offending incorrect answer's energy E⁻, or as Rival says.
// Margin: none; the surface collapses to 0.
// Units: Margin has those of the energy, the loss their square.
// Kinks: where incorrect answers tie, the first is pulled.
// Preconditions: E ≥ 0.
// Source: the table of [lecun2006], as printed.
type SquareSquareMisprint struct {
	Margin float64
	Rival  Rival
}

// Name returns "square_square_misprint".
func (SquareSquareMisprint) Name() string { return "square_square_misprint" }

// Statistic returns that of Rival, of energies of at least 0.
func (f SquareSquareMisprint) Statistic() Statistic { return f.Rival.statistic(false, true) }

// Eval returns (E⁺)² − max(0, m − E⁻)² and its derivatives.
func (f SquareSquareMisprint) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	h := max(0, f.Margin-other)
	return float64(correct*correct) - float64(h*h), 2 * correct, 2 * h
}
