package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// KLDiv is the Kullback-Leibler divergence, element by element: input holds
// log-probabilities, target probabilities.
//
//	ℓ = y(log y − x)       x = input, y = target
//	ℓ = exp(y)(y − x)      LogTarget: y is the log of the probability
//
// Shapes: pointwise; input and target alike. BatchMean, which makes it the divergence
// proper, divides the sum by Batch.
// Units: nats.
// Kinks: none.
// Special cases: y = 0 counts 0 whatever number x is, −Inf too, where PyTorch gives NaN; the
// derivative by target is there −Inf, its limit (+Inf where x = −Inf). With LogTarget, y = −Inf counts 0
// with both derivatives 0.
// Errors: lengths that differ; a target below 0 (unless Unchecked or LogTarget), which
// PyTorch takes for NaN; BatchMean without Batch.
// PyTorch: nn.KLDivLoss(reduction, log_target=LogTarget).
// Source: [kullback1951].
type KLDiv[T tensor.Float] struct {
	LogTarget bool
	Batch     int // the number of samples, for BatchMean
	Reduction Reduction
	Unchecked bool // let targets below 0 pass, as NaN
}

// KLDivLoss returns the mean loss over all elements, as PyTorch's default is, and writes
// its gradient by input: F.kl_div.
func KLDivLoss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return new(KLDiv[T]).Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives.
func (l KLDiv[T]) At(input, target float64) (v, dInput, dTarget float64) {
	return at2(l.point(), input, target)
}

// Eval returns the loss and writes its gradients.
func (l *KLDiv[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p := l.points(input, target, dInput, dTarget)
	if l.Reduction != BatchMean {
		return p.reduce(countMean, l.Reduction)
	}
	if l.Batch < 0 || l.Batch == 0 && len(input) > 0 || l.Batch > 0 && len(input)%l.Batch != 0 {
		return 0, badOption("KLDiv", "the batch size", l.Batch, "a number of samples that the elements make up, for batchmean")
	}
	p.batch = l.Batch
	return p.reduce(batchMean, Mean)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *KLDiv[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p := l.points(input, target, dInput, dTarget)
	return p.each(dst, up)
}

func (l *KLDiv[T]) point() simd.Point {
	if l.LogTarget {
		return simd.PointKLDivLog
	}
	return simd.PointKLDiv
}

func (l *KLDiv[T]) points(input, target, dInput, dTarget []T) points[T] {
	p := residual("KLDiv", l.point(), input, target, dInput, dTarget, nil)
	p.domains[1], p.unchecked = nonNegative, l.Unchecked
	return p
}

func klDivEntry() Entry {
	return Entry{
		Name: "kl_div", Type: "KLDiv", PyTorch: "KLDivLoss",
		Formula: "y(log y − x); with log_target exp(y)(y − x)", Domain: "x log-probabilities; y ≥ 0, or with log_target their logarithms", Margin: "none",
		Kinks: "none", Differs: "y = 0 counts 0 even where x = −Inf; y < 0 is an error",
		Source: []string{"kullback1951"}, Convex: true,
		Inputs: regressionInputs,
		Options: []Option{
			{"log_target", "false", "target holds log-probabilities"},
			{"reduction", "mean", "none, mean, batchmean or sum"},
			unchecked("targets below 0"),
		},
		Needs: []Need{only("unchecked", "log_target", false, false)},
		At:    func(x, y float64) (float64, float64) { l, d, _ := KLDiv[float64]{}.At(x, y); return l, d },
		run32: callKLDiv[float32], run64: callKLDiv[float64],
	}
}

func callKLDiv[T tensor.Float](c *Call[T]) error {
	l := &KLDiv[T]{LogTarget: c.flag("log_target", false), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)}
	if shape := c.float("input").Shape; len(shape) > 0 {
		l.Batch = shape[0]
	} else {
		l.Batch = 1 // as PyTorch, which divides a scalar by nothing
	}
	return c.regression(l)
}
