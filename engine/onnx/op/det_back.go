package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient to each element by its cofactor.
func (det) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	return onFloats(g, func() error {
		detBack(value.Data[float32](g), value.Data[float32](b.Up[0]), value.Data[float32](b.In[0]), g.Shape, add)
		return nil
	}, func() error {
		detBack(value.Data[float64](g), value.Data[float64](b.Up[0]), value.Data[float64](b.In[0]), g.Shape, add)
		return nil
	})
}

func detBack[T simd.Float](dst, up, x []T, shape []int, add bool) {
	n := shape[len(shape)-1]
	if n == 0 {
		return
	}
	inParts(len(up), n*n*n, func(from, to int) {
		a, c := make([]float64, n*n), make([]float64, n*n)
		for m := from; m < to; m++ {
			for i, e := range x[m*n*n : (m+1)*n*n] {
				a[i] = float64(e)
			}
			cofactors(c, a, n)
			row := dst[m*n*n : (m+1)*n*n]
			for i, e := range c {
				d := T(float64(up[m]) * e)
				if add {
					d += row[i]
				}
				row[i] = d
			}
		}
	})
}

// cofactors computes those of the n × n matrix a: its determinant times the inverse, transposed, or where that is 0 from the determinants of the minors.
func cofactors(c, a []float64, n int) {
	inverse := make([]float64, n*n)
	if d := invert(inverse, append([]float64(nil), a...), n); d != 0 {
		for i := range n {
			for j := range n {
				c[i*n+j] = d * inverse[j*n+i]
			}
		}
		return
	}
	minor := make([]float64, 0, n*n)
	for i := range n {
		for j := range n {
			minor = minor[:0]
			for k := range n * n {
				if k/n != i && k%n != j {
					minor = append(minor, a[k])
				}
			}
			if c[i*n+j] = determinant(minor, n-1); (i+j)%2 == 1 {
				c[i*n+j] = -c[i*n+j]
			}
		}
	}
}

// invert writes the inverse of a, which it destroys, and gives the determinant. Where that is 0 there is no inverse.
func invert(inverse, a []float64, n int) float64 {
	for i := range n {
		inverse[i*n+i] = 1
	}
	d := 1.0
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i*n+k]) > math.Abs(a[pivot*n+k]) {
				pivot = i
			}
		}
		p := a[pivot*n+k]
		if p == 0 {
			return 0
		}
		if pivot != k {
			d = -d
			for _, m := range [][]float64{a, inverse} {
				for j := range n {
					m[k*n+j], m[pivot*n+j] = m[pivot*n+j], m[k*n+j]
				}
			}
		}
		d *= p
		for _, m := range [][]float64{a, inverse} {
			simd.Scale(m[k*n:(k+1)*n], m[k*n:(k+1)*n], 1/p)
		}
		for i := range n {
			if i == k {
				continue
			}
			f := -a[i*n+k]
			for _, m := range [][]float64{a, inverse} {
				simd.AXPY(m[i*n:(i+1)*n], f, m[k*n:(k+1)*n])
			}
		}
	}
	return d
}
