package loss

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// xent is one call of CrossEntropy: rows of scores, cut into tasks.
type xent[T tensor.Float] struct {
	name    string
	x, dx   []T
	d       Dims
	weight  []T
	weights float64 // Σ_c w_c
	smooth  float64

	target        []int // classes, or nil
	ignore        int
	probs, dProbs []T // probabilities

	total   float64 // what the mean is over
	scale   float64 // of the gradient
	up, dst []T

	rows    int // in a task
	partial []float64
	scratch []xentScratch[T]
}

// xentScratch is a worker's: a task's scores and gradients with the classes last, and what
// ExpRows says of them.
type xentScratch[T tensor.Float] struct {
	x, e, t, dt, top, factor, log []T
	sum                           []float64
}

// xentBlock is about how many scores a task has. The sums of losses depend on it.
const xentBlock = 8 << 10

func (r *xent[T]) set(name string, x []T, d Dims, weight []T, smooth float64, dx []T) {
	*r = xent[T]{name: name, x: x, dx: dx, d: d, weight: weight, smooth: smooth, partial: r.partial, scratch: r.scratch}
	r.weights = float64(d.Classes)
	if weight != nil {
		r.weights = simd.Sum(weight)
	}
}

func (r *xent[T]) reduce(how Reduction) (float64, error) {
	scale, err := how.scale(r.name, r.total)
	if err != nil {
		return 0, err
	}
	r.scale = scale
	if math.IsInf(scale, 0) {
		r.scale = 0
	}
	return reduced(r.all(), scale), nil
}

func (r *xent[T]) each(dst, up []T) error {
	n := r.d.positions()
	if err := alike(r.name, n, of("the result", dst)); err != nil {
		return err
	}
	if err := optional(r.name, n, of("the upstream gradient", up)); err != nil {
		return err
	}
	r.dst, r.up, r.scale = dst, up, 1
	r.all()
	return nil
}

// all runs the tasks and returns the sum of the losses.
func (r *xent[T]) all() (sum float64) {
	n := r.d.positions()
	r.rows = max(1, xentBlock/r.d.Classes)
	tasks := (n + r.rows - 1) / r.rows
	r.partial = scratch.Sized(r.partial, tasks)
	if k := simd.Threads(); len(r.scratch) < k {
		r.scratch = append(r.scratch, make([]xentScratch[T], k-len(r.scratch))...)
	}
	simd.Run(tasks, (*xentJob[T])(r))
	for _, s := range r.partial {
		sum += s
	}
	r.x, r.dx, r.weight, r.target, r.probs, r.dProbs, r.up, r.dst = nil, nil, nil, nil, nil, nil, nil, nil
	return sum
}

// xentJob hides Do, which the pool calls.
type xentJob[T tensor.Float] xent[T]

func (r *xentJob[T]) Do(task, worker int) {
	lo := task * r.rows
	hi := min(lo+r.rows, r.d.positions())
	k, n := r.d.Classes, hi-lo
	s := &r.scratch[worker]
	s.top, s.sum = scratch.Sized(s.top, n), scratch.Sized(s.sum, n)
	x := r.rowsOf(&s.x, r.x, lo, hi, true)
	e := r.rowsOf(&s.e, r.dx, lo, hi, false)
	if r.probs == nil && r.smooth == 0 {
		r.partial[task] = r.plain(s, x, e, lo, hi)
		r.scatter(r.dx, e, lo, hi)
		return
	}
	simd.ExpRows(e, s.top, s.sum, x, n, k)
	var t, dt []T
	if r.probs != nil {
		t = r.rowsOf(&s.t, r.probs, lo, hi, true)
		dt = r.rowsOf(&s.dt, r.dProbs, lo, hi, false)
	}
	r.partial[task] = 0
	for i := range n {
		row := xentRow[T]{x: x[i*k : (i+1)*k], e: e[i*k : (i+1)*k], top: float64(s.top[i]), sum: s.sum[i]}
		g := r.upstream(lo + i)
		var loss float64
		if r.probs != nil {
			loss = r.shares(&row, t[i*k:(i+1)*k], dt[i*k:(i+1)*k], g)
		} else {
			loss = r.class(&row, r.target[lo+i], g)
		}
		r.partial[task] += loss
		if r.dst != nil {
			r.dst[lo+i] = T(loss)
		}
	}
	r.scatter(r.dx, e, lo, hi)
	if r.probs != nil {
		r.scatter(r.dProbs, dt, lo, hi)
	}
}

// upstream is what the gradient of position p is multiplied by.
func (r *xentJob[T]) upstream(p int) float64 {
	if r.up == nil {
		return r.scale
	}
	return r.scale * float64(r.up[p])
}

// plain does the rows of target classes without smoothing, whose gradient is the softmax
// but for the target's element, and returns the sum of their losses.
func (r *xentJob[T]) plain(s *xentScratch[T], x, e []T, lo, hi int) (sum float64) {
	k, n := r.d.Classes, hi-lo
	s.factor, s.log = scratch.Sized(s.factor, n), scratch.Sized(s.log, n)
	for i := range n {
		s.factor[i] = 0
		if y := r.target[lo+i]; y != r.ignore {
			s.factor[i] = T(r.upstream(lo+i) * r.weightOf(y))
		}
	}
	simd.SoftRows(e, s.top, s.sum, s.factor, x, n, k)
	for i, v := range s.sum {
		s.log[i] = T(v)
	}
	simd.Log(s.log, s.log)
	for i := range n {
		row := xentRow[T]{x: x[i*k : (i+1)*k], e: e[i*k : (i+1)*k], top: float64(s.top[i]), sum: s.sum[i]}
		loss := r.plainRow(s, &row, i, lo+i)
		sum += loss
		if r.dst != nil {
			r.dst[lo+i] = T(loss)
		}
	}
	return sum
}

// plainRow finishes row i of a task, whose e is factor·softmax(x).
func (r *xentJob[T]) plainRow(s *xentScratch[T], row *xentRow[T], i, p int) float64 {
	y, factor := r.target[p], float64(s.factor[i])
	if y == r.ignore {
		clear(row.e)
		return 0
	}
	if factor == 0 || math.IsNaN(row.sum) { // the softmax is not to be seen in e
		simd.ExpRows(row.e, s.top[i:i+1], s.sum[i:i+1], row.x, 1, len(row.x))
		return r.class(row, y, r.upstream(p))
	}
	rest, log := 1-float64(row.e[y])/factor, float64(s.log[i])
	if rest < 1-sure {
		rest = (simd.Sum(row.e[:y]) + simd.Sum(row.e[y+1:])) / factor
		log = -math.Log1p(-rest)
	}
	row.e[y] = T(-factor * rest)
	return product(r.weightOf(y), row.above(row.x[y])+log)
}

// sure is the probability from on which that of the other classes is added up apart.
const sure = 0.9

// rowsOf returns positions lo to hi-1 of a, their classes side by side: a's own memory
// where they are so there, else spare memory, with the values of a if filled.
func (r *xentJob[T]) rowsOf(spare *[]T, a []T, lo, hi int, filled bool) []T {
	k, inner := r.d.Classes, r.d.inner()
	if a != nil && inner == 1 {
		return a[lo*k : hi*k]
	}
	*spare = scratch.Sized(*spare, (hi-lo)*k)
	if filled {
		for p := lo; p < hi; p++ {
			from := a[p/inner*k*inner+p%inner:]
			for c, out := 0, (*spare)[(p-lo)*k:(p-lo+1)*k]; c < k; c++ {
				out[c] = from[c*inner]
			}
		}
	}
	return *spare
}

// scatter puts rows back into a, if they are not there.
func (r *xentJob[T]) scatter(a, rows []T, lo, hi int) {
	k, inner := r.d.Classes, r.d.inner()
	if a == nil || inner == 1 {
		return
	}
	for p := lo; p < hi; p++ {
		to := a[p/inner*k*inner+p%inner:]
		for c, v := range rows[(p-lo)*k : (p-lo+1)*k] {
			to[c*inner] = v
		}
	}
}

// xentRow is one distribution: scores x, e = exp(x − top), and the sum of e.
type xentRow[T tensor.Float] struct {
	x, e     []T
	top, sum float64
}

// class returns the loss of target class y and turns e into the gradient times g.
func (r *xentJob[T]) class(row *xentRow[T], y int, g float64) float64 {
	if y == r.ignore {
		clear(row.e)
		return 0
	}
	if math.IsNaN(row.sum) && !row.limit() {
		return row.undefined()
	}
	k, w := float64(len(row.x)), r.weightOf(y)
	others := row.others(y)
	main := (1 - r.smooth) * w
	loss := product(main, row.surprise(y, others))
	spread := r.smooth / k // on every class
	if spread > 0 {
		loss += spread * r.smoothed(row)
	}
	factor := main + spread*r.weights
	simd.Scale(row.e, row.e, T(g*factor/row.sum))
	if spread > 0 {
		if r.weight == nil {
			simd.AddScalar(row.e, row.e, T(-g*spread))
		} else {
			simd.AXPY(row.e, T(-g*spread), r.weight)
		}
	}
	row.e[y] = T(g * (float64(spread*(r.weights-w)) - float64(factor*others/row.sum)))
	return loss
}

// limit makes of a row whose sum is NaN the limit that it has if one score alone is
// +Inf: that class takes all. It reports whether it did.
func (row *xentRow[T]) limit() bool {
	at := -1
	for c, v := range row.x {
		switch {
		case v != v:
			return false
		case math.IsInf(float64(v), 1) && at >= 0:
			return false
		case math.IsInf(float64(v), 1):
			at = c
		}
	}
	if at < 0 {
		return false
	}
	clear(row.e)
	row.e[at], row.sum = 1, 1
	return true
}

// undefined is the loss and the gradient of a row that has none.
func (row *xentRow[T]) undefined() float64 {
	for c := range row.e {
		row.e[c] = T(math.NaN())
	}
	return math.NaN()
}

// others is the sum without class y's part. Where little is left, it is added up anew.
func (row *xentRow[T]) others(y int) float64 {
	if rest := row.sum - float64(row.e[y]); rest > (1-sure)*row.sum {
		return rest
	}
	return simd.Sum(row.e[:y]) + simd.Sum(row.e[y+1:])
}

// surprise is −log p_y.
func (row *xentRow[T]) surprise(y int, others float64) float64 {
	if row.e[y] == 1 {
		return math.Log1p(others)
	}
	return row.above(row.x[y]) + math.Log(row.sum)
}

// smoothed is Σ_c w_c(−log p_c).
func (r *xentJob[T]) smoothed(row *xentRow[T]) (total float64) {
	log := row.logSum()
	for c, v := range row.x {
		total += product(r.weightOf(c), row.above(v)+log)
	}
	return total
}

// weightOf is w_c.
func (r *xentJob[T]) weightOf(c int) float64 {
	if r.weight == nil {
		return 1
	}
	return float64(r.weight[c])
}

// logSum is log Σ e: log(1 + the others) where one is nearly alone.
func (row *xentRow[T]) logSum() float64 {
	if row.sum < 1.5 {
		return math.Log1p(row.others(slices.Index(row.e, 1)))
	}
	return math.Log(row.sum)
}

// above is how far the greatest score lies above v.
func (row *xentRow[T]) above(v T) float64 {
	if float64(v) == row.top { // both may be infinite
		return 0
	}
	return row.top - float64(v)
}

// shares returns the loss of target probabilities t, turns e into the gradient times g, and
// writes that by t.
func (r *xentJob[T]) shares(row *xentRow[T], t, dt []T, g float64) float64 {
	if math.IsNaN(row.sum) && !row.limit() {
		for c := range dt {
			dt[c] = T(math.NaN())
		}
		return row.undefined()
	}
	k, log := float64(len(row.x)), row.logSum()
	var loss, factor float64
	for c, v := range row.x {
		w := r.weightOf(c)
		share := float64(w * (float64((1-r.smooth)*float64(t[c])) + r.smooth/k))
		surprise := row.above(v) + log
		factor += share
		loss += product(share, surprise)
		dt[c] = T(product(g*w*(1-r.smooth), surprise))
	}
	for c, e := range row.e {
		w := r.weightOf(c)
		row.e[c] = T(g * (factor*float64(e)/row.sum - float64(w*(float64((1-r.smooth)*float64(t[c]))+r.smooth/k))))
	}
	return loss
}

// product is a·b, 0 where the factor a is, whatever b but NaN.
func product(a, b float64) float64 {
	if a == 0 && b == b {
		return 0
	}
	return a * b
}
