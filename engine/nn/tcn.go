package nn

import (
	"math/rand/v2"
	"strconv"

	"github.com/energo-ml/energo/engine/autodiff"
)

// TemporalBlock is the residual block of a temporal convolutional network [bai2018]:
// two causal convolutions with ReLU and dropout, beside the identity, or a
// convolution of kernel 1 where the channels differ,
//
//	y = max(0, x' + F(x))
//
// of which the output at a time knows no later input. There is no weight norm.
//
// Shapes: [B, in, T] → [B, out, T].
// Parameters: conv1.weight [out, in, kernel], conv1.bias, conv2.weight
// [out, out, kernel], conv2.bias and, where in ≠ out, downsample.weight [out, in, 1],
// downsample.bias.
type TemporalBlock struct {
	first, second *Conv1D
	downsample    *Conv1D // nil if in = out
	dropout       *Dropout
}

// NewTemporalBlock returns a block whose convolutions have the given dilation.
func NewTemporalBlock(in, out, kernel, dilation int, dropout float64, rng *rand.Rand) *TemporalBlock {
	b := &TemporalBlock{
		first:   Prefix("conv1", causal(in, out, kernel, dilation, rng)),
		second:  Prefix("conv2", causal(out, out, kernel, dilation, rng)),
		dropout: NewDropout(dropout, rng),
	}
	if in != out {
		b.downsample = Prefix("downsample", NewConv1D(in, out, 1, ConvOptions{}, rng))
	}
	return b
}

// causal returns a convolution that sees no later time, and a ReLU.
func causal(in, out, kernel, dilation int, rng *rand.Rand) *Conv1D {
	c := NewConv1D(in, out, kernel, ConvOptions{Dilation: dilation}, rng)
	c.Options.PadLeft = (kernel - 1) * dilation
	c.Activation = autodiff.Rectify
	return c
}

// Convolutions returns the block's convolutions, the last of them nil where the block adds its input itself.
func (b *TemporalBlock) Convolutions() (first, second, downsample *Conv1D) {
	return b.first, b.second, b.downsample
}

// Params implements Module.
func (b *TemporalBlock) Params() []*autodiff.Param {
	all := append(b.first.Params(), b.second.Params()...)
	if b.downsample != nil {
		all = append(all, b.downsample.Params()...)
	}
	return all
}

// Forward implements Module.
func (b *TemporalBlock) Forward(x *autodiff.Var) *autodiff.Var {
	y := b.dropout.Forward(b.first.Forward(x))
	y = b.dropout.Forward(b.second.Forward(y))
	if b.downsample != nil {
		x = b.downsample.Forward(x)
	}
	return autodiff.ReLU(autodiff.Add(y, x))
}

// TCN is a temporal convolutional network [bai2018]: blocks with dilations 1, 2, 4, …
// The output at a time sees 1 + 2·(kernel − 1)·(2ⁿ − 1) inputs with n blocks.
//
// Shapes: [B, in, T] → [B, channels[n−1], T].
// Parameters: network.0.conv1.weight and so on, as TemporalBlock.
type TCN struct {
	blocks []*TemporalBlock
}

// NewTCN returns a TCN with a block for each of channels. Dropout draws from rng,
// which the network keeps.
func NewTCN(in int, channels []int, kernel int, dropout float64, rng *rand.Rand) *TCN {
	t := &TCN{}
	for i, out := range channels {
		block := NewTemporalBlock(in, out, kernel, 1<<i, dropout, rng)
		t.blocks = append(t.blocks, Prefix("network."+strconv.Itoa(i), block))
		in = out
	}
	return t
}

// Blocks returns the blocks, in order.
func (t *TCN) Blocks() []*TemporalBlock { return t.blocks }

// Params implements Module.
func (t *TCN) Params() (all []*autodiff.Param) {
	for _, b := range t.blocks {
		all = append(all, b.Params()...)
	}
	return all
}

// Forward implements Module.
func (t *TCN) Forward(x *autodiff.Var) *autodiff.Var {
	for _, b := range t.blocks {
		x = b.Forward(x)
	}
	return x
}
