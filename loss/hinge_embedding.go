package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// HingeEmbedding pulls the distances of similar pairs to 0 and pushes those of
// dissimilar ones beyond Margin.
//
//	ℓ = x                    y = 1
//	ℓ = max(0, Margin − x)   y = −1
//
// where x = input is a distance and y = target.
//
// Shapes: pointwise; input and target alike.
// Units: x, Margin and ℓ share one unit.
// Kinks: at x = Margin, where the derivative of the second is −1.
// Errors: lengths that differ; a target that is not ±1 (unless Unchecked: then both
// terms count, as in PyTorch); a margin that is not finite.
// PyTorch: nn.HingeEmbeddingLoss(margin=Margin), whose default is 1: NewHingeEmbedding.
// Source: [pytorch], [hadsell2006] for its squared relative.
type HingeEmbedding[T tensor.Float] struct {
	Margin    float64
	Reduction Reduction
	Unchecked bool // let any target pass
}

// NewHingeEmbedding returns the loss with PyTorch's margin, 1.
func NewHingeEmbedding[T tensor.Float]() *HingeEmbedding[T] { return &HingeEmbedding[T]{Margin: 1} }

// HingeEmbeddingLoss returns the mean loss with margin 1 and writes its gradient:
// F.hinge_embedding_loss.
func HingeEmbeddingLoss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return NewHingeEmbedding[T]().Eval(input, target, dInput)
}

// At returns the loss at one point and its derivative by input.
func (l HingeEmbedding[T]) At(input, target float64) (v, dInput float64) {
	v, dInput, _ = at2(simd.PointHingeEmbedding, input, target, l.Margin)
	return v, dInput
}

// Eval returns the loss and writes its gradient.
func (l *HingeEmbedding[T]) Eval(input, target, dInput []T) (float64, error) {
	p, err := l.points(input, target, dInput)
	if err != nil {
		return 0, err
	}
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradient under the upstream
// gradient up of dst; nil stands for ones.
func (l *HingeEmbedding[T]) Each(dst, up, input, target, dInput []T) error {
	p, err := l.points(input, target, dInput)
	if err != nil {
		return err
	}
	return p.each(dst, up)
}

func (l *HingeEmbedding[T]) points(input, target, dInput []T) (points[T], error) {
	if err := finiteOption("HingeEmbedding", "margin", l.Margin); err != nil {
		return points[T]{}, err
	}
	p := residual("HingeEmbedding", simd.PointHingeEmbedding, input, target, dInput, nil, nil, l.Margin)
	p.domains[1], p.unchecked = plusMinusOne, l.Unchecked
	return p, nil
}

func hingeEmbeddingEntry() Entry {
	return Entry{
		Name: "hinge_embedding", Type: "HingeEmbedding", PyTorch: "HingeEmbeddingLoss",
		Formula: "x where y = 1, max(0, m − x) where y = −1", Domain: "x a distance; y = ±1", Margin: "margin, 1",
		Kinks: "x = m: derivative −1", Differs: "a target that is not ±1 is an error",
		Source: []string{"pytorch", "hadsell2006"}, Convex: true,
		Inputs: signedInputs, Options: []Option{{"margin", "1", "beyond which dissimilar pairs are left alone"}, reductionOption, unchecked("targets that are not ±1")},
		At:    func(x, y float64) (float64, float64) { return NewHingeEmbedding[float64]().At(x, y) },
		run32: callHingeEmbedding[float32], run64: callHingeEmbedding[float64],
	}
}

func callHingeEmbedding[T tensor.Float](c *Call[T]) error {
	return c.signed(&HingeEmbedding[T]{Margin: c.number("margin", 1), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)})
}
