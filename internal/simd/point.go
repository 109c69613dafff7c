package simd

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// A Point names a fused pointwise loss: ℓ(a, b) or ℓ(a, b, c) of each element, with
// its derivatives. Package loss says what the arguments and the factors k are.
type Point int

// The pointwise losses. Their formulas are in point_regress.go and point_binary.go.
const (
	PointMSE Point = iota
	PointL1
	PointHuber
	PointPoissonLog
	PointPoissonLogFull
	PointPoisson
	PointPoissonFull
	PointGaussian
	PointKLDiv
	PointKLDivLog
	PointBCE
	PointBCELogits
	PointBCELogitsPos
	PointSoftMargin
	PointHingeEmbedding
	PointMarginRanking
	numPoints
)

// A formula is a pointwise loss at one element: its value, its derivatives, and whether
// the arguments lie in its domain. A loss of two arguments leaves c alone.
type formula func(a, b, c float64, k *[PointFactors]float64) (l, da, db, dc float64, ok bool)

// PointFactors is the number of a loss's own factors: margins and the like.
const PointFactors = 7

var formulas = [numPoints]formula{
	PointMSE: mse, PointL1: l1, PointHuber: huber,
	PointPoissonLog: poissonLog, PointPoissonLogFull: poissonLogFull,
	PointPoisson: poisson, PointPoissonFull: poissonFull,
	PointGaussian: gaussian, PointKLDiv: klDiv, PointKLDivLog: klDivLog,
	PointBCE: bce, PointBCELogits: bceLogits, PointBCELogitsPos: bceLogitsPos,
	PointSoftMargin: softMargin, PointHingeEmbedding: hingeEmbedding, PointMarginRanking: marginRanking,
}

// PointAt returns a pointwise loss and its derivatives at one element.
func PointAt(p Point, a, b, c float64, k [PointFactors]float64) (l, da, db, dc float64) {
	l, da, db, dc, _ = formulas[p](a, b, c, &k)
	return l, da, db, dc
}

// Outs says which derivatives a kernel writes.
type outs uint8

const (
	outA outs = 1 << iota
	outB
	outC
)

// pointKernel is a loss over a run of elements. Slices that it uses have a's length; c
// is nil where the loss has two arguments.
type pointKernel[T Float] struct {
	// sum returns Σ ℓ, writes the derivatives times the scale, and reports in bad
	// whether an element is outside the domain, or is one that the formula must do.
	sum func(da, db, dc, a, b, c []T, k *factors[T]) (sum float64, bad uint32)
	// each writes every ℓ, and the derivatives as they are.
	each func(l, da, db, dc, a, b, c []T, k *factors[T]) (bad uint32)
	outs outs // the derivatives that sum writes; 0: those that are not nil
	all  outs // the derivatives that each writes; 0: those that are not nil
}

// factors are what a kernel multiplies by. A formula takes them by pointer, which would
// move a copy to the heap: so they live in the job.
type factors[T Float] struct {
	vector [1 + PointFactors]T   // the scale of the derivatives, then the loss's own
	own    [PointFactors]float64 // the loss's own, as T has them
}

// PointArgs are the arguments of Points.
type PointArgs[T Float] struct {
	A, B, C    []T // C's length divides A's: it repeats; nil where the loss has two arguments
	L          []T // every element's loss; nil: not written
	DA, DB, DC []T // derivatives; nil: not written
	Weight     []T // of each element; its length divides A's: it repeats; nil: ones
	Up         []T // upstream gradient of each element; nil: ones
	Scale      float64
	K          [PointFactors]float64
}

// pointChunk is the number of elements in a task, and pointBlock in the pieces of one
// whose parts take memory of their own. Sums depend on both.
const (
	pointChunk = 8 << 10
	pointBlock = 2 << 10
)

// Points computes
//
//	L[i]  = w[i]·ℓ(a[i], b[i], c[i])
//	DA[i] = Scale·up[i]·w[i]·∂ℓ/∂a, and so on,
//
// and returns Σ w[i]·ℓ and the first element that is outside the loss's domain, or −1.
// What is written for an element outside the domain is not defined. An element of
// weight 0 counts 0 even where its loss is infinite. Derivatives may be the memory of
// the argument that they belong to.
//
// Where a float32 kernel gives an infinite or NaN loss, or says that it cannot do an
// element, the run is computed again by the formula, in float64: a term may overflow
// though the loss does not.
func Points[T Float](p Point, x *PointArgs[T]) (sum float64, bad int) {
	free := &jobsOf[T]().points
	j := free.get()
	*j = pointJob[T]{
		PointArgs: *x, kernel: &tableOf[T]().points[p], formula: formulas[p], scratch: j.scratch, partial: j.partial, bad: j.bad,
	}
	j.k.vector[0] = T(x.Scale)
	for i, f := range x.K {
		j.k.vector[i+1] = T(f)
		j.k.own[i] = float64(T(f))
		j.beyond = j.beyond || lost(f, j.k.own[i])
	}
	sum, bad = j.run()
	*j = pointJob[T]{scratch: j.scratch, partial: j.partial, bad: j.bad}
	free.put(j)
	return sum, bad
}

// lost reports whether a factor lost its size, or digits, to the range of its type.
func lost(f, rounded float64) bool {
	const least = 0x1p-126 // of float32's normal numbers
	size := math.Abs(rounded)
	return rounded != f && (size > math.MaxFloat32 || size > 0 && size < least)
}

// A pointJob is a call of Points cut into chunks.
type pointJob[T Float] struct {
	PointArgs[T]
	kernel  *pointKernel[T]
	k       factors[T]
	formula formula
	beyond  bool              // k does not hold K
	scratch []pointScratch[T] // of each worker
	partial []float64
	bad     []int // of each task, the first element outside the domain, or −1
}

type pointScratch[T Float] struct{ a, b, c, l, w, spare, keptA, keptB, keptC []T }

func (j *pointJob[T]) run() (float64, int) {
	tasks := (len(j.A) + pointChunk - 1) / pointChunk
	j.partial, j.bad = scratch.Sized(j.partial, tasks), scratch.Sized(j.bad, tasks)
	if n := max(Threads(), 1); len(j.scratch) < n {
		j.scratch = append(j.scratch, make([]pointScratch[T], n-len(j.scratch))...)
	}
	Run(tasks, j)
	var sum float64
	for _, s := range j.partial {
		sum += s
	}
	for _, bad := range j.bad {
		if bad >= 0 {
			return sum, bad
		}
	}
	return sum, -1
}

func (j *pointJob[T]) Do(task, worker int) {
	lo := task * pointChunk
	hi := min(lo+pointChunk, len(j.A))
	s := &j.scratch[worker]
	if j.plain() {
		j.partial[task], j.bad[task] = j.fused(s, lo, hi)
		return
	}
	j.partial[task], j.bad[task] = 0, -1
	for ; lo < hi; lo += pointBlock {
		sum, bad := j.pieces(s, lo, min(lo+pointBlock, hi))
		j.partial[task] += sum
		if j.bad[task] < 0 {
			j.bad[task] = bad
		}
	}
}

// plain reports whether the fused kernel does all that is asked for.
func (j *pointJob[T]) plain() bool {
	if j.L != nil || j.Weight != nil || j.Up != nil || j.C != nil && len(j.C) != len(j.A) {
		return false
	}
	o := j.kernel.outs
	return o == 0 || (j.DA == nil || o&outA != 0) && (j.DB == nil || o&outB != 0) && (j.DC == nil || o&outC != 0)
}

// A pointRun is a run of elements: the arguments, and where the derivatives go.
type pointRun[T Float] struct{ a, b, c, da, db, dc []T }

// elements returns elements lo to hi-1, with the derivatives that a kernel writes.
func (j *pointJob[T]) elements(s *pointScratch[T], written outs, lo, hi int) pointRun[T] {
	return pointRun[T]{
		a:  input(part(j.A, lo, hi), part(j.DA, lo, hi), &s.keptA),
		b:  input(part(j.B, lo, hi), part(j.DB, lo, hi), &s.keptB),
		c:  input(repeated(j.C, &s.spare, lo, hi), part(j.DC, lo, hi), &s.keptC),
		da: output(j.DA, written&outA != 0, &s.a, lo, hi),
		db: output(j.DB, written&outB != 0, &s.b, lo, hi),
		dc: output(j.DC, written&outC != 0, &s.c, lo, hi),
	}
}

// input returns x, or a copy where the derivative d is the same memory: x may be read
// again after d was written.
func input[T Float](x, d []T, spare *[]T) []T {
	if len(x) == 0 || len(d) == 0 || &x[0] != &d[0] {
		return x
	}
	*spare = scratch.Sized(*spare, pointChunk)
	return (*spare)[:copy(*spare, x)]
}

// fused does elements lo to hi-1 in one pass.
func (j *pointJob[T]) fused(s *pointScratch[T], lo, hi int) (sum float64, bad int) {
	r := j.elements(s, j.kernel.outs, lo, hi)
	sum, outside := j.kernel.sum(r.da, r.db, r.dc, r.a, r.b, r.c, &j.k)
	if j.narrow(sum, outside) {
		sum, outside = overFormula(j.formula, nil, r, j.Scale, &j.K)
	}
	if outside != 0 {
		return sum, j.first(r, lo)
	}
	return sum, -1
}

// narrow reports whether the formula must do what a float32 kernel did.
func (j *pointJob[T]) narrow(sum float64, bad uint32) bool {
	_, wide := any(T(0)).(float64)
	return !wide && (j.beyond || bad != 0 || sum-sum != 0)
}

// first finds the first element of a run, which begins at lo, that is outside the domain.
func (j *pointJob[T]) first(r pointRun[T], lo int) int {
	for i := range r.a {
		if _, _, _, _, ok := j.formula(float64(r.a[i]), float64(r.b[i]), third(r.c, i), &j.K); !ok {
			return lo + i
		}
	}
	return -1
}

// third returns a loss's third argument, 0 where it has two.
func third[T Float](c []T, i int) float64 {
	if c == nil {
		return 0
	}
	return float64(c[i])
}

// output returns d[lo:hi], or scratch memory where the kernel writes results that are not kept.
func output[T Float](d []T, written bool, spare *[]T, lo, hi int) []T {
	switch {
	case d != nil:
		return d[lo:hi]
	case written:
		*spare = scratch.Sized(*spare, pointChunk)
		return (*spare)[:hi-lo]
	}
	return nil
}

// pieces does elements lo to hi-1: every loss, then what weighs it.
func (j *pointJob[T]) pieces(s *pointScratch[T], lo, hi int) (sum float64, bad int) {
	r := j.elements(s, j.kernel.all, lo, hi)
	l := output(j.L, true, &s.l, lo, hi)
	outside := j.kernel.each(l, r.da, r.db, r.dc, r.a, r.b, r.c, &j.k)
	t := tableOf[T]()
	if j.narrow(t.folds[foldSum](l, nil), outside) {
		_, outside = overFormula(j.formula, l, r, 1, &j.K)
	}
	w := repeated(j.Weight, &s.w, lo, hi)
	if w != nil {
		t.ops[opWeigh](l, l, w, 0)
	}
	up := part(j.Up, lo, hi)
	for _, d := range [3][]T{part(j.DA, lo, hi), part(j.DB, lo, hi), part(j.DC, lo, hi)} {
		if d == nil {
			continue
		}
		if w != nil {
			t.ops[opWeigh](d, d, w, 0)
		}
		if up != nil {
			t.ops[opWeigh](d, d, up, 0)
		}
		if j.k.vector[0] != 1 {
			t.ops[opScale](d, d, nil, j.k.vector[0])
		}
	}
	bad = -1
	if outside != 0 {
		bad = j.first(r, lo)
	}
	return t.folds[foldSum](l, nil), bad
}

// repeated returns elements lo to hi-1 of x repeated over and over.
func repeated[T Float](x []T, spare *[]T, lo, hi int) []T {
	if x == nil || len(x) >= hi {
		return part(x, lo, hi)
	}
	*spare = scratch.Sized(*spare, pointChunk)
	out := (*spare)[:hi-lo]
	for n := 0; n < len(out); {
		n += copy(out[n:], x[(lo+n)%len(x):])
	}
	return out
}

// overFormula computes a run by the formula: every loss, the derivatives times scale, and
// whether an element is outside the domain. Slices that are nil are not written.
func overFormula[T Float](f formula, l []T, r pointRun[T], scale float64, k *[PointFactors]float64) (sum float64, bad uint32) {
	for i, v := range r.a {
		loss, ga, gb, gc, ok := f(float64(v), float64(r.b[i]), third(r.c, i), k)
		if !ok {
			bad = 1
		}
		sum += loss
		if l != nil {
			l[i] = T(loss)
		}
		if r.da != nil {
			r.da[i] = T(ga * scale)
		}
		if r.db != nil {
			r.db[i] = T(gb * scale)
		}
		if r.dc != nil {
			r.dc[i] = T(gc * scale)
		}
	}
	return sum, bad
}

// plainPoint is a kernel in plain Go.
func plainPoint[T Float](f formula) pointKernel[T] {
	return pointKernel[T]{
		sum: func(da, db, dc, a, b, c []T, k *factors[T]) (float64, uint32) {
			return overFormula(f, nil, pointRun[T]{a, b, c, da, db, dc}, float64(k.vector[0]), &k.own)
		},
		each: func(l, da, db, dc, a, b, c []T, k *factors[T]) uint32 {
			_, bad := overFormula(f, l, pointRun[T]{a, b, c, da, db, dc}, 1, &k.own)
			return bad
		},
	}
}

func plainPoints[T Float]() (all [numPoints]pointKernel[T]) {
	for p, f := range formulas {
		all[p] = plainPoint[T](f)
	}
	return all
}
