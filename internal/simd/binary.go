package simd

import "math"

// Add computes dst = a + b.
func Add[T Float](dst, a, b []T) { binary(opAdd, dst, a, b, 0) }

// Sub computes dst = a − b.
func Sub[T Float](dst, a, b []T) { binary(opSub, dst, a, b, 0) }

// Mul computes dst = a∘b, elementwise.
func Mul[T Float](dst, a, b []T) { binary(opMul, dst, a, b, 0) }

// Div computes dst = a/b, elementwise.
func Div[T Float](dst, a, b []T) { binary(opDiv, dst, a, b, 0) }

// Greater computes max(a, b), elementwise: NaN where one is NaN, either of +0 and −0.
func Greater[T Float](dst, a, b []T) { binary(opGreater, dst, a, b, 0) }

// Lesser computes min(a, b), elementwise: NaN where one is NaN, either of +0 and −0.
func Lesser[T Float](dst, a, b []T) { binary(opLesser, dst, a, b, 0) }

// AtLeast computes max(x, a), a number that is not NaN; NaN stays NaN.
func AtLeast[T Float](dst, x []T, a T) { unary(opAtLeast, dst, x, a) }

// AtMost computes min(x, a), a number that is not NaN; NaN stays NaN.
func AtMost[T Float](dst, x []T, a T) { unary(opAtMost, dst, x, a) }

// SubFrom computes dst = a − x.
func SubFrom[T Float](dst []T, a T, x []T) { unary(opSubFrom, dst, x, a) }

// DivScalar computes dst = x/a.
func DivScalar[T Float](dst, x []T, a T) { unary(opDivScalar, dst, x, a) }

// DivInto computes dst = a/x.
func DivInto[T Float](dst []T, a T, x []T) { unary(opDivInto, dst, x, a) }

// Scale computes dst = a·x.
func Scale[T Float](dst, x []T, a T) { unary(opScale, dst, x, a) }

// AddScalar computes dst = x + a.
func AddScalar[T Float](dst, x []T, a T) { unary(opAddScalar, dst, x, a) }

// AXPY computes y += a·x.
func AXPY[T Float](y []T, a T, x []T) { unary(opAXPY, y, x, a) }

// AddTo computes y += x.
func AddTo[T Float](y, x []T) { binary(opAdd, y, y, x, 0) }

// MulAdd computes dst += a∘b.
func MulAdd[T Float](dst, a, b []T) { binary(opMulAdd, dst, a, b, 0) }

// Fill sets every element of dst to a.
func Fill[T Float](dst []T, a T) { elementwise(opFill, dst, nil, nil, a) }

// The vector kernels of AXPY and MulAdd round once (a fused multiply-add), those in
// plain Go may round twice.

func add[T Float](dst, a, b []T, _ T) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func sub[T Float](dst, a, b []T, _ T) {
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

func mul[T Float](dst, a, b []T, _ T) {
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func div[T Float](dst, a, b []T, _ T) {
	for i := range dst {
		dst[i] = a[i] / b[i]
	}
}

func greater[T Float](dst, a, b []T, _ T) {
	for i := range dst {
		dst[i] = max(a[i], b[i])
	}
}

func lesser[T Float](dst, a, b []T, _ T) {
	for i := range dst {
		dst[i] = min(a[i], b[i])
	}
}

func atLeast[T Float](dst, x, _ []T, a T) {
	for i, v := range x {
		dst[i] = max(v, a)
	}
}

func atMost[T Float](dst, x, _ []T, a T) {
	for i, v := range x {
		dst[i] = min(v, a)
	}
}

func subFrom[T Float](dst, x, _ []T, a T) {
	for i, v := range x {
		dst[i] = a - v
	}
}

func divScalar[T Float](dst, x, _ []T, a T) {
	for i, v := range x {
		dst[i] = v / a
	}
}

func divInto[T Float](dst, x, _ []T, a T) {
	for i, v := range x {
		dst[i] = a / v
	}
}

func scale[T Float](dst, x, _ []T, a T) {
	for i, v := range x {
		dst[i] = a * v
	}
}

func addScalar[T Float](dst, x, _ []T, a T) {
	for i, v := range x {
		dst[i] = v + a
	}
}

func axpy[T Float](dst, x, _ []T, a T) {
	for i, v := range x {
		dst[i] += a * v
	}
}

func mulAdd[T Float](dst, a, b []T, _ T) {
	for i := range dst {
		dst[i] += a[i] * b[i]
	}
}

func fill[T Float](dst, _, _ []T, a T) {
	for i := range dst {
		dst[i] = a
	}
}

// weigh computes dst = a·b, where a weight b of 0 wins over an infinite a.
func weigh[T Float](dst, a, b []T, _ T) {
	for i, w := range b {
		if w == 0 && math.IsInf(float64(a[i]), 0) {
			dst[i] = 0
			continue
		}
		dst[i] = a[i] * w
	}
}
