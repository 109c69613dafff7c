package op

import (
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient to every input: an equal part of it for Mean, and for Max and Min to the greatest or least, in equal parts where several are.
func (k *variadic) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[0], func() error { return variadicBack(k, &k.back.f32, b) }, func() error { return variadicBack(k, &k.back.f64, b) })
}

func variadicBack[T simd.Float](k *variadic, r *reach[T], b *Back) error {
	up, out := b.Up[0], b.Out[0]
	if k.op == add && !k.mean || len(b.In) == 1 {
		for i := range b.In {
			pass(b, i, value.Data[T](up), out.Shape)
		}
		return nil
	}
	s := borrow[T](out.Len())
	defer giveBack(s)
	if k.op == add {
		simd.DivScalar(*s, value.Data[T](up), T(len(b.In)))
		for i := range b.In {
			pass(b, i, *s, out.Shape)
		}
		return nil
	}
	clear(*s)
	for _, v := range b.In {
		r.over(*s, true, out, chosen[T], ones[T](), out, v)
	}
	simd.Div(*s, value.Data[T](up), *s)
	part, err := value.Of(*s, out.Shape...)
	if err != nil {
		return err
	}
	for i, v := range b.In {
		r.to(b, i, out, chosen[T], part, out, v)
	}
	return nil
}

// ones is a 1 that stands for all.
func ones[T simd.Float]() *value.Value {
	v, _ := value.Of([]T{1})
	return v
}

// chosen computes dst = up where the operand is the function's value, or both are NaN, else 0.
func chosen[T simd.Float](dst []T, x [4][]T) {
	pointwise(func(up, y, a, _ T) T {
		if y == a || y != y && a != a {
			return up
		}
		return 0
	})(dst, x)
}

// Back brings the gradient to the operand whose element was taken.
func (k *where) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[1], func() error { return whereBack(&k.back.f32, b, format.Float) }, func() error { return whereBack(&k.back.f64, b, format.Double) })
}

func whereBack[T simd.Float](r *reach[T], b *Back, kind format.DataType) error {
	s := borrow[T](b.In[0].Len())
	defer giveBack(s)
	mask, err := value.Of(*s, b.In[0].Shape...)
	if err != nil {
		return err
	}
	truthTo(kind).apply(mask, b.In[0])
	for i, of := range []T{1, 0} {
		r.to(b, 1+i, b.Out[0], masked(of), b.Up[0], mask)
	}
	return nil
}

// masked gives dst = up where the mask is of, else 0.
func masked[T simd.Float](of T) partial[T] {
	return func(dst []T, x [4][]T) {
		up, mask := x[0], x[1]
		switch {
		case len(mask) == len(dst):
			for i, m := range mask {
				dst[i] = 0
				if m == of {
					dst[i] = up[i]
				}
			}
		case mask[0] == of:
			copy(dst, up)
		default:
			clear(dst)
		}
	}
}
