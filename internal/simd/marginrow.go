package simd

import "github.com/energo-ml/energo/internal/scratch"

// marginKernels are those of one level. Terms are computed in float64, whatever T is.
type marginKernels[T Float] struct {
	multi1, multi2 multiMargin[T]
	multilabel     multilabel[T]
}

// A multiMargin sums, over all elements but number skip, z = max(0, shift + x), or its
// square; NaN counts. It writes scale times the derivative, and returns the sum of the
// derivatives too.
type multiMargin[T Float] func(dx, x []T, shift, scale, skip float64) (sum, slope float64)

// A multilabel sums max(0, shift + x) over all shifts, none of them +Inf, and elements; NaN
// counts. It returns in slopes how many terms of each shift are above 0,
// and writes, for each element, scale times the number of such terms.
type multilabel[T Float] func(dx, x []T, shifts, slopes []float64, scale float64) float64

func plainMargins[T Float]() marginKernels[T] {
	return marginKernels[T]{multi1: multiMargin1[T], multi2: multiMargin2[T], multilabel: multilabelMargin[T]}
}

func multiMargin1[T Float](dx, x []T, shift, scale, skip float64) (sum, slope float64) {
	for i, v := range x {
		dx[i] = 0
		if z := shift + float64(v); !(z <= 0) && i != int(skip) {
			sum += z
			slope++
			dx[i] = T(scale)
		}
	}
	return sum, slope
}

func multiMargin2[T Float](dx, x []T, shift, scale, skip float64) (sum, slope float64) {
	for i, v := range x {
		dx[i] = 0
		if z := shift + float64(v); !(z <= 0) && i != int(skip) {
			sum += z * z
			slope += 2 * z
			dx[i] = T(2 * scale * z)
		}
	}
	return sum, slope
}

func multilabelMargin[T Float](dx, x []T, shifts, slopes []float64, scale float64) (sum float64) {
	clear(slopes)
	for i, v := range x {
		var count float64
		for t, shift := range shifts {
			if z := shift + float64(v); !(z <= 0) {
				sum += z
				slopes[t]++
				count++
			}
		}
		dx[i] = T(scale * count)
	}
	return sum
}

// MultiMarginArgs are the arguments of MultiMarginRows.
type MultiMarginArgs[T Float] struct {
	X      []T // rows of Cols elements
	Cols   int // at least 1
	Target []int
	Square bool
	Margin float64
	Weight []T // of each class; nil: ones
	Scale  float64
	L      []T // every row's loss; nil: not written
	Up     []T // upstream gradient of each row; nil: ones
	DX     []T // gradient, times Scale; nil: not written. It may be X.
}

// MultiMarginRows computes, of each row x with its target t,
//
//	ℓ = Weight[t]/Cols · Σ_{i≠t} max(0, Margin − x[t] + x[i])
//
// or with the terms squared, and returns Σ ℓ. No gradient passes at equality.
func MultiMarginRows[T Float](x *MultiMarginArgs[T]) float64 {
	free := &jobsOf[T]().multiMargins
	j := free.get()
	step := rowStep(x.Cols)
	tasks := (len(x.Target) + step - 1) / step
	run := tableOf[T]().margins.multi1
	if x.Square {
		run = tableOf[T]().margins.multi2
	}
	*j = multiMarginJob[T]{*x, run, step, scratch.Sized(j.partial, tasks), scratch.Sized(j.spare, max(Threads(), 1)*x.Cols)}
	Run(tasks, j)
	sum := total(j.partial)
	*j = multiMarginJob[T]{partial: j.partial, spare: j.spare}
	free.put(j)
	return sum
}

// A multiMarginJob is a call of MultiMarginRows cut into runs of step rows.
type multiMarginJob[T Float] struct {
	MultiMarginArgs[T]
	run     multiMargin[T]
	step    int
	partial []float64
	spare   []T // a row of each worker, for results that are not kept
}

func (j *multiMarginJob[T]) Do(task, worker int) {
	var sum float64
	spare := j.spare[worker*j.Cols:][:j.Cols]
	for r := task * j.step; r < min((task+1)*j.step, len(j.Target)); r++ {
		t, lo, hi := j.Target[r], r*j.Cols, (r+1)*j.Cols
		x, dx := j.X[lo:hi], rowOr(j.DX, lo, hi, spare)
		w := 1 / float64(j.Cols)
		if j.Weight != nil {
			w *= float64(j.Weight[t])
		}
		scale := upOf(w*j.Scale, j.Up, r)
		own := float64(x[t])
		l, slope := j.run(dx, x, j.Margin-own, scale, float64(t))
		dx[t] = T(-slope * scale)
		if scale == 0 {
			clear(dx) // of infinite terms too
		}
		if own != own {
			l = own // of a single class, too
		}
		l = weighed(w, l)
		sum += l
		if j.L != nil {
			j.L[r] = T(l)
		}
	}
	j.partial[task] = sum
}

// upOf is scale·up[r].
func upOf[T Float](scale float64, up []T, r int) float64 {
	if up == nil {
		return scale
	}
	return scale * float64(up[r])
}

// weighed is w·l; a weight of 0 makes an infinite loss 0.
func weighed(w, l float64) float64 {
	if w == 0 && l == l {
		return 0
	}
	return w * l
}
