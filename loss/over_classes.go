package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// overClasses is what losses have in common that compare samples with one point of each
// class: the grid's labels of the points are 0, 1 and so on.
type overClasses[T tensor.Float] struct {
	overPairs[T]
	classes []int
}

// sides checks the arguments and returns the samples and the points, whose argument's name
// is given. Errors: no point; a label that is no class; lengths that do not fit.
func (o *overClasses[T]) sides(loss, arg string, dim int, samples gridArgs[T], points, dPoints []T) (a, r gridArgs[T], err error) {
	if err := samples.check(loss, "embeddings", "labels", dim); err != nil {
		return a, r, err
	}
	classes, err := rowsOf(loss, arg, len(points), "dim", dim)
	if err != nil {
		return a, r, err
	}
	if classes == 0 {
		return a, r, badLength(loss, arg, 0, dim)
	}
	if err := fewEnough(loss, "classes", classes, math.MaxInt32); err != nil {
		return a, r, err
	}
	if err := optional(loss, len(points), by(arg, dPoints)); err != nil {
		return a, r, err
	}
	if err := classesIn(loss, "labels", samples.labels, classes); err != nil {
		return a, r, err
	}
	for c := len(o.classes); c < classes; c++ {
		o.classes = append(o.classes, c)
	}
	return samples, gridArgs[T]{points, o.classes[:classes], dPoints}, nil
}

// pick is the loss of picking the anchor's class out of all: −log softmax of the values
// times beta, of which the class's is x instead. It overwrites
// the others' values with the derivatives, the class's with 0, and returns the derivative by x.
func (r *gridRow[T]) pick(beta, x float64) float64 {
	r.terms = 1
	if r.others == 0 {
		r.nothing()
		return 0
	}
	r.mask(T(math.Inf(-1)))
	free := r.boltzmann(beta)
	x = free.log - x
	r.count(softplus(x))
	d := sigmoid(x)
	simd.Scale(r.values, r.values, T(d*beta*free.weight))
	return -d
}

// What losses of classes have in their rows of the catalogue.
var (
	classesInput = Input{Name: "labels", Is: "classes [N], from 0 to C−1"}
	weightInputs = []Input{batchInputs[0], classesInput, {Name: "weight", Grad: true, Is: "a row of each class [C, D]"}}
	proxyInputs  = []Input{batchInputs[0], classesInput, {Name: "proxies", Grad: true, Is: "a row of each class [C, D]"}}
	scaleOption  = Option{"scale", "64", "a number above 0"}
)

// onClasses evaluates a loss of a batch and of a point of each class.
func (c *Call[T]) onClasses(points string, l OfClasses[T]) error {
	x, dim, y := c.together("embeddings", "labels")
	w := c.float(points)
	if len(w.Shape) != 2 || w.Shape[1] != dim {
		c.fail("%s has shape %v; it must have two dimensions, the last embeddings' %d", points, w.Shape, dim)
	}
	dx, dw := c.grad("embeddings"), c.grad(points)
	return c.batch(func() (float64, error) { return l.Eval(x.Data, dim, y, w.Data, dx, dw) })
}
