package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// SmoothL1 is Huber's loss divided by Beta: absolute error with its corner rounded off.
//
// With residual r = input − target,
//
//	ℓ = r²/(2·Beta)    |r| < Beta
//	ℓ = |r| − Beta/2   otherwise
//
// Beta 0 is L1, and so is one whose reciprocal overflows, below 5.6e-309. The zero value has it; NewSmoothL1 has PyTorch's default, 1.
//
// Shapes: pointwise; input and target alike, Weight too, which PyTorch has not here:
// weighted, the mean divides by the number of elements, as Huber's.
// Units: input, target, Beta and ℓ share one unit.
// Kinks: none (C¹), but with Beta 0 at input = target, where the derivative is 0.
// Special cases: ℓ(±Inf) = +Inf with derivative ±1.
// Errors: Beta negative, infinite or NaN; lengths that differ; a weight that is not finite.
// PyTorch: nn.SmoothL1Loss(beta=Beta).
// Source: [girshick2015], [huber1964].
type SmoothL1[T tensor.Float] struct {
	Beta      float64 // half-width of the quadratic zone
	Weight    []T     // of each element; nil: ones
	Reduction Reduction
}

// NewSmoothL1 returns the loss with PyTorch's Beta, 1.
func NewSmoothL1[T tensor.Float]() *SmoothL1[T] { return &SmoothL1[T]{Beta: 1} }

// SmoothL1Loss returns the mean loss with Beta 1 and writes its gradient by input:
// F.smooth_l1_loss.
func SmoothL1Loss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return NewSmoothL1[T]().Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives, without a weight.
func (l SmoothL1[T]) At(input, target float64) (v, dInput, dTarget float64) {
	if l.corner() {
		return at2(simd.PointL1, input, target)
	}
	return at2(simd.PointHuber, input, target, l.Beta, 1/l.Beta)
}

// Eval returns the loss and writes its gradients.
func (l *SmoothL1[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p, err := l.points(input, target, dInput, dTarget)
	if err != nil {
		return 0, err
	}
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *SmoothL1[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p, err := l.points(input, target, dInput, dTarget)
	if err != nil {
		return err
	}
	return p.each(dst, up)
}

// corner reports whether the quadratic zone has no width.
func (l *SmoothL1[T]) corner() bool { return l.Beta >= 0 && math.IsInf(1/l.Beta, 1) }

func (l *SmoothL1[T]) points(input, target, dInput, dTarget []T) (points[T], error) {
	if l.corner() {
		return residual("SmoothL1", simd.PointL1, input, target, dInput, dTarget, l.Weight), nil
	}
	if !(l.Beta > 0 && l.Beta <= math.MaxFloat64) {
		return points[T]{}, badOption("SmoothL1", "beta", l.Beta, "a number of at least 0")
	}
	return residual("SmoothL1", simd.PointHuber, input, target, dInput, dTarget, l.Weight, l.Beta, 1/l.Beta), nil
}

func smoothL1Entry() Entry {
	return Entry{
		Name: "smooth_l1", Type: "SmoothL1", PyTorch: "SmoothL1Loss",
		Formula: "r²/2β where |r| < β, else |r| − β/2; r = x − y", Domain: "x, y real; β ≥ 0", Margin: "none",
		Kinks: "none; with β = 0 at x = y: derivative 0", Source: []string{"girshick2015", "huber1964"},
		Convex: true, Symmetric: true,
		Inputs: regressionInputs, Options: []Option{{"beta", "1", "half-width of the quadratic zone, at least 0"}, weightOption, reductionOption},
		At:    func(x, y float64) (float64, float64) { l, d, _ := NewSmoothL1[float64]().At(x, y); return l, d },
		run32: callSmoothL1[float32], run64: callSmoothL1[float64],
	}
}

func callSmoothL1[T tensor.Float](c *Call[T]) error {
	l := &SmoothL1[T]{Beta: c.number("beta", 1), Weight: c.weight(), Reduction: c.reduction()}
	return c.regression(l)
}
