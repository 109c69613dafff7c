package op

import (
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
	up, y, a := x[0], x[1], x[2]
	upStep, yStep, aStep := min(1, len(up)-1), min(1, len(y)-1), min(1, len(a)-1)
	j, k, l := 0, 0, 0
	for i := range dst {
		d := T(0)
		if e, f := y[k], a[l]; e == f || e != e && f != f {
			d = up[j]
		}
		dst[i] = d
		j, k, l = j+upStep, k+yStep, l+aStep
	}
}

// Back brings the gradient to the operand whose element was taken.
func (k *where) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[1], func() error { return whereBack[float32](b, &k.back32[0], &k.back32[1]) }, func() error { return whereBack[float64](b, &k.back64[0], &k.back64[1]) })
}

func whereBack[T simd.Float](b *Back, f ...chooser) error {
	up, cond := b.Up[0], b.In[0]
	zero, err := value.Of([]T{0})
	if err != nil {
		return err
	}
	s := borrow[T](up.Len())
	defer giveBack(s)
	v, err := value.Of(*s, up.Shape...)
	if err != nil {
		return err
	}
	for i, of := range [2][2]*value.Value{{up, zero}, {zero, up}} {
		if !b.Wants(1 + i) {
			continue
		}
		f[i].choose(v, cond, of[0], of[1])
		pass(b, 1+i, *s, up.Shape)
	}
	return nil
}
