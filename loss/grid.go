package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// A rowLoss is a loss that is a sum over anchors, each of which looks at its distances or
// similarities to all references. row is called from several goroutines at once.
type rowLoss[T tensor.Float] interface {
	// row overwrites the anchor's values by the derivatives of its part of the sum, or
	// gives the few that are not 0 to r.push and leaves the values as they may be.
	row(r *gridRow[T])
}

// gridRow is one anchor.
type gridRow[T tensor.Float] struct {
	values []T     // by reference
	same   []int32 // the references of the anchor's label in rising order, without itself
	self   int     // the reference that the anchor is, −1 for none; its value means nothing
	kept   []T     // scratch, three times as long as values
	ranked []T     // scratch, as long as same
	tally  []int64 // scratch, one longer than same
	others int     // references of other labels

	sum   float64 // the anchor's part of the loss
	terms int64
	alive int64 // terms above 0
	near  int64 // of them, pairs of one label

	anchor int32
	part   *gridPart
	sparse bool
}

// push adds the derivative w by the value of one reference, and makes all that are not
// pushed 0.
func (r *gridRow[T]) push(ref int32, w float64) {
	r.sparse = true
	if w != 0 {
		r.part.single = append(r.part.single, gridPair{r.anchor, ref, w})
	}
}

// mask gives the anchor itself and the references of its label a value.
func (r *gridRow[T]) mask(v T) {
	if r.self >= 0 {
		r.values[r.self] = v
	}
	for _, j := range r.same {
		r.values[j] = v
	}
}

// gridPair is a pair whose gradient is taken from the difference itself.
type gridPair struct {
	anchor, ref int32
	w           float64
}

// gridPart is what a task's anchors have to themselves.
type gridPart struct {
	single []gridPair
	tails  []float64
	sums   [1]float64
	sum    float64
	stats  PairStats
	dense  bool // some values hold derivatives
}

// gridScratch is a worker's memory.
type gridScratch[T tensor.Float] struct {
	row        gridRow[T]
	same, near []int32
	kept       []T
	ranked     []T
	tally      []int64
	distances  []T
	wide       []float64 // two points
}

// gridSide is a set of embeddings.
type gridSide[T tensor.Float] struct {
	rows   int
	labels []int
	raw    []T // the caller's
	out    []T // the caller's gradient; nil where it is not to be written

	x       []T // the caller's points, normalised if the measure says so
	points  []T // x, less the centre where values are distances
	unit    []T // memory of x and of points, where they are not raw
	centred []T
	squares []T       // ‖points‖²
	lengths []float64 // what normalised ones were divided by
	grad    []T       // Σ of the weights times the points of the other side; nil where out is
	kept    []T       // memory of grad
	sums    []T       // Σ of the weights
}

// A grid evaluates a loss over all pairs of anchors and references. The matrix of their
// values is held a strip of anchors at a time, so memory does not grow with the square of
// the batch. Squares of distances come from products of points, ‖a‖² + ‖b‖² − 2a·b, with
// the mean taken out first; pairs that are so near that this would cancel are computed
// from their differences.
type grid[T tensor.Float] struct {
	measure    formula
	similarity bool // the loss takes similarities
	loss       rowLoss[T]
	dim        int
	own        bool // the references are the anchors: a and r are one
	a, r       *gridSide[T]
	sides      [2]gridSide[T]

	centre []T
	order  []int32 // references by label, then by index
	far    T       // greatest squared norm of a reference
	strip  []T
	stride int // elements from one row of the strip to the next
	lo, hi int // anchors of the strip
	learn  bool

	parts   []gridPart
	scratch []gridScratch[T]
	rows    gridRows[T]
	ready   gridReady[T]
	done    gridDone[T]
	powers  gridPowers[T]
}

// Elements of a strip, and anchors of one task. Sums depend on them.
const (
	stripElements = 3 << 20
	gridTask      = 8
)

// run evaluates the loss. It returns the sum over the anchors, and keeps the gradient for
// finish.
func (g *grid[T]) run(loss rowLoss[T], learn bool) (sum float64, s PairStats) {
	g.loss, g.learn = loss, learn
	n, m := g.a.rows, g.r.rows
	height := max(stripElements/max(m, 1), 1)
	height = min((height+gridTask-1)/gridTask*gridTask, max(n, 1))
	g.stride = apart[T](m)
	g.strip = scratch.Sized(g.strip, height*g.stride)
	for i := range height { // what lies between the rows is added up with them
		clear(g.strip[i*g.stride+m : (i+1)*g.stride])
	}
	g.parts = scratch.Sized(g.parts[:cap(g.parts)], (height+gridTask-1)/gridTask)
	if learn {
		g.clearGradient()
	}
	for g.lo = 0; g.lo < n; g.lo = g.hi {
		g.hi = min(g.lo+height, n)
		if g.measure.Kind != distance.Lp {
			g.products()
		}
		parts := g.parts[:(g.hi-g.lo+gridTask-1)/gridTask]
		simd.Run(len(parts), &g.rows)
		dense := false
		for i := range parts {
			sum += parts[i].sum
			s.add(parts[i].stats)
			dense = dense || parts[i].dense
		}
		if learn {
			g.gradient(parts, dense)
		}
	}
	return sum, s
}

// apart returns how far apart rows of n elements should lie: not a multiple of a kilobyte,
// since such rows share few places of a cache.
func apart[T tensor.Float](n int) int {
	const line = 16
	n = (n + line - 1) / line * line
	if n%256 == 0 {
		n += line
	}
	return n
}

// products puts those of the strip's anchors with all references into the strip.
func (g *grid[T]) products() {
	rows, m, d := g.hi-g.lo, g.r.rows, g.dim
	gemm.Mul(false, true, rows, m, d, g.a.points[g.lo*d:], d, g.r.points, d, 0, g.strip, g.stride)
}

// gridRows does the anchors of a strip.
type gridRows[T tensor.Float] struct{ *grid[T] }

// Do implements simd.Job.
func (g *gridRows[T]) Do(task, worker int) {
	p, w := &g.parts[task], &g.scratch[worker]
	*p = gridPart{single: p.single[:0], tails: p.tails}
	m := g.r.rows
	w.distances = scratch.Sized(w.distances, m)
	for i := g.lo + task*gridTask; i < min(g.lo+(task+1)*gridTask, g.hi); i++ {
		g.anchor(i, g.strip[(i-g.lo)*g.stride:][:m], p, w)
	}
}

// anchor turns the products of one anchor into derivatives.
func (g *grid[T]) anchor(i int, row []T, p *gridPart, w *gridScratch[T]) {
	self := -1
	if g.own {
		self = i
	}
	sign, offset := g.measure.as(g.similarity)
	g.toDistances(i, self, row, w)
	if g.mayOverflow() && simd.HasNonFinite(row) {
		p.sum = math.NaN()
		clear(row)
		return
	}
	if sign != 1 {
		simd.Scale(row, row, T(sign))
	}
	if offset != 0 {
		simd.AddScalar(row, row, T(offset))
	}
	g.sameAs(i, self, w)
	before := len(p.single)
	r := w.evaluate(g.loss, i, self, row, p)
	if r.sparse || !g.learn {
		for k := range p.single[before:] {
			p.single[before+k].w *= sign
		}
		clear(row)
		return
	}
	p.dense = true
	if self >= 0 {
		row[self] = 0
	}
	if sign != 1 {
		simd.Scale(row, row, T(sign))
	}
	g.toWeights(i, row, p, w)
}

// evaluate evaluates the loss at an anchor, of which w.same has the references of its label, and
// counts what it says.
func (w *gridScratch[T]) evaluate(loss rowLoss[T], anchor, self int, values []T, p *gridPart) *gridRow[T] {
	r := &w.row
	w.kept = scratch.Sized(w.kept, 3*len(values))
	w.ranked, w.tally = scratch.Sized(w.ranked, len(w.same)), scratch.Sized(w.tally, len(w.same)+1)
	*r = gridRow[T]{
		values: values, same: w.same, self: self, kept: w.kept, ranked: w.ranked, tally: w.tally, anchor: int32(anchor), part: p,
	}
	r.others = len(values) - len(r.same)
	if self >= 0 {
		r.others--
	}
	loss.row(r)
	p.sum += r.sum
	p.stats.add(PairStats{int64(len(r.same)), int64(r.others), r.terms, r.alive, r.near})
	return r
}

// sameAs lists the references of an anchor's label, without the anchor itself.
func (g *grid[T]) sameAs(i, self int, w *gridScratch[T]) {
	label := g.a.labels[i]
	w.same = w.same[:0]
	for _, j := range g.order[g.firstOf(label):] {
		if g.r.labels[j] != label {
			return
		}
		if int(j) != self {
			w.same = append(w.same, j)
		}
	}
}

// pairs returns how many pairs are of one label, and how many are not.
func (g *grid[T]) pairs() (same, others int64) {
	for _, label := range g.a.labels {
		hi := len(g.order)
		if label < math.MaxInt {
			hi = g.firstOf(label + 1)
		}
		same += int64(hi - g.firstOf(label))
	}
	all := int64(g.a.rows) * int64(g.r.rows)
	others = all - same
	if g.own {
		same -= int64(g.a.rows)
	}
	return same, others
}

// firstOf returns where a label's references begin in order, or would.
func (g *grid[T]) firstOf(label int) int {
	lo, hi := 0, len(g.order)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); g.r.labels[g.order[mid]] < label {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// closeness is how near two points are, as a share of their squared norms, where the square
// of their distance is computed from the difference; and where the gradient is, too.
func closeness[T tensor.Float]() (value, slope T) {
	if is32[T]() {
		return 1.0 / 64, 1e-4
	}
	return 1e-5, 1e-10
}

func is32[T tensor.Float]() bool { return T(1)+T(0x1p-40) == 1 }

// toDistances turns an anchor's products into distances, where they are to be, keeps those
// for toWeights, and notes which references are near.
func (g *grid[T]) toDistances(i, self int, row []T, w *gridScratch[T]) {
	w.near = w.near[:0]
	switch g.measure.Kind {
	case distance.Cosine, distance.Dot:
		if self >= 0 {
			row[self] = 0
		}
		return
	case distance.Lp:
		x := g.point(g.a, i)
		for j := range row {
			row[j] = T(simd.PairNorm(x, g.point(g.r, j), g.measure.P, 0))
		}
		return
	}
	mine := g.a.squares[i]
	simd.Scale(row, row, -2)
	simd.AddTo(row, g.r.squares)
	simd.AddScalar(row, row, mine)
	simd.ReLU(row, row)
	if self >= 0 {
		row[self] = T(math.Inf(1))
	}
	value, slope := closeness[T]()
	if simd.Min(row) <= value*(mine+g.far) {
		x := g.point(g.a, i)
		for j, d := range row {
			norms := mine + g.r.squares[j]
			if d > value*norms {
				continue
			}
			row[j] = T(simd.PairSquares(x, g.point(g.r, j)))
			if row[j] <= slope*norms {
				w.near = append(w.near, int32(j))
			}
		}
	}
	if self >= 0 {
		row[self] = 0
	}
	if g.measure.Kind == distance.Euclidean {
		simd.Sqrt(row, row)
		copy(w.distances, row)
	}
}

// mayOverflow reports whether values of finite embeddings may not be finite. Those of
// embeddings of length 1 are, and where they are distances that come from products, set has
// seen to it.
func (g *grid[T]) mayOverflow() bool {
	return !g.measure.unit() && (g.measure.Kind == distance.Dot || g.measure.Kind == distance.Lp)
}

// point returns an embedding, not centred.
func (g *grid[T]) point(s *gridSide[T], i int) []T { return s.x[i*g.dim : (i+1)*g.dim] }

// toWeights turns derivatives by distances into what their points are multiplied by, and
// takes the near ones out, since points that are nearly the same would cancel.
func (g *grid[T]) toWeights(i int, row []T, p *gridPart, w *gridScratch[T]) {
	for _, j := range w.near {
		if row[j] != 0 {
			p.single = append(p.single, gridPair{int32(i), j, float64(row[j])})
		}
		row[j] = 0
	}
	switch g.measure.Kind {
	case distance.Cosine, distance.Dot, distance.Lp:
		return
	case distance.Euclidean:
		for _, j := range w.near {
			w.distances[j] = 1
		}
		if g.own {
			w.distances[i] = 1
		}
		simd.Div(row, row, w.distances)
	}
	g.a.sums[i] += T(simd.Sum(row))
}
