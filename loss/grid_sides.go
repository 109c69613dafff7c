package loss

import (
	"cmp"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// set gives the grid its embeddings: anchors, and references that are others or, with nil,
// the anchors themselves. ok is false where numbers are not finite, or so large that
// their lengths or the squares of distances are not.
func (g *grid[T]) set(m distance.Measure, similarity bool, dim int, a, r gridArgs[T]) (ok bool) {
	g.measure, g.similarity, g.dim, g.own = formulaOf(m), similarity, dim, r.x == nil
	g.rows, g.ready, g.done, g.powers = gridRows[T]{g}, gridReady[T]{grid: g}, gridDone[T]{grid: g}, gridPowers[T]{grid: g}
	g.scratch = scratch.Sized(g.scratch[:cap(g.scratch)], max(simd.Threads(), 1))
	for i := range g.scratch {
		g.scratch[i].wide = scratch.Sized(g.scratch[i].wide, 2*dim)
	}
	g.a, g.r = &g.sides[0], &g.sides[0]
	g.a.take(a, dim)
	if !g.own {
		g.r = &g.sides[1]
		g.r.take(r, dim)
	}
	for i := range g.distinct() {
		s := &g.sides[i]
		if simd.HasNonFinite(s.raw) || !g.normalise(s) {
			return false
		}
	}
	return g.centreAll()
}

// distinct returns the sides: one where the references are the anchors.
func (g *grid[T]) distinct() []gridSide[T] {
	if g.own {
		return g.sides[:1]
	}
	return g.sides[:]
}

// gridArgs is a set of embeddings as a caller gives it.
type gridArgs[T tensor.Float] struct {
	x      []T
	labels []int
	dx     []T
}

func (s *gridSide[T]) take(a gridArgs[T], dim int) {
	s.rows, s.labels, s.raw, s.out = len(a.x)/dim, a.labels, a.x, a.dx
}

// sort orders the references by their labels, as run needs them.
func (g *grid[T]) sort() {
	g.order = scratch.Sized(g.order, g.r.rows)
	for i := range g.order {
		g.order[i] = int32(i)
	}
	labels := g.r.labels
	slices.SortFunc(g.order, func(i, j int32) int {
		return cmp.Or(cmp.Compare(labels[i], labels[j]), cmp.Compare(i, j))
	})
}

// normalise divides a side's rows by their lengths, or takes them as they are. It reports
// whether the lengths are finite.
func (g *grid[T]) normalise(s *gridSide[T]) bool {
	s.x, s.points = s.raw, s.raw
	if !g.measure.unit() {
		return true
	}
	s.lengths, s.unit = scratch.Sized(s.lengths, s.rows), scratch.Sized(s.unit, len(s.raw))
	s.x, s.points = s.unit, s.unit
	g.ready.side, g.ready.centring = s, false
	simd.Run(tasksOf(s.rows), &g.ready)
	return !simd.HasNonFinite(s.lengths)
}

func tasksOf(rows int) int { return (rows + sideTask - 1) / sideTask }

const sideTask = 64 // rows of one task where a side is prepared or finished

// most is the greatest number that T holds.
func most[T tensor.Float]() float64 {
	if is32[T]() {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

// centreAll takes the mean of the references out of both sides, where values are
// distances, and computes the squares of the norms.
func (g *grid[T]) centreAll() bool {
	if !g.expanded() {
		return true
	}
	g.centre = scratch.Sized(g.centre, g.dim)
	simd.SumRows(g.centre, g.r.x, g.r.rows, g.dim, false)
	simd.Scale(g.centre, g.centre, 1/T(max(g.r.rows, 1)))
	finite := true
	for i := range g.distinct() {
		s := &g.sides[i]
		g.centreSide(s)
		finite = finite && 4*float64(simd.Max(s.squares)) <= most[T]() // a square of a distance is at most that
	}
	g.far = simd.Max(g.r.squares)
	return finite
}

// expanded reports whether values are distances that come from products.
func (g *grid[T]) expanded() bool {
	return g.measure.Kind == distance.Euclidean || g.measure.Kind == distance.Squared
}

func (g *grid[T]) centreSide(s *gridSide[T]) {
	s.centred, s.squares = scratch.Sized(s.centred, len(s.x)), scratch.Sized(s.squares, s.rows)
	s.points = s.centred
	g.ready.side, g.ready.centring = s, true
	simd.Run(tasksOf(s.rows), &g.ready)
}

// gridReady prepares the rows of a side.
type gridReady[T tensor.Float] struct {
	*grid[T]
	side     *gridSide[T]
	centring bool
}

// Do implements simd.Job.
func (g *gridReady[T]) Do(task, _ int) {
	s, d := g.side, g.dim
	for i := task * sideTask; i < min((task+1)*sideTask, s.rows); i++ {
		if g.centring {
			p := s.points[i*d : (i+1)*d]
			simd.Sub(p, s.x[i*d:(i+1)*d], g.centre)
			s.squares[i] = T(simd.SumSquares(p))
			continue
		}
		s.lengths[i] = simd.Unit(s.x[i*d:(i+1)*d], s.raw[i*d:(i+1)*d])
	}
}

// clearGradient makes room for a gradient.
func (g *grid[T]) clearGradient() {
	for i := range g.distinct() {
		s := &g.sides[i]
		if s.out == nil {
			s.grad = nil
			continue
		}
		s.grad = scratch.Sized(s.kept, s.rows*g.dim)
		s.kept = s.grad
		clear(s.grad)
	}
	for i := range g.distinct() {
		s := &g.sides[i]
		s.sums = scratch.Sized(s.sums, apart[T](s.rows))
		clear(s.sums)
	}
}

// finish writes the gradients, multiplied by scale.
func (g *grid[T]) finish(scale float64) {
	for i := range g.distinct() {
		s := &g.sides[i]
		if s.out == nil {
			continue
		}
		g.done.side, g.done.scale = s, scale
		simd.Run(tasksOf(s.rows), &g.done)
	}
}

// gridDone turns weighted sums of points into gradients by what the caller gave.
type gridDone[T tensor.Float] struct {
	*grid[T]
	side  *gridSide[T]
	scale float64
}

// Do implements simd.Job.
func (g *gridDone[T]) Do(task, _ int) {
	s, d, scale := g.side, g.dim, g.scale
	if g.measure.Kind == distance.Squared {
		scale *= 2
	}
	for i := task * sideTask; i < min((task+1)*sideTask, s.rows); i++ {
		grad, out := s.grad[i*d:(i+1)*d], s.out[i*d:(i+1)*d]
		if g.expanded() { // Σ w·(xᵢ − xⱼ)
			simd.Scale(grad, grad, -1)
			simd.AXPY(grad, s.sums[i], s.points[i*d:(i+1)*d])
		}
		if !g.measure.unit() {
			simd.Scale(out, grad, T(scale))
			continue
		}
		u := s.x[i*d : (i+1)*d]
		along := 0.0
		if s.lengths[i] > simd.ShortestRow {
			along = simd.Dot(grad, u)
		}
		by := scale / s.lengths[i]
		for k, v := range grad {
			out[k] = T((float64(v) - float64(along*float64(u[k]))) * by)
		}
	}
}

// refuse writes NaN for every gradient.
func (g *grid[T]) refuse() {
	for i := range g.distinct() {
		simd.Fill(g.sides[i].out, T(math.NaN()))
	}
}

// forget lets go of what is the caller's.
func (g *grid[T]) forget() {
	for i := range g.sides {
		s := &g.sides[i]
		s.labels, s.raw, s.out, s.x, s.points = nil, nil, nil, nil, nil
	}
	g.loss = nil
}
