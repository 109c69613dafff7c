package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient to the base, y·x^(y−1), and to the exponent, x^y·ln x: 0 for y = 0, and for x = 0 where y ≥ 0.
func (k *power) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[0], func() error { return powerBack(b, &k.back.f32, format.Float) }, func() error { return powerBack(b, &k.back.f64, format.Double) })
}

func powerBack[T simd.Float](b *Back, r *reach[T], kind format.DataType) error {
	x, y, out := b.In[0], b.In[1], b.Out[0]
	alike := y.Memory() == x.Memory()
	e := y
	if !alike {
		var err error
		if e, err = value.New(kind, y.Shape...); err != nil {
			return err
		}
		castOf(y.Memory(), kind).apply(e, y)
	}
	r.to(b, 0, out, byBase[T], b.Up[0], out, x, e)
	if alike {
		r.to(b, 1, out, byExponent[T], b.Up[0], out, x, e)
		return nil
	}
	g, add := b.Over(1)
	if g == nil {
		return nil
	}
	s := borrow[T](out.Len())
	r.over(*s, false, out, byExponent[T], b.Up[0], out, x, e)
	unstretch(value.Data[T](e), e.Shape, *s, out.Shape, false)
	giveBack(s)
	return deliverAs(g, e, add)
}

// byBase has vector kernels for the exponents that models have for constants.
func byBase[T simd.Float](dst []T, x [4][]T) {
	up, y, base, exponent := x[0], x[1], x[2], x[3]
	if len(exponent) != 1 || len(base) != len(dst) {
		pointwise(byBaseAt[T])(dst, x)
		return
	}
	switch exponent[0] {
	case 2:
		simd.Mul(dst, up, base)
		simd.Scale(dst, dst, 2)
	case 3:
		simd.Square(dst, base)
		simd.Mul(dst, dst, up)
		simd.Scale(dst, dst, 3)
	case 1:
		copy(dst, up)
	case 0.5:
		simd.Div(dst, up, y)
		simd.Scale(dst, dst, 0.5)
	case -1:
		simd.Mul(dst, up, y)
		simd.Mul(dst, dst, y)
		simd.Neg(dst, dst)
	default:
		pointwise(byBaseAt[T])(dst, x)
	}
}

func byBaseAt[T simd.Float](up, _, base, exponent T) T {
	if exponent == 0 {
		return 0
	}
	return up * exponent * T(math.Pow(float64(base), float64(exponent)-1))
}

func byExponent[T simd.Float](dst []T, x [4][]T) {
	pointwise(func(up, y, base, exponent T) T {
		if base == 0 && exponent >= 0 {
			return 0
		}
		return up * y * T(math.Log(float64(base)))
	})(dst, x)
}
