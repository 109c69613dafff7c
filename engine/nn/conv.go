package nn

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
)

// ConvOptions are the settings of a new convolution, alike along every axis.
type ConvOptions struct {
	Stride   int // 0 means 1
	Pad      int // zeros on both sides
	Dilation int // 0 means 1
}

// Conv2D is a 2-D convolution (a cross-correlation), and an activation.
//
// Shapes: [B, in, H, W] → [B, out, H', W'] with
// H' = ⌊(H + 2·Pad − Dilation·(kernel − 1) − 1)/Stride⌋ + 1, and W' alike.
// Parameters: weight [out, in, kernel, kernel] and bias [out], both from
// U(−b, b) with b = 1/√(in·kernel²).
// PyTorch: nn.Conv2d.
type Conv2D struct {
	Weight     *autodiff.Param
	Bias       *autodiff.Param // nil for none
	Options    autodiff.ConvOptions
	Activation autodiff.Activation
}

// NewConv2D returns a Conv2D with a square kernel. For one without a bias, set Bias to
// nil before the layer goes into a container.
func NewConv2D(in, out, kernel int, o ConvOptions, rng *rand.Rand) *Conv2D {
	c := &Conv2D{
		Weight: newParam("weight", out, in, kernel, kernel),
		Bias:   newVector("bias", 0, out),
		Options: autodiff.ConvOptions{
			StrideH: o.Stride, StrideW: o.Stride, DilationH: o.Dilation, DilationW: o.Dilation,
			PadH: o.Pad, PadW: o.Pad,
		},
	}
	initialise(c.Weight, c.Bias, rng)
	return c
}

// Params implements Module.
func (c *Conv2D) Params() []*autodiff.Param { return withBias(c.Weight, c.Bias) }

// Forward implements Module.
func (c *Conv2D) Forward(x *autodiff.Var) *autodiff.Var { return forward(c, x) }

func (c *Conv2D) weight() *autodiff.Param         { return c.Weight }
func (c *Conv2D) bias() *autodiff.Param           { return c.Bias }
func (c *Conv2D) activation() autodiff.Activation { return c.Activation }

func (c *Conv2D) apply(x, w, b *autodiff.Var, act autodiff.Activation) *autodiff.Var {
	return autodiff.Conv2D(x, w, b, c.Options, act)
}

// Conv1D is a 1-D convolution (a cross-correlation) along the last axis, and an
// activation.
//
// Shapes: [B, in, T] → [B, out, T'] with
// T' = ⌊(T + 2·Pad − Dilation·(kernel − 1) − 1)/Stride⌋ + 1.
// Parameters: weight [out, in, kernel] and bias [out], both from U(−b, b) with
// b = 1/√(in·kernel).
// PyTorch: nn.Conv1d.
type Conv1D struct {
	Weight     *autodiff.Param
	Bias       *autodiff.Param // nil for none
	Options    autodiff.Conv1DOptions
	Activation autodiff.Activation
}

// NewConv1D returns a Conv1D. For one without a bias, set Bias to nil before the layer
// goes into a container.
func NewConv1D(in, out, kernel int, o ConvOptions, rng *rand.Rand) *Conv1D {
	c := &Conv1D{
		Weight:  newParam("weight", out, in, kernel),
		Bias:    newVector("bias", 0, out),
		Options: autodiff.Conv1DOptions{Stride: o.Stride, Dilation: o.Dilation, PadLeft: o.Pad, PadRight: o.Pad},
	}
	initialise(c.Weight, c.Bias, rng)
	return c
}

// Params implements Module.
func (c *Conv1D) Params() []*autodiff.Param { return withBias(c.Weight, c.Bias) }

// Forward implements Module.
func (c *Conv1D) Forward(x *autodiff.Var) *autodiff.Var { return forward(c, x) }

func (c *Conv1D) weight() *autodiff.Param         { return c.Weight }
func (c *Conv1D) bias() *autodiff.Param           { return c.Bias }
func (c *Conv1D) activation() autodiff.Activation { return c.Activation }

func (c *Conv1D) apply(x, w, b *autodiff.Var, act autodiff.Activation) *autodiff.Var {
	return autodiff.Conv1D(x, w, b, c.Options, act)
}
