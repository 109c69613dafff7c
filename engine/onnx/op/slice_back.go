package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient to what was kept.
func (k *slice) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	if err := k.measure(b.In); err != nil {
		return err
	}
	return written(b, 0, up.Len() == b.In[0].Len(), func(to *value.Value) error {
		if up.Len() > 0 {
			from := k.plan(up.Len(), to)
			k.region.copyBack(to, 0, up, from)
		}
		return nil
	})
}

// Back brings the gradient to what was kept.
func (k *centerCropPad) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	return written(b, 0, false, func(to *value.Value) error {
		if up.Len() > 0 {
			at, from := k.inner(to, up)
			k.region.copyBack(to, at, up, from)
		}
		return nil
	})
}

// Back brings the gradient to what was kept, and to it as well that of its copies; or to the constant what stands around.
func (k *pad) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	if err := k.measure(b.In); err != nil {
		return err
	}
	if k.mode == "constant" || len(up.Shape) == 0 {
		return k.constantBack(b)
	}
	g := b.Into(0)
	if g == nil || up.Len() == 0 {
		return nil
	}
	k.mapAxes(g)
	return onFloats(g, func() error {
		padBack(k, value.Data[float32](g), value.Data[float32](up), g.Shape)
		return nil
	}, func() error {
		padBack(k, value.Data[float64](g), value.Data[float64](up), g.Shape)
		return nil
	})
}

// padBack adds rows of the gradient where their elements come from. Dimensions that nothing is padded along, from the first on, are worked on side by side.
func padBack[T simd.Float](k *pad, dst, up []T, shape []int) {
	last := len(shape) - 1
	free, parts := 0, 1
	for free < last && k.shape[free] == shape[free] && k.before[free] == 0 {
		parts *= shape[free]
		free++
	}
	row, size, before, kept := k.shape[last], len(up)/parts, max(0, k.before[last]), k.kept[last]
	inParts(parts, size, func(from, to int) {
		for i := from * size / row; i < to*size/row; i++ {
			at, rest := 0, i
			for d := last - 1; d >= 0; d-- {
				at += k.maps[d][rest%k.shape[d]]
				rest /= k.shape[d]
			}
			u := up[i*row : (i+1)*row]
			for j, m := range k.maps[last][:before] {
				dst[at+m] += u[j]
			}
			inner := dst[at+kept.start:][:kept.n]
			simd.AddTo(inner, u[before:before+kept.n])
			for j, m := range k.maps[last][before+kept.n:] {
				dst[at+m] += u[before+kept.n+j]
			}
		}
	})
}

func (k *pad) constantBack(b *Back) error {
	up := b.Up[0]
	kept := 1
	for _, s := range k.kept {
		kept *= s.n
	}
	err := written(b, 0, kept == b.In[0].Len(), func(to *value.Value) error {
		if kept > 0 {
			at, from := k.inner(to, up)
			k.region.copyBack(to, at, up, from)
		}
		return nil
	})
	if err != nil || inputOf(b.In, 2) == nil {
		return err
	}
	return onFloats(up, func() error { return fillBack[float32](k, b, kept) }, func() error { return fillBack[float64](k, b, kept) })
}

// fillBack brings to the constant the sum of the gradient without what is kept.
func fillBack[T simd.Float](k *pad, b *Back, kept int) error {
	g, add := b.Over(2)
	if g == nil {
		return nil
	}
	up := b.Up[0]
	s := borrow[T](up.Len())
	defer giveBack(s)
	copy(*s, value.Data[T](up))
	around, err := value.Of(*s, up.Shape...)
	if err != nil {
		return err
	}
	if kept > 0 {
		at, _ := k.inner(b.In[0], around)
		clear(k.region.source) // all from one 0
		zero, err := value.New(around.Kind)
		if err != nil {
			return err
		}
		k.region.copy(around, at, zero, 0)
	}
	deliver(value.Data[T](g), []T{T(simd.Sum(*s))}, add)
	return nil
}
