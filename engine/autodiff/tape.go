// Package autodiff is a define-by-run tape of tensor operations with reverse-mode
// derivatives. Operations are fused where that pays; none knows a layer or a loss.
//
// An operation is a function on values of a tape; it panics, naming itself and the
// shapes, if those do not fit. Shapes are never broadcast silently. At kinks the
// derivative is PyTorch's: ReLU'(0) = 0, Abs'(0) = 0, Sqrt'(0) = +Inf, and of equal
// maxima the first takes the gradient.
package autodiff

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Param is a named tensor that models own: weights, codes, running statistics.
// One goroutine at a time may run Backward over it.
type Param struct {
	Name  string // dotted, as PyTorch's state dict has it, such as "0.weight"
	Value *tensor.Tensor
	Grad  *tensor.Tensor // summed by Backward; nil until first used or if Frozen
	// Frozen marks what no optimiser changes: fixed codes, running statistics.
	Frozen bool
	// NoDecay marks what weight decay leaves alone: biases, norms' scales.
	NoDecay bool
	// NoAverage marks what averages of weights copy: directions, whose mean is not a direction.
	NoAverage bool
}

// ZeroGrad sets the gradient to zero.
func (p *Param) ZeroGrad() {
	if p.Grad != nil {
		clear(p.Grad.Float32s())
		clear(p.Grad.Float64s())
	}
}

// Op is a differentiable operation that lives outside this package: a loss, a
// functional, a dynamic program. Backward adds the derivatives by the inputs,
// given out.Grad(), to the inputs that need them, through Var.AddGrad.
type Op interface {
	Backward(out *Var, in []*Var)
}

// Tape records operations so that Backward can run them in reverse. Memory is
// kept across Reset, by the order of recording: a loop that records the same
// operations each time allocates nothing once warm, also where the batch size
// alternates. A tape serves one goroutine.
type Tape struct {
	// Training tells layers that behave differently in training (dropout, batch norm).
	Training bool
	// NoGrad makes everything recorded a constant, for inference.
	NoGrad bool
	// Fixed makes parameters constants: derivatives go to inputs alone, as samplers want.
	Fixed bool

	dtype tensor.DType
	nodes []*Var
	used  int
}

// NewTape returns an empty tape whose values have type dt.
func NewTape(dt tensor.DType) *Tape { return &Tape{dtype: dt} }

// DType returns the element type of the tape's values.
func (t *Tape) DType() tensor.DType { return t.dtype }

// Reset forgets what was recorded and keeps the memory. Every Var of the tape, its
// value and its gradient are void afterwards; gradients of parameters stay.
func (t *Tape) Reset() { t.used = 0 }

// node returns the next node, void of what it held before the last Reset.
func (t *Tape) node() *Var {
	if t.used == len(t.nodes) {
		t.nodes = append(t.nodes, &Var{tape: t})
	}
	v := t.nodes[t.used]
	t.used++
	v.Value, v.param, v.source, v.back, v.op, v.grad = nil, nil, nil, nil, nil, nil
	v.in = v.in[:0]
	v.needs, v.fresh, v.rectified, v.masked = false, true, false, false
	return v
}

// result returns a new node of the given shape with inputs in; its elements are undefined.
func (t *Tape) result(op string, in []*Var, shape ...int) *Var {
	v := t.derived(op, in)
	if v.own == nil {
		v.own = tensor.New(t.dtype)
	}
	v.own.Resize(shape...)
	v.Value = v.own
	return v
}

// derived returns a new node with inputs in and no value yet.
func (t *Tape) derived(op string, in []*Var) *Var {
	v := t.node()
	v.in = append(v.in, in...)
	for i, x := range in {
		if x.tape != t {
			misuse(op, "input %d stands on another tape", i)
		}
		v.needs = v.needs || (x.needs && !t.NoGrad)
	}
	return v
}

func (t *Tape) leaf(x *tensor.Tensor, needs bool) *Var {
	if x.DType() != t.dtype {
		panic(fmt.Sprintf("autodiff: a %v tensor of shape %v on a %v tape", x.DType(), x.Shape(), t.dtype))
	}
	v := t.node()
	v.Value = x
	v.needs = needs && !t.NoGrad
	return v
}

// Const records x without a derivative. The tape shares x's memory.
func (t *Tape) Const(x *tensor.Tensor) *Var { return t.leaf(x, false) }

// Input records x with a derivative, which Var.Grad has after Backward.
func (t *Tape) Input(x *tensor.Tensor) *Var { return t.leaf(x, true) }

// Param records p; Backward adds the derivative to p.Grad unless p, or the tape's
// parameters, are fixed.
func (t *Tape) Param(p *Param) *Var {
	v := t.leaf(p.Value, !p.Frozen && !t.Fixed)
	v.param = p
	return v
}

// Custom records an operation of another package. The caller fills the value of
// the result, whose elements are undefined, and op must stay as it is until Backward.
func (t *Tape) Custom(op Op, in []*Var, shape ...int) *Var {
	v := t.result("Custom", in, shape...)
	v.op = op
	if v.needs {
		v.back = customBack
	}
	return v
}

func customBack(v *Var) { v.op.Backward(v, v.in) }

// Backward adds the derivatives of loss, which must have one element, to every
// parameter and input behind it. It may be called again on the same recording, of
// the same or another value: parameters and inputs then sum what reaches them.
func (t *Tape) Backward(loss *Var) {
	if loss.Value.Len() != 1 {
		misuse("Backward", "from shape %v; reduce it to one element first", loss.Shape())
	}
	t.BackwardFrom(loss, nil)
}

// BackwardFrom is Backward from a value of any shape with upstream gradient seed; nil means ones.
func (t *Tape) BackwardFrom(v *Var, seed *tensor.Tensor) {
	if v.tape != t {
		misuse("Backward", "the value stands on another tape")
	}
	if seed != nil && (!slices.Equal(seed.Shape(), v.Shape()) || seed.DType() != t.dtype) {
		misuse("Backward", "%v seed of shape %v for a %v value of shape %v", seed.DType(), seed.Shape(), t.dtype, v.Shape())
	}
	if !v.needs {
		return
	}
	for _, n := range t.nodes[:t.used] {
		if n.back != nil || n.source != nil {
			n.grad, n.fresh = nil, true
		}
	}
	pick(v, seedGrad[float32], seedGrad[float64])(v, seed)
	for i := t.used - 1; i >= 0; i-- {
		if n := t.nodes[i]; n.back != nil && !n.fresh {
			n.back(n)
		}
	}
}

func seedGrad[T tensor.Float](v *Var, seed *tensor.Tensor) {
	g, add := gradient[T](v)
	switch {
	case seed != nil:
		accumulate(g, tensor.Data[T](seed), 1, add)
	case add:
		simd.AddScalar(g, g, 1)
	default:
		simd.Fill(g, 1)
	}
}

// misuse panics: an operation was called on what it is not defined for.
func misuse(op, format string, args ...any) {
	panic("autodiff: " + op + ": " + fmt.Sprintf(format, args...))
}
