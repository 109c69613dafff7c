package autodiff

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// ConvOptions are the settings of Conv2D. Padding is with zeros.
type ConvOptions struct {
	StrideH, StrideW     int // 0 means 1
	DilationH, DilationW int // 0 means 1
	PadH, PadW           int // on both sides
	PadTop, PadBottom    int // on one side, beside PadH
	PadLeft, PadRight    int // on one side, beside PadW
	Groups               int // of channels, each a convolution of its own; 0 means 1
}

// Conv1DOptions are the settings of Conv1D. With PadLeft = Dilation·(K−1) and no
// PadRight the convolution is causal.
type Conv1DOptions struct {
	Stride   int // 0 means 1
	Dilation int // 0 means 1
	PadLeft  int // zeros before the first element
	PadRight int // zeros after the last
	Groups   int // of channels, each a convolution of its own; 0 means 1
}

// geometry is the convolution of images [b, in, h, w] into out channels by kernels [kh, kw].
func (o *ConvOptions) geometry(b, in, h, w, out, kh, kw int) gemm.Conv2D {
	return gemm.Conv2D{
		Batch: b, InC: in, H: h, W: w, OutC: out, KH: kh, KW: kw,
		StrideH: o.StrideH, StrideW: o.StrideW, DilationH: o.DilationH, DilationW: o.DilationW,
		PadTop: o.PadH + o.PadTop, PadBottom: o.PadH + o.PadBottom, PadLeft: o.PadW + o.PadLeft, PadRight: o.PadW + o.PadRight,
	}
}

// plane is the same convolution, of images of one row.
func (o *Conv1DOptions) plane() ConvOptions {
	return ConvOptions{StrideW: o.Stride, DilationW: o.Dilation, PadLeft: o.PadLeft, PadRight: o.PadRight, Groups: o.Groups}
}

// Conv2D computes act(conv(x, w) + b), a cross-correlation as in PyTorch; b may be nil.
//
// Shapes: x [B, C, H, W], w [O, C/Groups, KH, KW], b [O] → [B, O, H', W'] with
// H' = ⌊(H + 2·PadH + PadTop + PadBottom − DilationH·(KH−1) − 1)/StrideH⌋ + 1, and W' alike.
// Group g of G has x's channels from g·C/G on and the result's from g·O/G on.
// PyTorch: nn.functional.conv2d.
func Conv2D(x, w, b *Var, o ConvOptions, act Activation) *Var {
	checkConv("Conv2D", x, w, 4, o.Groups)
	xs, ws := x.Shape(), w.Shape()
	s := o.geometry(xs[0], xs[1], xs[2], xs[3], ws[0], ws[2], ws[3])
	return convolve("Conv2D", x, w, b, act, &s, o.Groups)
}

// Conv1D computes act(conv(x, w) + b) along the last axis; b may be nil.
//
// Shapes: x [B, C, T], w [O, C/Groups, K], b [O] → [B, O, T'] with
// T' = ⌊(T + PadLeft + PadRight − Dilation·(K−1) − 1)/Stride⌋ + 1.
// PyTorch: nn.functional.conv1d, but each side's padding is given.
func Conv1D(x, w, b *Var, o Conv1DOptions, act Activation) *Var {
	checkConv("Conv1D", x, w, 3, o.Groups)
	xs, ws, p := x.Shape(), w.Shape(), o.plane()
	s := p.geometry(xs[0], xs[1], 1, xs[2], ws[0], 1, ws[2])
	return convolve("Conv1D", x, w, b, act, &s, o.Groups)
}

// checkConv panics unless x [B, C, ...] and w [O, C/groups, ...] are of the rank and fit.
func checkConv(op string, x, w *Var, rank, groups int) {
	xs, ws := x.Shape(), w.Shape()
	g := max(groups, 1)
	if len(xs) != rank || len(ws) != rank || groups < 0 || xs[1] != ws[1]*g || ws[0]%g != 0 {
		axes := "H, W"
		kernel := "KH, KW"
		if rank == 3 {
			axes, kernel = "T", "K"
		}
		misuse(op, "x has shape %v, w %v, and there are %d groups; they must be [B, C, %s] and [O, C/groups, %s] with O a multiple of the groups", xs, ws, g, axes, kernel)
	}
}

func convolve(op string, x, w, b *Var, act Activation, s *gemm.Conv2D, groups int) *Var {
	checkBias(op, b, w)
	if err := s.Validate(); err != nil {
		misuse(op, "x has shape %v, w %v: %v", x.Shape(), w.Shape(), err)
	}
	dims := [4]int{s.Batch, s.OutC, s.OutH(), s.OutW()}
	rank := len(x.Shape())
	if rank == 3 {
		dims[2] = s.OutW()
	}
	v := x.tape.fused(op, x, w, b, act, dims[:rank])
	v.conv, v.ints[0] = *s, max(groups, 1)
	return v.record(conv[float32], conv[float64], convBack[float32], convBack[float64])
}

func conv[T tensor.Float](v *Var) {
	gemm.ForwardGroups(&v.conv, v.ints[0], values[T](v), values[T](v.in[0]), values[T](v.in[1]), bias[T](v), v.rectified)
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
		gemm.InputGradGroups(&v.conv, v.ints[0], g, dy, values[T](w), add)
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
	gemm.WeightGradGroups(&v.conv, v.ints[0], dw, db, values[T](v.in[0]), dy, add)
}
