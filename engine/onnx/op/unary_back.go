package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// derivative is that of a function of one float. The zero value is of a function that has none.
type derivative struct {
	at      func(x, y float64) float64             // by x, with y the function's value
	vectors func(dx, dy, x, y []float32)           // dx = dy·f′, where there are vector kernels for it
	times   func(dx, dy []float32, t, x []float32) // as vectors, with memory t of as many elements to work in
}

// f32 gives the derivative of float32.
func (d derivative) f32() partial[float32] {
	switch {
	case d.vectors != nil:
		return func(dst []float32, x [4][]float32) { d.vectors(dst, x[0], x[2], x[1]) }
	case d.times != nil:
		return func(dst []float32, x [4][]float32) {
			t := borrow[float32](len(dst))
			d.times(dst, x[0], *t, x[2])
			giveBack(t)
		}
	}
	return pointwise(func(up, y, x, _ float32) float32 { return up * float32(d.at(float64(x), float64(y))) })
}

// f64 gives the derivative of float64.
func (d derivative) f64() partial[float64] {
	return pointwise(func(up, y, x, _ float64) float64 { return up * d.at(x, y) })
}

// Back brings the gradient through the function.
func (k *mapKernel) Back(b *Back) error {
	if k.by.at == nil {
		return fmt.Errorf("has no derivative")
	}
	up, y, x := b.Up[0], b.Out[0], b.In[0]
	if up == nil {
		return nil
	}
	return onFloats(x, func() error {
		k.back.f32.to(b, 0, y, k.by.f32(), up, y, x)
		return nil
	}, func() error {
		k.back.f64.to(b, 0, y, k.by.f64(), up, y, x)
		return nil
	})
}

// Back brings the gradient to the input.
func (identity) Back(b *Back) error { return passAlong(b, 0, 0) }

// passAlong brings the gradient of an output, whatever its shape, to an input of as many elements in the same order.
func passAlong(b *Back, output, input int) error {
	up := b.Up[output]
	if up == nil {
		return nil
	}
	g, add := b.Over(input)
	if g == nil {
		return nil
	}
	return onFloats(g, func() error {
		deliver(value.Data[float32](g), value.Data[float32](up), add)
		return nil
	}, func() error {
		deliver(value.Data[float64](g), value.Data[float64](up), add)
		return nil
	})
}

// The derivatives of functions of one float, each by x or by the function's value y, whichever is cheaper.
var (
	bySqrt = derivative{at: func(_, y float64) float64 { return 0.5 / y }, vectors: func(dx, dy, _, y []float32) {
		simd.Div(dx, dy, y)
		simd.Scale(dx, dx, 0.5)
	}}
	byReciprocal = derivative{at: func(_, y float64) float64 { return -y * y }, vectors: func(dx, dy, _, y []float32) {
		simd.Mul(dx, dy, y)
		simd.Mul(dx, dx, y)
		simd.Neg(dx, dx)
	}}
	byExp  = derivative{at: func(_, y float64) float64 { return y }, vectors: func(dx, dy, _, y []float32) { simd.Mul(dx, dy, y) }}
	byLog  = derivative{at: func(x, _ float64) float64 { return 1 / x }, vectors: func(dx, dy, x, _ []float32) { simd.Div(dx, dy, x) }}
	bySin  = derivative{at: func(x, _ float64) float64 { return math.Cos(x) }}
	byCos  = derivative{at: func(x, _ float64) float64 { return -math.Sin(x) }}
	byTan  = derivative{at: func(_, y float64) float64 { return 1 + float64(y*y) }}
	byAsin = derivative{at: func(x, _ float64) float64 { return 1 / math.Sqrt(1-float64(x*x)) }}
	byAcos = derivative{at: func(x, _ float64) float64 { return -1 / math.Sqrt(1-float64(x*x)) }}
	byAtan = derivative{at: func(x, _ float64) float64 { return 1 / (1 + float64(x*x)) }}
	bySinh = derivative{at: func(x, _ float64) float64 { return math.Cosh(x) }}
	byCosh = derivative{at: func(x, _ float64) float64 { return math.Sinh(x) }}
	byTanh = derivative{at: func(_, y float64) float64 { return 1 - float64(y*y) }, vectors: func(dx, dy, _, y []float32) { simd.TanhGrad(dx, dy, y) }}

	byAsinh = derivative{at: func(x, _ float64) float64 { return 1 / math.Sqrt(1+float64(x*x)) }}
	byAcosh = derivative{at: func(x, _ float64) float64 { return 1 / math.Sqrt(float64(x*x)-1) }}
	byAtanh = derivative{at: func(x, _ float64) float64 { return 1 / (1 - float64(x*x)) }}

	// 2/√π·e^(−x²)
	byErf = derivative{at: func(x, _ float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }, vectors: func(dx, dy, x, _ []float32) {
		simd.Square(dx, x)
		simd.Neg(dx, dx)
		simd.Exp(dx, dx)
		simd.Scale(dx, dx, 2/math.SqrtPi)
		simd.Mul(dx, dx, dy)
	}}
)

// byNumber are the derivatives of the functions of one number: of |x| and max(x, 0) the one at 0 is 0.
var byNumber = map[numberOp]derivative{
	absolute: {at: func(x, _ float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x // 0, or NaN
	}, vectors: func(dx, dy, x, _ []float32) {
		for i, e := range x {
			switch {
			case e > 0:
				dx[i] = dy[i]
			case e < 0:
				dx[i] = -dy[i]
			default:
				dx[i] = dy[i] * e
			}
		}
	}},
	negative: {at: func(_, _ float64) float64 { return -1 }, vectors: func(dx, dy, _, _ []float32) { simd.Neg(dx, dy) }},
	relu: {at: func(_, y float64) float64 {
		if y <= 0 {
			return 0
		}
		return 1
	}, vectors: func(dx, dy, _, y []float32) { simd.ReLUGrad(dx, dy, y) }},
}
