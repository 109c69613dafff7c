package loss

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/simd"
)

// GaussianNLL is the negative log likelihood of targets under normal distributions whose
// means and variances are predicted.
//
//	ℓ = ½(log v + (input − target)²/v),  v = max(variance, Eps)
//
// and with Full, + ½ log 2π.
//
// Shapes: pointwise; input and target alike. There may be fewer variances: each then is
// that of as many neighbouring elements as it takes, such as a row, or of all.
// Kinks: at variance = Eps; below, the derivative by variance is that at Eps, as PyTorch's
// clamp, which lets it pass, has it.
// Errors: lengths that do not fit; a variance below 0 (unless Unchecked: clamped); Eps negative or
// not finite.
// PyTorch: nn.GaussianNLLLoss(full=Full, eps=Eps).
// Source: [nix1994].
type GaussianNLL[T simd.Float] struct {
	Full      bool
	Eps       float64 // 0 means 1e-6
	Reduction Reduction
	Unchecked bool // let variances below 0 pass, as Eps

	spread, gradient []T // variances and their gradients, one for each element
}

// GaussianNLLLoss returns the mean loss and writes its gradients by input and variance:
// F.gaussian_nll_loss.
func GaussianNLLLoss[T simd.Float](input, target, variance, dInput, dVariance []T) (float64, error) {
	return new(GaussianNLL[T]).Eval(input, target, variance, dInput, nil, dVariance)
}

// At returns the loss at one point and its derivatives.
func (l GaussianNLL[T]) At(input, target, variance float64) (v, dInput, dTarget, dVariance float64) {
	return simd.PointAt(simd.PointGaussian, input, target, variance, [simd.PointFactors]float64{l.eps(), l.constant()})
}

// Eval returns the loss and writes its gradients.
func (l *GaussianNLL[T]) Eval(input, target, variance, dInput, dTarget, dVariance []T) (float64, error) {
	p, err := l.points(input, target, variance, dInput, dTarget, dVariance)
	if err != nil {
		return 0, err
	}
	v, err := p.reduce(countMean, l.Reduction)
	l.gather(dVariance)
	return v, err
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *GaussianNLL[T]) Each(dst, up, input, target, variance, dInput, dTarget, dVariance []T) error {
	p, err := l.points(input, target, variance, dInput, dTarget, dVariance)
	if err != nil {
		return err
	}
	err = p.each(dst, up)
	l.gather(dVariance)
	return err
}

func (l *GaussianNLL[T]) eps() float64 {
	if l.Eps == 0 {
		return 1e-6
	}
	return l.Eps
}

func (l *GaussianNLL[T]) constant() float64 {
	if l.Full {
		return math.Log(2*math.Pi) / 2
	}
	return 0
}

func (l *GaussianNLL[T]) points(input, target, variance, dInput, dTarget, dVariance []T) (points[T], error) {
	const name = "GaussianNLL"
	if err := above0(name, "eps", l.eps()); err != nil {
		return points[T]{}, err
	}
	n, m := len(input), len(variance)
	if n > 0 && (m == 0 || n%m != 0) || n == 0 && m > 1 {
		return points[T]{}, badLength(name, "var", m, n)
	}
	if err := optional(name, m, by("var", dVariance)); err != nil {
		return points[T]{}, err
	}
	l.gradient = l.gradient[:0]
	if n == 0 {
		clear(dVariance)
	}
	if m != n && n > 0 {
		l.spread = slices.Grow(l.spread[:0], n)[:n]
		for i := range l.spread {
			l.spread[i] = variance[i/(n/m)]
		}
		variance = l.spread
		if dVariance != nil {
			l.gradient = slices.Grow(l.gradient, n)[:n]
			dVariance = l.gradient
		}
	}
	p := residual(name, simd.PointGaussian, input, target, dInput, dTarget, nil, l.eps(), l.constant())
	if n > 0 {
		p.C, p.DC = variance, dVariance
	} else {
		p.C = variance[:0]
	}
	p.names[2] = "var"
	p.domains[2], p.unchecked = nonNegative, l.Unchecked
	return p, nil
}

// gather adds up the gradients of the elements that share a variance.
func (l *GaussianNLL[T]) gather(dVariance []T) {
	if len(l.gradient) == 0 {
		return
	}
	each := len(l.gradient) / len(dVariance)
	for i := range dVariance {
		dVariance[i] = T(simd.Sum(l.gradient[i*each : (i+1)*each]))
	}
}

func gaussianNLLEntry() Entry {
	return Entry{
		Name: "gaussian_nll", Type: "GaussianNLL", PyTorch: "GaussianNLLLoss",
		Formula: "½(log v + (x − y)²/v), v = max(var, ε); with full + ½ log 2π", Domain: "x, y real; var ≥ 0", Margin: "none",
		Kinks: "var = ε; below it the derivative is that at ε", Source: []string{"nix1994"},
		Convex: true, Symmetric: true,
		Inputs: []Input{{Name: "input", Grad: true}, {Name: "target", Grad: true}, {Name: "var", Grad: true, Is: "variances, of input's shape, without its last dimension, with 1 for it, or one number"}},
		Options: []Option{
			{"full", "false", "add the constant ½ log 2π"},
			{"eps", "1e-6", "least variance"},
			reductionOption,
		},
		At:    func(x, y float64) (float64, float64) { l, d, _, _ := GaussianNLL[float64]{}.At(x, y, 1); return l, d },
		run32: callGaussianNLL[float32], run64: callGaussianNLL[float64],
	}
}

func callGaussianNLL[T simd.Float](c *Call[T]) error {
	x, y := c.alike("input", "target")
	v := c.float("var")
	last := len(x.Shape) - 1
	switch {
	case slices.Equal(v.Shape, x.Shape), len(v.Shape) == 0:
	case last >= 0 && slices.Equal(v.Shape, x.Shape[:last]):
	case last >= 0 && len(v.Shape) == last+1 && v.Shape[last] == 1 && slices.Equal(v.Shape[:last], x.Shape[:last]):
	default:
		c.fail("var has shape %v; for input's %v it must have the same, that without the last dimension or with 1 for it, or none", v.Shape, x.Shape)
	}
	eps := c.number("eps", 1e-6)
	if eps == 0 { // here 0 is no default
		eps = math.SmallestNonzeroFloat64
	}
	l := &GaussianNLL[T]{Full: c.flag("full", false), Eps: eps, Reduction: c.reduction()}
	dx, dy, dv := c.grad("input"), c.grad("target"), c.grad("var")
	return c.finish(x.Shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, y.Data, v.Data, dx, dy, dv) },
		func() (float64, error) { return l.Eval(x.Data, y.Data, v.Data, dx, dy, dv) })
}
