package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradient by the elements, each that of its place. Of elements with the same place, as windows that overlap may give them, the last is there and takes it.
func (k *maxUnpool) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g := b.Into(0)
	if g == nil {
		return nil
	}
	shape, pooled, err := k.shapes(b.In)
	if err != nil {
		return err
	}
	return onFloats(g, func() error { return unpoolBack[float32](b, g, shape, pooled) }, func() error { return unpoolBack[float64](b, g, shape, pooled) })
}

func unpoolBack[T simd.Float](b *Back, g *value.Value, shape, pooled []int) error {
	dx, up, indices := value.Data[T](g), value.Data[T](b.Up[0]), value.Data[int64](b.In[1])
	last := make([]int, len(up)) // of each place the element, counted from 1
	if err := unpoolPlaces(indices, shape, pooled, func(to, i int) { last[to] = i + 1 }); err != nil {
		return err
	}
	for to, i := range last {
		if i > 0 {
			dx[i-1] += up[to]
		}
	}
	return nil
}
