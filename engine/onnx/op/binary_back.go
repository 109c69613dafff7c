package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// partials are the derivatives of a function of two floats by either; nil stands for 1.
type partials[T simd.Float] [2]partial[T]

// pairDerivative holds the derivatives of a function of two floats.
type pairDerivative struct {
	f32 partials[float32]
	f64 partials[float64]
}

// derivativesOf gives those of a function of two floats.
func derivativesOf(o pairOp) *pairDerivative {
	return &pairDerivative{partialsOf[float32](o), partialsOf[float64](o)}
}

func partialsOf[T simd.Float](o pairOp) partials[T] {
	switch o {
	case sub:
		return partials[T]{nil, negated[T]}
	case mul:
		return partials[T]{scaledBy[T](3), scaledBy[T](2)}
	case div:
		return partials[T]{quotient[T], func(dst []T, x [4][]T) { // −up·y/b
			quotient(dst, x)
			product(dst, dst, x[1])
			simd.Neg(dst, dst)
		}}
	case modulo, remainder: // a − n·b, whose n stands still
		return partials[T]{nil, pointwise(func(up, y, a, b T) T { return -up * T(math.Round(float64((a-y)/b))) })}
	}
	return partials[T]{}
}

// quotient computes dst = up/b.
func quotient[T simd.Float](dst []T, x [4][]T) {
	if b := x[3]; len(b) == len(dst) {
		simd.Div(dst, x[0], b)
	} else {
		simd.DivScalar(dst, x[0], b[0])
	}
}

// Back brings the gradient to both operands.
func (k *pairKernel) Back(b *Back) error {
	if k.by == nil {
		return fmt.Errorf("has no derivative")
	}
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[0], func() error { return pairBack(b, &k.back.f32, k.by.f32) }, func() error { return pairBack(b, &k.back.f64, k.by.f64) })
}

func pairBack[T simd.Float](b *Back, r *reach[T], by partials[T]) error {
	for i, f := range by {
		if f == nil {
			pass(b, i, value.Data[T](b.Up[0]), b.Out[0].Shape)
		} else {
			r.to(b, i, b.Out[0], f, b.Up[0], b.Out[0], b.In[0], b.In[1])
		}
	}
	return nil
}

// Back brings the gradient to both operands.
func (k *oneWay) Back(b *Back) error { return k.pair.Back(b) }

// byPRelu holds the derivatives of PRelu, at 0 those of x < 0.
var byPRelu = &pairDerivative{preluPartials[float32](), preluPartials[float64]()}

func preluPartials[T simd.Float]() partials[T] {
	each := pointwise(func(up, _, x, slope T) T {
		if x > 0 {
			return up
		}
		return up * slope
	})
	return partials[T]{func(dst []T, x [4][]T) {
		if slope := x[3]; len(slope) == 1 {
			simd.LeakyReLUGrad(dst, x[0], x[2], slope[0])
		} else {
			each(dst, x)
		}
	}, func(dst []T, x [4][]T) { // up·min(x, 0)
		simd.AtMost(dst, x[2], 0)
		simd.Mul(dst, dst, x[0])
	}}
}
