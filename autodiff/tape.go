// Package autodiff is a define-by-run tape of tensor operations with reverse-mode
// derivatives. Operations are fused where that pays; none knows a layer or a loss.
package autodiff

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/tensor"
)

// Param is a named tensor that models own: weights, codes, running statistics.
type Param struct {
	Name  string // dotted, as PyTorch's state dict has it, such as "0.weight"
	Value *tensor.Tensor
	Grad  *tensor.Tensor // summed by Backward; nil until first used or if Frozen
	// Frozen marks what no optimiser changes: fixed codes, running statistics.
	Frozen bool
	// NoDecay marks what weight decay leaves alone: biases, norms' scales.
	NoDecay bool
}

// ZeroGrad sets the gradient to zero.
func (p *Param) ZeroGrad() {
	if p.Grad != nil {
		p.Grad.Fill(0)
	}
}

// Var is a value on a tape. It is valid until the tape is reset.
type Var struct {
	Value *tensor.Tensor

	tape  *Tape
	param *Param
	in    []*Var
	back  func(*Var) // nil for leaves
	op    Op         // of Custom
	grad  *tensor.Tensor
	needs bool // some leaf behind it wants a gradient
	fresh bool // grad holds nothing of this backward pass yet

	// What an operation keeps for its backward pass.
	ints    [12]int
	floats  [4]float64
	scratch [3]*tensor.Tensor
	own     *tensor.Tensor // memory of Value and of scratch, kept across resets
	ownGrad *tensor.Tensor
}

// Shape returns the dimensions of the value.
func (v *Var) Shape() []int { return v.Value.Shape() }

// Needs reports whether a gradient flows through v.
func (v *Var) Needs() bool { return v.needs }

// Grad returns the derivative of what Backward was called on by v; nil if none reached v.
func (v *Var) Grad() *tensor.Tensor {
	if v.fresh {
		return nil
	}
	return v.grad
}

// Tape returns the tape that v stands on.
func (v *Var) Tape() *Tape { return v.tape }

// Op is a differentiable operation that lives outside this package: a loss, a
// functional, a dynamic program. Backward adds the derivatives by the inputs,
// given out.Grad(), to the inputs that need them, through Var.AddGrad.
type Op interface {
	Backward(out *Var, in []*Var)
}

// Tape records operations so that Backward can run them in reverse. Memory is
// kept across Reset: a loop that records the same operations each time allocates
// nothing once warm. A tape serves one goroutine.
type Tape struct {
	// Training tells layers that behave differently in training (dropout, batch norm).
	Training bool
	// NoGrad makes everything recorded a constant, for inference.
	NoGrad bool

	dtype tensor.DType
	nodes []*Var
	used  int
}

// NewTape returns an empty tape whose values have type dt.
func NewTape(dt tensor.DType) *Tape { return &Tape{dtype: dt} }

// DType returns the element type of the tape's values.
func (t *Tape) DType() tensor.DType { return t.dtype }

// Reset forgets what was recorded and keeps the memory. Every Var of the tape is void afterwards.
func (t *Tape) Reset() { t.used = 0 }

// node returns the next node, void of what it held before the last Reset.
func (t *Tape) node() *Var {
	if t.used == len(t.nodes) {
		t.nodes = append(t.nodes, &Var{tape: t})
	}
	v := t.nodes[t.used]
	t.used++
	v.Value, v.param, v.back, v.op, v.grad = nil, nil, nil, nil, nil
	v.in = v.in[:0]
	v.needs, v.fresh = false, true
	return v
}

// result returns a new node of the given shape with inputs in; its elements are undefined.
func (t *Tape) result(back func(*Var), in []*Var, shape ...int) *Var {
	v := t.node()
	v.in = append(v.in, in...)
	for i, x := range in {
		if x.tape != t {
			panic(fmt.Sprintf("autodiff: input %d stands on another tape", i))
		}
		v.needs = v.needs || x.needs
	}
	if v.needs {
		v.back = back
	}
	if v.own == nil {
		v.own = tensor.New(t.dtype)
	}
	v.own.Resize(shape...)
	v.Value = v.own
	return v
}

func (t *Tape) leaf(x *tensor.Tensor, needs bool) *Var {
	if x.DType() != t.dtype {
		panic(fmt.Sprintf("autodiff: a %v tensor on a %v tape", x.DType(), t.dtype))
	}
	v := t.node()
	v.Value = x
	v.needs = needs && !t.NoGrad
	return v
}

// Const records x, by which no derivative is wanted. The tape shares x's memory.
func (t *Tape) Const(x *tensor.Tensor) *Var { return t.leaf(x, false) }

// Input records x, by which a derivative is wanted; Var.Grad has it after Backward.
func (t *Tape) Input(x *tensor.Tensor) *Var { return t.leaf(x, true) }

// Param records p; Backward adds the derivative to p.Grad.
func (t *Tape) Param(p *Param) *Var {
	v := t.leaf(p.Value, !p.Frozen)
	v.param = p
	return v
}

// Custom records an operation of another package. The caller fills the value of
// the result, whose elements are undefined, and op must stay as it is until Backward.
func (t *Tape) Custom(op Op, in []*Var, shape ...int) *Var {
	v := t.result(customBackward, in, shape...)
	v.op = op
	return v
}

func customBackward(v *Var) { v.op.Backward(v, v.in) }

// gradient returns the memory for v's gradient, and whether it holds a sum that
// must be added to; if not it is to be overwritten. Operations' backward functions
// call it once for each input that needs a gradient, then fill it.
func (v *Var) gradient() (g *tensor.Tensor, add bool) {
	if v.grad == nil {
		if v.param != nil {
			if v.param.Grad == nil {
				v.param.Grad = tensor.New(v.tape.dtype, v.Shape()...)
			}
			v.grad, v.fresh = v.param.Grad, false
		} else {
			if v.ownGrad == nil {
				v.ownGrad = tensor.New(v.tape.dtype)
			}
			v.ownGrad.Resize(v.Shape()...)
			v.grad = v.ownGrad
		}
	}
	add = !v.fresh
	v.fresh = false
	return v.grad, add
}

// AddGrad returns the tensor that an Op's Backward must add its derivative by v to.
func (v *Var) AddGrad() *tensor.Tensor {
	g, add := v.gradient()
	if !add {
		g.Fill(0)
	}
	return g
}

// Backward adds the derivatives of loss, which must have one element, to every
// parameter and input behind it.
func (t *Tape) Backward(loss *Var) {
	if loss.Value.Len() != 1 {
		panic(fmt.Sprintf("autodiff: Backward from shape %v; reduce it to one element first", loss.Shape()))
	}
	t.BackwardFrom(loss, nil)
}

// BackwardFrom is Backward from a value of any shape with upstream gradient seed; nil means ones.
func (t *Tape) BackwardFrom(v *Var, seed *tensor.Tensor) {
	if v.tape != t {
		panic("autodiff: Backward from a value of another tape")
	}
	if !v.needs {
		return
	}
	g, _ := v.gradient()
	switch {
	case seed == nil:
		g.Fill(1)
	case !slices.Equal(seed.Shape(), v.Shape()):
		panic(fmt.Sprintf("autodiff: seed of shape %v for a value of shape %v", seed.Shape(), v.Shape()))
	default:
		g.CopyFrom(seed)
	}
	for i := t.used - 1; i >= 0; i-- {
		n := t.nodes[i]
		if n.back != nil && n.grad != nil && !n.fresh {
			n.back(n)
		}
	}
}
