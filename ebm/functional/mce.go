package functional

// MCE, minimum classification error, counts errors softly.
//
//	q = 1/(1 + exp(−(E⁺ − E⁻)))
//
// Statistic: the most offending incorrect answer's energy E⁻, or as Rival says.
// Margin: > 0.
// Units: the energy is in nats; the loss is between 0 and 1.
// Kinks: where incorrect answers tie, the first is pushed.
// Special cases: no overflow; far from E⁺ = E⁻ on either side nothing is pushed.
// Source: [lecun2006], [juang1997].
type MCE struct {
	Rival Rival
}

// Name returns "mce".
func (MCE) Name() string { return "mce" }

// Statistic returns that of Rival.
func (f MCE) Statistic() Statistic { return f.Rival.statistic(true, false) }

// Eval returns σ(E⁺ − E⁻) and its derivatives.
func (MCE) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	d := correct - other
	s := sigmoid(d)
	slope := s * sigmoid(-d)
	return s, slope, -slope
}
