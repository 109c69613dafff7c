package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// SoftMargin is the two-class logistic loss.
//
//	ℓ = log(1 + exp(−y·x)),  x = input, y = target
//
// Shapes: pointwise; input and target alike.
// Units: nats.
// Kinks: none.
// Special cases: ℓ = −y·x where that is large; PyTorch's overflows to +Inf, from 710 on in float64 and 89
// in float32.
// Errors: lengths that differ; a target that is not ±1 (unless Unchecked).
// PyTorch: nn.SoftMarginLoss.
// Source: [pytorch].
type SoftMargin[T tensor.Float] struct {
	Reduction Reduction
	Unchecked bool // let any target pass
}

// SoftMarginLoss returns the mean loss and writes its gradient: F.soft_margin_loss.
func SoftMarginLoss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return new(SoftMargin[T]).Eval(input, target, dInput)
}

// At returns the loss at one point and its derivative by input.
func (SoftMargin[T]) At(input, target float64) (l, dInput float64) {
	l, dInput, _ = at2(simd.PointSoftMargin, input, target)
	return l, dInput
}

// Eval returns the loss and writes its gradient.
func (l *SoftMargin[T]) Eval(input, target, dInput []T) (float64, error) {
	p := l.points(input, target, dInput)
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradient under the upstream
// gradient up of dst; nil stands for ones.
func (l *SoftMargin[T]) Each(dst, up, input, target, dInput []T) error {
	p := l.points(input, target, dInput)
	return p.each(dst, up)
}

func (l *SoftMargin[T]) points(input, target, dInput []T) points[T] {
	p := residual("SoftMargin", simd.PointSoftMargin, input, target, dInput, nil, nil)
	p.domains[1], p.unchecked = plusMinusOne, l.Unchecked
	return p
}

func softMarginEntry() Entry {
	return Entry{
		Name: "soft_margin", Type: "SoftMargin", PyTorch: "SoftMarginLoss",
		Formula: "log(1 + exp(−y·x))", Domain: "x real; y = ±1", Margin: "> 0",
		Kinks: "none", Differs: "no overflow: −y·x where that is large; a target that is not ±1 is an error",
		Source: []string{"pytorch"}, Convex: true,
		Inputs: signedInputs, Options: []Option{reductionOption, unchecked("targets that are not ±1")},
		At:    SoftMargin[float64]{}.At,
		run32: callSoftMargin[float32], run64: callSoftMargin[float64],
	}
}

func callSoftMargin[T tensor.Float](c *Call[T]) error {
	return c.signed(&SoftMargin[T]{Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)})
}
