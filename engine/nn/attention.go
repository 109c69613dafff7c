package nn

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
)

// AttentionOptions are the settings of a new MultiheadAttention.
type AttentionOptions struct {
	Dropout    float64 // the probability with which a weight becomes 0 in training
	BatchFirst bool    // samples are the first axis, not the second one
	Causal     bool    // of Forward: no element sees one behind it
	NoBias     bool    // without in_proj_bias and out_proj.bias
}

// MultiheadAttention is scaled dot-product attention of several heads [vaswani2017],
//
//	q, k, v = the parts of in_proj_weight·(query, key, value) + in_proj_bias
//	y = out_proj(concat over heads of softmax(q_h·k_hᵀ/√(width/Heads) + mask)·v_h)
//
// where head h has the columns from h·width/Heads on.
//
// Shapes: query [T, B, width], key and value [S, B, width] → [T, B, width], or with BatchFirst
// [B, T, width], [B, S, width] → [B, T, width].
// Parameters: in_proj_weight [3·width, width], from U(−b, b) with b = √(6/(4·width)), the rows of q, k and v in this order;
// in_proj_bias [3·width] (0); out_proj.weight [width, width] as Linear's; out_proj.bias [width] (0).
// PyTorch: nn.MultiheadAttention without kdim, vdim, add_bias_kv and add_zero_attn. A query that sees no key has the output
// out_proj.bias, where PyTorch's with need_weights is NaN.
type MultiheadAttention struct {
	Weight, Bias *autodiff.Param // of q, k and v; Bias is nil for none
	Output       *Linear
	Heads        int
	BatchFirst   bool
	Causal       bool // of Forward

	dropout *Dropout
}

// NewMultiheadAttention returns a MultiheadAttention. Dropout draws from rng, which the layer keeps. It panics if heads does not divide width.
func NewMultiheadAttention(width, heads int, o AttentionOptions, rng *rand.Rand) *MultiheadAttention {
	if heads < 1 || width%heads != 0 {
		panic(fmt.Sprintf("nn: NewMultiheadAttention: %d heads of width %d; the width must be a multiple of the heads", heads, width))
	}
	a := &MultiheadAttention{
		Weight: newParam("in_proj_weight", 3*width, width), Output: NewLinear(width, width, rng),
		Heads: heads, BatchFirst: o.BatchFirst, Causal: o.Causal, dropout: NewDropout(o.Dropout, rng),
	}
	XavierUniform(a.Weight.Value, 1, rng)
	a.Output.Bias.Value.Fill(0)
	if o.NoBias {
		a.Output.Bias = nil
	} else {
		a.Bias = newVector("in_proj_bias", 0, 3*width)
	}
	Prefix("out_proj", a.Output)
	return a
}

// Params implements Module.
func (a *MultiheadAttention) Params() []*autodiff.Param {
	return append(present(a.Weight, a.Bias), a.Output.Params()...)
}

// Forward implements Module: x is query, key and value.
func (a *MultiheadAttention) Forward(x *autodiff.Var) *autodiff.Var {
	return a.self(x, autodiff.AttentionMask{Causal: a.Causal})
}

// self is Attend's first result for x as query, key and value.
func (a *MultiheadAttention) self(x *autodiff.Var, m autodiff.AttentionMask) *autodiff.Var {
	y, _ := a.Attend(x, x, x, m)
	return y
}

// Attend records the layer's output, and the weights [B, Heads, T, S] of the keys, which are before dropout. The mask alone
// says what is hidden, Causal does not count. It panics, as the operations do, if shapes do not fit.
func (a *MultiheadAttention) Attend(query, key, value *autodiff.Var, m autodiff.AttentionMask) (y, weights *autodiff.Var) {
	for i, x := range [3]*autodiff.Var{query, key, value} {
		if s := x.Shape(); len(s) != 3 || s[2] != a.Weight.Value.Dim(1) {
			panic(fmt.Sprintf("nn: MultiheadAttention: the %s has shape %v; it must have three axes, the last of %d",
				[3]string{"query", "key", "value"}[i], s, a.Weight.Value.Dim(1)))
		}
	}
	q, k, v := a.project(query, key, value)
	if !a.BatchFirst {
		q, k, v = autodiff.SwapFirstAxes(q), autodiff.SwapFirstAxes(k), autodiff.SwapFirstAxes(v)
	}
	weights = autodiff.AttentionWeights(q, k, a.Heads, m)
	y = autodiff.AttentionSum(a.dropout.Forward(weights), v)
	if !a.BatchFirst {
		y = autodiff.SwapFirstAxes(y)
	}
	return a.Output.Forward(y), weights
}

// project records q, k and v, in one product where they are of one value.
func (a *MultiheadAttention) project(query, key, value *autodiff.Var) (q, k, v *autodiff.Var) {
	t, width := query.Tape(), a.Weight.Value.Dim(1)
	w, b := t.Param(a.Weight), optional(t, a.Bias)
	if query == key && key == value {
		all := autodiff.Linear(query, w, b, autodiff.Identity)
		part := func(i int) *autodiff.Var { return autodiff.Slice(all, 2, i*width, (i+1)*width) }
		return part(0), part(1), part(2)
	}
	part := func(x *autodiff.Var, i int) *autodiff.Var {
		bias := b
		if b != nil {
			bias = autodiff.Slice(b, 0, i*width, (i+1)*width)
		}
		return autodiff.Linear(x, autodiff.Slice(w, 0, i*width, (i+1)*width), bias, autodiff.Identity)
	}
	return part(query, 0), part(key, 1), part(value, 2)
}
