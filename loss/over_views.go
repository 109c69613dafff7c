package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// overViews is what losses have in common that look at the columns of two views of a batch:
// embeddings of the same samples, each differently augmented. It has one goroutine's
// memory, which is kept for the next batch. Matrices of all pairs of columns are held a
// strip at a time.
type overViews[T tensor.Float] struct {
	rows, dim int
	views     [2]view[T]
	strip     []T
	centring  viewCentring[T]
}

// view is one of them, by columns.
type view[T tensor.Float] struct {
	raw, out []T       // the caller's
	points   []T       // raw, less the columns' means, perhaps divided
	squares  []float64 // of each column: Σ of (raw − mean)²
	grad     []T       // by points
}

// set checks the arguments, and prepares points and squares. ok is false where numbers are
// not finite, or so large that their squares are not; the gradients are NaN then. Errors: fewer than two rows, whose variance would
// be none; lengths that do not fit.
func (o *overViews[T]) set(loss string, x, y []T, dim int, dx, dy []T) (ok bool, err error) {
	rows, err := rowsOf(loss, "x", len(x), "dim", dim)
	if err != nil {
		return false, err
	}
	if rows < 2 {
		return false, badValue(loss, "the number of rows", -1, rows, "at least 2")
	}
	if err := alike(loss, len(x), of("y", y)); err != nil {
		return false, err
	}
	if err := optional(loss, len(x), by("x", dx), by("y", dy)); err != nil {
		return false, err
	}
	o.rows, o.dim = rows, dim
	o.views[0].raw, o.views[0].out = x, dx
	o.views[1].raw, o.views[1].out = y, dy
	for i := range o.views {
		v := &o.views[i]
		if simd.HasNonFinite(v.raw) {
			o.refuse()
			return false, nil
		}
		v.points, v.squares, v.grad = scratch.Sized(v.points, len(x)), scratch.Sized(v.squares, dim), scratch.Sized(v.grad, len(x))
		o.centring = viewCentring[T]{o, v}
		simd.Run(o.tasks(), &o.centring)
		if simd.HasNonFinite(v.squares) {
			o.refuse()
			return false, nil
		}
	}
	return true, nil
}

// needsGradient reports whether the caller asked for a gradient.
func (o *overViews[T]) needsGradient() bool { return o.views[0].out != nil || o.views[1].out != nil }

// refuse writes NaN for every gradient.
func (o *overViews[T]) refuse() {
	for i := range o.views {
		simd.Fill(o.views[i].out, T(math.NaN()))
	}
}

// forget lets go of what is the caller's.
func (o *overViews[T]) forget() {
	for i := range o.views {
		o.views[i].raw, o.views[i].out = nil, nil
	}
}

// viewTask is how many columns a task has.
const viewTask = 32

func (o *overViews[T]) tasks() int { return (o.dim + viewTask - 1) / viewTask }

// columns returns those of a task.
func (o *overViews[T]) columns(task int) (lo, hi int) {
	return task * viewTask, min((task+1)*viewTask, o.dim)
}

// viewCentring takes the means out of columns.
type viewCentring[T tensor.Float] struct {
	*overViews[T]
	view *view[T]
}

// Do implements simd.Job.
func (c *viewCentring[T]) Do(task, _ int) {
	v := c.view
	lo, hi := c.columns(task)
	var means [viewTask]float64
	for i := range c.rows {
		for k, x := range v.raw[i*c.dim+lo : i*c.dim+hi] {
			means[k] += float64(x)
		}
	}
	for k := range means {
		means[k] /= float64(c.rows)
	}
	squares := v.squares[lo:hi]
	clear(squares)
	for i := range c.rows {
		points := v.points[i*c.dim+lo : i*c.dim+hi]
		for k, x := range v.raw[i*c.dim+lo : i*c.dim+hi] {
			d := float64(x) - means[k]
			points[k] = T(d)
			squares[k] += d * d
		}
	}
}

// stripOf returns the products of columns lo to hi−1 of a with all of b, times scale, as
// rows. Callers take height columns at a time.
func (o *overViews[T]) stripOf(a, b *view[T], lo, hi int, scale float64) []T {
	d := o.dim
	o.strip = scratch.Sized(o.strip, o.height()*d)
	strip := o.strip[:(hi-lo)*d]
	gemm.Mul(true, false, hi-lo, d, o.rows, a.points[lo:], d, b.points, d, 0, strip, d)
	simd.Scale(strip, strip, T(scale))
	return strip
}

func (o *overViews[T]) height() int { return min(max(stripElements/o.dim, 1), o.dim) }

// viewInputs are the inputs of losses of two views in the catalogue.
var viewInputs = []Input{
	{Name: "x", Grad: true, Is: "rows [N, D]"},
	{Name: "y", Grad: true, Is: "rows [N, D], other views of the same samples"},
}

// views evaluates a loss of two views.
func (c *Call[T]) views(l OfViews[T]) error {
	x, y := c.alike("x", "y")
	if len(x.Shape) != 2 {
		c.fail("x has shape %v; it must have two dimensions", x.Shape)
		return c.err
	}
	dx, dy := c.grad("x"), c.grad("y")
	return c.batch(func() (float64, error) { return l.Eval(x.Data, y.Data, x.Shape[1], dx, dy) })
}
