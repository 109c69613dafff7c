package loss

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// GaussianNLL is the negative log likelihood of targets under normal distributions whose
// means and variances are predicted.
//
//	ℓ = ½(log v + (input − target)²/v),  v = max(variance, Eps)
//
// and with Full, + ½ log 2π.
//
// Shapes: pointwise; input, target and variance alike. There may be fewer targets or
// variances, as of a dimension that is 1: each is then that of as many elements as it takes
// to cover input, which are TargetInner, VarianceInner elements apart. 0 and 1 are
// neighbours: a variance for each row, or for all. For input [B, C, D] and variances
// [B, 1, D], VarianceInner is D.
// Kinks: at variance = Eps; below, the derivative by variance is that at Eps, as PyTorch's
// clamp, which lets it pass, has it.
// Errors: lengths that do not fit; a variance below 0 (unless Unchecked: clamped); Eps negative or
// not finite.
// PyTorch: nn.GaussianNLLLoss(full=Full, eps=Eps).
// Source: [nix1994].
type GaussianNLL[T tensor.Float] struct {
	Full          bool
	Eps           float64 // 0 means 1e-6
	TargetInner   int     // how far apart the elements are that share a target; 0 means 1
	VarianceInner int     // how far apart the elements are that share a variance; 0 means 1
	Reduction     Reduction
	Unchecked     bool // let variances below 0 pass, as Eps

	targets, variances shared[T]
}

// GaussianNLLLoss returns the mean loss and writes its gradients by input and variance:
// F.gaussian_nll_loss.
func GaussianNLLLoss[T tensor.Float](input, target, variance, dInput, dVariance []T) (float64, error) {
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
	l.gather(dTarget, dVariance)
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
	l.gather(dTarget, dVariance)
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
	n := len(input)
	target, dTarget, err := l.targets.fit(name, "target", target, dTarget, n, l.TargetInner)
	if err != nil {
		return points[T]{}, err
	}
	variance, dVariance, err = l.variances.fit(name, "var", variance, dVariance, n, l.VarianceInner)
	if err != nil {
		return points[T]{}, err
	}
	p := residual(name, simd.PointGaussian, input, target, dInput, dTarget, nil, l.eps(), l.constant())
	p.C, p.DC = variance, dVariance
	p.names[2] = "var"
	p.domains[2], p.unchecked = nonNegative, l.Unchecked
	return p, nil
}

// gather adds up the gradients of the elements that share a target or a variance.
func (l *GaussianNLL[T]) gather(dTarget, dVariance []T) {
	l.targets.gather(dTarget)
	l.variances.gather(dVariance)
}

func gaussianNLLEntry() Entry {
	return Entry{
		Name: "gaussian_nll", Type: "GaussianNLL", PyTorch: "GaussianNLLLoss",
		Formula: "½(log v + (x − y)²/v), v = max(var, ε); with full + ½ log 2π", Domain: "x, y real; var ≥ 0", Margin: "none",
		Kinks: "var = ε; below it the derivative is that at ε", Source: []string{"nix1994"},
		Convex: true, Symmetric: true,
		Inputs: []Input{{Name: "input", Grad: true}, {Name: "target", Grad: true, Is: "of input's shape, or with 1 for one of its dimensions"}, {Name: "var", Grad: true, Is: "variances, of input's shape, with 1 for one of its dimensions, without the last, or one number"}},
		Options: []Option{
			{"full", "false", "add the constant ½ log 2π"},
			{"eps", "1e-6", "least variance"},
			reductionOption, unchecked("variances below 0"),
		},
		At:    func(x, y float64) (float64, float64) { l, d, _, _ := GaussianNLL[float64]{}.At(x, y, 1); return l, d },
		run32: callGaussianNLL[float32], run64: callGaussianNLL[float64],
	}
}

func callGaussianNLL[T tensor.Float](c *Call[T]) error {
	x, y, v := c.float("input"), c.float("target"), c.float("var")
	targetInner, ok := sharedInner(x.Shape, y.Shape)
	if !ok {
		c.fail("target has shape %v; for input's %v it must have the same, or 1 for one dimension", y.Shape, x.Shape)
	}
	varianceInner, ok := sharedInner(x.Shape, v.Shape)
	last := len(x.Shape) - 1
	if !ok && len(v.Shape) > 0 && !(last >= 0 && slices.Equal(v.Shape, x.Shape[:last])) {
		c.fail("var has shape %v; for input's %v it must have the same, 1 for one dimension, that without the last dimension, or none", v.Shape, x.Shape)
	}
	eps := c.number("eps", 1e-6)
	if eps == 0 { // here 0 is no default
		eps = math.SmallestNonzeroFloat64
	}
	l := &GaussianNLL[T]{Full: c.flag("full", false), Eps: eps, TargetInner: targetInner, VarianceInner: varianceInner, Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)}
	dx, dy, dv := c.grad("input"), c.grad("target"), c.grad("var")
	return c.finish(x.Shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, y.Data, v.Data, dx, dy, dv) },
		func() (float64, error) { return l.Eval(x.Data, y.Data, v.Data, dx, dy, dv) })
}

// sharedInner returns the size of what follows the one dimension in which part has 1 and
// whole has not, 1 where they are the same, and whether they are one or the other.
func sharedInner(whole, part []int) (inner int, ok bool) {
	if len(whole) != len(part) {
		return 1, false
	}
	inner, product := 1, 1
	differing := 0
	for i := len(whole) - 1; i >= 0; i-- {
		if whole[i] != part[i] {
			if differing++; differing > 1 || part[i] != 1 {
				return 1, false
			}
			inner = product
		}
		product *= whole[i]
	}
	return max(inner, 1), true
}
