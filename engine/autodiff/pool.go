package autodiff

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// PoolOptions are the settings of MaxPool2D and AvgPool2D.
type PoolOptions struct {
	KernelH, KernelW int
	StrideH, StrideW int // 0 means the kernel's size
	PadH, PadW       int // on both sides, at most half of the kernel
}

// MaxPool2D takes the greatest element of each window. Of equal elements the first
// takes the gradient; padding is never chosen.
//
// Shapes: x [B, C, H, W] → [B, C, H', W'] with H' = ⌊(H + 2·PadH − KernelH)/StrideH⌋ + 1,
// and W' alike.
// PyTorch: nn.functional.max_pool2d.
func MaxPool2D(x *Var, o PoolOptions) *Var {
	v := pooled("MaxPool2D", x, o)
	return v.record(maxPool[float32], maxPool[float64], maxPoolBack[float32], maxPoolBack[float64])
}

// AvgPool2D takes the mean of each window; padding counts as zeros.
//
// Shapes: as MaxPool2D.
// PyTorch: nn.functional.avg_pool2d with count_include_pad.
func AvgPool2D(x *Var, o PoolOptions) *Var {
	v := pooled("AvgPool2D", x, o)
	return v.record(avgPool[float32], avgPool[float64], avgPoolBack[float32], avgPoolBack[float64])
}

// GlobalAvgPool2D takes the mean of each channel: [B, C, H, W] → [B, C].
func GlobalAvgPool2D(x *Var) *Var {
	s := x.Shape()
	if len(s) != 4 {
		misuse("GlobalAvgPool2D", "x has shape %v; it must be [B, C, H, W]", s)
	}
	v := x.tape.result("GlobalAvgPool2D", []*Var{x}, s[0], s[1])
	return v.sumOver(s[0]*s[1], s[2]*s[3], 1, 1/float64(s[2]*s[3]))
}

func pooled(op string, x *Var, o PoolOptions) *Var {
	s := x.Shape()
	if len(s) != 4 {
		misuse(op, "x has shape %v; it must be [B, C, H, W]", s)
	}
	p := simd.Pool2D{
		Batch: s[0], C: s[1], H: s[2], W: s[3], KH: o.KernelH, KW: o.KernelW,
		StrideH: o.StrideH, StrideW: o.StrideW, PadH: o.PadH, PadW: o.PadW,
	}
	if err := p.Validate(); err != nil {
		misuse(op, "x has shape %v: %v", s, err)
	}
	v := x.tape.result(op, []*Var{x}, s[0], s[1], p.OutH(), p.OutW())
	v.pool = p
	return v
}

func maxPool[T tensor.Float](v *Var) {
	var argmax []int32
	if v.needs {
		argmax = v.indices(v.Value.Len())
	}
	simd.MaxPool2D(&v.pool, values[T](v), values[T](v.in[0]), argmax)
}

// The gradient goes to the maxima alone, so the mask of a ReLU that x ends with can
// be taken here, where there are fewer elements than in x.
func maxPoolBack[T tensor.Float](v *Var) {
	x, dy := v.in[0], upstream[T](v)
	g, add := gradient[T](x)
	if x.rectified && !add {
		simd.ReLUGrad(dy, dy, values[T](v))
		x.masked = true
	}
	simd.MaxPool2DGrad(&v.pool, g, dy, v.index, add)
}

func avgPool[T tensor.Float](v *Var) { simd.AvgPool2D(&v.pool, values[T](v), values[T](v.in[0])) }

func avgPoolBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	simd.AvgPool2DGrad(&v.pool, g, upstream[T](v), add)
}
