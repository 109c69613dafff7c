package distance

import (
	"sync"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// units are two rows divided by their lengths, and room for the slopes by them.
type units struct {
	x, y, dx, dy     []float64
	lengthX, lengthY float64 // what they were divided by
	all              []float64
}

// memory keeps units from one call to the next.
var memory = sync.Pool{New: func() any { return new(units) }}

// unitsOf returns units to be put back into memory.
func unitsOf[T tensor.Float](x, y []T) *units {
	u, n := memory.Get().(*units), len(x)
	u.all = scratch.Sized(u.all, 4*n)
	u.x, u.y, u.dx, u.dy = u.all[:n], u.all[n:2*n], u.all[2*n:3*n], u.all[3*n:]
	u.lengthX, u.lengthY = simd.Unit(u.x, x), simd.Unit(u.y, y)
	return u
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
