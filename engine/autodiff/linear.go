package autodiff

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Activation is what Linear and the convolutions apply to each element of their
// result in the same pass.
type Activation uint8

const (
	Identity Activation = iota
	Rectify             // max(0, ·); derivative 0 where the result is 0
)

// MatMul computes op(A)·op(B), where op transposes if asked to.
//
// Shapes: op(A) [M, K], op(B) [K, N] → [M, N].
func MatMul(a, b *Var, transA, transB bool) *Var {
	if len(a.Shape()) != 2 || len(b.Shape()) != 2 {
		misuse("MatMul", "shapes %v and %v; both must be matrices", a.Shape(), b.Shape())
	}
	m, k, k2, n := a.Value.Dim(0), a.Value.Dim(1), b.Value.Dim(0), b.Value.Dim(1)
	flags := 0
	if transA {
		m, k, flags = k, m, 1
	}
	if transB {
		k2, n, flags = n, k2, flags|2
	}
	if k != k2 {
		misuse("MatMul", "inner dimensions %d and %d differ: shapes %v (transposed: %v) and %v (transposed: %v)",
			k, k2, a.Shape(), transA, b.Shape(), transB)
	}
	v := a.tape.result("MatMul", []*Var{a, b}, m, n)
	v.ints = [8]int{m, n, k, flags}
	return v.record(matMul[float32], matMul[float64], matMulBack[float32], matMulBack[float64])
}

// matMulShape returns what MatMul noted: sizes, transpositions, and the length of A's and B's rows.
func (v *Var) matMulShape() (m, n, k int, transA, transB bool, lda, ldb int) {
	return v.ints[0], v.ints[1], v.ints[2], v.ints[3]&1 != 0, v.ints[3]&2 != 0, v.in[0].Value.Dim(1), v.in[1].Value.Dim(1)
}

func matMul[T tensor.Float](v *Var) {
	m, n, k, transA, transB, lda, ldb := v.matMulShape()
	gemm.Mul(transA, transB, m, n, k, values[T](v.in[0]), lda, values[T](v.in[1]), ldb, 0, values[T](v), n)
}

// With C = op(A)·op(B): d op(A) = dC·op(B)ᵀ and d op(B) = op(A)ᵀ·dC, each computed
// as it is or transposed, the way the operand is stored.
func matMulBack[T tensor.Float](v *Var) {
	m, n, k, transA, transB, lda, ldb := v.matMulShape()
	a, b, dc := values[T](v.in[0]), values[T](v.in[1]), upstream[T](v)
	if v.in[0].needs {
		g, add := gradient[T](v.in[0])
		if transA {
			gemm.Mul(transB, true, k, m, n, b, ldb, dc, n, beta[T](add), g, lda)
		} else {
			gemm.Mul(false, !transB, m, k, n, dc, n, b, ldb, beta[T](add), g, lda)
		}
	}
	if v.in[1].needs {
		g, add := gradient[T](v.in[1])
		if transB {
			gemm.Mul(true, transA, n, k, m, dc, n, a, lda, beta[T](add), g, ldb)
		} else {
			gemm.Mul(!transA, false, k, n, m, a, lda, dc, n, beta[T](add), g, ldb)
		}
	}
}

// Linear computes act(x·wᵀ + b) in one pass; b may be nil.
//
// Shapes: x [..., In], w [Out, In], b [Out] → [..., Out].
// PyTorch: nn.functional.linear.
func Linear(x, w, b *Var, act Activation) *Var {
	if len(x.Shape()) == 0 || len(w.Shape()) != 2 || x.Value.Dim(-1) != w.Value.Dim(1) {
		misuse("Linear", "x has shape %v, w %v; they must be [..., In] and [Out, In]", x.Shape(), w.Shape())
	}
	checkBias("Linear", b, w)
	rank := len(x.Shape())
	var dims [8]int
	shape := append(append(dims[:0], x.Shape()[:rank-1]...), w.Value.Dim(0))
	v := x.tape.fused("Linear", x, w, b, act, shape)
	v.ints[0] = volume(shape[:rank-1])
	return v.record(linear[float32], linear[float64], linearBack[float32], linearBack[float64])
}

// checkBias panics unless b is nil or has one element for each output of w [Out, ...].
func checkBias(op string, b, w *Var) {
	if b != nil && (len(b.Shape()) != 1 || b.Value.Dim(0) != w.Value.Dim(0)) {
		misuse(op, "b has shape %v, w %v; they must be [Out] and [Out, ...]", b.Shape(), w.Shape())
	}
}

// fused returns a result of x, w and, unless nil, b, with an activation.
func (t *Tape) fused(op string, x, w, b *Var, act Activation, shape []int) *Var {
	in := [3]*Var{x, w, b}
	n := 3
	if b == nil {
		n = 2
	}
	v := t.result(op, in[:n], shape...)
	v.rectified = act == Rectify
	return v
}

// bias returns the elements of input 2, nil if there is none.
func bias[T tensor.Float](v *Var) []T {
	if len(v.in) < 3 {
		return nil
	}
	return values[T](v.in[2])
}

// throughReLU masks the gradient that reached v by its fused ReLU, in place, and returns it.
func throughReLU[T tensor.Float](v *Var) []T {
	dy := upstream[T](v)
	if v.rectified && !v.masked {
		simd.ReLUGrad(dy, dy, values[T](v))
		v.masked = true
	}
	return dy
}

func linear[T tensor.Float](v *Var) {
	rows, out, in := v.ints[0], v.in[1].Value.Dim(0), v.in[1].Value.Dim(1)
	gemm.MulEpilogue(false, true, rows, out, in, values[T](v.in[0]), in, values[T](v.in[1]), in, 0, values[T](v), out,
		gemm.Epilogue[T]{Bias: bias[T](v), ReLU: v.rectified})
}

func linearBack[T tensor.Float](v *Var) {
	x, w := v.in[0], v.in[1]
	rows, out, in := v.ints[0], w.Value.Dim(0), w.Value.Dim(1)
	dy := throughReLU[T](v)
	if len(v.in) == 3 && out > 0 {
		pushRows(v.in[2], dy)
	}
	if w.needs {
		g, add := gradient[T](w)
		gemm.Mul(true, false, out, in, rows, dy, out, values[T](x), in, beta[T](add), g, in)
	}
	if x.needs {
		g, add := gradient[T](x)
		gemm.Mul(false, false, rows, in, out, dy, out, values[T](w), in, beta[T](add), g, in)
	}
}
