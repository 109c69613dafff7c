package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient to the input.
func (k *reshape) Back(b *Back) error { return passAlong(b, 0, 0) }

// Back brings the gradient to the input.
func (k *flatten) Back(b *Back) error { return passAlong(b, 0, 0) }

// Back brings the gradient to the input.
func (k *squeeze) Back(b *Back) error { return passAlong(b, 0, 0) }

// Back brings the gradient to the input.
func (k *unsqueeze) Back(b *Back) error { return passAlong(b, 0, 0) }

// Back sums the gradient over the dimensions along which the input was stretched.
func (k *expand) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[0], func() error { return expandBack[float32](b) }, func() error { return expandBack[float64](b) })
}

func expandBack[T simd.Float](b *Back) error {
	pass(b, 0, value.Data[T](b.Up[0]), b.Out[0].Shape)
	return nil
}

// Back sums the gradients of the copies of each element.
func (k *tiles) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[0], func() error { return tilesBack[float32](b) }, func() error { return tilesBack[float64](b) })
}

func tilesBack[T simd.Float](b *Back) error {
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	var shape, from []int // with a dimension of copies above each
	for i, n := range g.Shape {
		shape, from = append(shape, b.Out[0].Shape[i]/max(1, n), n), append(from, 1, n)
	}
	unstretch(value.Data[T](g), from, value.Data[T](b.Up[0]), shape, add)
	return nil
}
