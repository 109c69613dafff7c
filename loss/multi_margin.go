package loss

import (
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// MultiMargin is the hinge loss of Weston and Watkins: every other class should score
// below the target by a margin.
//
// With scores x of C classes and the target y,
//
//	ℓ = w[y]/C · Σ_{i≠y} max(0, Margin − x[y] + x[i])ᴾ
//
// Shapes: input is N rows of C classes, target N classes; a loss for each row. The mean
// divides by N, with weights too.
// Units: Margin has the input's; ℓ has its P-th power.
// Kinks: at equality no gradient passes.
// Special cases: a NaN in a row makes its loss NaN, where PyTorch leaves the term out; the
// mean over nothing is NaN, where PyTorch's is not defined. A class of weight 0 counts 0
// even where its terms are infinite.
// Errors: P other than 1 and 2; Margin or a weight that is not finite; lengths that do not
// fit; a target that is not a class.
// PyTorch: nn.MultiMarginLoss(p=P, margin=Margin, weight=Weight), whose margin is 1.
// Source: [weston1999].
type MultiMargin[T tensor.Float] struct {
	P         int     // 1 or 2; 0 means 1
	Margin    float64 // NewMultiMargin's is 1
	Weight    []T     // of each class; nil: ones
	Reduction Reduction
}

// NewMultiMargin returns the loss with PyTorch's defaults.
func NewMultiMargin[T tensor.Float]() MultiMargin[T] { return MultiMargin[T]{P: 1, Margin: 1} }

// MultiMarginLoss returns the mean loss with PyTorch's defaults over rows of that many
// classes, and writes its gradient: F.multi_margin_loss.
func MultiMarginLoss[T tensor.Float](input []T, target []int, classes int, dInput []T) (float64, error) {
	l := NewMultiMargin[T]()
	return l.Eval(input, target, classes, dInput)
}

// Eval returns the loss and writes its gradient.
func (l *MultiMargin[T]) Eval(input []T, target []int, classes int, dInput []T) (float64, error) {
	x, err := l.rows(input, target, classes, dInput)
	if err != nil {
		return 0, err
	}
	if x.Scale, err = l.Reduction.scale("MultiMargin", float64(len(target))); err != nil {
		return 0, err
	}
	return reduced(simd.MultiMarginRows(&x), x.Scale), nil
}

// Each writes the loss of each row to dst, and the gradient under the upstream gradient
// up of dst; nil stands for ones.
func (l *MultiMargin[T]) Each(dst, up, input []T, target []int, classes int, dInput []T) error {
	x, err := l.rows(input, target, classes, dInput)
	if err != nil {
		return err
	}
	if err := eachOf("MultiMargin", len(target), dst, up); err != nil {
		return err
	}
	x.L, x.Up, x.Scale = dst, up, 1
	simd.MultiMarginRows(&x)
	return nil
}

func (l *MultiMargin[T]) rows(input []T, target []int, classes int, dInput []T) (x simd.MultiMarginArgs[T], err error) {
	const name = "MultiMargin"
	x = simd.MultiMarginArgs[T]{
		X: input, Cols: classes, Target: target, Square: l.P == 2, Margin: l.Margin, Weight: l.Weight, DX: dInput,
	}
	if l.P < 0 || l.P > 2 {
		return x, badOption(name, "p", l.P, "1 or 2")
	}
	if err := finiteOption(name, "margin", l.Margin); err != nil {
		return x, err
	}
	n, err := rowsOf(name, "input", len(input), "classes", classes)
	if err != nil {
		return x, err
	}
	if err := alike(name, n, of("target", target)); err != nil {
		return x, err
	}
	if err := optional(name, len(input), by("input", dInput)); err != nil {
		return x, err
	}
	if err := optional(name, classes, of("weight", l.Weight)); err != nil {
		return x, err
	}
	if err := finite(name, "weight", l.Weight); err != nil {
		return x, err
	}
	return x, classesIn(name, "target", target, classes)
}

func multiMarginEntry() Entry {
	return Entry{
		Name: "multi_margin", Type: "MultiMargin", PyTorch: "MultiMarginLoss",
		Formula: "w[y]/C · Σ_{i≠y} max(0, margin − x[y] + x[i])^p", Domain: "x real; y a class", Margin: "margin = 1",
		Kinks:   "margin − x[y] + x[i] = 0: derivative 0",
		Differs: "A NaN makes the loss NaN; PyTorch leaves its terms out. The mean of no samples is NaN; PyTorch's is undefined.",
		Source:  []string{"weston1999"},
		Inputs:  []Input{{Name: "input", Grad: true, Is: "scores [N, C] or [C]"}, {Name: "target", Is: "classes [N] or []"}},
		Options: []Option{
			{"p", "1", "1 or 2"},
			{"margin", "1", "a number"},
			{"weight", "none", "weight of each class [C]"},
			reductionOption,
		},
		run32: callMultiMargin[float32], run64: callMultiMargin[float64],
	}
}

func callMultiMargin[T tensor.Float](c *Call[T]) error {
	x, classes, shape := c.samples("input")
	y := c.ints("target")
	// One sample's target may be a list of one, as in PyTorch.
	if len(shape) == 0 && slices.Equal(y.Shape, []int{1}) {
		shape = y.Shape
	}
	c.sameShape("target", y.Shape, "a class of each sample", shape)
	l := MultiMargin[T]{
		P: c.whole("p", 1), Margin: c.number("margin", 1), Weight: c.vector("weight", classes), Reduction: c.reduction(),
	}
	if l.P == 0 {
		c.fail("option p is 0; it must be 1 or 2")
	}
	return c.finish(shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, y.Data, classes, c.grad("input")) },
		func() (float64, error) { return l.Eval(x.Data, y.Data, classes, c.grad("input")) })
}
