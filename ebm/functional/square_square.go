package functional

// SquareSquare pulls the correct answer's energy to 0 and pushes the most offending
// incorrect one's up to Margin.
//
//	q = (E⁺)² + max(0, m − E⁻)²,  m = Margin
//
// Statistic: the most offending incorrect answer's energy E⁻, or as Rival says.
// Margin: m, above zero rather than above E⁺.
// Units: Margin has those of the energy, the loss their square.
// Kinks: where incorrect answers tie, the first is pushed.
// Preconditions: E ≥ 0, as for distances; wrap other energies in a softplus.
// Print: the 2006 table has a minus sign between the terms; see SquareSquareMisprint.
// Source: [lecun2006], [hadsell2006].
type SquareSquare struct {
	Margin float64 // at least 0, which is a setting like any other
	Rival  Rival
}

// Name returns "square_square".
func (SquareSquare) Name() string { return "square_square" }

// Statistic returns that of Rival, of energies of at least 0.
func (f SquareSquare) Statistic() Statistic { return f.Rival.statistic(false, true) }

// Eval returns (E⁺)² + max(0, m − E⁻)² and its derivatives.
func (f SquareSquare) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	h := max(0, f.Margin-other)
	return float64(correct*correct) + float64(h*h), 2 * correct, -2 * h
}
