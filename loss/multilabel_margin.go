package loss

import (
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// MultiLabelMargin is the hinge loss of samples with several labels: every label should
// score above every other class by 1.
//
// With scores x of C classes and the labels y,
//
//	ℓ = Σ_t Σ_i max(0, 1 − (x[t] − x[i]))/C
//
// over the labels t and the classes i that are not among them; a label given twice counts
// twice in the first sum.
//
// Shapes: input is N rows of C classes; target is N rows of C numbers: the labels, and −1
// behind the last; what follows a row's first −1 is not read. A loss for each row; the mean
// divides by N.
// Units: the input's; the margin is 1 of them.
// Kinks: at equality no gradient passes.
// Special cases: no labels, or all: 0. A NaN makes the loss NaN, where PyTorch leaves the
// term out; the mean over nothing is NaN, where PyTorch's is not defined.
// Errors: lengths that do not fit; a label that is not a class.
// PyTorch: nn.MultiLabelMarginLoss().
// Source: [pytorch].
type MultiLabelMargin[T tensor.Float] struct {
	Reduction Reduction
}

// MultiLabelMarginLoss returns the mean loss over rows of that many classes, and writes its
// gradient: F.multilabel_margin_loss.
func MultiLabelMarginLoss[T tensor.Float](input []T, target []int, classes int, dInput []T) (float64, error) {
	return new(MultiLabelMargin[T]).Eval(input, target, classes, dInput)
}

// Eval returns the loss and writes its gradient.
func (l *MultiLabelMargin[T]) Eval(input []T, target []int, classes int, dInput []T) (float64, error) {
	x, err := l.rows(input, target, classes, dInput)
	if err != nil {
		return 0, err
	}
	if x.Scale, err = l.Reduction.scale("MultiLabelMargin", float64(len(input)/classes)); err != nil {
		return 0, err
	}
	return reduced(simd.MultilabelRows(&x), x.Scale), nil
}

// Each writes the loss of each row to dst, and the gradient under the upstream gradient
// up of dst; nil stands for ones.
func (l *MultiLabelMargin[T]) Each(dst, up, input []T, target []int, classes int, dInput []T) error {
	x, err := l.rows(input, target, classes, dInput)
	if err != nil {
		return err
	}
	if err := eachOf("MultiLabelMargin", len(input)/classes, dst, up); err != nil {
		return err
	}
	x.L, x.Up, x.Scale = dst, up, 1
	simd.MultilabelRows(&x)
	return nil
}

func (l *MultiLabelMargin[T]) rows(input []T, target []int, classes int, dInput []T) (x simd.MultilabelArgs[T], err error) {
	const name = "MultiLabelMargin"
	x = simd.MultilabelArgs[T]{X: input, Cols: classes, Labels: target, DX: dInput}
	if _, err := rowsOf(name, "input", len(input), "classes", classes); err != nil {
		return x, err
	}
	if err := alike(name, len(input), of("target", target)); err != nil {
		return x, err
	}
	if err := optional(name, len(input), by("input", dInput)); err != nil {
		return x, err
	}
	for lo := 0; lo < len(target); lo += classes {
		row := target[lo : lo+classes]
		if end := slices.Index(row, -1); end >= 0 {
			row = row[:end]
		}
		for i, t := range row {
			if t < 0 || t >= classes {
				return x, badClass(name, "target", lo+i, t, classes)
			}
		}
	}
	return x, nil
}

func multiLabelMarginEntry() Entry {
	return Entry{
		Name: "multilabel_margin", Type: "MultiLabelMargin", PyTorch: "MultiLabelMarginLoss",
		Formula: "Σ_t Σ_i max(0, 1 − (x[t] − x[i]))/C over labels t and other classes i",
		Domain:  "x real; y classes, then −1", Margin: "1, built in",
		Kinks:   "x[t] − x[i] = 1: derivative 0",
		Differs: "A NaN makes the loss NaN; PyTorch leaves its terms out.",
		Source:  []string{"pytorch"},
		Inputs: []Input{
			{Name: "input", Grad: true, Is: "scores [N, C] or [C]"},
			{Name: "target", Is: "labels, and −1 behind the last, of the input's shape"},
		},
		Options: []Option{reductionOption},
		run32:   callMultiLabelMargin[float32], run64: callMultiLabelMargin[float64],
	}
}

func callMultiLabelMargin[T tensor.Float](c *Call[T]) error {
	x, classes, shape := c.samples("input")
	y := c.ints("target")
	c.sameShape("input", x.Shape, "target", y.Shape)
	l := MultiLabelMargin[T]{Reduction: c.reduction()}
	return c.finish(shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, y.Data, classes, c.grad("input")) },
		func() (float64, error) { return l.Eval(x.Data, y.Data, classes, c.grad("input")) })
}
