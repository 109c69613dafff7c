package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// MSE is the squared error.
//
//	ℓ = (input − target)²
//
// Shapes: pointwise; input and target alike, Weight too. Weighted, the mean divides by the
// sum of the weights.
// Units: ℓ has the square of the inputs'.
// Kinks: none.
// Special cases: ℓ(±Inf) = +Inf.
// Errors: lengths that differ; a weight that is not finite.
// PyTorch: nn.MSELoss, F.mse_loss with weight.
// Source: [pytorch].
type MSE[T tensor.Float] struct {
	Weight    []T // of each element; nil: ones
	Reduction Reduction
}

// MSELoss returns the mean squared error and writes its gradient by input: F.mse_loss.
func MSELoss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return new(MSE[T]).Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives, without a weight.
func (MSE[T]) At(input, target float64) (l, dInput, dTarget float64) {
	return at2(simd.PointMSE, input, target)
}

// Eval returns the loss and writes its gradients.
func (l *MSE[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p := residual("MSE", simd.PointMSE, input, target, dInput, dTarget, l.Weight)
	return p.reduce(weightedMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *MSE[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p := residual("MSE", simd.PointMSE, input, target, dInput, dTarget, l.Weight)
	return p.each(dst, up)
}

func mseEntry() Entry {
	return Entry{
		Name: "mse", Type: "MSE", PyTorch: "MSELoss",
		Formula: "(x − y)²", Domain: "x, y real", Margin: "none", Kinks: "none",
		Source: []string{"pytorch"},
		Convex: true, Symmetric: true,
		Inputs: regressionInputs, Options: []Option{weightOption, reductionOption},
		At:    func(x, y float64) (float64, float64) { l, d, _ := MSE[float64]{}.At(x, y); return l, d },
		run32: callMSE[float32], run64: callMSE[float64],
	}
}

func callMSE[T tensor.Float](c *Call[T]) error {
	l := &MSE[T]{Weight: c.weight(), Reduction: c.reduction()}
	return c.regression(l)
}
