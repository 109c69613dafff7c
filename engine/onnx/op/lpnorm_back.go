package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient through the lines: dx = (up − ∂n/∂x·Σ up·y)/n of a line of norm n, with ∂n/∂x = y for the root of squares, and the sign of x for absolute values.
// Of a norm of 0 it is 0.
func (k *lpNorm) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g, add := b.Over(0)
	if g == nil || g.Len() == 0 {
		return nil
	}
	return onFloats(g, func() error { return lpNormBack[float32](k, b, g, add) }, func() error { return lpNormBack[float64](k, b, g, add) })
}

func lpNormBack[T simd.Float](k *lpNorm, b *Back, g *value.Value, add bool) error {
	l, err := linesOf(g.Shape, k.axis)
	if err != nil {
		return err
	}
	dst, up, y, x := value.Data[T](g), value.Data[T](b.Up[0]), value.Data[T](b.Out[0]), value.Data[T](b.In[0])
	inParts(l.before*l.after, l.length, func(from, to int) {
		for i := from; i < to; i++ {
			at := i/l.after*l.length*l.after + i%l.after
			end := at + l.length*l.after
			norm, sum := 0.0, 0.0
			for j := at; j < end; j += l.after {
				if e := float64(x[j]); k.p == 1 {
					norm += math.Abs(e)
				} else {
					norm += float64(e * e)
				}
				sum += float64(up[j]) * float64(y[j])
			}
			if k.p == 2 {
				norm = math.Sqrt(norm)
			}
			for j := at; j < end; j += l.after {
				slope := float64(y[j])
				if k.p == 1 && x[j] != 0 {
					slope = math.Copysign(1, float64(x[j]))
				}
				d := T(0)
				if norm != 0 {
					d = T((float64(up[j]) - float64(slope*sum)) / norm)
				}
				if add {
					d += dst[j]
				}
				dst[j] = d
			}
		}
	})
	return nil
}
