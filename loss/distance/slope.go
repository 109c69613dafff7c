package distance

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Slope adds up·∂d/∂x to dx and up·∂d/∂y to dy, where d is what Between returned for the rows x and y.
//
// Kinks: the derivative of Euclidean and Lp is 0 where the distance is 0; that of Lp with P = +Inf is divided
// among equal greatest differences. A length below 1e-12 that rows are divided by does not change with its row.
func Slope[T tensor.Float](m Measure, dx, dy []float64, x, y []T, d, up float64) {
	if m.Normalize {
		m.Normalize = false
		u := unitsOf(x, y)
		defer memory.Put(u)
		clear(u.dx)
		clear(u.dy)
		Slope(m, u.dx, u.dy, u.x, u.y, d, up)
		throughUnit(dx, u.dx, u.x, u.lengthX)
		throughUnit(dy, u.dy, u.y, u.lengthY)
		return
	}
	switch m.Kind {
	case Squared:
		for i, v := range x {
			s := float64(2 * up * (float64(v) - float64(y[i])))
			dx[i] += s
			dy[i] -= s
		}
	case Cosine:
		simd.CosineDistanceGrad(dx, dy, x, y, simd.ShortestRow, d, up)
	case Dot:
		for i, v := range x {
			dx[i] -= float64(up * float64(y[i]))
			dy[i] -= float64(up * float64(v))
		}
	case Lp:
		simd.PairNormGrad(dx, dy, x, y, m.P, 0, d, up)
	default:
		simd.PairNormGrad(dx, dy, x, y, 2, 0, d, up)
	}
}
