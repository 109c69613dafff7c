package autodiff

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// A transposed convolution is the gradient by its input of a convolution, whose geometry is
// noted: the convolution takes the result to x.

// ConvTransposeOptions are the settings of ConvTranspose2D. Padding is what the result loses on each side.
type ConvTransposeOptions struct {
	ConvOptions
	OutputPadH int // rows that the result has more, at the bottom
	OutputPadW int // columns that the result has more, on the right
}

// ConvTranspose1DOptions are the settings of ConvTranspose1D. Padding is what the result loses on each side.
type ConvTranspose1DOptions struct {
	Conv1DOptions
	OutputPad int // elements that the result has more, at the end
}

// ConvTranspose2D computes y with
//
//	y[o, i·StrideH + p·DilationH − top, j·StrideW + q·DilationW − left] = b[o] + Σ x[c, i, j]·w[c, o, p, q]
//
// the adjoint of Conv2D in x, and b, which may be nil; top is PadH + PadTop, left is PadW + PadLeft.
//
// Shapes: x [B, C, H, W], w [C, O/Groups, KH, KW], b [O] → [B, O, H', W'] with
// H' = (H − 1)·StrideH − 2·PadH − PadTop − PadBottom + DilationH·(KH − 1) + OutputPadH + 1, and W' alike.
// An output padding must be less than the stride and what is cut off behind together; PyTorch's must be less than
// the stride or the dilation.
// PyTorch: nn.functional.conv_transpose2d.
func ConvTranspose2D(x, w, b *Var, o ConvTransposeOptions) *Var {
	checkTransposed("ConvTranspose2D", x, w, b, 4, o.Groups)
	xs, ws := x.Shape(), w.Shape()
	s := o.geometry(xs[0], ws[1]*max(o.Groups, 1), 0, 0, xs[1], ws[2], ws[3])
	s.H, s.PadBottom = enlarged(xs[2], s.StrideH, s.DilationH, s.KH, s.PadTop, s.PadBottom, o.OutputPadH)
	s.W, s.PadRight = enlarged(xs[3], s.StrideW, s.DilationW, s.KW, s.PadLeft, s.PadRight, o.OutputPadW)
	return convTransposed("ConvTranspose2D", x, w, b, &s, o.Groups, min(o.OutputPadH, o.OutputPadW))
}

// ConvTranspose1D is ConvTranspose2D along the last axis.
//
// Shapes: x [B, C, T], w [C, O/Groups, K], b [O] → [B, O, T'] with
// T' = (T − 1)·Stride − PadLeft − PadRight + Dilation·(K − 1) + OutputPad + 1.
// PyTorch: nn.functional.conv_transpose1d.
func ConvTranspose1D(x, w, b *Var, o ConvTranspose1DOptions) *Var {
	checkTransposed("ConvTranspose1D", x, w, b, 3, o.Groups)
	xs, ws, p := x.Shape(), w.Shape(), o.plane()
	s := p.geometry(xs[0], ws[1]*max(o.Groups, 1), 1, 0, xs[1], 1, ws[2])
	s.W, s.PadRight = enlarged(xs[2], s.StrideW, s.DilationW, s.KW, s.PadLeft, s.PadRight, o.OutputPad)
	return convTransposed("ConvTranspose1D", x, w, b, &s, o.Groups, o.OutputPad)
}

// enlarged returns the size of the result along an axis, and the padding behind it with which the convolution
// of that size gives n: output padding first takes the place of padding.
func enlarged(n, stride, dilation, kernel, before, after, more int) (size, rest int) {
	size = (n-1)*max(stride, 1) - before - after + max(dilation, 1)*(kernel-1) + more + 1
	return size, after - min(max(more, 0), max(after, 0))
}

// checkTransposed panics unless x [B, C, ...], w [C, O/groups, ...] and b [O] are of the rank and fit.
func checkTransposed(op string, x, w, b *Var, rank, groups int) {
	xs, ws := x.Shape(), w.Shape()
	g := max(groups, 1)
	if len(xs) != rank || len(ws) != rank || groups < 0 || xs[1] != ws[0] || ws[0]%g != 0 {
		axes, kernel := "H, W", "KH, KW"
		if rank == 3 {
			axes, kernel = "T", "K"
		}
		misuse(op, "x has shape %v, w %v, and there are %d groups; they must be [B, C, %s] and [C, O/groups, %s] with C a multiple of the groups", xs, ws, g, axes, kernel)
	}
	if b != nil && (len(b.Shape()) != 1 || b.Value.Dim(0) != ws[1]*g) {
		misuse(op, "b has shape %v, w %v with %d groups; b must be [%d]", b.Shape(), ws, g, ws[1]*g)
	}
}

func convTransposed(op string, x, w, b *Var, s *gemm.Conv2D, groups, outputPad int) *Var {
	xs := x.Shape()
	rank := len(xs)
	if err := s.Validate(); err != nil {
		misuse(op, "x has shape %v, w %v; the convolution that gives x: %v", xs, w.Shape(), err)
	}
	if outputPad < 0 || s.OutW() != xs[rank-1] || rank == 4 && s.OutH() != xs[2] {
		misuse(op, "x has shape %v, the result %d×%d: an output padding must be at least 0, and less than the stride and the padding behind together", xs, s.H, s.W)
	}
	dims := [4]int{s.Batch, s.InC, s.H, s.W}
	if rank == 3 {
		dims[2] = s.W
	}
	v := x.tape.fused(op, x, w, b, Identity, dims[:rank])
	v.conv, v.ints[0] = *s, max(groups, 1)
	v.record(convTranspose[float32], convTranspose[float64], convTransposeBack[float32], convTransposeBack[float64])
	if b != nil {
		v.parallel(s.Batch, pick(v, addChannels[float32], addChannels[float64]))
	}
	return v
}

func convTranspose[T tensor.Float](v *Var) {
	gemm.InputGradGroups(&v.conv, v.ints[0], values[T](v), values[T](v.in[0]), values[T](v.in[1]), false)
}

// addChannels adds the bias of each channel to an image.
func addChannels[T tensor.Float](v *Var, image int) {
	b := values[T](v.in[2])
	area := v.conv.H * v.conv.W
	for c, a := range b {
		y := values[T](v)[(image*len(b)+c)*area:][:area]
		simd.AddScalar(y, y, a)
	}
}

func convTransposeBack[T tensor.Float](v *Var) {
	x, w, dy := v.in[0], v.in[1], upstream[T](v)
	if len(v.in) == 3 {
		pushChannels(v.in[2], dy, v.conv.Batch)
	}
	if w.needs {
		dw, add := gradient[T](w)
		gemm.WeightGradGroups(&v.conv, v.ints[0], dw, nil, dy, values[T](x), add)
	}
	if !x.needs {
		return
	}
	g, add := gradient[T](x)
	dx := g
	if add {
		v.reserve(len(g))
		dx = spare[T](v)
	}
	gemm.ForwardGroups(&v.conv, v.ints[0], dx, dy, values[T](w), nil, false)
	if add {
		simd.AddTo(g, dx)
	}
}
