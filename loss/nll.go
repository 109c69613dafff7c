package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// NLL is the negative log likelihood of target classes: cross entropy of
// log-probabilities.
//
//	ℓ = −w_y·x_y
//
// Shapes: input [N, C, Inner] of log-probabilities; target [N, Inner]; ℓ alike. The mean divides by the
// sum of the w_y of those that are not ignored; over nothing it is NaN, and the gradient 0.
// Units: nats.
// Kinks: none.
// Special cases: a weight of 0 counts 0 also where x_y = −Inf.
// Errors: lengths that do not fit; a class outside [0, C) that is not IgnoreIndex; a
// weight that is not finite.
// PyTorch: nn.NLLLoss(weight, ignore_index, reduction).
// Source: [pytorch].
type NLL[T tensor.Float] struct {
	Weight      []T  // of each class; nil: ones
	IgnoreIndex *int // positions whose target is this class do not count; nil: −100
	Reduction   Reduction

	// Of the call.
	d             Dims
	x, dx, up     []T
	dst           []T
	target        []int
	total, factor float64
	partial       []float64
}

// NLLLoss returns the mean loss and writes its gradient: F.nll_loss.
func NLLLoss[T tensor.Float](input []T, d Dims, target []int, dInput []T) (float64, error) {
	return new(NLL[T]).Eval(input, d, target, dInput)
}

// Eval returns the loss and writes its gradient.
func (l *NLL[T]) Eval(input []T, d Dims, target []int, dInput []T) (float64, error) {
	if err := l.prepare(input, d, target, dInput); err != nil {
		return 0, err
	}
	scale, err := l.Reduction.scale("NLL", l.total)
	if err != nil {
		return 0, err
	}
	l.factor = scale
	return reduced(l.run(), scale), nil
}

// Each writes the loss of each position to dst, and the gradient under the upstream
// gradient up of dst; nil stands for ones. What is ignored counts 0.
func (l *NLL[T]) Each(dst, up, input []T, d Dims, target []int, dInput []T) error {
	if err := l.prepare(input, d, target, dInput); err != nil {
		return err
	}
	if err := alike("NLL", len(target), of("the result", dst)); err != nil {
		return err
	}
	if err := optional("NLL", len(target), of("the upstream gradient", up)); err != nil {
		return err
	}
	l.dst, l.up, l.factor = dst, up, 1
	l.run()
	return nil
}

func (l *NLL[T]) prepare(input []T, d Dims, target []int, dInput []T) (err error) {
	if err := d.check("NLL", len(input)); err != nil {
		return err
	}
	if err := optional("NLL", d.Classes, of("weight", l.Weight)); err != nil {
		return err
	}
	if err := finite("NLL", "weight", l.Weight); err != nil {
		return err
	}
	if err := optional("NLL", len(input), by("input", dInput)); err != nil {
		return err
	}
	l.d, l.x, l.dx, l.target, l.up, l.dst = d, input, dInput, target, nil, nil
	l.total, err = countClasses("NLL", target, d, l.Weight, ignored(l.IgnoreIndex))
	return err
}

// samples is how many samples of the batch a task has.
func (l *NLL[T]) samples() int { return max(1, xentBlock/(l.d.Classes*l.d.inner())) }

func (l *NLL[T]) run() (sum float64) {
	tasks := (l.d.Batch + l.samples() - 1) / l.samples()
	l.partial = scratch.Sized(l.partial, tasks)
	simd.Run(tasks, (*nllJob[T])(l))
	for _, s := range l.partial {
		sum += s
	}
	l.x, l.dx, l.target, l.up, l.dst = nil, nil, nil, nil, nil
	return sum
}

// nllJob hides Do, which the pool calls.
type nllJob[T tensor.Float] NLL[T]

func (l *nllJob[T]) Do(task, _ int) {
	size := (*NLL[T])(l).samples()
	k, inner, ignore := l.d.Classes, l.d.inner(), ignored(l.IgnoreIndex)
	lo, hi := task*size, min((task+1)*size, l.d.Batch)
	if l.dx != nil {
		clear(l.dx[lo*k*inner : hi*k*inner])
	}
	l.partial[task] = 0
	for p := lo * inner; p < hi*inner; p++ {
		y, loss := l.target[p], 0.0
		if y != ignore {
			at, w := (p/inner*k+y)*inner+p%inner, 1.0
			if l.Weight != nil {
				w = float64(l.Weight[y])
			}
			loss = product(-w, float64(l.x[at]))
			if l.dx != nil && w != 0 {
				if l.up != nil {
					w *= float64(l.up[p])
				}
				l.dx[at] = T(-w * l.factor)
			}
		}
		l.partial[task] += loss
		if l.dst != nil {
			l.dst[p] = T(loss)
		}
	}
}

func nllEntry() Entry {
	return Entry{
		Name: "nll", Type: "NLL", PyTorch: "NLLLoss",
		Formula: "−w_y·x_y", Domain: "x log-probabilities; y a class", Margin: "none", Kinks: "none",
		Differs: "a weight of 0 counts 0 also where x_y = −∞", Source: []string{"pytorch"},
		Inputs: []Input{
			{Name: "input", Grad: true, Is: "log-probabilities [C], [N, C] or [N, C, d₁, …]"},
			{Name: "target", Is: "classes, of input's shape without C"},
		},
		Options: []Option{classWeightOption, {"ignore_index", "-100", "class of positions that do not count"}, reductionOption},
		run32:   callNLL[float32], run64: callNLL[float64],
	}
}

func callNLL[T tensor.Float](c *Call[T]) error {
	x, d, shape := c.scores("input")
	l := &NLL[T]{Weight: c.vector("weight", d.Classes), IgnoreIndex: new(c.whole("ignore_index", -100)), Reduction: c.reduction()}
	y := c.ints("target")
	c.sameShape("target", y.Shape, "input without its classes", shape)
	dx := c.grad("input")
	return c.finish(shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, d, y.Data, dx) },
		func() (float64, error) { return l.Eval(x.Data, d, y.Data, dx) })
}
