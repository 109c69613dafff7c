package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings to each scale Σ up·(x − zero) over the elements that it scales, and to elements that are floats up·scale.
func (k *dequantize) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	return onFloats(up, func() error { return dequantizeBack[float32](k, b) }, func() error { return dequantizeBack[float64](k, b) })
}

func dequantizeBack[T simd.Float](k *dequantize, b *Back) error {
	x, scale := b.In[0], b.In[1]
	p, err := k.cut(x, scale)
	if err != nil {
		return err
	}
	s, err := floatsAs[T](scale)
	if err != nil {
		return err
	}
	t := borrow[T](x.Len())
	defer giveBack(t)
	v, err := value.Of(*t, x.Shape...)
	if err != nil {
		return err
	}
	up := value.Data[T](b.Up[0])
	if g, add := b.Over(0); g != nil {
		p.each(func(from, to, at, n int) { product((*t)[from:to], up[from:to], s[at:at+n]) })
		if err := deliverAs(g, v, add); err != nil {
			return err
		}
	}
	g, add := b.Over(1)
	if g == nil {
		return nil
	}
	one, err := value.Of(make([]T, len(s)), scale.Shape...)
	if err != nil {
		return err
	}
	simd.Fill(value.Data[T](one), 1)
	if err := dequantizeTo[T](v, p, x, one, inputOf(b.In, 2)); err != nil { // x − zero
		return err
	}
	simd.Mul(*t, *t, up)
	sums := make([]float64, len(s))
	for i := range p.rows * p.perRow {
		row, piece := i/p.perRow, i%p.perRow
		at, n := p.scaleOf(row, piece)
		part := (*t)[row*p.row+piece*p.length : row*p.row+min(p.row, (piece+1)*p.length)]
		if n == 1 {
			sums[at] += simd.Sum(part)
			continue
		}
		for j, e := range part {
			sums[at+j] += float64(e)
		}
	}
	for i, e := range sums {
		value.Data[T](one)[i] = T(e)
	}
	return deliverAs(g, one, add)
}
