package loss

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// LinearCrossEntropy is the cross entropy of a linear layer's scores over a large
// vocabulary, which are never held whole: rows are taken a block at a time, scores, loss
// and gradients.
//
//	ℓ = CrossEntropy(input·Weightᵀ + bias, target)
//
// Shapes: input [N, D], the layer's weight [C, D] and bias [C] (nil: none), target N
// classes; ℓ [N].
// Memory: two blocks of 3·2²⁰ scores (or of one row, if C is more) and copies of 2¹³ rows of Weight, whatever N
// and C are, besides the arguments.
// Units, special cases and errors: CrossEntropy's.
// PyTorch: nn.LinearCrossEntropyLoss, F.linear_cross_entropy(input, linear_weight, target,
// linear_bias), for targets that are classes.
// Source: [wijmans2024].
type LinearCrossEntropy[T tensor.Float] struct {
	Weight         []T  // of each class; nil: ones
	IgnoreIndex    *int // rows whose target is this class do not count; nil: −100
	LabelSmoothing float64
	Reduction      Reduction

	run           xent[T]
	scores, slope []T // of a block
}

// Linear is a linear layer, or the gradients by one: Weight [C, D], row-major, and Bias
// [C], nil for none.
type Linear[T tensor.Float] struct{ Weight, Bias []T }

// LinearCrossEntropyLoss returns the mean loss and writes its gradients by input and by
// the layer: F.linear_cross_entropy.
func LinearCrossEntropyLoss[T tensor.Float](input []T, layer Linear[T], classes int, target []int, dInput []T, dLayer Linear[T]) (float64, error) {
	return new(LinearCrossEntropy[T]).Eval(input, layer, classes, target, dInput, dLayer)
}

// Eval returns the loss and writes its gradients. Those of dLayer that are nil are not
// computed.
func (l *LinearCrossEntropy[T]) Eval(input []T, layer Linear[T], classes int, target []int, dInput []T, dLayer Linear[T]) (float64, error) {
	total, err := l.check(input, layer, classes, target, dInput, dLayer)
	if err != nil {
		return 0, err
	}
	scale, err := l.Reduction.scale(linearName, total)
	if err != nil {
		return 0, err
	}
	slope := scale
	if math.IsInf(scale, 0) {
		slope = 0
	}
	return reduced(l.blocks(nil, nil, slope, input, layer, classes, target, dInput, dLayer), scale), nil
}

// Each writes the loss of each row to dst, and the gradients under the upstream gradient
// up of dst; nil stands for ones.
func (l *LinearCrossEntropy[T]) Each(dst, up, input []T, layer Linear[T], classes int, target []int, dInput []T, dLayer Linear[T]) error {
	if _, err := l.check(input, layer, classes, target, dInput, dLayer); err != nil {
		return err
	}
	if err := alike(linearName, len(target), of("the result", dst)); err != nil {
		return err
	}
	if err := optional(linearName, len(target), of("the upstream gradient", up)); err != nil {
		return err
	}
	l.blocks(dst, up, 1, input, layer, classes, target, dInput, dLayer)
	return nil
}

const linearName = "LinearCrossEntropy"

// check checks everything and returns the sum of the targets' weights.
func (l *LinearCrossEntropy[T]) check(input []T, layer Linear[T], classes int, target []int, dInput []T, dLayer Linear[T]) (float64, error) {
	if !(l.LabelSmoothing >= 0 && l.LabelSmoothing <= 1) {
		return 0, badOption(linearName, "label_smoothing", l.LabelSmoothing, unitInterval)
	}
	if classes < 1 || len(layer.Weight)%classes != 0 || len(layer.Weight) == 0 {
		return 0, fmt.Errorf("loss: %s: linear_weight has %d elements; it must have rows for %d classes, at least 1", linearName, len(layer.Weight), classes)
	}
	if want := len(target) * (len(layer.Weight) / classes); len(input) != want {
		return 0, badLength(linearName, "input", len(input), want)
	}
	if err := optional(linearName, classes, of("weight", l.Weight), of("linear_bias", layer.Bias), by("linear_bias", dLayer.Bias)); err != nil {
		return 0, err
	}
	if err := optional(linearName, len(input), by("input", dInput)); err != nil {
		return 0, err
	}
	if err := optional(linearName, len(layer.Weight), by("linear_weight", dLayer.Weight)); err != nil {
		return 0, err
	}
	if err := finite(linearName, "weight", l.Weight); err != nil {
		return 0, err
	}
	return countClasses(linearName, target, Dims{Batch: len(target), Classes: classes}, l.Weight, ignored(l.IgnoreIndex))
}

// scoresHeld is about how many scores a block has: few enough to be little memory, and
// rows enough for the matrix products.
const scoresHeld = 3 << 20

// blocks does all rows and returns the sum of their losses.
func (l *LinearCrossEntropy[T]) blocks(dst, up []T, scale float64, input []T, layer Linear[T], classes int, target []int, dInput []T, dLayer Linear[T]) (sum float64) {
	n, d := len(target), len(layer.Weight)/classes
	clear(dLayer.Weight)
	clear(dLayer.Bias)
	rows := min(n, max(1, scoresHeld/classes))
	l.scores, l.slope = scratch.Sized(l.scores, rows*classes), scratch.Sized(l.slope, rows*classes)
	for lo := 0; lo < n; lo += rows {
		hi := min(lo+rows, n)
		b := hi - lo
		x, z, dz := input[lo*d:hi*d], l.scores[:b*classes], l.slope[:b*classes]
		scoresOf(z, x, layer, b, classes, d)
		r := &l.run
		r.set(linearName, z, Dims{Batch: b, Classes: classes}, l.Weight, l.LabelSmoothing, dz)
		r.target, r.ignore, r.scale = target[lo:hi], ignored(l.IgnoreIndex), scale
		if dst != nil {
			r.dst = dst[lo:hi]
		}
		if up != nil {
			r.up = up[lo:hi]
		}
		sum += r.all()
		var dx []T
		if dInput != nil {
			dx = dInput[lo*d : hi*d]
		}
		back(dz, x, layer.Weight, dx, dLayer, b, classes, d)
	}
	return sum
}

// classesAtOnce bounds the classes of one matrix product, which keeps a copy of the part
// of the weights that it works on.
const classesAtOnce = 8 << 10

// scoresOf computes the scores z [b, classes] of inputs x [b, d].
func scoresOf[T tensor.Float](z, x []T, layer Linear[T], b, classes, d int) {
	for c := 0; c < classes; c += classesAtOnce {
		k := min(classesAtOnce, classes-c)
		var e gemm.Epilogue[T]
		if layer.Bias != nil {
			e.Bias = layer.Bias[c : c+k]
		}
		gemm.MulEpilogue(false, true, b, k, d, x, d, layer.Weight[c*d:(c+k)*d], d, 0, z[c:], classes, e)
	}
}

// back sets dx, if it is not nil, and adds to dLayer what the scores' gradient dz brings.
func back[T tensor.Float](dz, x, weight, dx []T, dLayer Linear[T], b, classes, d int) {
	clear(dx)
	for c := 0; c < classes; c += classesAtOnce {
		k := min(classesAtOnce, classes-c)
		if dx != nil {
			gemm.Mul(false, false, b, d, k, dz[c:], classes, weight[c*d:(c+k)*d], d, 1, dx, d)
		}
		if dLayer.Weight != nil {
			gemm.Mul(true, false, k, d, b, dz[c:], classes, x, d, 1, dLayer.Weight[c*d:(c+k)*d], d)
		}
	}
	if dLayer.Bias != nil {
		simd.SumRows(dLayer.Bias, dz, b, classes, true)
	}
}

func linearCrossEntropyEntry() Entry {
	return Entry{
		Name: "linear_cross_entropy", Type: "LinearCrossEntropy", PyTorch: "LinearCrossEntropyLoss",
		Formula: "−log softmax(x·Wᵀ + b)_y", Domain: "x, W, b real; y a class", Margin: "> 0", Kinks: "none",
		Differs: "the scores are never held whole; losses near 0 keep their digits", Source: []string{"wijmans2024"},
		Inputs: []Input{
			{Name: "input", Grad: true, Is: "[N, D] or [D]"},
			{Name: "linear_weight", Grad: true, Is: "[C, D]"},
			{Name: "linear_bias", Grad: true, Optional: true, Is: "[C]"},
			{Name: "target", Is: "classes [N] or []"},
		},
		Options: []Option{
			{"in_features", "D", "checked against linear_weight"},
			{"num_classes", "C", "checked against linear_weight"},
			{"bias", "whether linear_bias is given", "checked against linear_bias"},
			classWeightOption,
			{"ignore_index", "-100", "class of rows that do not count"},
			{"label_smoothing", "0", "ε in [0, 1]"},
			reductionOption,
		},
		run32: callLinearCrossEntropy[float32], run64: callLinearCrossEntropy[float64],
	}
}

func callLinearCrossEntropy[T tensor.Float](c *Call[T]) error {
	x, w := c.float("input"), c.float("linear_weight")
	y := c.ints("target")
	if len(w.Shape) != 2 || w.Shape[0] == 0 {
		c.fail("linear_weight has shape %v; it must be [C, D]", w.Shape)
		return c.err
	}
	classes, d := w.Shape[0], w.Shape[1]
	if len(x.Shape) == 0 || x.Shape[len(x.Shape)-1] != d {
		c.fail("input has shape %v; it must end with linear_weight's %d", x.Shape, d)
		return c.err
	}
	shape := x.Shape[:len(x.Shape)-1]
	c.sameShape("target", y.Shape, "input without its features", shape)
	layer, grad := Linear[T]{Weight: w.Data}, Linear[T]{Weight: c.grad("linear_weight")}
	if c.has("linear_bias") {
		bias := c.float("linear_bias")
		c.sameShape("linear_bias", bias.Shape, "the classes", []int{classes})
		layer.Bias, grad.Bias = bias.Data, c.grad("linear_bias")
	}
	if c.whole("in_features", d) != d || c.whole("num_classes", classes) != classes || c.flag("bias", layer.Bias != nil) != (layer.Bias != nil) {
		c.fail("in_features, num_classes or bias do not fit linear_weight [%d, %d] and linear_bias", classes, d)
	}
	l := &LinearCrossEntropy[T]{
		Weight: c.vector("weight", classes), IgnoreIndex: new(c.whole("ignore_index", -100)),
		LabelSmoothing: c.number("label_smoothing", 0), Reduction: c.reduction(),
	}
	dx := c.grad("input")
	return c.finish(shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, layer, classes, y.Data, dx, grad) },
		func() (float64, error) { return l.Eval(x.Data, layer, classes, y.Data, dx, grad) })
}
