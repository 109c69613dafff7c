package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// written brings to the gradient of input i what write writes to a tensor of its shape: all of it, or with all false a part, while the rest is 0.
func written(b *Back, i int, all bool, write func(to *value.Value) error) error {
	g, add := b.Over(i)
	if g == nil || g.Len() == 0 {
		return nil
	}
	if !add {
		if !all {
			g.Clear()
		}
		return write(g)
	}
	return onFloats(g, func() error { return addWritten[float32](g, all, write) }, func() error { return addWritten[float64](g, all, write) })
}

func addWritten[T simd.Float](g *value.Value, all bool, write func(to *value.Value) error) error {
	s := borrow[T](g.Len())
	defer giveBack(s)
	if !all {
		clear(*s)
	}
	to, err := value.Of(*s, g.Shape...)
	if err != nil {
		return err
	}
	if err := write(to); err != nil {
		return err
	}
	simd.AddTo(value.Data[T](g), *s)
	return nil
}

// copyBack copies elements where copy(to, at, of, from) would take them from.
func (r *grid) copyBack(to *value.Value, at int, of *value.Value, from int) {
	r.target, r.source = r.source, r.target
	at, from = from, at
	for i, n := range r.lengths {
		if n > 0 && r.target[i] < 0 { // from the other end, for copy goes forward in its target
			at += (n - 1) * r.target[i]
			from += (n - 1) * r.source[i]
			r.target[i], r.source[i] = -r.target[i], -r.source[i]
		}
	}
	r.copy(to, at, of, from)
}

// transposeBack undoes transpose: of holds the elements in the order that perm gives, and to, of the shape, gets them.
func (r *grid) transposeBack(to, of *value.Value, shape, perm []int) {
	inverse, view := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		inverse[p], view[i] = i, shape[p]
	}
	r.transpose(to, of, view, inverse, stridesOf(nil, view))
}
