package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Huber is squared error near the target and absolute error beyond Delta.
//
// With residual r = input − target,
//
//	ℓ = r²/2                   |r| ≤ Delta
//	ℓ = Delta(|r| − Delta/2)   otherwise
//
// Shapes: pointwise; input and target alike, Weight too. Weighted, the mean still divides
// by the number of elements.
// Units: input, target and Delta share one unit; ℓ has its square.
// Kinks: none (C¹).
// Special cases: ℓ(±Inf) = +Inf with derivative ±Delta.
// Errors: Delta negative, infinite or NaN; lengths that differ; a weight that is not finite.
// PyTorch: nn.HuberLoss(delta=Delta), F.huber_loss with weight.
// Source: [huber1964].
type Huber[T tensor.Float] struct {
	Delta     float64 // half-width of the quadratic zone; 0 means 1
	Weight    []T     // of each element; nil: ones
	Reduction Reduction
}

// HuberLoss returns the mean Huber loss with Delta 1 and writes its gradient by input:
// F.huber_loss.
func HuberLoss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return new(Huber[T]).Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives, without a weight.
func (l Huber[T]) At(input, target float64) (v, dInput, dTarget float64) {
	return at2(simd.PointHuber, input, target, l.delta(), 1)
}

// Eval returns the loss and writes its gradients.
func (l *Huber[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p, err := l.points(input, target, dInput, dTarget)
	if err != nil {
		return 0, err
	}
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *Huber[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p, err := l.points(input, target, dInput, dTarget)
	if err != nil {
		return err
	}
	return p.each(dst, up)
}

func (l *Huber[T]) delta() float64 {
	if l.Delta == 0 {
		return 1
	}
	return l.Delta
}

func (l *Huber[T]) points(input, target, dInput, dTarget []T) (points[T], error) {
	if err := above0("Huber", "delta", l.delta()); err != nil {
		return points[T]{}, err
	}
	return residual("Huber", simd.PointHuber, input, target, dInput, dTarget, l.Weight, l.delta(), 1), nil
}

func huberEntry() Entry {
	return Entry{
		Name: "huber", Type: "Huber", PyTorch: "HuberLoss",
		Formula: "r²/2 where |r| ≤ δ, else δ(|r| − δ/2); r = x − y", Domain: "x, y real; δ > 0", Margin: "none", Kinks: "none",
		Source: []string{"huber1964"},
		Convex: true, Symmetric: true,
		Inputs: regressionInputs, Options: []Option{{"delta", "1", "half-width of the quadratic zone, above 0"}, weightOption, reductionOption},
		At:    func(x, y float64) (float64, float64) { l, d, _ := Huber[float64]{}.At(x, y); return l, d },
		run32: callHuber[float32], run64: callHuber[float64],
	}
}

func callHuber[T tensor.Float](c *Call[T]) error {
	l := &Huber[T]{Delta: c.number("delta", 1), Weight: c.weight(), Reduction: c.reduction()}
	if l.Delta == 0 {
		return above0("Huber", "delta", 0)
	}
	return c.regression(l)
}
