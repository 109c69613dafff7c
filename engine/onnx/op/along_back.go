package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradients along the lines in the other direction.
func (k *cumulative) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	x := b.In[0]
	axis, err := scalarOf(b.In[1], "axis")
	if err != nil {
		return err
	}
	l, err := linesOf(x.Shape, axis)
	if err != nil {
		return err
	}
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	return onFloats(x, func() error {
		cumulativeBack(k, value.Data[float32](g), value.Data[float32](b.Up[0]), value.Data[float32](x), l, add)
		return nil
	}, func() error {
		cumulativeBack(k, value.Data[float64](g), value.Data[float64](b.Up[0]), value.Data[float64](x), l, add)
		return nil
	})
}

// cumulativeBack computes, of each line, dx_j = p_j·s_j: p_j is the product of what comes before j, and s_j = up_j + x_(j+1)·s_(j+1), both in float64. Of sums, the factors are 1.
// An exclusive result at j is what is before it, so that up_j counts for j − 1.
func cumulativeBack[T simd.Float](k *cumulative, dst, up, x []T, l lines, add bool) {
	inParts(l.before*l.after, l.length, func(from, to int) {
		p := make([]float64, l.length)
		for i := from; i < to; i++ {
			at, step := i/l.after*l.length*l.after+i%l.after, l.after
			if k.reverse {
				at, step = at+(l.length-1)*l.after, -l.after
			}
			before := 1.0
			for j := range p {
				p[j] = before
				before *= k.factor(float64(x[at+j*step]))
			}
			s := 0.0
			for j := l.length - 1; j >= 0; j-- {
				o := at + j*step
				if k.exclusive {
					if j+1 < l.length {
						s = float64(up[o+step]) + s
					}
				} else {
					s += float64(up[o])
				}
				d := T(p[j] * s)
				s *= k.factor(float64(x[o]))
				if add {
					d += dst[o]
				}
				dst[o] = d
			}
		}
	})
}

func (k *cumulative) factor(x float64) float64 {
	if k.op == mul {
		return x
	}
	return 1
}

// Back brings the gradient through the lines: of softmax y∘(up − Σ up·y), of its logarithm up − e^y·Σ up.
func (k *norm) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	y := b.Out[0]
	l, err := k.lines(y.Shape)
	if err != nil {
		return err
	}
	g, add := b.Over(0)
	if g == nil || g.Len() == 0 {
		return nil
	}
	return onFloats(y, func() error {
		alongBack(k.op, value.Data[float32](g), value.Data[float32](b.Up[0]), value.Data[float32](y), l, add)
		return nil
	}, func() error {
		alongBack(k.op, value.Data[float64](g), value.Data[float64](b.Up[0]), value.Data[float64](y), l, add)
		return nil
	})
}

func alongBack[T simd.Float](o normOp, dst, up, y []T, l lines, add bool) {
	if l.after == 1 {
		inParts(l.before, l.length, func(from, to int) {
			t := borrow[T](l.length)
			for i := from; i < to; i++ {
				row, u, v := dst[i*l.length:(i+1)*l.length], up[i*l.length:(i+1)*l.length], y[i*l.length:(i+1)*l.length]
				if o == softmax {
					simd.AddScalar(*t, u, T(-simd.Dot(u, v)))
					simd.Mul(*t, *t, v)
				} else {
					simd.Exp(*t, v)
					simd.Scale(*t, *t, T(-simd.Sum(u)))
					simd.AddTo(*t, u)
				}
				deliver(row, *t, add)
			}
			giveBack(t)
		})
		return
	}
	blocks := (l.after + blockColumns - 1) / blockColumns
	inParts(l.before*blocks, l.length*min(l.after, blockColumns), func(from, to int) {
		sum, t := borrow[T](blockColumns), borrow[T](blockColumns)
		for i := from; i < to; i++ {
			lo := i % blocks * blockColumns
			n := min(blockColumns, l.after-lo)
			normColumnsBack(o, dst, up, y, i/blocks*l.length*l.after+lo, n, l, add, (*sum)[:n], (*t)[:n])
		}
		giveBack(sum)
		giveBack(t)
	})
}

// normColumnsBack works on n columns side by side, the first of which begins at an element.
func normColumnsBack[T simd.Float](o normOp, dst, up, y []T, at, n int, l lines, add bool, sum, t []T) {
	clear(sum)
	for r := range l.length {
		if i := at + r*l.after; o == softmax {
			simd.MulAdd(sum, up[i:i+n], y[i:i+n])
		} else {
			simd.AddTo(sum, up[i:i+n])
		}
	}
	for r := range l.length {
		i := at + r*l.after
		if o == softmax {
			simd.Sub(t, up[i:i+n], sum)
			simd.Mul(t, t, y[i:i+n])
		} else {
			simd.Exp(t, y[i:i+n])
			simd.Mul(t, t, sum)
			simd.Sub(t, up[i:i+n], t)
		}
		deliver(dst[i:i+n], t, add)
	}
}
