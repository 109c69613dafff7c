package functional

// MarginCost asks of every incorrect answer that it lie above the correct one by a
// margin of its own, and sums what is missing.
//
//	q = Σ_{y ≠ Yⁱ} max(0, E⁺ − E(y) + C(Yⁱ, y))
//
// Statistic: that sum.
// Margin: C.
// Units: C and the loss have those of the energy.
// Kinks: where E⁺ − E(y) + C = 0, where y is not pushed, as in nn.MultiMarginLoss.
// PyTorch: with C = m, K times nn.MultiMarginLoss(margin=m) on scores −E.
// Print: the lecture's sum includes y = Yⁱ.
// Source: [lecun2006], [weston1999].
type MarginCost struct {
	Margin float64     // C where Cost is nil; at least 0, which is a setting like any other
	Cost   [][]float64 // C[correct][other] ≥ 0; its diagonal is not read
}

// Name returns "margin_cost".
func (MarginCost) Name() string { return "margin_cost" }

// Statistic returns that of kind CostSum.
func (f MarginCost) Statistic() Statistic {
	return Statistic{Kind: CostSum, Cost: f.Cost, Margin: f.Margin}
}

// Eval returns the statistic and its derivatives.
func (MarginCost) Eval(_, other float64) (loss, dCorrect, dOther float64) { return other, 0, 1 }
