package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// BCE is the binary cross entropy of probabilities.
//
//	ℓ = −w[y·log x + (1 − y)·log(1 − x)],  x = input, y = target
//
// with the logarithms cut off at −100.
//
// Shapes: pointwise; input and target alike. Weight is repeated over the elements.
// Units: nats.
// Kinks: x = 0 and 1: the derivative by input is (x − y)/max(x(1 − x), 1e-12), as PyTorch's;
// that by target is the value's, log(1 − x) − log x with both cut off, where PyTorch's is
// infinite.
// Errors: lengths that do not fit; an input outside [0, 1], as in PyTorch; a target outside [0, 1],
// which PyTorch takes (Unchecked lets both pass); a weight that is not finite.
// PyTorch: nn.BCELoss(weight).
// Source: [pytorch].
type BCE[T tensor.Float] struct {
	Weight    []T // repeated over the elements; nil: ones
	Reduction Reduction
	Unchecked bool // let inputs and targets outside [0, 1] pass
}

// BCELoss returns the mean loss and writes its gradient by input: F.binary_cross_entropy.
func BCELoss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return new(BCE[T]).Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives, without a weight.
func (BCE[T]) At(input, target float64) (l, dInput, dTarget float64) {
	return at2(simd.PointBCE, input, target)
}

// Eval returns the loss and writes its gradients.
func (l *BCE[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p := l.points(input, target, dInput, dTarget)
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *BCE[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p := l.points(input, target, dInput, dTarget)
	return p.each(dst, up)
}

func (l *BCE[T]) points(input, target, dInput, dTarget []T) points[T] {
	p := residual("BCE", simd.PointBCE, input, target, dInput, dTarget, l.Weight)
	p.domains, p.unchecked = [3]string{unitInterval, unitInterval}, l.Unchecked
	return p
}

func bceEntry() Entry {
	return Entry{
		Name: "bce", Type: "BCE", PyTorch: "BCELoss",
		Formula: "−[y·log x + (1 − y)·log(1 − x)]", Domain: "x, y in [0, 1]", Margin: "none",
		Kinks: "logarithms cut off at −100; dℓ/dx = (x − y)/max(x(1 − x), 1e-12)", Differs: "dℓ/dy at x = 0 and 1 is ±100, the value's, not infinite; a target outside [0, 1] is an error",
		Source: []string{"pytorch"}, Convex: true,
		Inputs:  regressionInputs,
		Options: []Option{spreadOption, reductionOption, unchecked("inputs and targets outside [0, 1]")},
		At:      func(x, y float64) (float64, float64) { l, d, _ := BCE[float64]{}.At(x, y); return l, d },
		run32:   callBCE[float32], run64: callBCE[float64],
	}
}

func callBCE[T tensor.Float](c *Call[T]) error {
	l := &BCE[T]{Weight: c.spread("weight", c.float("input").Shape), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)}
	return c.regression(l)
}
