package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/loss"
)

// Loss is a mean loss over what a network gives for a batch: LossOf makes one of a function, LossNamed
// of a name. The zero value is refused.
type Loss struct {
	name string
	eval func(lossBatch) (float64, error)
	err  error // of LossNamed

	labels, targets bool // what it takes
}

// lossBatch is what a Loss sees of a batch.
type lossBatch struct {
	output  []float32
	shape   []int // of output, [B, …]
	labels  []int
	targets []float32
	grad    []float32 // by output; nil where it is not needed
}

// width is the number of outputs of a sample.
func (b lossBatch) width() int { return len(b.output) / b.shape[0] }

// LossFunc is a function that returns the mean loss of a batch and writes its gradient by the output, in the forms that
// package loss has: loss.MSELoss[float32], or Eval of a loss with options.
type LossFunc interface {
	func(output, target, grad []float32) (float64, error) |
		func(output, target, grad, dTarget []float32) (float64, error) |
		func(output, target []float32, width int, grad []float32) (float64, error) |
		func(output, target []float32, width int, grad, dTarget []float32) (float64, error) |
		func(output []float32, d loss.Dims, labels []int, grad []float32) (float64, error) |
		func(output []float32, labels []int, width int, grad []float32) (float64, error) |
		func(output []float32, width int, labels []int, grad []float32) (float64, error)
}

// LossOf returns the loss of a function: of pointwise losses over numbers, of losses over classes, and of losses over
// the pairs of a batch, which take the outputs as vectors.
func LossOf[F LossFunc](eval F) Loss {
	l := Loss{name: "that trains"}
	switch f := any(eval).(type) {
	case func(output, target, grad []float32) (float64, error):
		l.targets, l.eval = true, func(b lossBatch) (float64, error) { return f(b.output, b.targets, b.grad) }
	case func(output, target, grad, dTarget []float32) (float64, error):
		l.targets, l.eval = true, func(b lossBatch) (float64, error) { return f(b.output, b.targets, b.grad, nil) }
	case func(output, target []float32, width int, grad []float32) (float64, error):
		l.targets, l.eval = true, func(b lossBatch) (float64, error) { return f(b.output, b.targets, b.width(), b.grad) }
	case func(output, target []float32, width int, grad, dTarget []float32) (float64, error):
		l.targets, l.eval = true, func(b lossBatch) (float64, error) { return f(b.output, b.targets, b.width(), b.grad, nil) }
	case func(output []float32, d loss.Dims, labels []int, grad []float32) (float64, error):
		l.labels, l.eval = true, func(b lossBatch) (float64, error) { return f(b.output, b.dims(), b.labels, b.grad) }
	case func(output []float32, labels []int, width int, grad []float32) (float64, error):
		l.labels, l.eval = true, func(b lossBatch) (float64, error) { return f(b.output, b.labels, b.width(), b.grad) }
	case func(output []float32, width int, labels []int, grad []float32) (float64, error):
		l.labels, l.eval = true, func(b lossBatch) (float64, error) { return f(b.output, b.width(), b.labels, b.grad) }
	}
	return l
}

// dims are those of class scores [B, C, …].
func (b lossBatch) dims() loss.Dims {
	d := loss.Dims{Batch: b.shape[0], Classes: 1, Inner: 1}
	for i, n := range b.shape[1:] {
		if i == 0 {
			d.Classes = n
		} else {
			d.Inner *= n
		}
	}
	return d
}

// LossNamed returns the loss of a name of loss.Catalogue, or of PyTorch's class, with options by PyTorch's names (nil: the defaults).
// It goes through the catalogue; LossOf is faster where batches are large.
//
// Errors, which what is trained with it returns: there is no such loss; it takes other inputs than an output and its target; an option is
// not one of the loss's, or out of range.
func LossNamed(name string, options map[string]any) Loss {
	e, err := loss.Lookup(name)
	if err != nil {
		return Loss{err: err}
	}
	var inputs []string
	for _, in := range e.Inputs {
		if !in.Optional {
			inputs = append(inputs, in.Name)
		}
	}
	if !slices.Equal(inputs, []string{"input", "target"}) && !slices.Equal(inputs, []string{"embeddings", "labels"}) {
		return Loss{err: fmt.Errorf("train: the loss %s takes %s; one over the output and the target of each sample is needed", e.Name, strings.Join(inputs, ", "))}
	}
	if options["reduction"] == "none" {
		return Loss{err: fmt.Errorf("train: the loss %s has reduction none; it must be one number a batch", e.Name)}
	}
	return Loss{name: e.Name, labels: true, targets: true, eval: func(b lossBatch) (float64, error) {
		a, err := e.Eval(loss.Request{Options: options, Inputs: map[string]loss.Array[float64]{inputs[0]: b.outputArray(), inputs[1]: b.targetArray(inputs[1] == "labels")}}, true)
		if err != nil {
			return 0, err
		}
		for i := range b.grad {
			b.grad[i] = float32(a.Grad[inputs[0]].Data[i])
		}
		return a.Loss.Data[0], nil
	}}
}

// outputArray is the output as the catalogue takes it.
func (b lossBatch) outputArray() loss.Array[float64] {
	a := loss.Array[float64]{Shape: b.shape, Data: make([]float64, len(b.output))}
	for i, v := range b.output {
		a.Data[i] = float64(v)
	}
	return a
}

// targetArray is the labels or targets as the catalogue takes them: of the output's shape if they are as many, of its shape without the
// classes, or rows. Labels of vectors are one a vector.
func (b lossBatch) targetArray(vectors bool) (a loss.Array[float64]) {
	for _, v := range b.labels {
		a.Data = append(a.Data, float64(v))
	}
	for _, v := range b.targets {
		a.Data = append(a.Data, float64(v))
	}
	n, d := b.shape[0], b.dims()
	switch {
	case vectors:
		a.Shape = []int{len(a.Data)}
	case len(a.Data) == len(b.output):
		a.Shape = b.shape
	case len(a.Data) == n*d.Inner:
		a.Shape = append([]int{n}, b.shape[min(2, len(b.shape)):]...)
	default:
		a.Shape = []int{n, len(a.Data) / n}
	}
	return a
}

// record records the loss of an output as one operation.
func (l Loss) record(c *nn.Criterion, out *autodiff.Var, labels []int, targets []float32) (*autodiff.Var, error) {
	return c.Record(func(g nn.Grads) (float64, error) {
		return l.eval(lossBatch{output: out.Value.Float32s(), shape: slices.Clone(out.Shape()), labels: labels, targets: targets, grad: g.Float32s(0)})
	}, out)
}

// check refuses a loss without a name, or of other targets than owner has.
func (l Loss) check(owner string, labels bool) error {
	switch {
	case l.err != nil:
		return l.err
	case l.eval == nil:
		return fmt.Errorf("train: %s.Criterion is not set; LossOf or LossNamed makes one", owner)
	case labels && !l.labels:
		return fmt.Errorf("train: %s.Criterion takes numbers as targets; a loss that takes labels is needed", owner)
	case !labels && !l.targets:
		return fmt.Errorf("train: %s.Criterion takes labels; a loss that takes numbers as targets is needed", owner)
	}
	return nil
}
