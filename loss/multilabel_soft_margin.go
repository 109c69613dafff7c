package loss

import (
	"fmt"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// MultiLabelSoftMargin is the mean over the classes of the binary cross entropy of σ(x):
// each sample has any number of labels.
//
//	ℓ = (1/C) Σ_c w[c]·[(1 − y_c)·log(1 + exp x_c) + y_c·log(1 + exp(−x_c))]
//
// Shapes: input and target [N, Classes], row-major; ℓ [N].
// Units: nats.
// Kinks: none.
// Special cases: an infinite score with the fitting target counts 0.
// Errors: lengths that do not fit; a target outside [0, 1], which PyTorch takes (Unchecked lets it pass);
// a weight that is not finite.
// PyTorch: nn.MultiLabelSoftMarginLoss(weight).
// Source: [pytorch].
type MultiLabelSoftMargin[T tensor.Float] struct {
	Weight    []T // of each class; nil: ones
	Reduction Reduction
	Unchecked bool // let targets outside [0, 1] pass

	each, ups []T // of each element
}

// MultiLabelSoftMarginLoss returns the mean loss over the samples and writes its gradient by input:
// F.multilabel_soft_margin_loss.
func MultiLabelSoftMarginLoss[T tensor.Float](input, target []T, classes int, dInput []T) (float64, error) {
	return new(MultiLabelSoftMargin[T]).Eval(input, target, classes, dInput, nil)
}

// Eval returns the loss and writes its gradients.
func (l *MultiLabelSoftMargin[T]) Eval(input, target []T, classes int, dInput, dTarget []T) (float64, error) {
	p, err := l.points(input, target, classes, dInput, dTarget)
	if err != nil {
		return 0, err
	}
	// Both sums are divided by the number of classes; the mean by that of samples too.
	if l.Reduction == Sum {
		p.batch = classes
		return p.reduce(batchMean, Mean)
	}
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each sample to dst [N], and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *MultiLabelSoftMargin[T]) Each(dst, up, input, target []T, classes int, dInput, dTarget []T) error {
	p, err := l.points(input, target, classes, dInput, dTarget)
	if err != nil {
		return err
	}
	n := len(input) / classes
	if err := alike(p.loss, n, of("the result", dst)); err != nil {
		return err
	}
	if err := optional(p.loss, n, of("the upstream gradient", up)); err != nil {
		return err
	}
	l.each, l.ups = scratch.Sized(l.each, len(input)), scratch.Sized(l.ups, len(input))
	for i := range l.ups {
		l.ups[i] = 1 / T(classes)
		if up != nil {
			l.ups[i] *= up[i/classes]
		}
	}
	if err := p.each(l.each, l.ups); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = T(simd.Sum(l.each[i*classes:(i+1)*classes]) / float64(classes))
	}
	return nil
}

func (l *MultiLabelSoftMargin[T]) points(input, target []T, classes int, dInput, dTarget []T) (points[T], error) {
	const name = "MultiLabelSoftMargin"
	if classes < 1 || len(input)%classes != 0 {
		return points[T]{}, fmt.Errorf("loss: %s: input has %d elements; it must have rows of %d classes, at least 1", name, len(input), classes)
	}
	if err := optional(name, classes, of("weight", l.Weight)); err != nil {
		return points[T]{}, err
	}
	weight := l.Weight
	if len(input) == 0 {
		weight = nil
	}
	p := residual(name, simd.PointBCELogits, input, target, dInput, dTarget, weight)
	p.domains[1], p.unchecked = unitInterval, l.Unchecked
	return p, nil
}

func multiLabelSoftMarginEntry() Entry {
	return Entry{
		Name: "multilabel_soft_margin", Type: "MultiLabelSoftMargin", PyTorch: "MultiLabelSoftMarginLoss",
		Formula: "(1/C) Σ_c w_c[(1 − y_c)·log(1 + exp x_c) + y_c·log(1 + exp(−x_c))]", Domain: "x real; y in [0, 1]", Margin: "> 0",
		Kinks: "none", Differs: "x = ±∞ with the fitting target is 0; a target outside [0, 1] is an error",
		Source:  []string{"pytorch"},
		Inputs:  []Input{{Name: "input", Grad: true, Is: "scores [N, C] or [C]"}, {Name: "target", Grad: true, Is: "labels, of input's shape"}},
		Options: []Option{classWeightOption, reductionOption, unchecked("targets outside [0, 1]")},
		run32:   callMultiLabelSoftMargin[float32], run64: callMultiLabelSoftMargin[float64],
	}
}

func callMultiLabelSoftMargin[T tensor.Float](c *Call[T]) error {
	x, y := c.alike("input", "target")
	if len(x.Shape) == 0 || x.Shape[len(x.Shape)-1] == 0 {
		c.fail("input has shape %v; it must have classes", x.Shape)
		return c.err
	}
	last := len(x.Shape) - 1
	classes := x.Shape[last]
	l := &MultiLabelSoftMargin[T]{Weight: c.vector("weight", classes), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)}
	dx, dy := c.grad("input"), c.grad("target")
	return c.finish(x.Shape[:last],
		func(dst []T) error { return l.Each(dst, nil, x.Data, y.Data, classes, dx, dy) },
		func() (float64, error) { return l.Eval(x.Data, y.Data, classes, dx, dy) })
}
