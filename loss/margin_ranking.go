package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// MarginRanking asks that one of two scores lie Margin above the other.
//
//	ℓ = max(0, −y(x₁ − x₂) + Margin),  x₁ = input1, x₂ = input2, y = target
//
// With y = 1 it asks for x₁ > x₂. On energies, where low is good, the correct answer is
// x₁ with y = −1.
//
// Shapes: pointwise; all alike.
// Units: x₁, x₂, Margin and ℓ share one unit.
// Kinks: where the bracket is 0; the derivatives there are ∓y, and by y −(x₁ − x₂).
// Errors: lengths that differ; a target that is not ±1 (unless Unchecked); a margin that is not finite.
// PyTorch: nn.MarginRankingLoss(margin=Margin).
// Source: [herbrich2000].
type MarginRanking[T tensor.Float] struct {
	Margin    float64
	Reduction Reduction
	Unchecked bool // let any target pass
}

// MarginRankingLoss returns the mean loss with margin 0 and writes its gradients:
// F.margin_ranking_loss.
func MarginRankingLoss[T tensor.Float](input1, input2, target, dInput1, dInput2 []T) (float64, error) {
	return new(MarginRanking[T]).Eval(input1, input2, target, dInput1, dInput2, nil)
}

// At returns the loss at one point and its derivatives.
func (l MarginRanking[T]) At(input1, input2, target float64) (v, dInput1, dInput2, dTarget float64) {
	return simd.PointAt(simd.PointMarginRanking, input1, input2, target, [simd.PointFactors]float64{l.Margin})
}

// Eval returns the loss and writes its gradients.
func (l *MarginRanking[T]) Eval(input1, input2, target, dInput1, dInput2, dTarget []T) (float64, error) {
	p, err := l.points(input1, input2, target, dInput1, dInput2, dTarget)
	if err != nil {
		return 0, err
	}
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *MarginRanking[T]) Each(dst, up, input1, input2, target, dInput1, dInput2, dTarget []T) error {
	p, err := l.points(input1, input2, target, dInput1, dInput2, dTarget)
	if err != nil {
		return err
	}
	return p.each(dst, up)
}

func (l *MarginRanking[T]) points(input1, input2, target, dInput1, dInput2, dTarget []T) (points[T], error) {
	if err := finiteOption("MarginRanking", "margin", l.Margin); err != nil {
		return points[T]{}, err
	}
	p := residual("MarginRanking", simd.PointMarginRanking, input1, input2, dInput1, dInput2, nil, l.Margin)
	p.names, p.C, p.DC = [3]string{"input1", "input2", "target"}, target, dTarget
	p.domains[2], p.unchecked = plusMinusOne, l.Unchecked
	return p, nil
}

func marginRankingEntry() Entry {
	return Entry{
		Name: "margin_ranking", Type: "MarginRanking", PyTorch: "MarginRankingLoss",
		Formula: "max(0, −y(x₁ − x₂) + m)", Domain: "x₁, x₂ real; y = ±1", Margin: "margin, 0",
		Kinks: "where the bracket is 0: derivatives −y, y", Differs: "a target that is not ±1 is an error; dℓ/dy is 0 where the loss is, also for infinite scores",
		Source: []string{"herbrich2000"}, Convex: true,
		Inputs:  []Input{{Name: "input1", Grad: true}, {Name: "input2", Grad: true}, {Name: "target", Grad: true, Is: "1 or −1"}},
		Options: []Option{{"margin", "0", "how far apart the scores must be"}, reductionOption, unchecked("targets that are not ±1")},
		At: func(x, y float64) (float64, float64) { // of x = x₁ − x₂
			l, d, _, _ := MarginRanking[float64]{}.At(x, 0, y)
			return l, d
		},
		run32: callMarginRanking[float32], run64: callMarginRanking[float64],
	}
}

func callMarginRanking[T tensor.Float](c *Call[T]) error {
	l := &MarginRanking[T]{Margin: c.number("margin", 0), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)}
	x1, x2 := c.alike("input1", "input2")
	_, y := c.alike("input1", "target")
	d1, d2, dy := c.grad("input1"), c.grad("input2"), c.grad("target")
	return c.finish(x1.Shape,
		func(dst []T) error { return l.Each(dst, nil, x1.Data, x2.Data, y.Data, d1, d2, dy) },
		func() (float64, error) { return l.Eval(x1.Data, x2.Data, y.Data, d1, d2, dy) })
}
