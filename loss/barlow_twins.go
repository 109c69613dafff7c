package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// BarlowTwins wants each column of one view to go with the same column of the other, and with
// no other. With the columns' correlations C over the batch,
//
//	ℓ = Σⱼ (Cⱼⱼ − 1)² + Lambda·Σ_{j≠k} Cⱼₖ²
//	Cⱼₖ = Σ (xⱼ − mean)(yₖ − mean)/(N·√(Varⱼ + Eps)·√(Varₖ + Eps))
//
// with variances divided by N, as a layer of batch normalisation without weights has it.
//
// Shapes: x and y, N rows of dim coordinates, N at least 2.
// Units: none but Eps's, which has the variance's.
// Kinks: none.
// Special cases: a column without variance has the correlation 0 and a finite derivative, for
// Eps; numbers that are not finite, or so large that ℓ is not, give NaN.
// Memory: copies of the views and their gradients, and a strip of the correlations.
// Errors: fewer than two rows; Lambda that is negative or not finite; Eps that is not above 0;
// lengths that do not fit.
// Source: [zbontar2021].
type BarlowTwins[T tensor.Float] struct {
	Lambda float64 // NewBarlowTwins's is 0.0051
	Eps    float64 // NewBarlowTwins's is 1e-5

	overViews[T]
	unit viewUnit[T]
	last barlowGradient[T]
	off  []float64 // of a strip: its correlations on the diagonal, less 1
}

// NewBarlowTwins returns the loss with Lambda 0.0051.
func NewBarlowTwins[T tensor.Float]() *BarlowTwins[T] {
	return &BarlowTwins[T]{Lambda: 0.0051, Eps: 1e-5}
}

// Eval returns the loss of two views and writes its gradients, unless they are nil.
func (l *BarlowTwins[T]) Eval(x, y []T, dim int, dx, dy []T) (float64, error) {
	const name = "BarlowTwins"
	if err := atLeast0(name, "lambda", l.Lambda); err != nil {
		return 0, err
	}
	if err := above0(name, "eps", l.Eps); err != nil {
		return 0, err
	}
	defer l.forget()
	ok, err := l.set(name, x, y, dim, dx, dy)
	if err != nil || !ok {
		return math.NaN(), err
	}
	for i := range l.views {
		l.unit = viewUnit[T]{l, &l.views[i]}
		simd.Run(l.tasks(), &l.unit)
	}
	v := l.correlations(&l.views[0], &l.views[1])
	if math.IsNaN(v) || math.IsInf(v, 0) {
		l.refuse()
		return math.NaN(), nil
	}
	for i := range l.views {
		if l.views[i].out != nil {
			l.last = barlowGradient[T]{l, &l.views[i]}
			simd.Run(l.tasks(), &l.last)
		}
	}
	return v, nil
}

// deviation returns that of a column, from the sum of its squares.
func (l *BarlowTwins[T]) deviation(squares float64) float64 {
	return math.Sqrt(squares/float64(l.rows) + l.Eps)
}

// correlations returns the loss and puts its derivatives by the points into the views'
// gradients.
func (l *BarlowTwins[T]) correlations(x, y *view[T]) float64 {
	n, d, height := l.rows, l.dim, l.height()
	l.off = scratch.Sized(l.off, height)
	same, others := 0.0, 0.0
	for lo := 0; lo < d; lo += height {
		hi := min(lo+height, d)
		strip := l.stripOf(x, y, lo, hi, 1/float64(n))
		off := l.off[:hi-lo]
		for k := range off {
			c := &strip[k*d+lo+k]
			off[k] = float64(*c) - 1
			same += off[k] * off[k]
			*c = 0
		}
		others += simd.SumSquares(strip)
		if !l.needsGradient() {
			continue
		}
		simd.Scale(strip, strip, T(2*l.Lambda/float64(n)))
		for k, c := range off {
			strip[k*d+lo+k] = T(2 * c / float64(n))
		}
		gemm.Mul(false, true, n, hi-lo, d, y.points, d, strip, d, 0, x.grad[lo:], d)
		gemm.Mul(false, false, n, d, hi-lo, x.points[lo:], d, strip, d, T(min(lo, 1)), y.grad, d)
	}
	return same + l.Lambda*others
}

// viewUnit divides columns by their deviations.
type viewUnit[T tensor.Float] struct {
	*BarlowTwins[T]
	view *view[T]
}

// Do implements simd.Job.
func (u *viewUnit[T]) Do(task, _ int) {
	lo, hi := u.columns(task)
	by := u.inverse(u.view, lo, hi)
	for i := range u.rows {
		for k := range hi - lo {
			p := &u.view.points[i*u.dim+lo+k]
			*p = T(float64(*p) * by[k])
		}
	}
}

// inverse returns 1/deviation of columns lo to hi−1.
func (l *BarlowTwins[T]) inverse(v *view[T], lo, hi int) (by [viewTask]float64) {
	for k, s := range v.squares[lo:hi] {
		by[k] = 1 / l.deviation(s)
	}
	return by
}

// barlowGradient turns the gradients of a view's columns by its points into those by what
// was given: what goes along the ones and along the points themselves is taken out.
type barlowGradient[T tensor.Float] struct {
	*BarlowTwins[T]
	view *view[T]
}

// Do implements simd.Job.
func (g *barlowGradient[T]) Do(task, _ int) {
	v, n := g.view, float64(g.rows)
	lo, hi := g.columns(task)
	by := g.inverse(v, lo, hi)
	var mean, along [viewTask]float64
	for i := range g.rows {
		at := i*g.dim + lo
		for k, s := range v.grad[at : at+hi-lo] {
			mean[k] += float64(s) / n
			along[k] += float64(s) * float64(v.points[at+k]) / n
		}
	}
	for i := range g.rows {
		at := i*g.dim + lo
		for k, s := range v.grad[at : at+hi-lo] {
			v.out[at+k] = T((float64(s) - mean[k] - float64(along[k]*float64(v.points[at+k]))) * by[k])
		}
	}
}

func barlowTwinsEntry() Entry {
	return Entry{
		Name: "barlow_twins", Type: "BarlowTwins", Batch: true,
		Formula: "Σⱼ (Cⱼⱼ − 1)² + lambda·Σ_{j≠k} Cⱼₖ² of the correlations between the views' columns",
		Domain:  "two views, rows of real numbers; at least 2 rows", Margin: "none",
		Kinks:   "none",
		Source:  []string{"zbontar2021"},
		Inputs:  viewInputs,
		Options: []Option{{"lambda", "0.0051", "a weight"}, {"eps", "0.00001", "a number above 0, added to variances"}},
		run32:   callBarlowTwins[float32], run64: callBarlowTwins[float64],
	}
}

func callBarlowTwins[T tensor.Float](c *Call[T]) error {
	return c.views(&BarlowTwins[T]{Lambda: c.number("lambda", 0.0051), Eps: c.number("eps", 1e-5)})
}
