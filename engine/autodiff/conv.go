package autodiff

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// ConvOptions are the settings of Conv2D. Padding is with zeros, on both sides.
type ConvOptions struct {
	StrideH, StrideW     int // 0 means 1
	DilationH, DilationW int // 0 means 1
	PadH, PadW           int
}

// Conv1DOptions are the settings of Conv1D. With PadLeft = Dilation·(K−1) and no
// PadRight the convolution is causal.
type Conv1DOptions struct {
	Stride   int // 0 means 1
	Dilation int // 0 means 1
	PadLeft  int // zeros before the first element
	PadRight int // zeros after the last
}

// Conv2D computes act(conv(x, w) + b), a cross-correlation as in PyTorch; b may be nil.
//
// Shapes: x [B, C, H, W], w [O, C, KH, KW], b [O] → [B, O, H', W'] with
// H' = ⌊(H + 2·PadH − DilationH·(KH−1) − 1)/StrideH⌋ + 1, and W' alike.
// PyTorch: nn.functional.conv2d.
func Conv2D(x, w, b *Var, o ConvOptions, act Activation) *Var {
	xs, ws := x.Shape(), w.Shape()
	if len(xs) != 4 || len(ws) != 4 || xs[1] != ws[1] {
		misuse("Conv2D", "x has shape %v, w %v; they must be [B, C, H, W] and [O, C, KH, KW]", xs, ws)
	}
	s := gemm.Conv2D{
		Batch: xs[0], InC: xs[1], H: xs[2], W: xs[3], OutC: ws[0], KH: ws[2], KW: ws[3],
		StrideH: o.StrideH, StrideW: o.StrideW, DilationH: o.DilationH, DilationW: o.DilationW,
		PadTop: o.PadH, PadBottom: o.PadH, PadLeft: o.PadW, PadRight: o.PadW,
	}
	return convolve("Conv2D", x, w, b, act, &s, 4)
}

// Conv1D computes act(conv(x, w) + b) along the last axis; b may be nil.
//
// Shapes: x [B, C, T], w [O, C, K], b [O] → [B, O, T'] with
// T' = ⌊(T + PadLeft + PadRight − Dilation·(K−1) − 1)/Stride⌋ + 1.
// PyTorch: nn.functional.conv1d, but each side's padding is given.
func Conv1D(x, w, b *Var, o Conv1DOptions, act Activation) *Var {
	xs, ws := x.Shape(), w.Shape()
	if len(xs) != 3 || len(ws) != 3 || xs[1] != ws[1] {
		misuse("Conv1D", "x has shape %v, w %v; they must be [B, C, T] and [O, C, K]", xs, ws)
	}
	s := gemm.Conv2D{
		Batch: xs[0], InC: xs[1], H: 1, W: xs[2], OutC: ws[0], KH: 1, KW: ws[2],
		StrideW: o.Stride, DilationW: o.Dilation, PadLeft: o.PadLeft, PadRight: o.PadRight,
	}
	return convolve("Conv1D", x, w, b, act, &s, 3)
}

func convolve(op string, x, w, b *Var, act Activation, s *gemm.Conv2D, rank int) *Var {
	checkBias(op, b, w)
	if err := s.Validate(); err != nil {
		misuse(op, "x has shape %v, w %v: %v", x.Shape(), w.Shape(), err)
	}
	dims := [4]int{s.Batch, s.OutC, s.OutH(), s.OutW()}
	if rank == 3 {
		dims[2] = s.OutW()
	}
	v := x.tape.fused(op, x, w, b, act, dims[:rank])
	v.conv = *s
	return v.record(conv[float32], conv[float64], convBack[float32], convBack[float64])
}

func conv[T tensor.Float](v *Var) {
	gemm.Forward(&v.conv, values[T](v), values[T](v.in[0]), values[T](v.in[1]), bias[T](v), v.rectified)
}

func convBack[T tensor.Float](v *Var) {
	x, w := v.in[0], v.in[1]
	dy := throughReLU[T](v)
	var b *Var
	if len(v.in) == 3 && v.in[2].needs {
		b = v.in[2]
	}
	switch {
	case w.needs:
		convWeights(v, w, b, dy)
	case b != nil:
		pushChannels(b, dy, v.conv.Batch)
	}
	if x.needs {
		g, add := gradient[T](x)
		gemm.InputGrad(&v.conv, g, dy, values[T](w), add)
	}
}

// convWeights gives w, and b unless nil, their gradients in one pass.
func convWeights[T tensor.Float](v, w, b *Var, dy []T) {
	dw, add := gradient[T](w)
	var db []T
	if b != nil {
		var addB bool
		if db, addB = gradient[T](b); addB != add { // the kernel treats both alike
			if add {
				clear(db)
			} else {
				clear(dw)
			}
			add = true
		}
	}
	gemm.WeightGrad(&v.conv, dw, db, values[T](v.in[0]), dy, add)
}
