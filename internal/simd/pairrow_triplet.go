package simd

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// TripletArgs are the arguments of TripletRows.
type TripletArgs[T Float] struct {
	A, P, N    []T     // anchor, positive, negative: rows of Dim elements
	Dim        int     // at least 1
	Norm       float64 // of which HasTriplet is true
	Eps        float64
	Margin     float64
	Swap       bool
	Scale      float64
	L          []T // every row's loss; nil: not written
	Up         []T // upstream gradient of each row; nil: ones
	DA, DP, DN []T // gradients, times Scale; nil: not written
}

// HasTriplet reports whether TripletRows can do a norm: the degrees up to 8 that are
// whole or a half more.
func HasTriplet(norm float64) bool {
	_, _, ok := halves(norm)
	return ok
}

// TripletRows computes the TripletHinge of the PairNorms of each triple of rows, and
// returns Σ ℓ. Gradients may be the memory of the rows that they belong to.
func TripletRows[T Float](x *TripletArgs[T]) float64 {
	free := &jobsOf[T]().triplets
	j := free.get()
	step := rowStep(x.Dim)
	tasks := (len(x.A)/x.Dim + step - 1) / step
	spare := scratch.Sized(j.spare, 3*max(Threads(), 1)*x.Dim)
	*j = tripletJob[T]{*x, &tableOf[T]().pairs, step, scratch.Sized(j.partial, tasks), spare}
	Run(tasks, j)
	sum := total(j.partial)
	*j = tripletJob[T]{partial: j.partial, spare: j.spare}
	free.put(j)
	return sum
}

// TripletHinge is ℓ = max(0, margin + ap − an) of the distances of an anchor from its
// positive and negative, with its derivatives by them. With swap, the lesser of an and
// pn, the distance of the positive from the negative, is in an's place: at a tie both
// share the gradient by halves. It passes at equality of the maximum. An infinite distance
// from the negative has overflowed, and ℓ is NaN rather than 0.
func TripletHinge(ap, an, pn, margin float64, swap bool) (l, dap, dan, dpn float64) {
	dap, dan = 1, -1
	if swap {
		switch {
		case pn < an || pn != pn:
			an, dan, dpn = pn, 0, -1
		case pn == an:
			dan, dpn = -0.5, -0.5
		}
	}
	l = margin + ap - an
	switch {
	case math.IsInf(l, -1):
		return math.NaN(), dap, dan, dpn
	case l < 0:
		return 0, 0, 0, 0
	}
	return l, dap, dan, dpn
}

// A tripletJob is a call of TripletRows cut into runs of step rows.
type tripletJob[T Float] struct {
	TripletArgs[T]
	run     *pairKernels[T]
	step    int
	partial []float64
	spare   []T // three rows of each worker, for results that are not kept
}

func (j *tripletJob[T]) Do(task, worker int) {
	var sum float64
	spare := j.spare[3*worker*j.Dim:][:3*j.Dim]
	for r := task * j.step; r < min((task+1)*j.step, len(j.A)/j.Dim); r++ {
		l := j.row(r, spare)
		sum += l
		if j.L != nil {
			j.L[r] = T(l)
		}
	}
	j.partial[task] = sum
}

// row does one triple of rows.
func (j *tripletJob[T]) row(r int, spare []T) float64 {
	dim := j.Dim
	lo, hi := r*dim, (r+1)*dim
	a, p, n := j.A[lo:hi], j.P[lo:hi], j.N[lo:hi]
	ap, an := pairNorm(j.run, a, p, j.Norm, j.Eps), pairNorm(j.run, a, n, j.Norm, j.Eps)
	var pn float64
	if j.Swap {
		pn = pairNorm(j.run, p, n, j.Norm, j.Eps)
	}
	l, dap, dan, dpn := TripletHinge(ap, an, pn, j.Margin, j.Swap)
	if j.DA == nil && j.DP == nil && j.DN == nil {
		return l
	}
	up := j.Scale
	if j.Up != nil {
		up *= float64(j.Up[r])
	}
	da, dp, dn := rowOr(j.DA, lo, hi, spare[:dim]), rowOr(j.DP, lo, hi, spare[dim:2*dim]), rowOr(j.DN, lo, hi, spare[2*dim:])
	if dap == 0 || up == 0 {
		clear(da)
		clear(dp)
		clear(dn)
		return l
	}
	ku, kv, kw := up*dap, up*dan, up*dpn
	iu, iv, iw := inverse(ap), inverse(an), inverse(pn)
	switch j.Norm {
	case 1:
		j.run.triplet1(da, dp, dn, a, p, n, j.Eps, ku, kv, kw)
	case 2:
		j.run.triplet2(da, dp, dn, a, p, n, j.Eps, ku*iu, kv*iv, kw*iw)
	default:
		whole, half, _ := halves(j.Norm)
		if whole--; whole < 0 { // ½ − 1 = −½
			whole, half = 0, -1
		}
		j.run.tripletP(da, dp, dn, a, p, n, j.Eps, ku, kv, kw, iu, iv, iw, whole, half)
	}
	return l
}

// inverse is 1/d, but 0 where d is 0 or so small that it would overflow.
func inverse(d float64) float64 {
	if d < 0x1p-1022 {
		return 0
	}
	return 1 / d
}
