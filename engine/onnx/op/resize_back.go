package op

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradient by the input: as an element of the result is a weighted sum of elements, so is that of the gradient, with the same weights. What is extrapolated has none.
func (k *resize) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	if b.Up[0].Len() == 0 {
		if !add {
			g.Clear()
		}
		return nil
	}
	r, err := k.region(&Call{In: b.In})
	if err != nil {
		return err
	}
	if err := k.prepare(b.In[0].Shape, r); err != nil {
		return err
	}
	up := b.Up[0]
	if slices.ContainsFunc(k.tables, func(t resizeTable) bool { return t.outside != nil }) {
		up = up.Clone()
		k.outsides(up.Len(), func(i int) { put(up, i, 0) })
	}
	tables := make([]resizeTable, len(k.tables))
	for i := range tables {
		tables[i] = k.tables[i].transposed()
	}
	return onFloats(g, func() error { resizeBack[float32](tables, g, up, add); return nil }, func() error { resizeBack[float64](tables, g, up, add); return nil })
}

func resizeBack[T simd.Float](tables []resizeTable, g, up *value.Value, add bool) {
	dx := value.Data[T](g)
	to := dx
	if add {
		to = make([]T, len(dx))
	}
	interpolate(new(resizePass[T]), tables, to, value.Data[T](up), nil, nil)
	if add {
		simd.AddTo(dx, to)
	}
}

// transposed is the table of the way back: of each element of the input the places that take from it.
func (t *resizeTable) transposed() resizeTable {
	r := resizeTable{in: t.out, out: t.in, first: make([]int, t.in+1), at: make([]int, len(t.at)), weight: make([]float32, len(t.at))}
	for _, at := range t.at {
		r.first[at+1]++
	}
	for i := range t.in {
		r.first[i+1] += r.first[i]
	}
	next := slices.Clone(r.first)
	for i := range t.out {
		for k := t.first[i]; k < t.first[i+1]; k++ {
			n := &next[t.at[k]]
			r.at[*n], r.weight[*n] = i, t.weight[k]
			*n++
		}
	}
	r.pair()
	return r
}
