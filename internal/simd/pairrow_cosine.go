package simd

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// CosineArgs are the arguments of CosineRows.
type CosineArgs[T Float] struct {
	X, Y   []T // rows of Dim elements
	Dim    int // at least 1
	Target []T // a row's: 1, or −1; with any other its loss is 0
	Margin float64
	Scale  float64
	L      []T // every row's loss; nil: not written
	Up     []T // upstream gradient of each row; nil: ones
	DX, DY []T // gradients, times Scale; nil: not written
}

// CosineEps is what PyTorch's cosine embedding loss adds to both squared norms: 1e-12 as
// a float32.
const CosineEps = 0x1.197998p-40

// CosineRows computes, with cos = x·y/√((‖x‖² + eps)(‖y‖² + eps)) of each pair of rows,
//
//	ℓ = 1 − cos               Target 1
//	ℓ = max(0, cos − Margin)  Target −1
//
// and returns Σ ℓ. The second passes the gradient at equality. Gradients may be the
// memory of the rows that they belong to.
func CosineRows[T Float](x *CosineArgs[T]) float64 {
	free := &jobsOf[T]().cosines
	j := free.get()
	rows, step := len(x.Target), rowStep(x.Dim)
	tasks := (rows + step - 1) / step
	*j = cosineJob[T]{*x, &tableOf[T]().pairs, step, scratch.Sized(j.partial, tasks), scratch.Sized(j.spare, max(Threads(), 1)*x.Dim)}
	Run(tasks, j)
	sum := total(j.partial)
	*j = cosineJob[T]{partial: j.partial, spare: j.spare}
	free.put(j)
	return sum
}

func total(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// A cosineJob is a call of CosineRows cut into runs of step rows.
type cosineJob[T Float] struct {
	CosineArgs[T]
	run     *pairKernels[T]
	step    int
	partial []float64
	spare   []T // a row of each worker, for results that are not kept
}

func (j *cosineJob[T]) Do(task, worker int) {
	var sum float64
	spare := j.spare[worker*j.Dim:][:j.Dim]
	for r := task * j.step; r < min((task+1)*j.step, len(j.Target)); r++ {
		l := j.row(r, spare)
		sum += l
		if j.L != nil {
			j.L[r] = T(l)
		}
	}
	j.partial[task] = sum
}

// row does one pair of rows.
func (j *cosineJob[T]) row(r int, spare []T) float64 {
	lo, hi := r*j.Dim, (r+1)*j.Dim
	x, y := j.X[lo:hi], j.Y[lo:hi]
	up := j.Scale
	if j.Up != nil {
		up *= float64(j.Up[r])
	}
	cos, rx, ry := cosine(j.run, x, y, CosineEps)
	var l float64
	switch j.Target[r] {
	case 1:
		l = 1 - cos
		if cos > 0.5 { // the difference cancels; this does not
			l = (j.run.gap(x, y, rx, ry) + float64(CosineEps*(float64(rx*rx)+float64(ry*ry)))) / 2
		}
		up = -up
	case -1:
		if l = cos - j.Margin; l < 0 {
			l, up = 0, 0
		}
	default:
		up = 0
	}
	if j.DX == nil && j.DY == nil {
		return l
	}
	dx, dy := rowOr(j.DX, lo, hi, spare), rowOr(j.DY, lo, hi, spare)
	if up == 0 {
		clear(dx)
		clear(dy)
		return l
	}
	j.run.cosine(dx, dy, x, y, rx, ry, cos, up*rx, up*ry)
	return l
}

// rowOr returns d[lo:hi], or spare where d is nil.
func rowOr[T Float](d []T, lo, hi int, spare []T) []T {
	if d == nil {
		return spare
	}
	return d[lo:hi]
}

// cosine returns x·y·rx·ry with rx = 1/√(‖x‖² + eps) and ry likewise, and those two.
func cosine[T Float](t *pairKernels[T], x, y []T, eps float64) (cos, rx, ry float64) {
	dot, xx, yy := t.sums(x, y)
	if xx+yy <= math.MaxFloat64 {
		rx, ry = 1/math.Sqrt(xx+eps), 1/math.Sqrt(yy+eps)
		return dot * rx * ry, rx, ry
	}
	rx, ry = reciprocalNorm(x, eps), reciprocalNorm(y, eps)
	for i, v := range x {
		cos += (float64(v) * rx) * (float64(y[i]) * ry)
	}
	return cos, rx, ry
}

// reciprocalNorm is 1/√(‖x‖² + eps) where ‖x‖² may overflow.
func reciprocalNorm[T Float](x []T, eps float64) float64 {
	top := math.Sqrt(eps)
	for _, v := range x {
		top = max(top, math.Abs(float64(v)))
	}
	if top == 0 {
		return math.Inf(1)
	}
	s := eps / top / top
	for _, v := range x {
		u := float64(v) / top
		s += u * u
	}
	return 1 / math.Sqrt(s) / top
}

// CosineDistance returns 1 − x·y/(max(‖x‖, eps)·max(‖y‖, eps)).
func CosineDistance[T Float](x, y []T, eps float64) float64 {
	t := &tableOf[T]().pairs
	cos, rx, ry := cosine(t, x, y, 0)
	if rx*eps <= 1 && ry*eps <= 1 {
		if cos > 0.5 { // the difference cancels; this does not
			return t.gap(x, y, rx, ry) / 2
		}
		return 1 - cos
	}
	var dot float64
	rx, ry = min(rx, 1/eps), min(ry, 1/eps)
	for i, v := range x {
		dot += float64(v) * rx * (float64(y[i]) * ry)
	}
	return 1 - dot
}

// CosineDistanceGrad adds up·∂d/∂x to dx and up·∂d/∂y to dy, d being the value of
// CosineDistance. A norm below eps does not change with its row.
func CosineDistanceGrad[T Float](dx, dy []float64, x, y []T, eps, d, up float64) {
	_, rx, ry := cosine(&tableOf[T]().pairs, x, y, 0)
	alongX, alongY := 1-d, 1-d
	if rx*eps > 1 {
		rx, alongX = 1/eps, 0
	}
	if ry*eps > 1 {
		ry, alongY = 1/eps, 0
	}
	for i, v := range x {
		a, b := float64(float64(v)*rx), float64(float64(y[i])*ry)
		dx[i] -= float64(up * rx * (b - float64(alongX*a)))
		dy[i] -= float64(up * ry * (a - float64(alongY*b)))
	}
}
