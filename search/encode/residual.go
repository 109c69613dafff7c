package encode

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
)

// largeSide is how many pixels a side has, at most, whose first convolution pooling does not follow.
const largeSide = 96

// Residual returns the layers of a small residual network [he2016] from pictures [B, channels, height, width] to the means of its last channels, [B, width]. A convolution, and for large pictures
// pooling, bring the picture to 56 pixels a side or so; blocks of two convolutions halve it and double the channels until little is left.
// Channels are normalised in groups, so that a batch may be small.
func Residual(channels, height, width int, rng *rand.Rand) (layers []nn.Module, out int) {
	side := max(height, width)
	stem := nn.ConvOptions{Pad: 1}
	large := side > largeSide
	if side > smallSide {
		stem.Stride, side = 2, (side+1)/2
	}
	layers = []nn.Module{convolution(channels, narrow, 3, stem, rng), nn.NewGroupNorm(groups, narrow), nn.ReLU{}}
	if large {
		layers, side = append(layers, nn.MaxPool2D{Kernel: 2}), side/2
	}
	out = narrow
	layers = append(layers, newBlock(out, out, 1, rng))
	for side > lastSide {
		next := min(2*out, widest)
		layers = append(layers, newBlock(out, next, 2, rng))
		out, side = next, (side+1)/2
	}
	return append(layers, nn.GlobalAvgPool2D{}), out
}

// convolution returns one without a bias: a normalisation follows it.
func convolution(in, out, kernel int, o nn.ConvOptions, rng *rand.Rand) *nn.Conv2D {
	c := nn.NewConv2D(in, out, kernel, o, rng)
	c.Bias = nil
	return c
}

// block is a residual block,
//
//	y = max(0, S(x) + F(x))
//
// with F two normalised convolutions with a ReLU between them, and S the identity or, where the size or the channels change, a normalised convolution of kernel 1.
//
// Source: [he2016].
type block struct {
	inner nn.Module
	skip  nn.Module // nil for the identity
}

func newBlock(in, out, stride int, rng *rand.Rand) *block {
	b := &block{inner: nn.Prefix("inner", nn.NewSequential(
		convolution(in, out, 3, nn.ConvOptions{Pad: 1, Stride: stride}, rng), nn.NewGroupNorm(groups, out), nn.ReLU{},
		convolution(out, out, 3, nn.ConvOptions{Pad: 1}, rng), nn.NewGroupNorm(groups, out),
	))}
	if in != out || stride != 1 {
		b.skip = nn.Prefix("skip", nn.NewSequential(convolution(in, out, 1, nn.ConvOptions{Stride: stride}, rng), nn.NewGroupNorm(groups, out)))
	}
	return b
}

// Params implements nn.Module.
func (b *block) Params() []*autodiff.Param {
	if b.skip == nil {
		return b.inner.Params()
	}
	return append(b.inner.Params(), b.skip.Params()...)
}

// Forward implements nn.Module.
func (b *block) Forward(x *autodiff.Var) *autodiff.Var {
	y := b.inner.Forward(x)
	if b.skip != nil {
		x = b.skip.Forward(x)
	}
	return autodiff.ReLU(autodiff.Add(x, y))
}

// Export implements export.Exporter.
func (b *block) Export(g *export.Graph, x export.Value) export.Value {
	y := g.Module(b.inner, x)
	if b.skip != nil {
		x = g.Module(b.skip, x)
	}
	return g.Unary("Relu", g.Binary("Add", x, y))
}
