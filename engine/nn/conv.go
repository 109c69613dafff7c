package nn

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
)

// ConvOptions are the settings of a new convolution, alike along every axis. What differs between
// axes or sides is set in the layer's Options before its first use.
type ConvOptions struct {
	Stride   int  // 0 means 1
	Pad      int  // elements on both sides, of PadMode
	Same     bool // instead of Pad, as much as keeps the size with a stride of 1; of an odd number the last side has one more
	Dilation int  // 0 means 1
	Groups   int  // of channels, each a convolution of its own; 0 means 1
	KernelW  int  // of Conv2D and ConvTranspose2D: the kernel's width; 0 means its height
	PadMode  autodiff.PadMode
}

// check panics if the channels cannot be parted into groups, or Same does not go with the other settings.
func (o ConvOptions) check(layer string, in, out int) {
	if g := max(o.Groups, 1); o.Groups < 0 || in%g != 0 || out%g != 0 {
		panic(fmt.Sprintf("nn: %s: %d groups of %d channels into %d; both must be multiples of the groups", layer, o.Groups, in, out))
	}
	if o.Same && (o.Stride > 1 || o.Pad != 0) {
		panic(fmt.Sprintf("nn: %s: Same with stride %d and pad %d; it must have stride 1 and no pad", layer, o.Stride, o.Pad))
	}
}

// same returns the padding of both sides of an axis of a kernel, and on the last side the one more that Same takes.
func (o ConvOptions) same(kernel int) (pad, more int) {
	if !o.Same {
		return o.Pad, 0
	}
	total := max(o.Dilation, 1) * (kernel - 1)
	return total / 2, total % 2
}

// plane returns the options of a convolution of images by a kernel.
func (o ConvOptions) plane(kernelH, kernelW int) autodiff.ConvOptions {
	a := autodiff.ConvOptions{StrideH: o.Stride, StrideW: o.Stride, DilationH: o.Dilation, DilationW: o.Dilation, Groups: o.Groups}
	a.PadH, a.PadBottom = o.same(kernelH)
	a.PadW, a.PadRight = o.same(kernelW)
	return a
}

// line returns the options of a convolution along one axis by a kernel.
func (o ConvOptions) line(kernel int) autodiff.Conv1DOptions {
	pad, more := o.same(kernel)
	return autodiff.Conv1DOptions{Stride: o.Stride, Dilation: o.Dilation, PadLeft: pad, PadRight: pad + more, Groups: o.Groups}
}

// Conv2D is a 2-D convolution (a cross-correlation), and an activation.
//
// Shapes: [B, in, H, W] → [B, out, H', W'] with
// H' = ⌊(H + 2·Pad − Dilation·(kernel − 1) − 1)/Stride⌋ + 1, and W' alike. Group g of G takes the input's
// channels from g·in/G on and gives the output's from g·out/G on.
// Parameters: weight [out, in/Groups, kernel, kernel] and bias [out], both from
// U(−b, b) with b = 1/√(in/Groups·kernel²).
// PyTorch: nn.Conv2d; Same is its padding="same", PadMode its padding_mode, of zeros unless it is set.
type Conv2D struct {
	Weight     *autodiff.Param
	Bias       *autodiff.Param // nil for none
	Options    autodiff.ConvOptions
	PadMode    autodiff.PadMode
	Activation autodiff.Activation
}

// NewConv2D returns a Conv2D with a kernel of kernel rows, square unless o has its width. For one without a bias, set Bias to
// nil before the layer goes into a container. It panics if the channels are no multiples of the groups, or
// with Same and another stride than 1 or a pad.
func NewConv2D(in, out, kernel int, o ConvOptions, rng *rand.Rand) *Conv2D {
	o.check("NewConv2D", in, out)
	width := cmp.Or(o.KernelW, kernel)
	c := &Conv2D{
		Weight:  newParam("weight", out, in/max(o.Groups, 1), kernel, width),
		Bias:    newVector("bias", 0, out),
		Options: o.plane(kernel, width),
		PadMode: o.PadMode,
	}
	initialise(c.Weight, c.Bias, rng)
	return c
}

// Params implements Module.
func (c *Conv2D) Params() []*autodiff.Param { return present(c.Weight, c.Bias) }

// Forward implements Module.
func (c *Conv2D) Forward(x *autodiff.Var) *autodiff.Var { return forward(c, x) }

func (c *Conv2D) weight() *autodiff.Param         { return c.Weight }
func (c *Conv2D) bias() *autodiff.Param           { return c.Bias }
func (c *Conv2D) activation() autodiff.Activation { return c.Activation }

func (c *Conv2D) apply(x, w, b *autodiff.Var, act autodiff.Activation) *autodiff.Var {
	o := c.Options
	if c.PadMode == autodiff.PadZeros {
		return autodiff.Conv2D(x, w, b, o, act)
	}
	x = autodiff.Pad(x, autodiff.Padding{
		Top: o.PadH + o.PadTop, Bottom: o.PadH + o.PadBottom, Left: o.PadW + o.PadLeft, Right: o.PadW + o.PadRight, Mode: c.PadMode,
	})
	o.PadH, o.PadTop, o.PadBottom, o.PadW, o.PadLeft, o.PadRight = 0, 0, 0, 0, 0, 0
	return autodiff.Conv2D(x, w, b, o, act)
}

// Conv1D is a 1-D convolution (a cross-correlation) along the last axis, and an
// activation.
//
// Shapes: [B, in, T] → [B, out, T'] with
// T' = ⌊(T + 2·Pad − Dilation·(kernel − 1) − 1)/Stride⌋ + 1. Groups are as Conv2D's.
// Parameters: weight [out, in/Groups, kernel] and bias [out], both from U(−b, b) with
// b = 1/√(in/Groups·kernel).
// PyTorch: nn.Conv1d; Same and PadMode as of Conv2D.
type Conv1D struct {
	Weight     *autodiff.Param
	Bias       *autodiff.Param // nil for none
	Options    autodiff.Conv1DOptions
	PadMode    autodiff.PadMode
	Activation autodiff.Activation
}

// NewConv1D returns a Conv1D. For one without a bias, set Bias to nil before the layer
// goes into a container. It panics as NewConv2D does, and if o has a kernel's width.
func NewConv1D(in, out, kernel int, o ConvOptions, rng *rand.Rand) *Conv1D {
	o.check("NewConv1D", in, out)
	o.oneAxis("NewConv1D")
	c := &Conv1D{
		Weight:  newParam("weight", out, in/max(o.Groups, 1), kernel),
		Bias:    newVector("bias", 0, out),
		Options: o.line(kernel),
		PadMode: o.PadMode,
	}
	initialise(c.Weight, c.Bias, rng)
	return c
}

// oneAxis panics if a layer of one axis has a kernel's width.
func (o ConvOptions) oneAxis(layer string) {
	if o.KernelW != 0 {
		panic(fmt.Sprintf("nn: %s: KernelW is %d; a kernel of one axis has no width", layer, o.KernelW))
	}
}

// Params implements Module.
func (c *Conv1D) Params() []*autodiff.Param { return present(c.Weight, c.Bias) }

// Forward implements Module.
func (c *Conv1D) Forward(x *autodiff.Var) *autodiff.Var { return forward(c, x) }

func (c *Conv1D) weight() *autodiff.Param         { return c.Weight }
func (c *Conv1D) bias() *autodiff.Param           { return c.Bias }
func (c *Conv1D) activation() autodiff.Activation { return c.Activation }

func (c *Conv1D) apply(x, w, b *autodiff.Var, act autodiff.Activation) *autodiff.Var {
	o := c.Options
	if c.PadMode == autodiff.PadZeros {
		return autodiff.Conv1D(x, w, b, o, act)
	}
	x = autodiff.Pad(x, autodiff.Padding{Left: o.PadLeft, Right: o.PadRight, Mode: c.PadMode})
	o.PadLeft, o.PadRight = 0, 0
	return autodiff.Conv1D(x, w, b, o, act)
}
