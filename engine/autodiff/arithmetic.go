package autodiff

import (
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// Add computes a + b, elementwise, of one shape.
func Add(a, b *Var) *Var {
	return pairwise("Add", a, b).record(add[float32], add[float64], addBack[float32], addBack[float64])
}

// Sub computes a − b, elementwise, of one shape.
func Sub(a, b *Var) *Var {
	return pairwise("Sub", a, b).record(sub[float32], sub[float64], subBack[float32], subBack[float64])
}

// Mul computes a∘b, elementwise, of one shape.
func Mul(a, b *Var) *Var {
	return pairwise("Mul", a, b).record(mul[float32], mul[float64], mulBack[float32], mulBack[float64])
}

// Div computes a/b, elementwise, of one shape. Where b is 0, value and derivatives
// are IEEE 754's: ±Inf or NaN.
func Div(a, b *Var) *Var {
	return pairwise("Div", a, b).record(div[float32], div[float64], divBack[float32], divBack[float64])
}

// AddRow computes y[…, c] = x[…, c] + b[c], for x [..., C] and b [C].
func AddRow(x, b *Var) *Var {
	if len(x.Shape()) == 0 || len(b.Shape()) != 1 || b.Value.Dim(0) != x.Value.Dim(-1) || b.Value.Dim(0) == 0 {
		misuse("AddRow", "x has shape %v, b %v; they must be [..., C] and [C]", x.Shape(), b.Shape())
	}
	v := x.tape.result("AddRow", []*Var{x, b}, x.Shape()...)
	return v.record(addRow[float32], addRow[float64], addRowBack[float32], addRowBack[float64])
}

// Scale computes a·x.
func Scale(x *Var, a float64) *Var {
	v := alike("Scale", x)
	v.float = a
	return v.record(scale[float32], scale[float64], scaleBack[float32], scaleBack[float64])
}

// AddScalar computes x + a.
func AddScalar(x *Var, a float64) *Var {
	v := alike("AddScalar", x)
	v.float = a
	return v.record(addScalar[float32], addScalar[float64], addScalarBack[float32], addScalarBack[float64])
}

// Neg computes −x.
func Neg(x *Var) *Var { return Scale(x, -1) }

// alike returns a result of x's shape.
func alike(op string, x *Var) *Var { return x.tape.result(op, []*Var{x}, x.Shape()...) }

// pairwise returns a result of the shape that a and b must share.
func pairwise(op string, a, b *Var) *Var {
	if !slices.Equal(a.Shape(), b.Shape()) {
		misuse(op, "shapes %v and %v differ", a.Shape(), b.Shape())
	}
	return a.tape.result(op, []*Var{a, b}, a.Shape()...)
}

func add[T tensor.Float](v *Var) { simd.Add(values[T](v), values[T](v.in[0]), values[T](v.in[1])) }

func addBack[T tensor.Float](v *Var) {
	push(v.in[0], upstream[T](v), 1)
	push(v.in[1], upstream[T](v), 1)
}

func sub[T tensor.Float](v *Var) { simd.Sub(values[T](v), values[T](v.in[0]), values[T](v.in[1])) }

func subBack[T tensor.Float](v *Var) {
	push(v.in[0], upstream[T](v), 1)
	push(v.in[1], upstream[T](v), -1)
}

func mul[T tensor.Float](v *Var) { simd.Mul(values[T](v), values[T](v.in[0]), values[T](v.in[1])) }

func mulBack[T tensor.Float](v *Var) {
	pushProduct(v.in[0], upstream[T](v), values[T](v.in[1]))
	pushProduct(v.in[1], upstream[T](v), values[T](v.in[0]))
}

// pushProduct gives x the gradient dy∘f if it needs one.
func pushProduct[T tensor.Float](x *Var, dy, f []T) {
	if !x.needs {
		return
	}
	if g, add := gradient[T](x); add {
		simd.MulAdd(g, dy, f)
	} else {
		simd.Mul(g, dy, f)
	}
}

func div[T tensor.Float](v *Var) { simd.Div(values[T](v), values[T](v.in[0]), values[T](v.in[1])) }

func divBack[T tensor.Float](v *Var) {
	dy := upstream[T](v)
	simd.Div(dy, dy, values[T](v.in[1]))
	push(v.in[0], dy, 1)
	if v.in[1].needs {
		simd.Mul(dy, dy, values[T](v))
		push(v.in[1], dy, -1)
	}
}

func addRow[T tensor.Float](v *Var) {
	b := values[T](v.in[1])
	simd.AddRow(values[T](v), values[T](v.in[0]), b, v.Value.Len()/len(b), len(b))
}

func addRowBack[T tensor.Float](v *Var) {
	dy := upstream[T](v)
	push(v.in[0], dy, 1)
	pushRows(v.in[1], dy)
}

// pushRows gives b [C] the gradient Σ dy[…, c] if it needs one.
func pushRows[T tensor.Float](b *Var, dy []T) {
	if b.needs {
		g, add := gradient[T](b)
		simd.SumRows(g, dy, len(dy)/len(g), len(g), add)
	}
}

func scale[T tensor.Float](v *Var) { simd.Scale(values[T](v), values[T](v.in[0]), T(v.float)) }

func scaleBack[T tensor.Float](v *Var) { push(v.in[0], upstream[T](v), T(v.float)) }

func addScalar[T tensor.Float](v *Var) { simd.AddScalar(values[T](v), values[T](v.in[0]), T(v.float)) }

func addScalarBack[T tensor.Float](v *Var) { push(v.in[0], upstream[T](v), 1) }
