package op

import (
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient to the elements that were chosen.
func (k *topK) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	x := b.In[0]
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	g := b.Into(0)
	if g == nil || up.Len() == 0 {
		return nil
	}
	indices := inputOf(b.Out, 1)
	if indices == nil { // nobody asked for them
		values, err := value.New(x.Kind, up.Shape...)
		if err != nil {
			return err
		}
		if indices, err = value.New(format.Int64, up.Shape...); err != nil {
			return err
		}
		if err := k.choose(values, indices, x, axis); err != nil {
			return err
		}
	}
	at := value.Data[int64](indices)
	_, inner := insideOut(up.Shape, axis)
	n, count := x.Shape[axis], up.Shape[axis]
	place := func(i int) int { return (i/(count*inner)*n+int(at[i]))*inner + i%inner }
	return onFloats(g, func() error {
		addTo(value.Data[float32](g), value.Data[float32](up), place)
		return nil
	}, func() error {
		addTo(value.Data[float64](g), value.Data[float64](up), place)
		return nil
	})
}

// addTo adds each element of up to the one of dst that place names.
func addTo[T simd.Float](dst, up []T, place func(i int) int) {
	for i, u := range up {
		dst[place(i)] += u
	}
}

// Back brings the gradient of each group to its first.
func (k *unique) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	if _, _, _, err := k.find(b.In[0]); err != nil {
		return err
	}
	return k.rows.back(b)
}

// Back brings to each of the two values the sum of the gradients where it stands.
func (k *oneHot) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	indices, up := b.In[0], b.Up[0]
	axis, err := axisWithin(k.axis, len(indices.Shape)+1)
	if err != nil {
		return err
	}
	if err := k.find(indices, axis, up.Shape[axis]); err != nil {
		return err
	}
	g, add := b.Over(2)
	if g == nil {
		return nil
	}
	return onFloats(g, func() error {
		oneHotBack(value.Data[float32](g), value.Data[float32](up), k.places, add)
		return nil
	}, func() error {
		oneHotBack(value.Data[float64](g), value.Data[float64](up), k.places, add)
		return nil
	})
}

func oneHotBack[T simd.Float](dst, up []T, places []int, add bool) {
	s := borrow[T](len(up))
	copy(*s, up)
	on := 0.0
	for _, at := range places {
		on += float64(up[at])
		(*s)[at] = 0
	}
	deliver(dst, []T{T(simd.Sum(*s)), T(on)}, add)
	giveBack(s)
}
