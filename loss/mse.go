package loss

import "github.com/energo-ml/energo/internal/simd"

// MSE is the squared error.
//
//	ℓ = (input − target)²
//
// Shapes: pointwise; input and target alike, Weight too. Weighted, the mean divides by the
// sum of the weights.
// Units: ℓ has the square of the inputs'.
// Kinks: none.
// Special cases: ℓ(±Inf) = +Inf; an element of weight 0 counts 0 whatever it holds but NaN.
// Errors: lengths that differ; a negative or non-finite weight.
// PyTorch: nn.MSELoss, F.mse_loss with weight.
type MSE[T simd.Float] struct {
	Weight    []T // of each element; nil: ones
	Reduction Reduction
}

// MSELoss returns the mean squared error and writes its gradient by input: F.mse_loss.
func MSELoss[T simd.Float](input, target, dInput []T) (float64, error) {
	return new(MSE[T]).Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives, without a weight.
func (MSE[T]) At(input, target float64) (l, dInput, dTarget float64) {
	return at2(simd.PointMSE, input, target)
}

// Eval returns the loss and writes its gradients.
func (l *MSE[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p := l.points(input, target, dInput, dTarget)
	if err := p.check(weightedMean); err != nil {
		return 0, err
	}
	return p.reduce(l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *MSE[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p := l.points(input, target, dInput, dTarget)
	if err := p.check(weightedMean); err != nil {
		return err
	}
	return p.each(dst, up)
}

func (l *MSE[T]) points(input, target, dInput, dTarget []T) points[T] {
	return points[T]{
		loss: "MSE", point: simd.PointMSE, names: [3]string{"input", "target"},
		PointArgs: simd.PointArgs[T]{A: input, B: target, DA: dInput, DB: dTarget, Weight: l.Weight},
	}
}

func mseEntry() Entry {
	return Entry{
		Name: "mse", Type: "MSE", PyTorch: "MSELoss",
		Formula: "(x − y)²", Domain: "x, y real", Margin: "none",
		Convex: true, Symmetric: true,
		Inputs:  []Input{{Name: "input", Grad: true}, {Name: "target", Grad: true}},
		Options: []Option{weightOption, reductionOption},
		At:      func(x, y float64) (float64, float64) { l, d, _ := MSE[float64]{}.At(x, y); return l, d },
		run32:   callMSE[float32], run64: callMSE[float64],
	}
}

func callMSE[T simd.Float](c *Call[T]) error {
	x, y := c.alike("input", "target")
	l := MSE[T]{Weight: c.weight(x.Shape), Reduction: c.reduction()}
	return c.finish(x.Shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, y.Data, c.grad("input"), c.grad("target")) },
		func() (float64, error) { return l.Eval(x.Data, y.Data, c.grad("input"), c.grad("target")) })
}
