package autodiff

import (
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Var is a value on a tape. It is valid until the tape is reset.
type Var struct {
	Value *tensor.Tensor // must not be changed before Backward

	tape   *Tape
	param  *Param
	in     []*Var
	source *Var       // of a view: the value whose memory and gradient this one shares
	back   func(*Var) // adds to the gradients of in; nil for leaves and views
	op     Op         // of Custom
	grad   *tensor.Tensor
	needs  bool // some leaf behind it wants a gradient
	fresh  bool // grad holds nothing of this backward pass yet

	// A fused ReLU's backward pass begins with a mask over grad. Its consumer may
	// have seen to that already at less cost: then masked is set.
	rectified, masked bool

	kept
}

// kept is what an operation keeps for its backward pass, and memory that stays across resets.
type kept struct {
	ints    [8]int
	float   float64
	index   []int32
	conv    gemm.Conv2D
	pool    simd.Pool2D
	norm    norm
	mask    AttentionMask
	job     job
	scratch *tensor.Tensor
	custom  any

	own, ownGrad          *tensor.Tensor // memory of Value and grad, but for leaves and views
	valueViews, gradViews views
}

// Shape returns the dimensions of the value. The caller must not change them.
func (v *Var) Shape() []int { return v.Value.Shape() }

// Needs reports whether a gradient flows through v.
func (v *Var) Needs() bool { return v.needs }

// Grad returns the derivative of what Backward was called on by v; nil if none
// reached v. It is meant for inputs, parameters (where it is Param.Grad, the sum so
// far), and within Op.Backward; the gradient of another result is memory that the
// result's own backward step may have used for something else.
func (v *Var) Grad() *tensor.Tensor {
	if v.fresh {
		return nil
	}
	return v.grad
}

// Tape returns the tape that v stands on.
func (v *Var) Tape() *Tape { return v.tape }

// Kept returns what an Op of another package has put aside at this place of the tape, since before the last Reset as well: memory to use again. It is nil at
// first, and may be another Op's.
func (v *Var) Kept() any { return v.custom }

// Keep puts x aside for Kept.
func (v *Var) Keep(x any) { v.custom = x }

// AddGrad returns the tensor that an Op's Backward must add its derivative by v to.
func (v *Var) AddGrad() *tensor.Tensor {
	g, add := v.gradient()
	if !add {
		clear(g.Float32s())
		clear(g.Float64s())
	}
	return g
}

// gradient returns the memory for v's gradient, and whether it holds a sum that
// must be added to; if not it is to be overwritten. Backward functions call it once
// for each use of an input that needs a gradient, then fill it.
func (v *Var) gradient() (g *tensor.Tensor, add bool) {
	v.masked = false
	switch {
	case v.source != nil:
		g, add = v.source.gradient()
		v.grad, v.fresh = v.gradViews.of(g, v.Shape()), false
		return v.grad, add
	case v.param != nil:
		if v.param.Grad == nil {
			v.param.Grad = tensor.New(v.tape.dtype, v.Shape()...)
		}
		v.grad, v.fresh = v.param.Grad, false
		return v.grad, true
	case v.grad == nil:
		if v.ownGrad == nil {
			v.ownGrad = tensor.New(v.tape.dtype)
		}
		v.ownGrad.Resize(v.Shape()...)
		v.grad = v.ownGrad
	}
	add = !v.fresh
	v.fresh = false
	return v.grad, add
}

// pick returns the instance of a generic function for v's element type.
func pick[F any](v *Var, f32, f64 F) F {
	if v.tape.dtype == tensor.Float64 {
		return f64
	}
	return f32
}

// record computes v's value by the forward function of v's type, and notes the backward one.
func (v *Var) record(forward32, forward64, back32, back64 func(*Var)) *Var {
	pick(v, forward32, forward64)(v)
	if v.needs {
		v.back = pick(v, back32, back64)
	}
	return v
}

// values returns the elements of v.
func values[T tensor.Float](v *Var) []T { return tensor.Data[T](v.Value) }

// upstream returns the elements of the gradient that reached v.
func upstream[T tensor.Float](v *Var) []T { return tensor.Data[T](v.grad) }

// gradient is Var.gradient in elements.
func gradient[T tensor.Float](v *Var) (g []T, add bool) {
	t, add := v.gradient()
	return tensor.Data[T](t), add
}

// accumulate computes g = a·x, or g += a·x if add is set.
func accumulate[T tensor.Float](g, x []T, a T, add bool) {
	switch {
	case add && a == 1:
		simd.AddTo(g, x)
	case add:
		simd.AXPY(g, a, x)
	case a == 1:
		copy(g, x)
	default:
		simd.Scale(g, x, a)
	}
}

// push gives x the gradient a·dy if it needs one.
func push[T tensor.Float](x *Var, dy []T, a T) {
	if x.needs {
		g, add := gradient[T](x)
		accumulate(g, dy, a, add)
	}
}

// beta is the factor of a product's old value.
func beta[T tensor.Float](add bool) T {
	if add {
		return 1
	}
	return 0
}

// reserve makes v's scratch memory n elements long, undefined until written.
func (v *Var) reserve(n int) {
	if v.scratch == nil {
		v.scratch = tensor.New(v.tape.dtype)
	}
	v.scratch.Resize(n)
}

// spare returns what was reserved.
func spare[T tensor.Float](v *Var) []T { return tensor.Data[T](v.scratch) }

// indices returns v's index memory with n elements.
func (v *Var) indices(n int) []int32 {
	v.index = scratch.Sized(v.index, n)
	return v.index
}

// volume is the number of elements of a shape.
func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// A job runs do over the numbered parts of a node's work.
type job struct {
	v  *Var
	do func(v *Var, task int)
}

func (j *job) Do(task, _ int) { j.do(j.v, task) }

// parallel runs do over tasks on all workers; how the work is cut must depend on sizes only.
func (v *Var) parallel(tasks int, do func(v *Var, task int)) {
	v.job = job{v, do}
	simd.Run(tasks, &v.job)
}

// views keeps the headers of the last few views, so that making one again allocates nothing.
type views struct {
	recent [4]*tensor.Tensor
	next   int
}

// of returns t under another shape.
func (c *views) of(t *tensor.Tensor, shape []int) *tensor.Tensor {
	for _, v := range c.recent {
		if v != nil && slices.Equal(v.Shape(), shape) && sameMemory(v.Float32s(), t.Float32s()) && sameMemory(v.Float64s(), t.Float64s()) {
			return v
		}
	}
	v := t.Reshape(append([]int{}, shape...)...) // a copy, so that shape need not be on the heap
	c.recent[c.next] = v
	c.next = (c.next + 1) % len(c.recent)
	return v
}

func sameMemory[T tensor.Float](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
