package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// back adds each row of up to the one that it was copied from, in their order.
func (r *rows) back(b *Back) error {
	up := b.Up[0]
	g := b.Into(0)
	if g == nil || up.Len() == 0 {
		return nil
	}
	return onFloats(g, func() error {
		addTaken(r, value.Data[float32](g), value.Data[float32](up))
		return nil
	}, func() error {
		addTaken(r, value.Data[float64](g), value.Data[float64](up))
		return nil
	})
}

// addTaken works on parts side by side, and where there is but one part, on columns.
func addTaken[T simd.Float](r *rows, dst, up []T) {
	n := len(r.places)
	if r.outer > 1 {
		inParts(r.outer, n*r.inner, func(from, to int) {
			for o := from; o < to; o++ {
				addColumns(r, dst[o*r.step:], up[o*n*r.inner:], 0, r.inner)
			}
		})
		return
	}
	inParts(r.inner, n, func(from, to int) { addColumns(r, dst, up, from, to) })
}

func addColumns[T simd.Float](r *rows, dst, up []T, from, to int) {
	if r.inner == 1 {
		for i, at := range r.places {
			dst[at] += up[i]
		}
		return
	}
	for i, at := range r.places {
		simd.AddTo(dst[at+from:at+to], up[i*r.inner+from:i*r.inner+to])
	}
}

// Back adds each gradient to that of the element that was taken.
func (k *gatherKernel) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	if err := k.find(b.In[0], b.In[1]); err != nil {
		return err
	}
	return k.rows.back(b)
}

// Back adds each gradient to that of the element that was taken.
func (k *gatherElements) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	if err := k.find(b.In[0], b.In[1]); err != nil {
		return err
	}
	return k.rows.back(b)
}

// Back adds each gradient to that of the element that was taken.
func (k *gatherND) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	if _, err := k.find(b.In[0], b.In[1]); err != nil {
		return err
	}
	return k.rows.back(b)
}

// Back brings the gradient to what was kept.
func (k *compress) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	if _, err := k.find(b.In[0], b.In[1]); err != nil {
		return err
	}
	return k.rows.back(b)
}
