package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradient by the input. Of equal greatest elements under a window the first takes it, of NaN the last; a norm of 0 has none.
func (k *pool) Back(b *Back) error {
	x := b.In[0]
	s, err := k.window.fit(x.Shape[2:], k.window.kernel)
	if err != nil || b.Up[0] == nil {
		return err
	}
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	return onFloats(x, func() error { poolBack[float32](k, s, b, g, add); return nil }, func() error { poolBack[float64](k, s, b, g, add); return nil })
}

func poolBack[T simd.Float](k *pool, s *space, b *Back, g *value.Value, add bool) {
	dx, x, dy, y := value.Data[T](g), value.Data[T](b.In[0]), value.Data[T](b.Up[0]), value.Data[T](b.Out[0])
	if len(dy) > 0 && poolPlainBack(k, s, dx, x, dy, add) {
		return
	}
	if !add {
		clear(dx)
	}
	if len(dy) == 0 {
		return
	}
	j := &poolJob[T]{pool: k, space: s}
	j.in, j.out, _ = s.volumes()
	var indices []int64
	if k.what == poolGreatest {
		indices = make([]int64, len(dy))
		rows := *k
		rows.columns = false
		greatestOf(&rows, &poolJob[T]{}, s, make([]T, len(dy)), x, indices, T(math.Inf(-1)))
	}
	inParts(len(dy)/j.out, j.in+j.out, func(from, to int) {
		var up, sums []T
		for p := from; p < to; p++ {
			dy, dx := dy[p*j.out:][:j.out], dx[p*j.in:][:j.in]
			if k.what == poolGreatest {
				for i, at := range indices[p*j.out:][:j.out] {
					if at >= 0 {
						dx[int(at)-p*j.in] += dy[i]
					}
				}
				continue
			}
			up = append(up[:0], dy...)
			if k.what == average {
				averages(j, up)
				spreadWindows(s, dx, up)
				continue
			}
			normFactors(up, y[p*j.out:][:j.out], k.p)
			sums = scratch.Sized(sums, j.in)
			clear(sums)
			spreadWindows(s, sums, up)
			powerSlopes(dx, x[p*j.in:][:j.in], sums, k.p)
		}
	})
}

// poolPlainBack leaves windows in the plane without dilation, and with equal padding, to package simd, and tells whether it did.
func poolPlainBack[T simd.Float](k *pool, s *space, dx, x, dy []T, add bool) bool {
	d, h, w := &s[0], &s[1], &s[2]
	in, _, _ := s.volumes()
	p := simd.Pool2D{Batch: 1, C: len(x) / in * d.in, H: h.in, W: w.in, KH: h.kernel, KW: w.kernel, StrideH: h.stride, StrideW: w.stride, PadH: h.begin, PadW: w.begin}
	if !d.still() || h.dilation != 1 || w.dilation != 1 || p.Validate() != nil || p.OutH() != h.out || p.OutW() != w.out {
		return false
	}
	switch {
	case k.what == poolGreatest:
		k.argmax = scratch.Sized(k.argmax, len(dy))
		y := borrow[T](len(dy))
		simd.MaxPool2D(&p, *y, x, k.argmax)
		giveBack(y)
		simd.MaxPool2DGrad(&p, dx, dy, k.argmax, add)
	case k.what == average && h.begin+h.end+w.begin+w.end == 0:
		simd.AvgPool2DGrad(&p, dx, dy, add)
	default:
		return false
	}
	return true
}

// spreadWindows adds to the elements of a plane those of the windows that they lie under.
func spreadWindows[T simd.Float](s *space, dx, dy []T) {
	s.rows(func(from, to, n, step int) {
		for _, v := range dy[from:][:n] {
			dx[to] += v
			to += step
		}
	})
}

// normFactors multiplies with y^(1−p), where y is a norm: by that and by sign(x)·|x|^(p−1) the derivative of y by x is a product. Where y is 0 it becomes 0.
func normFactors[T simd.Float](dy, y []T, p float64) {
	for i, v := range y {
		if v == 0 {
			dy[i] = 0
		} else {
			dy[i] = T(float64(dy[i]) * math.Pow(float64(v), 1-p))
		}
	}
}

// powerSlopes adds sign(x)·|x|^(p−1)·dy.
func powerSlopes[T simd.Float](dx, x, dy []T, p float64) {
	for i, v := range x {
		if v != 0 {
			dx[i] += T(math.Copysign(math.Pow(math.Abs(float64(v)), p-1), float64(v)) * float64(dy[i]))
		}
	}
}

// Back gives the gradient by the input. Of equal greatest elements the first takes it, of NaN the last; a norm of 0 has none.
func (k *global) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g := b.Into(0)
	if g == nil {
		return nil
	}
	return onFloats(g, func() error { globalBack[float32](k, b, g); return nil }, func() error { globalBack[float64](k, b, g); return nil })
}

func globalBack[T simd.Float](k *global, b *Back, g *value.Value) {
	dx, x, dy, y := value.Data[T](g), value.Data[T](b.In[0]), value.Data[T](b.Up[0]), value.Data[T](b.Out[0])
	if len(dy) == 0 {
		return
	}
	area := len(x) / len(dy)
	inParts(len(dy), area, func(from, to int) {
		for i := from; i < to; i++ {
			dx, x := dx[i*area:][:area], x[i*area:][:area]
			switch k.what {
			case average:
				simd.AddScalar(dx, dx, T(float64(dy[i])/float64(area)))
			case poolGreatest:
				dx[firstGreatest(x)] += dy[i]
			default:
				up := []T{dy[i]}
				normFactors(up, y[i:i+1], k.p)
				for j := range x {
					powerSlopes(dx[j:j+1], x[j:j+1], up, k.p)
				}
			}
		}
	})
}

// firstGreatest is the place of the greatest element, the first of equals but the last NaN.
func firstGreatest[T simd.Float](x []T) int {
	at := 0
	for i, v := range x {
		if v > x[at] || v != v {
			at = i
		}
	}
	return at
}
