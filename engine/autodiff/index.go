package autodiff

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Embedding takes the rows of w that ids names. The ids are copied.
//
// Shapes: w [V, D], N ids in [0, V) → [N, D].
// PyTorch: nn.functional.embedding.
func Embedding(w *Var, ids []int) *Var {
	s := w.Shape()
	if len(s) != 2 {
		misuse("Embedding", "w has shape %v; it must be [V, D]", s)
	}
	v := w.tape.result("Embedding", []*Var{w}, len(ids), s[1])
	v.choose("Embedding", ids, s[0])
	return v.record(embedding[float32], embedding[float64], embeddingBack[float32], embeddingBack[float64])
}

// Gather takes one element of each row: y[b] = x[b, idx[b]]. The indices are copied.
//
// Shapes: x [B, K], B indices in [0, K) → [B].
func Gather(x *Var, idx []int) *Var {
	s := x.Shape()
	if len(s) != 2 || len(idx) != s[0] {
		misuse("Gather", "x has shape %v and there are %d indices; they must be [B, K] and B", s, len(idx))
	}
	v := x.tape.result("Gather", []*Var{x}, s[0])
	v.choose("Gather", idx, s[1])
	return v.record(gather[float32], gather[float64], gatherBack[float32], gatherBack[float64])
}

// choose keeps ids, which must lie in [0, n).
func (v *Var) choose(op string, ids []int, n int) {
	index := v.indices(len(ids))
	for i, id := range ids {
		if id < 0 || id >= n || id > math.MaxInt32 {
			misuse(op, "index %d is %d; it must lie in [0, %d)", i, id, n)
		}
		index[i] = int32(id)
	}
}

func embedding[T tensor.Float](v *Var) {
	y, w, d := values[T](v), values[T](v.in[0]), v.Value.Dim(1)
	for i, id := range v.index {
		copy(y[i*d:(i+1)*d], w[int(id)*d:])
	}
}

func embeddingBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	if !add {
		clear(g)
	}
	dy, d := upstream[T](v), v.Value.Dim(1)
	for i, id := range v.index {
		simd.AddTo(g[int(id)*d:][:d], dy[i*d:(i+1)*d])
	}
}

func gather[T tensor.Float](v *Var) {
	y, x, k := values[T](v), values[T](v.in[0]), v.in[0].Value.Dim(1)
	for b, i := range v.index {
		y[b] = x[b*k+int(i)]
	}
}

func gatherBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	if !add {
		clear(g)
	}
	dy, k := upstream[T](v), v.in[0].Value.Dim(1)
	for b, i := range v.index {
		g[b*k+int(i)] += dy[b]
	}
}

// SquaredDistances computes the squared Euclidean distance of each row of x to each of c,
// y[b, k] = Σ_d (x[b, d] − c[k, d])², without the cancellation of the expanded square.
// Derivatives go through matrix products; their error is as of rounding x and c.
//
// Shapes: x [B, D], c [K, D] → [B, K].
func SquaredDistances(x, c *Var) *Var {
	xs, cs := x.Shape(), c.Shape()
	if len(xs) != 2 || len(cs) != 2 || xs[1] != cs[1] {
		misuse("SquaredDistances", "shapes %v and %v; they must be [B, D] and [K, D]", xs, cs)
	}
	v := x.tape.result("SquaredDistances", []*Var{x, c}, xs[0], cs[0])
	return v.record(distances[float32], distances[float64], distancesBack[float32], distancesBack[float64])
}

func distances[T tensor.Float](v *Var) {
	s := v.Shape()
	simd.SquaredDistances(values[T](v), values[T](v.in[0]), values[T](v.in[1]), s[0], s[1], v.in[0].Value.Dim(1))
}

// With m = −2·dy: dx = m·c − rowsum(m)∘x and dc = mᵀ·x − colsum(m)∘c.
func distancesBack[T tensor.Float](v *Var) {
	m, b, k, d := upstream[T](v), v.Value.Dim(0), v.Value.Dim(1), v.in[0].Value.Dim(1)
	x, c := values[T](v.in[0]), values[T](v.in[1])
	simd.Scale(m, m, -2)
	if v.in[0].needs {
		g, add := gradient[T](v.in[0])
		gemm.Mul(false, false, b, d, k, m, k, c, d, beta[T](add), g, d)
		for i := range b {
			simd.AXPY(g[i*d:(i+1)*d], T(-simd.Sum(m[i*k:(i+1)*k])), x[i*d:(i+1)*d])
		}
	}
	if v.in[1].needs && k > 0 {
		g, add := gradient[T](v.in[1])
		gemm.Mul(true, false, k, d, b, m, k, x, d, beta[T](add), g, d)
		v.reserve(k)
		total := spare[T](v)
		simd.SumRows(total, m, b, k, false)
		for i, t := range total {
			simd.AXPY(g[i*d:(i+1)*d], -t, c[i*d:(i+1)*d])
		}
	}
}
