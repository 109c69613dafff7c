package loss

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// Dims is the shape of class scores: [Batch, Classes, Inner], row-major. Inner is the
// product of the dimensions after the classes, such as an image's pixels.
type Dims struct {
	Batch, Classes int
	Inner          int // 0 means 1
}

func (d Dims) inner() int { return max(d.Inner, 1) }

// positions returns how many distributions over the classes there are.
func (d Dims) positions() int { return d.Batch * d.inner() }

// check checks the dimensions, and that input has them.
func (d Dims) check(loss string, input int) error {
	if d.Batch < 0 || d.Classes < 1 || d.Inner < 0 {
		return fmt.Errorf("loss: %s: the shape is [%d, %d, %d]; there must be at least one class, and nothing negative", loss, d.Batch, d.Classes, d.inner())
	}
	if want := d.positions() * d.Classes; input != want {
		return badLength(loss, "input", input, want)
	}
	return nil
}

// CrossEntropy is the cross entropy of the softmax of scores with target classes, or with
// target probabilities.
//
// With log p = log softmax(x) over the C classes, weights w, and ε = LabelSmoothing, for
// a class y
//
//	ℓ = (1 − ε)·w_y·(−log p_y) + (ε/C) Σ_c w_c·(−log p_c)
//
// and for probabilities t
//
//	ℓ = Σ_c w_c·((1 − ε)t_c + ε/C)·(−log p_c)
//
// Shapes: input [N, C, Inner]; target classes [N, Inner], probabilities of input's shape;
// ℓ [N, Inner]. The mean over classes divides by the sum of the w_y of those that are not
// ignored, with label smoothing too; that over probabilities by their number, N·Inner. Over
// nothing, the mean is NaN, the sum 0, and the gradient 0.
// Units: nats.
// Kinks: none.
// Special cases: a loss near 0 keeps its digits: log p comes from the differences to the target's
// score, where PyTorch's rounds to 0 from a difference of 17 (float32) or 37 on. A score of −Inf is a class of
// probability 0: right where its target is 0. One score of +Inf takes all the probability. A weight
// of 0 counts 0 also where the loss is infinite.
// Errors: lengths that do not fit; a class outside [0, C) that is not IgnoreIndex; a
// probability below 0 or NaN (unless Unchecked); LabelSmoothing outside [0, 1]; a weight that is not finite.
// PyTorch: nn.CrossEntropyLoss(weight, ignore_index, reduction, label_smoothing).
// Source: [szegedy2016] for label smoothing, [pytorch].
type CrossEntropy[T tensor.Float] struct {
	Weight         []T  // of each class; nil: ones
	IgnoreIndex    *int // of classes: positions whose target is this do not count; nil: −100
	LabelSmoothing float64
	Reduction      Reduction
	Unchecked      bool // let any probabilities pass

	run xent[T]
}

// CrossEntropyLoss returns the mean loss of rows of scores with classes, and writes its gradient:
// F.cross_entropy.
func CrossEntropyLoss[T tensor.Float](input []T, d Dims, target []int, dInput []T) (float64, error) {
	return new(CrossEntropy[T]).Eval(input, d, target, dInput)
}

// Eval returns the loss of target classes and writes its gradient.
func (l *CrossEntropy[T]) Eval(input []T, d Dims, target []int, dInput []T) (float64, error) {
	if err := l.classes(input, d, target, dInput); err != nil {
		return 0, err
	}
	return l.run.reduce(l.Reduction)
}

// Each writes the loss of each position to dst, and the gradient under the upstream
// gradient up of dst; nil stands for ones. What is ignored counts 0.
func (l *CrossEntropy[T]) Each(dst, up, input []T, d Dims, target []int, dInput []T) error {
	if err := l.classes(input, d, target, dInput); err != nil {
		return err
	}
	return l.run.each(dst, up)
}

// EvalProbs returns the loss of target probabilities and writes its gradients.
func (l *CrossEntropy[T]) EvalProbs(input []T, d Dims, target, dInput, dTarget []T) (float64, error) {
	if err := l.probs(input, d, target, dInput, dTarget); err != nil {
		return 0, err
	}
	return l.run.reduce(l.Reduction)
}

// EachProbs is Each with target probabilities.
func (l *CrossEntropy[T]) EachProbs(dst, up, input []T, d Dims, target, dInput, dTarget []T) error {
	if err := l.probs(input, d, target, dInput, dTarget); err != nil {
		return err
	}
	return l.run.each(dst, up)
}

// ignored is the class that an option names.
func ignored(index *int) int {
	if index == nil {
		return -100
	}
	return *index
}

// prepare checks what both kinds of targets share.
func (l *CrossEntropy[T]) prepare(input []T, d Dims, dInput []T) error {
	const name = "CrossEntropy"
	if !(l.LabelSmoothing >= 0 && l.LabelSmoothing <= 1) {
		return badOption(name, "label_smoothing", l.LabelSmoothing, unitInterval)
	}
	if err := d.check(name, len(input)); err != nil {
		return err
	}
	if err := optional(name, d.Classes, of("weight", l.Weight)); err != nil {
		return err
	}
	if err := finite(name, "weight", l.Weight); err != nil {
		return err
	}
	if err := optional(name, len(input), by("input", dInput)); err != nil {
		return err
	}
	l.run.set(name, input, d, l.Weight, l.LabelSmoothing, dInput)
	return nil
}

func (l *CrossEntropy[T]) classes(input []T, d Dims, target []int, dInput []T) error {
	if err := l.prepare(input, d, dInput); err != nil {
		return err
	}
	total, err := countClasses(l.run.name, target, d, l.Weight, ignored(l.IgnoreIndex))
	l.run.target, l.run.ignore, l.run.total = target, ignored(l.IgnoreIndex), total
	return err
}

// countClasses checks target classes and returns the sum of their weights.
func countClasses[T tensor.Float](loss string, target []int, d Dims, weight []T, ignore int) (total float64, err error) {
	if len(target) != d.positions() {
		return 0, badLength(loss, "target", len(target), d.positions())
	}
	for i, y := range target {
		switch {
		case y == ignore:
		case y < 0 || y >= d.Classes:
			return 0, badValue(loss, "target", i, y, fmt.Sprintf("a class from 0 to %d, or the ignored %d", d.Classes-1, ignore))
		case weight == nil:
			total++
		default:
			total += float64(weight[y])
		}
	}
	return total, nil
}

func (l *CrossEntropy[T]) probs(input []T, d Dims, target, dInput, dTarget []T) error {
	if err := l.prepare(input, d, dInput); err != nil {
		return err
	}
	if err := alike(l.run.name, len(input), of("target", target)); err != nil {
		return err
	}
	if err := optional(l.run.name, len(input), by("target", dTarget)); err != nil {
		return err
	}
	if !l.Unchecked && !(simd.Min(target) >= 0) { // NaN too
		for i, p := range target {
			if !(p >= 0) {
				return badValue(l.run.name, "target", i, p, "a probability, at least 0")
			}
		}
	}
	l.run.probs, l.run.dProbs, l.run.total = target, dTarget, float64(d.positions())
	return nil
}

func crossEntropyEntry() Entry {
	return Entry{
		Name: "cross_entropy", Type: "CrossEntropy", PyTorch: "CrossEntropyLoss",
		Formula: "−log softmax(x)_y; with smoothing (1 − ε)w_y(−log p_y) + (ε/C) Σ_c w_c(−log p_c)",
		Domain:  "x real; y a class, or probabilities ≥ 0", Margin: "> 0", Kinks: "none",
		Differs: "losses near 0 keep their digits; a −∞ score with probability 0, and a weight of 0, are no NaN",
		Source:  []string{"szegedy2016", "pytorch"},
		Inputs: []Input{
			{Name: "input", Grad: true, Is: "scores [C], [N, C] or [N, C, d₁, …]"},
			{Name: "target", Grad: true, Is: "classes, of input's shape without C; or probabilities, of input's shape, by which it is too"},
		},
		Options: []Option{
			classWeightOption,
			{"ignore_index", "-100", "class of positions that do not count"},
			{"label_smoothing", "0", "ε in [0, 1]"},
			reductionOption, unchecked("probabilities below 0"),
		},
		Needs: []Need{
			{"ignore_index", "target holds classes", func(r Request) bool { return !ofProbabilities(r) }},
			{"unchecked", "target holds probabilities", ofProbabilities},
		},
		run32: callCrossEntropy[float32], run64: callCrossEntropy[float64],
	}
}

// ofProbabilities reports whether a request's target holds probabilities, not classes.
func ofProbabilities(r Request) bool {
	return slices.Equal(r.Inputs["target"].Shape, r.Inputs["input"].Shape)
}

func callCrossEntropy[T tensor.Float](c *Call[T]) error {
	x, d, shape := c.scores("input")
	l := &CrossEntropy[T]{
		Weight: c.vector("weight", d.Classes), IgnoreIndex: new(c.whole("ignore_index", -100)),
		LabelSmoothing: c.number("label_smoothing", 0), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false),
	}
	target := c.request.Inputs["target"].Shape
	if ofProbabilities(c.request) {
		t := c.float("target")
		dx, dt := c.grad("input"), c.grad("target")
		return c.finish(shape,
			func(dst []T) error { return l.EachProbs(dst, nil, x.Data, d, t.Data, dx, dt) },
			func() (float64, error) { return l.EvalProbs(x.Data, d, t.Data, dx, dt) })
	}
	c.sameShape("target", target, "input without its classes", shape)
	y := c.ints("target")
	dx := c.grad("input")
	return c.finish(shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, d, y.Data, dx) },
		func() (float64, error) { return l.Eval(x.Data, d, y.Data, dx) })
}
