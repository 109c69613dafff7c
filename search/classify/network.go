package classify

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
)

// The sizes of energo's own network.
const (
	groups    = 8   // of channels that are normalised together
	narrow    = 32  // channels of the first convolution
	widest    = 256 // … of any
	smallSide = 40  // pixels: up to this side, the first convolution keeps the size
	largeSide = 96  // … beyond, it is followed by pooling
	lastSide  = 8   // pixels of the side of what the classes are read from, at most
)

// layersFor returns a small residual network [he2016] from pictures [B, Channels, Height, Width] to a number for each class, [B, classes]. A convolution, and for large pictures
// pooling, bring the picture to 56 pixels a side or so; blocks of two convolutions halve it and double the channels until little is left, whose mean a linear layer takes.
// Channels are normalised in groups, so that a batch may be small.
func layersFor(s Spec, rng *rand.Rand) nn.Module {
	side := max(s.Height, s.Width)
	stem := nn.ConvOptions{Pad: 1}
	large := side > largeSide
	if side > smallSide {
		stem.Stride, side = 2, (side+1)/2
	}
	layers := []nn.Module{convolution(s.Channels, narrow, 3, stem, rng), nn.NewGroupNorm(groups, narrow), nn.ReLU{}}
	if large {
		layers, side = append(layers, nn.MaxPool2D{Kernel: 2}), side/2
	}
	width := narrow
	layers = append(layers, newBlock(width, width, 1, rng))
	for side > lastSide {
		next := min(2*width, widest)
		layers = append(layers, newBlock(width, next, 2, rng))
		width, side = next, (side+1)/2
	}
	return nn.NewSequential(append(layers, nn.GlobalAvgPool2D{}, nn.NewLinear(width, len(s.Classes), rng))...)
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

// check refuses what is out of range.
func (s Spec) check() error {
	if err := s.network().Check(); err != nil {
		return err
	}
	if n := len(s.Classes); n < 2 {
		return fmt.Errorf("there are %d classes; there must be two at least", n)
	}
	seen := map[string]bool{}
	for _, name := range s.Classes {
		if name == "" || seen[name] {
			return fmt.Errorf("the class %q is empty or comes twice", name)
		}
		seen[name] = true
	}
	return nil
}
