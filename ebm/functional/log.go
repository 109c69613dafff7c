package functional

import "math"

// Log is a hinge with a soft corner and no end: it always asks for a little more.
//
//	q = log(1 + exp(E⁺ − E⁻))
//
// Statistic: the most offending incorrect answer's energy E⁻, or as Rival says.
// Margin: > 0, with a push that fades exponentially.
// Units: the energy is in nats; so is the loss.
// Kinks: where incorrect answers tie, the first is pushed.
// Special cases: no overflow, and full relative accuracy where the loss is small.
// PyTorch: nn.SoftMarginLoss on E⁻ − E⁺, without its overflow.
// Source: [lecun2006].
type Log struct {
	Rival Rival
}

// Name returns "log".
func (Log) Name() string { return "log" }

// Statistic returns that of Rival.
func (f Log) Statistic() Statistic { return f.Rival.statistic(true, false) }

// Eval returns log(1 + exp(E⁺ − E⁻)) and its derivatives.
func (Log) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	d := correct - other
	e := math.Exp(-math.Abs(d))
	s := sigmoid(d)
	return max(d, 0) + math.Log1p(e), s, -s
}

// sigmoid returns 1/(1 + exp(−d)) to full relative accuracy.
func sigmoid(d float64) float64 {
	e := math.Exp(-math.Abs(d))
	if d < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}
