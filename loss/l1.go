package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// L1 is the absolute error.
//
//	ℓ = |input − target|
//
// Shapes: pointwise; input and target alike, Weight too. Weighted, the mean divides by the
// sum of the weights.
// Units: ℓ has the inputs'.
// Kinks: at input = target, where the derivative is 0.
// Special cases: ℓ(±Inf) = +Inf with derivative ±1.
// Errors: lengths that differ; a weight that is not finite.
// PyTorch: nn.L1Loss, F.l1_loss with weight.
// Source: [pytorch].
type L1[T tensor.Float] struct {
	Weight    []T // of each element; nil: ones
	Reduction Reduction
}

// L1Loss returns the mean absolute error and writes its gradient by input: F.l1_loss.
func L1Loss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return new(L1[T]).Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives, without a weight.
func (L1[T]) At(input, target float64) (l, dInput, dTarget float64) {
	return at2(simd.PointL1, input, target)
}

// Eval returns the loss and writes its gradients.
func (l *L1[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p := residual("L1", simd.PointL1, input, target, dInput, dTarget, l.Weight)
	return p.reduce(weightedMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *L1[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p := residual("L1", simd.PointL1, input, target, dInput, dTarget, l.Weight)
	return p.each(dst, up)
}

func l1Entry() Entry {
	return Entry{
		Name: "l1", Type: "L1", PyTorch: "L1Loss",
		Formula: "|x − y|", Domain: "x, y real", Margin: "none",
		Kinks: "x = y: derivative 0", Source: []string{"pytorch"},
		Convex: true, Symmetric: true,
		Inputs: regressionInputs, Options: []Option{weightOption, reductionOption},
		At:    func(x, y float64) (float64, float64) { l, d, _ := L1[float64]{}.At(x, y); return l, d },
		run32: callL1[float32], run64: callL1[float64],
	}
}

func callL1[T tensor.Float](c *Call[T]) error {
	l := &L1[T]{Weight: c.weight(), Reduction: c.reduction()}
	return c.regression(l)
}
