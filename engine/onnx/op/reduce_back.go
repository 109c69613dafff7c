package op

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient of each result to the elements that it was made of. Of several greatest or least, each gets an equal part, as with PyTorch's amax; of |x| the derivative at 0
// is 0, and so is that of a norm of 0. A product with one 0 has a derivative by that 0 alone.
func (k *reduce) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	axes := k.axes
	if k.read {
		var err error
		if axes, err = listOf(b.In[1], "axes"); err != nil {
			return err
		}
	}
	x := b.In[0]
	if err := k.form.of(x.Shape, axes, k.noop, k.keep); err != nil {
		return err
	}
	return onFloats(x, func() error { return reduceBack(k, &k.back.f32, b) }, func() error { return reduceBack(k, &k.back.f64, b) })
}

func reduceBack[T simd.Float](k *reduce, r *reach[T], b *Back) error {
	x, l := b.In[0], &k.form
	kept := slices.Clone(x.Shape) // the result's shape, with a 1 for each axis that is reduced
	for i, reduced := range l.reduced {
		if reduced {
			kept[i] = 1
		}
	}
	result := new(value.Value)
	result.View(b.Out[0], kept...)
	s := borrow[T](l.kept)
	defer giveBack(s)
	part, err := value.Of(*s, kept...)
	if err != nil {
		return err
	}
	f := repeated[T]
	switch up, y := value.Data[T](b.Up[0]), value.Data[T](result); k.op {
	case reduceSum:
		copy(*s, up)
	case reduceMean:
		simd.DivScalar(*s, up, T(l.cols))
	case reduceLogSum:
		simd.Neg(*s, y)
		simd.Exp(*s, *s)
		simd.Mul(*s, *s, up)
	case reduceLogSumExp:
		f = softened[T]
		copy(*s, up)
	case reduceL1:
		f = signed[T]
		copy(*s, up)
	case reduceL2:
		f = scaledBy[T](2)
		for i, n := range y {
			if (*s)[i] = 0; n != 0 {
				(*s)[i] = up[i] / n
			}
		}
	case reduceSumSquare:
		f = scaledBy[T](2)
		simd.Scale(*s, up, 2)
	case reduceProd:
		return productBack[T](b, l)
	default: // the greatest and the least
		f = chosen[T]
		t := borrow[T](x.Len())
		r.over(*t, false, x, f, ones[T](), result, x)
		unstretch(*s, kept, *t, x.Shape, false)
		giveBack(t)
		simd.Div(*s, up, *s)
	}
	r.to(b, 0, x, f, part, result, x)
	return nil
}

// repeated gives dst = up, which may be one number.
func repeated[T simd.Float](dst []T, x [4][]T) {
	if up := x[0]; len(up) == len(dst) {
		copy(dst, up)
	} else {
		simd.Fill(dst, up[0])
	}
}

// softened gives dst = up·e^(x − y).
func softened[T simd.Float](dst []T, x [4][]T) {
	if y := x[1]; len(y) == len(dst) {
		simd.Sub(dst, x[2], y)
	} else {
		simd.AddScalar(dst, x[2], -y[0])
	}
	simd.Exp(dst, dst)
	product(dst, dst, x[0])
}

// signed gives dst = up·sign(x).
func signed[T simd.Float](dst []T, x [4][]T) {
	pointwise(func(up, _, x, _ T) T {
		switch {
		case x > 0:
			return up
		case x < 0:
			return -up
		}
		return up * x // 0, or NaN
	})(dst, x)
}

// productBack brings to each factor the product of the others.
func productBack[T simd.Float](b *Back, l *layout) error {
	g, add := b.Over(0)
	if g == nil || g.Len() == 0 {
		return nil
	}
	dst, src, up := value.Data[T](g), value.Data[T](b.In[0]), value.Data[T](b.Up[0])
	order := make([]int, len(src))
	for i := range order {
		order[i] = i
	}
	if !l.rows() {
		places := make([]int, len(src))
		gather(places, order, l)
		order = places
	}
	inParts(l.kept, l.cols, func(from, to int) {
		for i := from; i < to; i++ {
			all := factors{product: 1}
			row := order[i*l.cols : (i+1)*l.cols]
			for _, at := range row {
				all.times(float64(src[at]))
			}
			for _, at := range row {
				d := T(float64(up[i]) * all.without(float64(src[at])))
				if add {
					d += dst[at]
				}
				dst[at] = d
			}
		}
	})
	return nil
}

// factors is a product, whose zeros are counted and not multiplied.
type factors struct {
	product float64
	zeros   int
}

// times multiplies by another.
func (f *factors) times(x float64) {
	if x == 0 {
		f.zeros++
	} else {
		f.product *= x
	}
}

// without is the product of all but x, one of them.
func (f *factors) without(x float64) float64 {
	switch {
	case x == 0 && f.zeros == 1:
		return f.product
	case f.zeros > 0:
		return 0
	}
	return f.product / x
}
