package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// PoissonNLL is the negative log likelihood of counts under Poisson distributions whose
// rates are predicted.
//
//	ℓ = exp(x) − y·x        x = input is the log of the rate
//	ℓ = x − y·log(x + Eps)  Rate: x is the rate itself
//
// and with Full, where y = target > 1, Stirling's y·log y − y + ½ log(2πy) for log y!.
//
// Shapes: pointwise; input and target alike.
// Kinks: with Full a jump at y = 1.
// Special cases: y = 0 leaves exp(x), or x, also where the logarithm is infinite, which
// PyTorch makes NaN of.
// Errors: lengths that differ; with Rate, x + Eps < 0 (unless Unchecked: NaN); Eps
// negative or not finite, or other than 0 without Rate.
// PyTorch: nn.PoissonNLLLoss(log_input=not Rate, full=Full, eps=Eps).
// Source: [pytorch].
type PoissonNLL[T tensor.Float] struct {
	Rate      bool    // input is the rate, not its logarithm: log_input=False
	Full      bool    // add Stirling's approximation
	Eps       float64 // with Rate; 0 means 1e-8
	Reduction Reduction
	Unchecked bool // let rates below 0 pass, as NaN
}

// PoissonNLLLoss returns the mean loss of log rates and writes its gradient by input:
// F.poisson_nll_loss.
func PoissonNLLLoss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return new(PoissonNLL[T]).Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives.
func (l PoissonNLL[T]) At(input, target float64) (v, dInput, dTarget float64) {
	return at2(l.point(), input, target, l.eps())
}

// Eval returns the loss and writes its gradients.
func (l *PoissonNLL[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p, err := l.points(input, target, dInput, dTarget)
	if err != nil {
		return 0, err
	}
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *PoissonNLL[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p, err := l.points(input, target, dInput, dTarget)
	if err != nil {
		return err
	}
	return p.each(dst, up)
}

func (l *PoissonNLL[T]) eps() float64 {
	if l.Eps == 0 {
		return 1e-8
	}
	return l.Eps
}

func (l *PoissonNLL[T]) point() simd.Point {
	switch {
	case l.Rate && l.Full:
		return simd.PointPoissonFull
	case l.Rate:
		return simd.PointPoisson
	case l.Full:
		return simd.PointPoissonLogFull
	}
	return simd.PointPoissonLog
}

func (l *PoissonNLL[T]) points(input, target, dInput, dTarget []T) (points[T], error) {
	if err := above0("PoissonNLL", "eps", l.eps()); err != nil {
		return points[T]{}, err
	}
	if !l.Rate && l.Eps != 0 {
		return points[T]{}, badOption("PoissonNLL", "eps", l.Eps, "0, since the input is the logarithm of the rate")
	}
	p := residual("PoissonNLL", l.point(), input, target, dInput, dTarget, nil, l.eps())
	p.domains[0], p.unchecked = "a rate of at least -eps", l.Unchecked
	return p, nil
}

func poissonNLLEntry() Entry {
	return Entry{
		Name: "poisson_nll", Type: "PoissonNLL", PyTorch: "PoissonNLLLoss",
		Formula: "exp(x) − y·x; with log_input=False x − y·log(x + ε)", Domain: "x real; with log_input=False x ≥ −ε; y real", Margin: "none",
		Kinks: "with full a jump at y = 1", Differs: "y = 0 with an infinite logarithm: no NaN; a rate below −ε is an error",
		Source: []string{"pytorch"}, Convex: true,
		Inputs: regressionInputs,
		Options: []Option{
			{"log_input", "true", "input is the log of the rate"},
			{"full", "false", "add Stirling's approximation of log y!"},
			{"eps", "1e-8", "added to the rate before its logarithm"},
			reductionOption, unchecked("rates below −eps"),
		},
		Needs: []Need{only("eps", "log_input", true, false), only("unchecked", "log_input", true, false)},
		At:    func(x, y float64) (float64, float64) { l, d, _ := PoissonNLL[float64]{}.At(x, y); return l, d },
		run32: callPoissonNLL[float32], run64: callPoissonNLL[float64],
	}
}

func callPoissonNLL[T tensor.Float](c *Call[T]) error {
	l := &PoissonNLL[T]{
		Rate: !c.flag("log_input", true), Full: c.flag("full", false), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false),
	}
	if l.Rate {
		l.Eps = c.number("eps", 1e-8)
		if l.Eps == 0 { // here 0 is no default
			l.Eps = math.SmallestNonzeroFloat64
		}
	}
	return c.regression(l)
}
