package autodiff

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// LogSumExp computes y[b] = ln Σ_k exp(x[b, k]) without overflow: −Inf for a row of
// only −Inf, which takes no gradient.
//
// Shapes: x [B, K] → [B].
func LogSumExp(x *Var) *Var {
	s := x.Shape()
	if len(s) != 2 || s[1] == 0 {
		misuse("LogSumExp", "x has shape %v; it must be [B, K]", s)
	}
	v := x.tape.result("LogSumExp", []*Var{x}, s[0])
	return v.record(logSumExp[float32], logSumExp[float64], logSumExpBack[float32], logSumExpBack[float64])
}

// Softmax computes exp(x)/Σ exp(x) along the last axis.
func Softmax(x *Var) *Var {
	v := alongLast("Softmax", x)
	return v.record(softmax[float32], softmax[float64], softmaxBack[float32], softmaxBack[float64])
}

// LogSoftmax computes x − ln Σ exp(x) along the last axis.
func LogSoftmax(x *Var) *Var {
	v := alongLast("LogSoftmax", x)
	return v.record(logSoftmax[float32], logSoftmax[float64], logSoftmaxBack[float32], logSoftmaxBack[float64])
}

// alongLast returns a result of x's shape and notes its rows and columns.
func alongLast(op string, x *Var) *Var {
	if len(x.Shape()) == 0 || x.Value.Dim(-1) == 0 {
		misuse(op, "x has shape %v; its last axis must not be empty", x.Shape())
	}
	v := alike(op, x)
	v.ints[1] = x.Value.Dim(-1)
	v.ints[0] = x.Value.Len() / v.ints[1]
	return v
}

func logSumExp[T tensor.Float](v *Var) {
	s := v.in[0].Shape()
	simd.LogSumExpRows(values[T](v), values[T](v.in[0]), s[0], s[1])
}

func logSumExpBack[T tensor.Float](v *Var) {
	x := v.in[0]
	g, add := gradient[T](x)
	rows, cols := x.Value.Dim(0), x.Value.Dim(1)
	share := g
	if add {
		v.reserve(rows * cols)
		share = spare[T](v)
	}
	simd.SoftmaxRows(share, values[T](x), rows, cols)
	y := values[T](v)
	for r, dy := range upstream[T](v) {
		row := share[r*cols : (r+1)*cols]
		if math.IsInf(float64(y[r]), -1) {
			clear(row)
			continue
		}
		for c := range row {
			row[c] *= dy
		}
	}
	if add {
		simd.AddTo(g, share)
	}
}

func softmax[T tensor.Float](v *Var) {
	simd.SoftmaxRows(values[T](v), values[T](v.in[0]), v.ints[0], v.ints[1])
}

func logSoftmax[T tensor.Float](v *Var) {
	simd.LogSoftmaxRows(values[T](v), values[T](v.in[0]), v.ints[0], v.ints[1])
}

// dx = y∘(dy − Σ dy∘y) in each row.
func softmaxBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	dy, y, cols := upstream[T](v), values[T](v), v.ints[1]
	for at := 0; at < len(y); at += cols {
		y, dy, g := y[at:at+cols], dy[at:at+cols], g[at:at+cols]
		mean := T(simd.Dot(dy, y))
		for c := range y {
			d := T(y[c] * (dy[c] - mean))
			if add {
				d += g[c]
			}
			g[c] = d
		}
	}
}

// dx = dy − exp(y)·Σ dy in each row.
func logSoftmaxBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	dy, cols := upstream[T](v), v.ints[1]
	v.reserve(len(dy))
	p := spare[T](v)
	simd.Exp(p, values[T](v))
	for at := 0; at < len(dy); at += cols {
		p, dy, g := p[at:at+cols], dy[at:at+cols], g[at:at+cols]
		total := T(simd.Sum(dy))
		for c := range p {
			d := dy[c] - T(p[c]*total)
			if add {
				d += g[c]
			}
			g[c] = d
		}
	}
}
