package op

import "github.com/energo-ml/energo/engine/onnx/value"

// Differentiable is a kernel that knows the derivatives by its inputs.
type Differentiable interface {
	Kernel
	// Back adds to the gradients of the inputs what reaches them from those of the outputs. It knows a run by what went in and came out alone: kernels keep nothing of
	// a run. At kinks the derivative is PyTorch's.
	Back(b *Back) error
}

// Back is the way back through one run of a kernel: from the gradients of its outputs to those of its inputs.
type Back struct {
	In, Out []*value.Value // of the run, nil for those that are missing
	Up      []*value.Value // the gradients of the outputs, nil where none reaches one
	Rounds  []Round        // the runs of graphs inside the node, in their order
	Store   Store
}

// Store keeps gradients.
type Store interface {
	// Wants tells whether anybody asks for the gradient of input i.
	Wants(b *Back, i int) bool
	// Gradient is that of input i, of its kind and shape, and tells whether it holds a sum that must be added to; if not it is to be overwritten.
	// It is nil where nobody asks for it.
	Gradient(b *Back, i int) (g *value.Value, add bool)
}

// Round is a run of a graph inside a node.
type Round interface {
	// Back takes the gradients of the graph's outputs, nil for none, and gives those of its inputs, nil where none reaches one. What reaches values of the graph around is
	// added to their gradients.
	Back(up []*value.Value) (inputs []*value.Value, err error)
	// In and Out are the values of the graph's inputs and outputs in this run.
	In() []*value.Value
	Out() []*value.Value
}

// Wants tells whether anybody asks for the gradient of input i.
func (b *Back) Wants(i int) bool { return b.Store.Wants(b, i) }

// Over gives the gradient of input i, nil where nobody asks for it. With add the kernel adds to it; otherwise it writes every element. Two inputs may be one value: a kernel
// is done with one gradient before it asks for the next.
func (b *Back) Over(i int) (g *value.Value, add bool) { return b.Store.Gradient(b, i) }

// Into gives the gradient of input i to add to, nil where nobody asks for it.
func (b *Back) Into(i int) *value.Value {
	g, add := b.Over(i)
	if g != nil && !add {
		g.Clear()
	}
	return g
}

// Norming is a kernel that normalises by running statistics or by those of the batch. It takes the running ones as inputs 3 and 4.
type Norming interface {
	Differentiable
	// Mode gives the kernel that uses the batch's statistics, or the running ones. The first gives, as outputs 1 and 2, the running statistics moved towards the batch's, the variance
	// in its unbiased form, as PyTorch does.
	Mode(batch bool) Kernel
}
