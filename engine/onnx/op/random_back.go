package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradient by the input. What was dropped has none, the others theirs over the probability of staying. Where the input is 0 the result does not tell which it was, and
// the derivative is the expected one, 1.
func (k *dropout) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	ratio, training, err := k.mode(&Call{In: b.In})
	if err != nil {
		return err
	}
	if !training {
		return passAlong(b, 0, 0)
	}
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	return onFloats(g, func() error { dropBack[float32](b, g, ratio, add); return nil }, func() error { dropBack[float64](b, g, ratio, add); return nil })
}

func dropBack[T simd.Float](b *Back, g *value.Value, ratio float64, add bool) {
	dx, x, y, up := value.Data[T](g), value.Data[T](b.In[0]), value.Data[T](b.Out[0]), value.Data[T](b.Up[0])
	factor := T(1 / (1 - ratio))
	for i, e := range y {
		var d T
		switch {
		case e != 0:
			d = T(up[i] * factor)
		case x[i] == 0:
			d = up[i]
		}
		if add {
			d = dx[i] + d
		}
		dx[i] = d
	}
}
