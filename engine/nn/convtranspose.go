package nn

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
)

// ConvTransposeOptions are the settings of a new transposed convolution, alike along every axis. Pad is what the
// output loses on both sides; there is no Same and no PadMode. What differs between axes or sides is set in the layer's
// Options before its first use.
type ConvTransposeOptions struct {
	ConvOptions
	OutputPad int // elements that the output has more, at the end
}

// check panics if the channels cannot be parted into groups, or there are settings that a transposed convolution has not.
func (o ConvTransposeOptions) check(layer string, in, out int) {
	if o.Same || o.PadMode != autodiff.PadZeros {
		panic(fmt.Sprintf("nn: %s: Same is %v, PadMode %d; a transposed convolution has neither", layer, o.Same, o.PadMode))
	}
	o.ConvOptions.check(layer, in, out)
}

// ConvTranspose2D is a transposed 2-D convolution [zeiler2010], the adjoint of Conv2D in its input, and a bias.
//
// Shapes: [B, in, H, W] → [B, out, H', W'] with
// H' = (H − 1)·Stride − 2·Pad + Dilation·(kernel − 1) + OutputPad + 1, and W' alike. Groups are as Conv2D's.
// Parameters: weight [in, out/Groups, kernel, kernel] and bias [out], both from
// U(−b, b) with b = 1/√(out/Groups·kernel²).
// PyTorch: nn.ConvTranspose2d.
type ConvTranspose2D struct {
	Weight  *autodiff.Param
	Bias    *autodiff.Param // nil for none
	Options autodiff.ConvTransposeOptions
}

// NewConvTranspose2D returns a ConvTranspose2D with a kernel of kernel rows, square unless o has its width. For one without
// a bias, set Bias to nil before the layer goes into a container. It panics if the channels are no
// multiples of the groups, and with Same or a PadMode.
func NewConvTranspose2D(in, out, kernel int, o ConvTransposeOptions, rng *rand.Rand) *ConvTranspose2D {
	o.check("NewConvTranspose2D", in, out)
	width := cmp.Or(o.KernelW, kernel)
	c := &ConvTranspose2D{
		Weight:  newParam("weight", in, out/max(o.Groups, 1), kernel, width),
		Bias:    newVector("bias", 0, out),
		Options: autodiff.ConvTransposeOptions{ConvOptions: o.plane(kernel, width), OutputPadH: o.OutputPad, OutputPadW: o.OutputPad},
	}
	initialise(c.Weight, c.Bias, rng)
	return c
}

// Params implements Module.
func (c *ConvTranspose2D) Params() []*autodiff.Param { return present(c.Weight, c.Bias) }

// Forward implements Module.
func (c *ConvTranspose2D) Forward(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	return autodiff.ConvTranspose2D(x, t.Param(c.Weight), optional(t, c.Bias), c.Options)
}

// ConvTranspose1D is a transposed 1-D convolution along the last axis, the adjoint of Conv1D in its input, and a bias.
//
// Shapes: [B, in, T] → [B, out, T'] with
// T' = (T − 1)·Stride − 2·Pad + Dilation·(kernel − 1) + OutputPad + 1. Groups are as Conv2D's.
// Parameters: weight [in, out/Groups, kernel] and bias [out], both from U(−b, b) with b = 1/√(out/Groups·kernel).
// PyTorch: nn.ConvTranspose1d.
type ConvTranspose1D struct {
	Weight  *autodiff.Param
	Bias    *autodiff.Param // nil for none
	Options autodiff.ConvTranspose1DOptions
}

// NewConvTranspose1D returns a ConvTranspose1D. For one without a bias, set Bias to nil before the layer
// goes into a container. It panics as NewConvTranspose2D does, and if o has a kernel's width.
func NewConvTranspose1D(in, out, kernel int, o ConvTransposeOptions, rng *rand.Rand) *ConvTranspose1D {
	o.check("NewConvTranspose1D", in, out)
	o.oneAxis("NewConvTranspose1D")
	c := &ConvTranspose1D{
		Weight:  newParam("weight", in, out/max(o.Groups, 1), kernel),
		Bias:    newVector("bias", 0, out),
		Options: autodiff.ConvTranspose1DOptions{Conv1DOptions: o.line(kernel), OutputPad: o.OutputPad},
	}
	initialise(c.Weight, c.Bias, rng)
	return c
}

// Params implements Module.
func (c *ConvTranspose1D) Params() []*autodiff.Param { return present(c.Weight, c.Bias) }

// Forward implements Module.
func (c *ConvTranspose1D) Forward(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	return autodiff.ConvTranspose1D(x, t.Param(c.Weight), optional(t, c.Bias), c.Options)
}
