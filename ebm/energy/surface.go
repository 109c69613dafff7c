package energy

import (
	"fmt"

	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// Surface is an energy function whose answers y are D real numbers.
type Surface interface {
	// Energy returns E(W, yᵢ, xᵢ) of each pair: [B] for inputs x [B, …] and answers
	// y [B, D]. x is nil for a surface over y alone.
	Energy(x, y *autodiff.Var) *autodiff.Var
	// Dim returns D.
	Dim() int
	// Params returns the parameters, frozen ones included, in a fixed order.
	Params() []*autodiff.Param
}

// Slopes evaluates a surface and its gradient by y for many answers at once, with the
// inputs and the weights held fixed: it is what samplers and searches walk on. It keeps
// its memory and serves one goroutine.
type Slopes[T tensor.Float] struct {
	surface Surface
	tape    *autodiff.Tape
	x       *tensor.Tensor
	each    int
	y       *tensor.Tensor
}

// NewSlopes returns the slopes of s over answers of element type T; its parameters must
// have that type. Until Fix it is over y alone.
func NewSlopes[T tensor.Float](s Surface) *Slopes[T] {
	dt := dtype[T]()
	e := &Slopes[T]{surface: s, tape: autodiff.NewTape(dt), y: tensor.New(dt)}
	e.tape.Fixed = true
	return e
}

// Fix sets the inputs x [B, …]. The answers evaluated are then one for each; see Each.
func (e *Slopes[T]) Fix(x *tensor.Tensor) { e.x, e.each = x, 1 }

// Each fixes how many answers there are for each input, and returns e as what samplers
// take.
func (e *Slopes[T]) Each(k int) sampler.Target[T] {
	e.each = k
	return e
}

// Dim implements sampler.Target.
func (e *Slopes[T]) Dim() int { return e.surface.Dim() }

// slopeBlock bounds how many answers are evaluated at once, and so the memory.
const slopeBlock = 8 << 10

// Energies implements sampler.Target: the energies of the rows of y, and their gradients
// if grad is not nil.
func (e *Slopes[T]) Energies(energy []float64, grad, y []T) {
	d := e.Dim()
	n := len(energy)
	if e.x != nil && n != e.x.Dim(0)*e.each {
		panic(fmt.Sprintf("energy: Slopes: %d answers for %d inputs of %d each", n, e.x.Dim(0), e.each))
	}
	step := slopeBlock
	if e.x != nil { // whole inputs
		step = max(1, slopeBlock/e.each) * e.each
	}
	for lo := 0; lo < n; lo += step {
		hi := min(lo+step, n)
		var g []T
		if grad != nil {
			g = grad[lo*d : hi*d]
		}
		e.block(lo, energy[lo:hi], g, y[lo*d:hi*d])
	}
}

func (e *Slopes[T]) block(lo int, energy []float64, grad, y []T) {
	e.tape.Reset()
	e.tape.NoGrad = grad == nil
	e.y.Resize(len(energy), e.Dim())
	copy(data[T](e.y), y)
	at := e.tape.Input(e.y)
	var x *autodiff.Var
	if e.x != nil {
		first := lo / e.each
		x = e.tape.Const(e.x.Rows(first, first+len(energy)/e.each))
		if e.each > 1 {
			x = autodiff.RepeatRows(x, e.each)
		}
	}
	out := e.surface.Energy(x, at)
	if s := out.Shape(); len(s) != 1 || s[0] != len(energy) {
		panic(fmt.Sprintf("energy: a surface gives energies of shape %v for %d answers; it must be [%d]", s, len(energy), len(energy)))
	}
	for i, v := range data[T](out.Value) {
		energy[i] = float64(v)
	}
	if grad == nil {
		return
	}
	e.tape.BackwardFrom(out, nil)
	copy(grad, data[T](at.Grad()))
}

func dtype[T tensor.Float]() tensor.DType {
	if _, ok := any(T(0)).(float64); ok {
		return tensor.Float64
	}
	return tensor.Float32
}

// data returns the elements of a tensor of type T.
func data[T tensor.Float](t *tensor.Tensor) []T {
	if x, ok := any(t.Float64s()).([]T); ok {
		return x
	}
	return any(t.Float32s()).([]T)
}

// Density is the surface of a network [B, D] → [B, 1] over y alone.
type Density struct {
	Net nn.Module
	D   int
}

// Energy implements Surface.
func (s Density) Energy(_, y *autodiff.Var) *autodiff.Var {
	e := s.Net.Forward(y)
	return autodiff.Reshape(e, e.Shape()[0])
}

// Dim implements Surface.
func (s Density) Dim() int { return s.D }

// Params implements Surface.
func (s Density) Params() []*autodiff.Param { return s.Net.Params() }
