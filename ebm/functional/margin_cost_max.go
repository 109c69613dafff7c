package functional

// MarginCostMax asks of every incorrect answer that it lie above the correct one by a
// margin of its own, and counts only what is missing most.
//
//	q = max(0, max_{y ≠ Yⁱ} (E⁺ − E(y) + C(Yⁱ, y)))
//
// Statistic: that maximum: E⁺ less the most offending answer's energy under E − C.
// Margin: C. With C = m it is Hinge.
// Units: C and the loss have those of the energy.
// Kinks: at a maximum of 0, where both sides are pushed, as by Hinge; and where
// incorrect answers tie, the first is pushed.
// Source: [lecun2006], [crammer2001], [taskar2003], [tsochantaridis2005].
type MarginCostMax struct {
	Margin float64     // C where Cost is nil; at least 0, which is a setting like any other
	Cost   [][]float64 // C[correct][other] ≥ 0; its diagonal is not read
}

// Name returns "margin_cost_max".
func (MarginCostMax) Name() string { return "margin_cost_max" }

// Statistic returns that of kind CostMax.
func (f MarginCostMax) Statistic() Statistic {
	return Statistic{Kind: CostMax, Cost: f.Cost, Margin: f.Margin}
}

// Eval returns the statistic and its derivatives.
func (MarginCostMax) Eval(_, other float64) (loss, dCorrect, dOther float64) { return other, 0, 1 }
