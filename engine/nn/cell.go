package nn

import (
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// A recurrent layer multiplies the inputs of all times by the input weights at once:
// xg [B·T, G·H], of which a cell at time t takes rows t, T + t, 2T + t, …; hg
// [B, G·H] are the hidden values before, times the hidden weights. Cells know no
// more than the time, so one serves any number of batches; the gates that their
// backward pass needs stand in their output, as blocks of [B, H].

// rnnCell is the hidden value of an Elman network at one time, [B, H]: tanh(xg + hg),
// or max(0, xg + hg).
type rnnCell struct {
	time int
	relu bool
}

func (s *rnnCell) record(xg, hg *autodiff.Var) *autodiff.Var {
	v := xg.Tape().Custom(s, []*autodiff.Var{xg, hg}, hg.Value.Dim(0), hg.Value.Dim(1))
	pick(v, rnnForward[float32], rnnForward[float64])(s, v, xg, hg)
	return v
}

func rnnForward[T tensor.Float](s *rnnCell, v, xg, hg *autodiff.Var) {
	h := tensor.Data[T](v.Value)
	gather(h, xg, hg, 0, s.time)
	if s.relu {
		simd.ReLU(h, h)
	} else {
		simd.Tanh(h, h)
	}
}

// Backward implements autodiff.Op. It overwrites the gradient that reached out.
func (s *rnnCell) Backward(out *autodiff.Var, in []*autodiff.Var) {
	pick(out, rnnBackward[float32], rnnBackward[float64])(s, out, in[0], in[1])
}

func rnnBackward[T tensor.Float](s *rnnCell, v, xg, hg *autodiff.Var) {
	h, dh := tensor.Data[T](v.Value), tensor.Data[T](v.Grad())
	if s.relu {
		simd.ReLUGrad(dh, dh, h)
	} else {
		simd.TanhGrad(dh, dh, h)
	}
	scatter(xg, hg, dh, 0, s.time)
}

// pick returns the instance of a generic function for v's element type.
func pick[F any](v *autodiff.Var, f32, f64 F) F {
	if v.Value.DType() == tensor.Float64 {
		return f64
	}
	return f32
}

// constant is a value that depends on nothing.
type constant struct{}

func (constant) Backward(*autodiff.Var, []*autodiff.Var) {}

// zeros returns a constant in the tape's own memory.
func zeros(t *autodiff.Tape, shape ...int) *autodiff.Var {
	z := t.Custom(constant{}, nil, shape...)
	z.Value.Fill(0)
	return z
}

// block returns block i of the n equal blocks that t consists of.
func block[T tensor.Float](t *tensor.Tensor, i, n int) []T {
	d := tensor.Data[T](t)
	size := len(d) / n
	return d[i*size : (i+1)*size]
}

// row returns sample b's part of gate, size elements, in the rows of all samples at
// one time: d is xg or its gradient, or hg, of which there is one time.
func row[T tensor.Float](d []T, batch, b, time, gate, size, width int) []T {
	times := len(d) / (batch * width)
	return d[(b*times+time)*width+gate*size:][:size]
}

// gather computes dst [B, H], gate's part of xg at the time plus that of hg.
func gather[T tensor.Float](dst []T, xg, hg *autodiff.Var, gate, time int) {
	x, h := tensor.Data[T](xg.Value), tensor.Data[T](hg.Value)
	batch, width := hg.Value.Dim(0), hg.Value.Dim(1)
	size := len(dst) / batch
	for b := range batch {
		simd.Add(dst[b*size:(b+1)*size], row(x, batch, b, time, gate, size, width), row(h, batch, b, 0, gate, size, width))
	}
}

// scatter adds d [B, H] to gate's part of the gradient of xg at the time and of hg.
func scatter[T tensor.Float](xg, hg *autodiff.Var, d []T, gate, time int) {
	batch := hg.Value.Dim(0)
	scatterTo(xg, d, batch, gate, time)
	scatterTo(hg, d, batch, gate, 0)
}

func scatterTo[T tensor.Float](v *autodiff.Var, d []T, batch, gate, time int) {
	if !v.Needs() {
		return
	}
	g, width, size := tensor.Data[T](v.AddGrad()), v.Value.Dim(1), len(d)/batch
	for b := range batch {
		simd.AddTo(row(g, batch, b, time, gate, size, width), d[b*size:(b+1)*size])
	}
}
