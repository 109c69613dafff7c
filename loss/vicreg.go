package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// VICReg brings two views of each sample together, and keeps the batch from collapsing:
// every column is to vary, and no two columns to vary together. Of N rows and D columns,
//
//	ℓ = Invariance·s + Variance·(v(x) + v(y))/2 + Covariance·(c(x) + c(y))
//	s = Σ (x − y)²/(N·D)
//	v = Σⱼ max(0, 1 − √(Varⱼ + Eps))/D
//	c = Σ_{j≠k} Covⱼₖ²/D
//
// with variances and covariances divided by N − 1. The paper's text has s without the D and
// v without the half; these are its code's.
//
// Shapes: x and y, N rows of dim coordinates, N at least 2.
// Units: the embeddings have that of the deviation 1.
// Kinks: a column whose deviation is just 1: derivative 0.
// Special cases: a column without variance has a finite derivative, for Eps; numbers that are
// not finite, or so large that ℓ is not, give NaN.
// Memory: copies of the views and their gradients, and a strip of the covariances.
// Errors: fewer than two rows; a weight that is negative or not finite; Eps that is not above
// 0; lengths that do not fit.
// Source: [bardes2022].
type VICReg[T tensor.Float] struct {
	Invariance float64 // NewVICReg's is 25
	Variance   float64 // NewVICReg's is 25
	Covariance float64 // NewVICReg's is 1
	Eps        float64 // NewVICReg's is 1e-4

	overViews[T]
	last vicRegGradient[T]
}

// NewVICReg returns the loss with weights 25, 25 and 1.
func NewVICReg[T tensor.Float]() *VICReg[T] {
	return &VICReg[T]{Invariance: 25, Variance: 25, Covariance: 1, Eps: 1e-4}
}

// Eval returns the loss of two views and writes its gradients, unless they are nil.
func (l *VICReg[T]) Eval(x, y []T, dim int, dx, dy []T) (float64, error) {
	const name = "VICReg"
	for _, w := range []struct {
		option string
		v      float64
	}{{"invariance", l.Invariance}, {"variance", l.Variance}, {"covariance", l.Covariance}} {
		if err := atLeast0(name, w.option, w.v); err != nil {
			return 0, err
		}
	}
	if err := above0(name, "eps", l.Eps); err != nil {
		return 0, err
	}
	defer l.forget()
	ok, err := l.set(name, x, y, dim, dx, dy)
	if err != nil || !ok {
		return math.NaN(), err
	}
	v := l.Invariance * simd.PairSquares(x, y) / float64(len(x))
	for i := range l.views {
		v += l.Variance/2*l.spread(&l.views[i]) + l.Covariance*l.covariances(&l.views[i])
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		l.refuse()
		return math.NaN(), nil
	}
	if l.needsGradient() {
		l.last = vicRegGradient[T]{l}
		simd.Run(l.tasks(), &l.last)
	}
	return v, nil
}

// deviation returns that of a column, from the sum of its squares.
func (l *VICReg[T]) deviation(squares float64) float64 {
	return math.Sqrt(squares/float64(l.rows-1) + l.Eps)
}

// spread is v(x).
func (l *VICReg[T]) spread(x *view[T]) (sum float64) {
	for _, s := range x.squares {
		sum += max(0, 1-l.deviation(s))
	}
	return sum / float64(l.dim)
}

// covariances is c(x); into the view's gradient it puts Σⱼ xⱼ·Covⱼₖ over the other columns j.
func (l *VICReg[T]) covariances(x *view[T]) (sum float64) {
	if l.Covariance == 0 {
		clear(x.grad)
		return 0
	}
	d, height := l.dim, l.height()
	for lo := 0; lo < d; lo += height {
		hi := min(lo+height, d)
		strip := l.stripOf(x, x, lo, hi, 1/float64(l.rows-1))
		for k := range hi - lo {
			strip[k*d+lo+k] = 0
		}
		sum += simd.SumSquares(strip)
		if x.out != nil {
			gemm.Mul(false, false, l.rows, d, hi-lo, x.points[lo:], d, strip, d, T(min(lo, 1)), x.grad, d)
		}
	}
	return sum / float64(d)
}

// vicRegGradient writes the gradients of columns. By the points, that of the deviation is
// x/((N−1)·deviation), that of c is 4/(D(N−1)) of what covariances left; both have no mean
// in a column, so that they are those by the embeddings, too.
type vicRegGradient[T tensor.Float] struct{ *VICReg[T] }

// Do implements simd.Job.
func (g *vicRegGradient[T]) Do(task, _ int) {
	lo, hi := g.columns(task)
	var slopes [2][viewTask]float64
	n, d := float64(g.rows), float64(g.dim)
	for i := range g.views {
		for k, s := range g.views[i].squares[lo:hi] {
			if s := g.deviation(s); s < 1 {
				slopes[i][k] = -g.Variance / (2 * d * (n - 1) * s)
			}
		}
	}
	together, apart := 2*g.Invariance/(n*d), 4*g.Covariance/(d*(n-1))
	x, y := &g.views[0], &g.views[1]
	for i := range g.rows {
		for k := range hi - lo {
			j := i*g.dim + lo + k
			s := float64(together * (float64(x.raw[j]) - float64(y.raw[j])))
			if x.out != nil {
				x.out[j] = T(s + slopes[0][k]*float64(x.points[j]) + apart*float64(x.grad[j]))
			}
			if y.out != nil {
				y.out[j] = T(slopes[1][k]*float64(y.points[j]) + apart*float64(y.grad[j]) - s)
			}
		}
	}
}

func vicRegEntry() Entry {
	return Entry{
		Name: "vicreg", Type: "VICReg", Batch: true,
		Formula: "invariance·mean (x − y)² + variance·mean max(0, 1 − deviation) of both views + covariance·Σ of squared covariances / D of each",
		Domain:  "two views, rows of real numbers; at least 2 rows", Margin: "1, of the deviation",
		Kinks:   "deviation 1: derivative 0",
		Source:  []string{"bardes2022"},
		Inputs:  viewInputs,
		Options: []Option{{"invariance", "25", "a weight"}, {"variance", "25", "a weight"}, {"covariance", "1", "a weight"}, {"eps", "0.0001", "a number above 0, added to variances"}},
		Needs:   []Need{{"eps", "variance is not 0", func(r Request) bool { return r.Options["variance"] != 0.0 }}},
		run32:   callVICReg[float32], run64: callVICReg[float64],
	}
}

func callVICReg[T tensor.Float](c *Call[T]) error {
	return c.views(&VICReg[T]{
		Invariance: c.number("invariance", 25), Variance: c.number("variance", 25), Covariance: c.number("covariance", 1), Eps: c.number("eps", 1e-4),
	})
}
