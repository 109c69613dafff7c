package nn

import (
	"math/rand/v2"
	"strconv"

	"github.com/energo-ml/energo/engine/autodiff"
)

// TransformerOptions are the settings of a new TransformerEncoderLayer.
type TransformerOptions struct {
	Dropout    float64 // PyTorch's default is 0.1
	BatchFirst bool    // samples are the first axis, not the second one
	NormFirst  bool    // norms stand before the parts, not behind the sums
	GELU       bool    // instead of ReLU
	Causal     bool    // of Forward: no element sees one behind it
	NoBias     bool    // of linear layers, attention and norms
}

// TransformerEncoderLayer is the encoder's layer of a transformer [vaswani2017],
//
//	y = norm1(x + attention(x))            z = norm2(y + linear2(f(linear1(y))))
//
// or, with NormFirst [xiong2020],
//
//	y = x + attention(norm1(x))            z = y + linear2(f(linear1(norm2(y))))
//
// where f is ReLU or GELU, with dropout of the attention's weights, behind f, and of what is added.
//
// Shapes: [T, B, width], or [B, T, width] with BatchFirst, kept.
// Parameters: self_attn's, as MultiheadAttention; linear1.weight [inner, width], linear1.bias, linear2.weight
// [width, inner], linear2.bias, norm1.weight, norm1.bias, norm2.weight, norm2.bias, all as those layers'.
// PyTorch: nn.TransformerEncoderLayer(width, heads, inner); its default of inner is 2048.
type TransformerEncoderLayer struct {
	Attention    *MultiheadAttention
	Inner, Outer *Linear // linear1, linear2
	Norm1, Norm2 *LayerNorm
	NormFirst    bool
	GELU         bool // instead of ReLU

	dropout *Dropout
}

// NewTransformerEncoderLayer returns a TransformerEncoderLayer. Dropout draws from rng, which the layer keeps. It panics if heads does
// not divide width.
func NewTransformerEncoderLayer(width, heads, inner int, o TransformerOptions, rng *rand.Rand) *TransformerEncoderLayer {
	l := &TransformerEncoderLayer{
		Attention: NewMultiheadAttention(width, heads, AttentionOptions{
			Dropout: o.Dropout, BatchFirst: o.BatchFirst, Causal: o.Causal, NoBias: o.NoBias,
		}, rng),
		Inner: NewLinear(width, inner, rng), Outer: NewLinear(inner, width, rng),
		Norm1: NewLayerNorm(width), Norm2: NewLayerNorm(width),
		NormFirst: o.NormFirst, GELU: o.GELU, dropout: NewDropout(o.Dropout, rng),
	}
	if o.NoBias {
		l.Inner.Bias, l.Outer.Bias, l.Norm1.Bias, l.Norm2.Bias = nil, nil, nil, nil
	}
	if !o.GELU {
		l.Inner.Activation = autodiff.Rectify
	}
	Prefix("self_attn", l.Attention)
	Prefix("linear1", l.Inner)
	Prefix("linear2", l.Outer)
	Prefix("norm1", l.Norm1)
	Prefix("norm2", l.Norm2)
	return l
}

// Params implements Module.
func (l *TransformerEncoderLayer) Params() (all []*autodiff.Param) {
	for _, m := range []Module{l.Attention, l.Inner, l.Outer, l.Norm1, l.Norm2} {
		all = append(all, m.Params()...)
	}
	return all
}

// Forward implements Module.
func (l *TransformerEncoderLayer) Forward(x *autodiff.Var) *autodiff.Var {
	return l.Encode(x, autodiff.AttentionMask{Causal: l.Attention.Causal})
}

// Encode is Forward with a mask, which alone says what is hidden.
func (l *TransformerEncoderLayer) Encode(x *autodiff.Var, m autodiff.AttentionMask) *autodiff.Var {
	if l.NormFirst {
		x = autodiff.Add(x, l.attend(l.Norm1.Forward(x), m))
		return autodiff.Add(x, l.feed(l.Norm2.Forward(x)))
	}
	x = l.Norm1.Forward(autodiff.Add(x, l.attend(x, m)))
	return l.Norm2.Forward(autodiff.Add(x, l.feed(x)))
}

func (l *TransformerEncoderLayer) attend(x *autodiff.Var, m autodiff.AttentionMask) *autodiff.Var {
	return l.dropout.Forward(l.Attention.self(x, m))
}

func (l *TransformerEncoderLayer) feed(x *autodiff.Var) *autodiff.Var {
	y := l.Inner.Forward(x) // with its ReLU
	if l.GELU {
		y = autodiff.GELU(y)
	}
	return l.dropout.Forward(l.Outer.Forward(l.dropout.Forward(y)))
}

// TransformerEncoder is a stack of encoder layers, and a norm behind them if there is one.
//
// Shapes: those of the layers.
// Parameters: layers.0.self_attn.in_proj_weight and so on, norm.weight, norm.bias.
// PyTorch: nn.TransformerEncoder, whose layers all start from the weights of the one that they are copied from.
type TransformerEncoder struct {
	layers []*TransformerEncoderLayer
	norm   *LayerNorm // nil for none
}

// NewTransformerEncoder returns an encoder of layers and a norm, which may be nil, and prefixes their parameters' names.
func NewTransformerEncoder(norm *LayerNorm, layers ...*TransformerEncoderLayer) *TransformerEncoder {
	for i, l := range layers {
		Prefix("layers."+strconv.Itoa(i), l)
	}
	if norm != nil {
		Prefix("norm", norm)
	}
	return &TransformerEncoder{layers: layers, norm: norm}
}

// Layers returns the layers, in order.
func (e *TransformerEncoder) Layers() []*TransformerEncoderLayer { return e.layers }

// Norm returns the norm behind the layers, nil if there is none.
func (e *TransformerEncoder) Norm() *LayerNorm { return e.norm }

// Params implements Module.
func (e *TransformerEncoder) Params() (all []*autodiff.Param) {
	for _, l := range e.layers {
		all = append(all, l.Params()...)
	}
	if e.norm != nil {
		all = append(all, e.norm.Params()...)
	}
	return all
}

// Forward implements Module.
func (e *TransformerEncoder) Forward(x *autodiff.Var) *autodiff.Var {
	for _, l := range e.layers {
		x = l.Forward(x)
	}
	return e.normed(x)
}

// Encode is Forward with a mask for every layer, which alone says what is hidden.
func (e *TransformerEncoder) Encode(x *autodiff.Var, m autodiff.AttentionMask) *autodiff.Var {
	for _, l := range e.layers {
		x = l.Encode(x, m)
	}
	return e.normed(x)
}

func (e *TransformerEncoder) normed(x *autodiff.Var) *autodiff.Var {
	if e.norm == nil {
		return x
	}
	return e.norm.Forward(x)
}
