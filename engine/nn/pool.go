package nn

import "github.com/energo-ml/energo/engine/autodiff"

// MaxPool2D takes the greatest element of each square window.
//
// Shapes: [B, C, H, W] → [B, C, H', W'] with H' = ⌊(H + 2·Pad − Kernel)/Stride⌋ + 1, and W' alike.
// PyTorch: nn.MaxPool2d.
type MaxPool2D struct {
	Kernel int
	Stride int // 0 means Kernel
	Pad    int // on both sides, at most half of Kernel; never chosen
}

// Forward implements Module.
func (m MaxPool2D) Forward(x *autodiff.Var) *autodiff.Var {
	return autodiff.MaxPool2D(x, squareWindow(m.Kernel, m.Stride, m.Pad))
}

// AvgPool2D takes the mean of each square window; padding counts as zeros.
//
// Shapes: as MaxPool2D.
// PyTorch: nn.AvgPool2d.
type AvgPool2D struct {
	Kernel int
	Stride int // 0 means Kernel
	Pad    int // on both sides, at most half of Kernel
}

// Forward implements Module.
func (a AvgPool2D) Forward(x *autodiff.Var) *autodiff.Var {
	return autodiff.AvgPool2D(x, squareWindow(a.Kernel, a.Stride, a.Pad))
}

func squareWindow(kernel, stride, pad int) autodiff.PoolOptions {
	return autodiff.PoolOptions{KernelH: kernel, KernelW: kernel, StrideH: stride, StrideW: stride, PadH: pad, PadW: pad}
}

// GlobalAvgPool2D takes the mean of each channel: [B, C, H, W] → [B, C].
// PyTorch: nn.AdaptiveAvgPool2d(1) and nn.Flatten.
type GlobalAvgPool2D struct{}

// Forward implements Module.
func (GlobalAvgPool2D) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.GlobalAvgPool2D(x) }

// Flatten joins all axes but the first: [B, ...] → [B, rest].
// PyTorch: nn.Flatten.
type Flatten struct{}

// Forward implements Module.
func (Flatten) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.Flatten(x) }

// Params implements Module: there are none.
func (MaxPool2D) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (AvgPool2D) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (GlobalAvgPool2D) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (Flatten) Params() []*autodiff.Param { return nil }

// Unflatten gives each sample the shape Sizes, the opposite of Flatten.
//
// Shapes: [B, C·H·W] → [B, C, H, W] for Sizes [C, H, W], any number of them.
// PyTorch: nn.Unflatten(1, sizes).
type Unflatten struct{ Sizes []int }

// Params implements Module.
func (Unflatten) Params() []*autodiff.Param { return nil }

// Forward implements Module.
func (u Unflatten) Forward(x *autodiff.Var) *autodiff.Var {
	var shape [8]int
	return autodiff.Reshape(x, append(append(shape[:0], x.Shape()[0]), u.Sizes...)...)
}
