package simd

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// MultilabelArgs are the arguments of MultilabelRows.
type MultilabelArgs[T Float] struct {
	X      []T   // rows of Cols elements
	Cols   int   // at least 1
	Labels []int // rows of Cols classes; a row's labels end before its first negative one
	Scale  float64
	L      []T // every row's loss; nil: not written
	Up     []T // upstream gradient of each row; nil: ones
	DX     []T // gradient, times Scale; nil: not written. It may be X.
}

// MultilabelRows computes, of each row x,
//
//	ℓ = Σ max(0, 1 − (x[t] − x[i]))/Cols
//
// over its labels t, one met twice counting twice, and the classes i that are not among
// them, and returns Σ ℓ. No gradient passes at equality.
func MultilabelRows[T Float](x *MultilabelArgs[T]) float64 {
	free := &jobsOf[T]().multilabels
	j := free.get()
	step := rowStep(x.Cols)
	tasks := (len(x.X)/x.Cols + step - 1) / step
	*j = multilabelJob[T]{*x, tableOf[T]().margins.multilabel, step, scratch.Sized(j.partial, tasks), j.scratch}
	if n := max(Threads(), 1); len(j.scratch) < n {
		j.scratch = append(j.scratch, make([]multilabelScratch[T], n-len(j.scratch))...)
	}
	Run(tasks, j)
	sum := total(j.partial)
	*j = multilabelJob[T]{partial: j.partial, scratch: j.scratch}
	free.put(j)
	return sum
}

// A multilabelJob is a call of MultilabelRows cut into runs of step rows.
type multilabelJob[T Float] struct {
	MultilabelArgs[T]
	run     multilabel[T]
	step    int
	partial []float64
	scratch []multilabelScratch[T] // of each worker
}

type multilabelScratch[T Float] struct {
	x, spare       []T
	shifts, slopes []float64
}

func (j *multilabelJob[T]) Do(task, worker int) {
	s := &j.scratch[worker]
	s.x, s.spare = scratch.Sized(s.x, j.Cols), scratch.Sized(s.spare, j.Cols)
	s.shifts, s.slopes = scratch.Sized(s.shifts, j.Cols), scratch.Sized(s.slopes, j.Cols)
	var sum float64
	for r := task * j.step; r < min((task+1)*j.step, len(j.X)/j.Cols); r++ {
		l := j.row(s, r)
		sum += l
		if j.L != nil {
			j.L[r] = T(l)
		}
	}
	j.partial[task] = sum
}

func (j *multilabelJob[T]) row(s *multilabelScratch[T], r int) float64 {
	lo, hi := r*j.Cols, (r+1)*j.Cols
	x, dx := j.X[lo:hi], rowOr(j.DX, lo, hi, s.spare)
	labels := j.Labels[lo:hi]
	n := 0
	copy(s.x, x)
	for ; n < len(labels) && labels[n] >= 0; n++ {
		t := labels[n]
		// −Inf takes the label out of the sums. An infinite shift would make NaN of it.
		s.shifts[n] = min(1-float64(x[t]), math.MaxFloat64)
		s.x[t] = T(math.Inf(-1))
	}
	scale := upOf(j.Scale/float64(j.Cols), j.Up, r)
	l := j.run(dx, s.x, s.shifts[:n], s.slopes[:n], scale) / float64(j.Cols)
	if n == 0 {
		if top := Max(s.x); top != top {
			l = float64(top) // though no term has it
		}
	}
	for i, t := range labels[:n] {
		if s.shifts[i] == math.MaxFloat64 && s.slopes[i] > 0 {
			l = math.Inf(1)
		}
		dx[t] -= T(scale * s.slopes[i])
	}
	return l
}
