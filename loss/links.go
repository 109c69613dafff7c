package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// links are pairs of rows of a batch, by index, as a list: each with its distance or similarity,
// computed from the two rows, and the derivative of the loss by that. The work grows with their
// number, not with the square of the batch. The rows, their lengths and their gradients are the
// grid's.
type links[T tensor.Float] struct {
	*grid[T]
	from, to []int32
	same     []bool  // of pairs: whether they are of one label
	first    []int32 // of pairs, which are in the order of from: where those of each row begin
	values   []T
	weights  []float64 // derivatives by the values, of a sum
	at       []int32   // where the list of each row's links begins in ends
	ends     []int32   // links by row: those that have a weight

	parts    []gridPart
	loss     rowLoss[T]
	triplets tripletTerms[T]
	measured linkValues[T]
	rows     linkRows[T]
	slopes   linkSlopes[T]
}

// maxLinks is how many there may be: each is at two rows.
const maxLinks = math.MaxInt32 / 2

// resize makes room for n links between the rows of a grid.
func (l *links[T]) resize(g *grid[T], n int) {
	l.grid = g
	l.triplets, l.measured, l.rows, l.slopes = tripletTerms[T]{links: l}, linkValues[T]{l}, linkRows[T]{l}, linkSlopes[T]{l}
	l.from, l.to, l.same = scratch.Sized(l.from, n), scratch.Sized(l.to, n), scratch.Sized(l.same, n)
	l.values, l.weights = scratch.Sized(l.values, n), scratch.Sized(l.weights, n)
	l.first, l.at = scratch.Sized(l.first, g.a.rows+1), scratch.Sized(l.at, g.a.rows+1)
}

// ofPairs takes a list of pairs, orders it by the first of each, and measures them.
func (l *links[T]) ofPairs(g *grid[T], p pair.Pairs) {
	l.resize(g, p.Len())
	begin(l.first, p.First)
	for i, a := range p.First {
		k := l.first[a]
		l.first[a]++
		l.from[k], l.to[k], l.same[k] = int32(a), int32(p.Second[i]), p.Same[i]
	}
	copy(l.first[1:], l.first) // each has moved to where the next row's begin
	l.first[0] = 0
	l.measure()
}

// begin writes where the elements of each row begin if they are ordered by row.
func begin(first []int32, rows []int) {
	clear(first)
	for _, i := range rows {
		first[i+1]++
	}
	for i := range first[1:] {
		first[i+1] += first[i]
	}
}

// ofTriplets takes a list of triplets, links 2i and 2i + 1 being the anchor's with the positive
// and with the negative of triplet i, and measures them.
func (l *links[T]) ofTriplets(g *grid[T], t pair.Triplets) {
	l.resize(g, 2*t.Len())
	for i, a := range t.Anchor {
		l.from[2*i], l.to[2*i] = int32(a), int32(t.Positive[i])
		l.from[2*i+1], l.to[2*i+1] = int32(a), int32(t.Negative[i])
	}
	l.measure()
}

// pairs returns how many are of one label, and how many are not.
func (l *links[T]) pairs() (same, others int64) {
	for _, s := range l.same {
		if s {
			same++
		}
	}
	return same, int64(len(l.same)) - same
}

// run evaluates a loss at every row, whose links are all that it sees. It returns the sum, and
// keeps the gradient for finish.
func (l *links[T]) run(loss rowLoss[T], learn bool) (sum float64, s PairStats) {
	l.loss = loss
	sum, s = l.sum((l.a.rows+gridTask-1)/gridTask, &l.rows)
	l.loss = nil
	if learn {
		l.gradient()
	}
	return sum, s
}

// sum runs tasks that have a part each, and adds up the parts.
func (l *links[T]) sum(tasks int, job simd.Job) (sum float64, s PairStats) {
	l.parts = scratch.Sized(l.parts[:cap(l.parts)], tasks)
	parts := l.parts[:tasks]
	simd.Run(tasks, job)
	for i := range parts {
		sum += parts[i].sum
		s.add(parts[i].stats)
	}
	return sum, s
}

// measure computes the values.
func (l *links[T]) measure() { simd.Run(l.tasks(), &l.measured) }

// tasks returns how many tasks the links are cut into, by sizes alone.
func (l *links[T]) tasks() int {
	step := l.step()
	return (len(l.from) + step - 1) / step
}

func (l *links[T]) step() int { return max(1, linkElements/l.dim) }

// linkElements is how many coordinates a task looks at, about. Sums depend on it.
const linkElements = 16 << 10

// task returns the links of one.
func (l *links[T]) task(i int) (lo, hi int) {
	return i * l.step(), min((i+1)*l.step(), len(l.from))
}

// linkValues measures links.
type linkValues[T tensor.Float] struct{ *links[T] }

// Do implements simd.Job.
func (l *linkValues[T]) Do(task, _ int) {
	sign, offset := l.grid.measure.as(l.similarity)
	lo, hi := l.task(task)
	for k := lo; k < hi; k++ {
		l.values[k] = T(sign*l.value(l.point(l.a, int(l.from[k])), l.point(l.a, int(l.to[k]))) + offset)
	}
}

// value is the measure's of two rows.
func (g *grid[T]) value(x, y []T) float64 {
	switch g.measure.Kind {
	case distance.Cosine, distance.Dot:
		return simd.Dot(x, y)
	case distance.Lp:
		return simd.PairNorm(x, y, g.measure.P, 0)
	case distance.Squared:
		return simd.PairSquares(x, y)
	}
	return math.Sqrt(simd.PairSquares(x, y))
}

// linkRows evaluates the loss at rows.
type linkRows[T tensor.Float] struct{ *links[T] }

// Do implements simd.Job.
func (l *linkRows[T]) Do(task, worker int) {
	p, w := &l.parts[task], &l.scratch[worker]
	*p = gridPart{single: p.single[:0], tails: p.tails}
	for i := task * gridTask; i < min((task+1)*gridTask, l.a.rows); i++ {
		l.anchor(i, p, w)
	}
}

// anchor turns the values of a row's links into derivatives.
func (l *linkRows[T]) anchor(i int, p *gridPart, w *gridScratch[T]) {
	lo, hi := l.first[i], l.first[i+1]
	weights := l.weights[lo:hi]
	clear(weights)
	w.distances = append(w.distances[:0], l.values[lo:hi]...)
	if simd.HasNonFinite(w.distances) {
		p.sum = math.NaN()
		return
	}
	w.same = w.same[:0]
	for k, s := range l.same[lo:hi] {
		if s {
			w.same = append(w.same, int32(k))
		}
	}
	p.single = p.single[:0]
	if r := w.evaluate(l.loss, i, -1, w.distances, p); r.sparse {
		for _, s := range p.single {
			weights[s.ref] += s.w
		}
		return
	}
	for k, d := range w.distances {
		weights[k] = float64(d)
	}
}

// gradient adds up the gradient by each row from the links at it.
func (l *links[T]) gradient() {
	l.clearGradient()
	clear(l.at)
	for k, w := range l.weights {
		if w != 0 {
			l.at[l.from[k]+1]++
			l.at[l.to[k]+1]++
		}
	}
	for i := range l.at[1:] {
		l.at[i+1] += l.at[i]
	}
	l.ends = scratch.Sized(l.ends, int(l.at[len(l.at)-1]))
	for k, w := range l.weights {
		if w != 0 {
			for _, i := range [2]int32{l.from[k], l.to[k]} {
				l.ends[l.at[i]] = int32(k)
				l.at[i]++
			}
		}
	}
	copy(l.at[1:], l.at)
	l.at[0] = 0
	simd.Run((l.a.rows+gridTask-1)/gridTask, &l.slopes)
}

// linkSlopes adds up the gradients by rows.
type linkSlopes[T tensor.Float] struct{ *links[T] }

// Do implements simd.Job.
func (l *linkSlopes[T]) Do(task, worker int) {
	sign, _ := l.grid.measure.as(l.similarity)
	for i := task * gridTask; i < min((task+1)*gridTask, l.a.rows); i++ {
		for _, k := range l.ends[l.at[i]:l.at[i+1]] {
			j := int(l.from[k]) + int(l.to[k]) - i // the other one, or i itself
			l.slope(i, j, float64(l.values[k]), sign*l.weights[k], l.scratch[worker].wide)
		}
	}
}

// slope adds the gradient by row i of a link with row j. That of distances goes in with the
// other sign, which finish turns.
func (l *linkSlopes[T]) slope(i, j int, value, w float64, wide []float64) {
	grad := l.a.slot(i, l.dim)
	switch l.grid.measure.Kind {
	case distance.Cosine, distance.Dot:
		simd.AXPY(grad, T(w), l.point(l.a, j))
		return
	case distance.Lp:
		l.power(i, j, w, grad, nil, wide)
		return
	}
	square := math.Abs(value)
	if l.grid.measure.Kind == distance.Euclidean {
		if value == 0 {
			return
		}
		w /= square
		square *= square
	}
	if _, near := closeness[T](); square > float64(near*(l.a.squares[i]+l.a.squares[j])) {
		l.a.sums[i] += T(w)
		simd.AXPY(grad, T(w), l.a.points[j*l.dim:(j+1)*l.dim])
		return
	}
	y := l.point(l.a, j)
	for k, v := range l.point(l.a, i) {
		grad[k] -= T(w * (float64(v) - float64(y[k])))
	}
}
