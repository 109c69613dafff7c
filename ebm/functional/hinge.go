package functional

// Hinge asks that the most offending incorrect answer lie Margin above the correct one.
//
//	q = max(0, m + E⁺ − E⁻),  m = Margin
//
// Statistic: the most offending incorrect answer's energy E⁻, or as Rival says.
// Margin: m.
// Units: Margin and the loss have those of the energy.
// Kinks: at m + E⁺ − E⁻ = 0, where both sides are pushed, as in
// nn.MarginRankingLoss; and where incorrect answers tie, the first is pushed.
// PyTorch: nn.MarginRankingLoss(margin=m)(E⁺, E⁻, −1), for energies rather than scores.
// Print: the lecture closes the bracket before − E⁻.
// Source: [lecun2006], [altun2003].
type Hinge struct {
	Margin float64 // at least 0, which is a setting like any other
	Rival  Rival
}

// Name returns "hinge".
func (Hinge) Name() string { return "hinge" }

// Statistic returns that of Rival.
func (f Hinge) Statistic() Statistic { return f.Rival.statistic(true, false) }

// Eval returns max(0, m + E⁺ − E⁻) and its derivatives.
func (f Hinge) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	z := f.Margin + (correct - other)
	if z < 0 {
		return 0, 0, 0
	}
	return z, 1, -1
}
