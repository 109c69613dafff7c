package simd

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// Sums are taken in float64: over fixed runs of 32768 elements, whose results are
// then added in order, so they do not depend on the number of workers.

// Sum returns Σ xᵢ.
func Sum[T Float](x []T) float64 { return reduce(foldSum, x, nil) }

// Dot returns Σ aᵢ·bᵢ.
func Dot[T Float](a, b []T) float64 {
	sameLength("a", "b", len(a), len(b))
	return reduce(foldDot, a, b)
}

// SumSquares returns Σ xᵢ².
func SumSquares[T Float](x []T) float64 { return reduce(foldSumSquares, x, nil) }

// SumAbs returns Σ |xᵢ|.
func SumAbs[T Float](x []T) float64 { return reduce(foldSumAbs, x, nil) }

// Max returns the greatest element: NaN if there is one, −Inf if x is empty.
func Max[T Float](x []T) T { return T(reduce(foldMax, x, nil)) }

// Min returns the least element: NaN if there is one, +Inf if x is empty.
func Min[T Float](x []T) T { return T(reduce(foldMin, x, nil)) }

// ArgMin returns the index of the least element, the first of equals; the first NaN's
// if there is one; −1 if x is empty.
func ArgMin[T Float](x []T) int { return tableOf[T]().index(x, Min(x)) }

// HasNonFinite reports whether an element is ±Inf or NaN.
func HasNonFinite[T Float](x []T) bool { return reduce(foldNonFinite, x, nil) != 0 }

// A foldJob is a reduction cut into runs.
type foldJob[T Float] struct {
	run     reduction[T]
	a, b    []T
	partial []float64
}

func (j *foldJob[T]) Do(task, _ int) {
	lo := task * reduceChunk
	hi := min(lo+reduceChunk, len(j.a))
	j.partial[task] = j.run(j.a[lo:hi], part(j.b, lo, hi))
}

func reduce[T Float](f fold, a, b []T) float64 {
	run := tableOf[T]().folds[f]
	if len(a) <= reduceChunk {
		return run(a, b)
	}
	free := &jobsOf[T]().folds
	j := free.get()
	tasks := (len(a) + reduceChunk - 1) / reduceChunk
	*j = foldJob[T]{run, a, b, scratch.Sized(j.partial, tasks)}
	Run(tasks, j)
	result := combine(f, j.partial)
	*j = foldJob[T]{partial: j.partial}
	free.put(j)
	return result
}

// combine folds the results of the runs, in order.
func combine(f fold, partial []float64) float64 {
	result := partial[0]
	for _, p := range partial[1:] {
		switch f {
		case foldMax, foldNonFinite:
			result = max(result, p)
		case foldMin:
			result = min(result, p)
		default:
			result += p
		}
	}
	return result
}

func sum[T Float](x, _ []T) (s float64) {
	for _, v := range x {
		s += float64(v)
	}
	return s
}

func dot[T Float](a, b []T) (s float64) {
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return s
}

func sumSquares[T Float](x, _ []T) (s float64) {
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

func sumAbs[T Float](x, _ []T) (s float64) {
	for _, v := range x {
		s += math.Abs(float64(v))
	}
	return s
}

func maximum[T Float](x, _ []T) float64 {
	m := T(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return float64(m)
}

func minimum[T Float](x, _ []T) float64 {
	m := T(math.Inf(1))
	for _, v := range x {
		m = min(m, v)
	}
	return float64(m)
}

func nonFinite[T Float](x, _ []T) float64 {
	for _, v := range x {
		if v-v != 0 {
			return 1
		}
	}
	return 0
}

func index[T Float](x []T, v T) int {
	for i, u := range x {
		if u == v || (u != u && v != v) {
			return i
		}
	}
	return -1
}
