package distance

import (
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/tensor"
)

// Slope adds up·∂d/∂x to dx and up·∂d/∂y to dy, where d is what Between returned for the rows x and y. It
// allocates with Normalize alone.
//
// Kinks: the derivative of Euclidean and Lp is 0 where the distance is 0; that of Lp with P = +Inf is divided
// among equal greatest differences. A length below 1e-12 that rows are divided by does not change with its row.
func Slope[T tensor.Float](m Measure, dx, dy []float64, x, y []T, d, up float64) {
	if m.Normalize {
		slopeOfUnits(m, dx, dy, x, y, d, up)
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

// slopeOfUnits is Slope where the rows are divided by their lengths.
func slopeOfUnits[T tensor.Float](m Measure, dx, dy []float64, x, y []T, d, up float64) {
	m.Normalize = false
	u, lengthX := unit(x)
	v, lengthY := unit(y)
	du, dv := make([]float64, len(u)), make([]float64, len(v))
	Slope(m, du, dv, u, v, d, up)
	throughUnit(dx, du, u, lengthX)
	throughUnit(dy, dv, v, lengthY)
}

// throughUnit adds the slope by a row to dx, where that by the row divided by its length is du: what is along
// the row changes its length alone.
func throughUnit(dx, du, u []float64, length float64) {
	along := 0.0
	if length > simd.ShortestRow {
		along = simd.Dot(du, u)
	}
	for i, s := range du {
		dx[i] += (s - float64(along*u[i])) / length
	}
}
