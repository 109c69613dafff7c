package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradients by the input, which are turned back, and by the tables of cosines and sines.
func (k *rotary) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[0], func() error { return rotaryBack[float32](k, b) }, func() error { return rotaryBack[float64](k, b) })
}

func rotaryBack[T simd.Float](k *rotary, b *Back) error {
	x, err := headsOf[T](b.In[0], "input", k.heads)
	if err != nil {
		return err
	}
	size := k.size
	if size == 0 {
		size = x.size
	}
	angles, err := anglesOf[T](&Call{In: b.In}, x.batch, x.rows, size/2)
	if err != nil {
		return err
	}
	up := x
	up.data = value.Data[T](b.Up[0])
	if g, add := b.Over(0); g != nil {
		turned := x
		turned.data = make([]T, len(x.data))
		inParts(x.batch*x.rows, x.heads*x.size, func(from, to int) {
			back := make([]T, size/2)
			for i := from; i < to; i++ {
				n, r := i/x.rows, i%x.rows
				cos, sin := angles.row(n, r)
				simd.Neg(back, sin)
				for h := range x.heads {
					dst, src := turned.from(n, h, r)[:x.size], up.from(n, h, r)[:x.size]
					turn(dst[:size], src[:size], cos, back, k.interleaved)
					copy(dst[size:], src[size:])
				}
			}
		})
		deliver(value.Data[T](g), turned.data, add)
	}
	if !b.Wants(1) && !b.Wants(2) {
		return nil
	}
	dCos, dSin := make([]T, len(angles.cos)), make([]T, len(angles.sin))
	sums := *angles
	sums.cos, sums.sin = dCos, dSin
	for n := range x.batch {
		for r := range x.rows {
			cos, sin := sums.row(n, r)
			for h := range x.heads {
				turnBack(cos, sin, x.from(n, h, r)[:size], up.from(n, h, r)[:size], k.interleaved)
			}
		}
	}
	passNumbers(b, 1, dCos, b.In[1].Shape)
	passNumbers(b, 2, dSin, b.In[2].Shape)
	return nil
}

// turnBack adds to the gradients of cosines and sines what a head with gradient up gives.
func turnBack[T simd.Float](cos, sin, x, up []T, interleaved bool) {
	first, second, step := 0, len(cos), 1
	if interleaved {
		second, step = 1, 2
	}
	for i := range cos {
		a, b := first+i*step, second+i*step
		cos[i] += T(up[a]*x[a]) + T(up[b]*x[b])
		sin[i] += T(up[b]*x[a]) - T(up[a]*x[b])
	}
}
