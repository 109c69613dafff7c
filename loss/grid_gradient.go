package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// gradient adds what a strip's derivatives say.
func (g *grid[T]) gradient(parts []gridPart, dense bool) {
	if dense && g.measure.Kind == distance.Lp {
		g.powers.run()
	} else if dense {
		g.weigh()
	}
	for i := range parts {
		for _, p := range parts[i].single {
			g.single(p)
		}
	}
}

// weigh adds the points of each side, weighted, to the gradients of the other.
func (g *grid[T]) weigh() {
	rows, m, d := g.hi-g.lo, g.r.rows, g.dim
	if g.own && rows == m {
		gemm.MulSymmetric(m, d, g.strip, g.stride, g.a.points, d, g.a.grad, d)
		g.sumColumns(rows)
		return
	}
	if g.a.out != nil {
		gemm.Mul(false, false, rows, d, m, g.strip, g.stride, g.r.points, d, 1, g.a.grad[g.lo*d:], d)
	}
	if g.r.out != nil {
		gemm.Mul(true, false, m, d, rows, g.strip, g.stride, g.a.points[g.lo*d:], d, 1, g.r.grad, d)
		g.sumColumns(rows)
	}
}

func (g *grid[T]) sumColumns(rows int) {
	if g.expanded() {
		simd.SumRows(g.r.sums, g.strip[:rows*g.stride], rows, g.stride, true)
	}
}

// single adds the gradient of one pair. That of distances goes in with the other sign,
// which finish turns.
func (g *grid[T]) single(p gridPair) {
	d := g.dim
	i, j := int(p.anchor), int(p.ref)
	x, y := g.point(g.a, i), g.point(g.r, j)
	dx, dy := g.a.slot(i, d), g.r.slot(j, d)
	switch g.measure.Kind {
	case distance.Cosine, distance.Dot:
		if dx != nil {
			simd.AXPY(dx, T(p.w), y)
		}
		if dy != nil {
			simd.AXPY(dy, T(p.w), x)
		}
		return
	case distance.Lp:
		g.power(i, j, p.w, dx, dy, g.scratch[0].wide)
		return
	case distance.Euclidean:
		distance := math.Sqrt(simd.PairSquares(x, y))
		if distance == 0 {
			return
		}
		p.w /= distance
	}
	for k, v := range x {
		s := T(p.w * (float64(v) - float64(y[k])))
		if dx != nil {
			dx[k] -= s
		}
		if dy != nil {
			dy[k] += s
		}
	}
}

// slot returns where the gradient by one point adds up, nil where it is not computed.
func (s *gridSide[T]) slot(i, dim int) []T {
	if s.grad == nil {
		return nil
	}
	return s.grad[i*dim : (i+1)*dim]
}

// power adds the gradient of one pair's Lp distance to dx and dy, where they are not nil.
func (g *grid[T]) power(i, j int, w float64, dx, dy []T, wide []float64) {
	x, y := g.point(g.a, i), g.point(g.r, j)
	clear(wide)
	by, on := wide[:g.dim], wide[g.dim:2*g.dim]
	simd.PairNormGrad(by, on, x, y, g.measure.P, 0, simd.PairNorm(x, y, g.measure.P, 0), w)
	for k := range dx {
		dx[k] += T(by[k])
	}
	for k := range dy {
		dy[k] += T(on[k])
	}
}

// gridPowers adds the gradients of Lp distances: those by the strip's anchors, then those
// by the references.
type gridPowers[T tensor.Float] struct {
	*grid[T]
	byRef bool
}

func (g *gridPowers[T]) run() {
	if g.a.out != nil {
		g.byRef = false
		simd.Run(g.hi-g.lo, g)
	}
	if g.r.out != nil {
		g.byRef = true
		simd.Run(g.r.rows, g)
	}
}

// Do implements simd.Job.
func (g *gridPowers[T]) Do(task, worker int) {
	m, d := g.r.rows, g.dim
	wide := g.scratch[worker].wide
	if g.byRef {
		for i := g.lo; i < g.hi; i++ {
			if w := g.strip[(i-g.lo)*g.stride+task]; w != 0 {
				g.power(i, task, float64(w), nil, g.r.grad[task*d:(task+1)*d], wide)
			}
		}
		return
	}
	i := g.lo + task
	for j, w := range g.strip[task*g.stride:][:m] {
		if w != 0 {
			g.power(i, j, float64(w), g.a.grad[i*d:(i+1)*d], nil, wide)
		}
	}
}
