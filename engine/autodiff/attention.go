package autodiff

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Attention of several heads [vaswani2017]: head h of H has the columns from h·E/H on of queries, keys and values, which are
// used where they lie.

// AttentionMask says which keys a query does not see. Such a key has the weight 0.
type AttentionMask struct {
	Causal bool           // query t sees keys 0 to t only
	Keys   []bool         // B·S, true where no query sees the key: PyTorch's key_padding_mask
	Scores *tensor.Tensor // [T, S] or [B·heads, T, S], added to the scores, −Inf where the query does not see the key: PyTorch's attn_mask; it takes no gradient
}

// none tells whether every query sees every key, with the scores as they are.
func (m *AttentionMask) none() bool { return !m.Causal && m.Keys == nil && m.Scores == nil }

// AttentionWeights computes, for each head, the softmax over the keys of q·kᵀ/√(E/heads) with a mask. A query that
// sees no key has weights of 0.
//
// Shapes: q [B, T, E], k [B, S, E] with E divisible by heads → [B, heads, T, S].
// PyTorch: the weights in nn.functional.scaled_dot_product_attention.
func AttentionWeights(q, k *Var, heads int, m AttentionMask) *Var {
	qs, ks := q.Shape(), k.Shape()
	if len(qs) != 3 || len(ks) != 3 || qs[0] != ks[0] || qs[2] != ks[2] || heads < 1 || qs[2]%heads != 0 || volume(qs[1:])*volume(ks[1:]) == 0 {
		misuse("AttentionWeights", "q has shape %v, k %v, and there are %d heads; they must be [B, T, E] and [B, S, E], not empty, with E a multiple of the heads", qs, ks, heads)
	}
	if m.Keys != nil && len(m.Keys) != ks[0]*ks[1] {
		misuse("AttentionWeights", "the mask's Keys has %d elements; it must have %d, one for each key of k, %v", len(m.Keys), ks[0]*ks[1], ks)
	}
	if s := m.Scores; s != nil {
		if s.DType() != q.tape.dtype {
			misuse("AttentionWeights", "the mask's Scores holds %v on a tape of %v", s.DType(), q.tape.dtype)
		}
		each := [3]int{qs[0] * heads, qs[1], ks[1]}
		if !slices.Equal(s.Shape(), each[:]) && !slices.Equal(s.Shape(), each[1:]) {
			misuse("AttentionWeights", "the mask's Scores has shape %v; it must be %v or %v", s.Shape(), slices.Clone(each[1:]), slices.Clone(each[:]))
		}
	}
	v := q.tape.result("AttentionWeights", []*Var{q, k}, qs[0], heads, qs[1], ks[1])
	v.mask = m
	v.parallel(qs[0]*heads, pick(v, attentionWeights[float32], attentionWeights[float64]))
	v.mask = AttentionMask{}
	if v.needs {
		v.reserve(v.Value.Len())
		v.back = attentionWeightsBack
	}
	return v
}

// AttentionSum computes the values' sums with the weights p, of each head in its columns.
//
// Shapes: p [B, heads, T, S], v [B, S, E] with E divisible by heads → [B, T, E].
func AttentionSum(p, v *Var) *Var {
	ps, vs := p.Shape(), v.Shape()
	if len(ps) != 4 || len(vs) != 3 || ps[0] != vs[0] || ps[3] != vs[1] || volume(ps[1:])*vs[2] == 0 || vs[2]%ps[1] != 0 {
		misuse("AttentionSum", "p has shape %v, v %v; they must be [B, heads, T, S] and [B, S, E], not empty, with E a multiple of the heads", ps, vs)
	}
	y := p.tape.result("AttentionSum", []*Var{p, v}, ps[0], ps[2], vs[2])
	y.parallel(ps[0]*ps[1], pick(y, attentionSum[float32], attentionSum[float64]))
	if y.needs {
		y.back = attentionSumBack
	}
	return y
}

// columns returns the part of a head of x [B, rows, E], from its first element on.
func columns[T tensor.Float](x []T, rows, width, heads, task int) []T {
	return x[task/heads*rows*width+task%heads*(width/heads):]
}

// attentionSizes returns the numbers of heads, queries and keys of weights, and the elements of a query.
func attentionSizes(weights, q *Var) (heads, queries, keys, width int) {
	s := weights.Shape()
	return s[1], s[2], s[3], q.Value.Dim(-1)
}

func attentionScale(width, heads int) float64 { return 1 / math.Sqrt(float64(width/heads)) }

// attentionWeights computes the weights of one head of one sample.
func attentionWeights[T tensor.Float](v *Var, task int) {
	heads, queries, keys, width := attentionSizes(v, v.in[0])
	q, k := columns(values[T](v.in[0]), queries, width, heads, task), columns(values[T](v.in[1]), keys, width, heads, task)
	p := values[T](v)[task*queries*keys:][:queries*keys]
	gemm.Mul(false, true, queries, keys, width/heads, q, width, k, width, 0, p, keys)
	simd.Scale(p, p, T(attentionScale(width, heads)))
	if v.mask.none() {
		simd.SoftmaxRows(p, p, queries, keys)
		return
	}
	for t := range queries {
		row := p[t*keys:][:keys]
		maskRow(row, &v.mask, task, task/heads, t, queries)
		if simd.Max(row) == T(math.Inf(-1)) {
			clear(row)
		} else {
			simd.SoftmaxRows(row, row, 1, keys)
		}
	}
}

// maskRow applies a mask to the scores of query t of a head of a sample.
func maskRow[T tensor.Float](row []T, m *AttentionMask, head, sample, t, queries int) {
	if m.Scores != nil {
		add := tensor.Data[T](m.Scores)
		if m.Scores.Rank() == 3 {
			add = add[head*queries*len(row):]
		}
		simd.AddTo(row, add[t*len(row):][:len(row)])
	}
	hidden := T(math.Inf(-1))
	if m.Keys != nil {
		for s, hide := range m.Keys[sample*len(row):][:len(row)] {
			if hide {
				row[s] = hidden
			}
		}
	}
	if m.Causal {
		for s := t + 1; s < len(row); s++ {
			row[s] = hidden
		}
	}
}

// With P the weights and S the scores: dS = P∘(dP − Σ dP∘P)/√(E/heads), then dq = dS·k and dk = dSᵀ·q.
func attentionWeightsBack(v *Var) {
	tasks := v.Value.Dim(0) * v.Value.Dim(1)
	v.parallel(tasks, pick(v, attentionScores[float32], attentionScores[float64]))
	if v.in[0].needs {
		_, v.norm.add = v.in[0].gradient()
		v.parallel(tasks, pick(v, attentionQueries[float32], attentionQueries[float64]))
	}
	if v.in[1].needs {
		_, v.norm.add = v.in[1].gradient()
		v.parallel(tasks, pick(v, attentionKeys[float32], attentionKeys[float64]))
	}
}

// attentionScores computes dS in v's scratch.
func attentionScores[T tensor.Float](v *Var, task int) {
	heads, queries, keys, width := attentionSizes(v, v.in[0])
	scale := T(attentionScale(width, heads))
	for r := task * queries; r < (task+1)*queries; r++ {
		p, dp, ds := values[T](v)[r*keys:][:keys], upstream[T](v)[r*keys:][:keys], spare[T](v)[r*keys:][:keys]
		simd.AddScalar(ds, dp, -T(simd.Dot(dp, p)))
		simd.Mul(ds, ds, p)
		simd.Scale(ds, ds, scale)
	}
}

func attentionQueries[T tensor.Float](v *Var, task int) {
	heads, queries, keys, width := attentionSizes(v, v.in[0])
	ds, k := spare[T](v)[task*queries*keys:], columns(values[T](v.in[1]), keys, width, heads, task)
	dq := columns(upstream[T](v.in[0]), queries, width, heads, task)
	gemm.Mul(false, false, queries, width/heads, keys, ds, keys, k, width, beta[T](v.norm.add), dq, width)
}

func attentionKeys[T tensor.Float](v *Var, task int) {
	heads, queries, keys, width := attentionSizes(v, v.in[0])
	ds, q := spare[T](v)[task*queries*keys:], columns(values[T](v.in[0]), queries, width, heads, task)
	dk := columns(upstream[T](v.in[1]), keys, width, heads, task)
	gemm.Mul(true, false, keys, width/heads, queries, ds, keys, q, width, beta[T](v.norm.add), dk, width)
}

// attentionSum computes the sums of one head of one sample.
func attentionSum[T tensor.Float](y *Var, task int) {
	heads, queries, keys, width := attentionSizes(y.in[0], y)
	p, v := values[T](y.in[0])[task*queries*keys:], columns(values[T](y.in[1]), keys, width, heads, task)
	gemm.Mul(false, false, queries, width/heads, keys, p, keys, v, width, 0, columns(values[T](y), queries, width, heads, task), width)
}

// dp = dy·vᵀ and dv = pᵀ·dy.
func attentionSumBack(y *Var) {
	tasks := y.in[0].Value.Dim(0) * y.in[0].Value.Dim(1)
	if y.in[0].needs {
		_, y.norm.add = y.in[0].gradient()
		y.parallel(tasks, pick(y, attentionSumWeights[float32], attentionSumWeights[float64]))
	}
	if y.in[1].needs {
		_, y.norm.add = y.in[1].gradient()
		y.parallel(tasks, pick(y, attentionSumValues[float32], attentionSumValues[float64]))
	}
}

func attentionSumWeights[T tensor.Float](y *Var, task int) {
	heads, queries, keys, width := attentionSizes(y.in[0], y)
	dy, v := columns(upstream[T](y), queries, width, heads, task), columns(values[T](y.in[1]), keys, width, heads, task)
	gemm.Mul(false, true, queries, keys, width/heads, dy, width, v, width, beta[T](y.norm.add), upstream[T](y.in[0])[task*queries*keys:], keys)
}

func attentionSumValues[T tensor.Float](y *Var, task int) {
	heads, queries, keys, width := attentionSizes(y.in[0], y)
	dy, p := columns(upstream[T](y), queries, width, heads, task), values[T](y.in[0])[task*queries*keys:]
	gemm.Mul(true, false, keys, width/heads, queries, p, keys, dy, width, beta[T](y.norm.add), columns(upstream[T](y.in[1]), keys, width, heads, task), width)
}
