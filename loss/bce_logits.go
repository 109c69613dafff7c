package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// BCEWithLogits is the binary cross entropy of σ(x), taken from the scores x before the
// sigmoid.
//
//	ℓ = w[(1 − y)·log(1 + exp x) + p·y·log(1 + exp(−x))],  x = input, y = target, p = PosWeight
//
// Shapes: pointwise; input and target alike. Weight and PosWeight are repeated over the elements: a
// PosWeight of C numbers is one for each class of rows of C.
// Units: nats.
// Kinks: none.
// Special cases: an infinite score with the fitting target counts 0, with derivative 0, where PyTorch
// gives NaN.
// Errors: lengths that do not fit; a target outside [0, 1], which PyTorch takes (Unchecked lets it pass);
// a weight that is not finite.
// PyTorch: nn.BCEWithLogitsLoss(weight, pos_weight).
// Source: [pytorch].
type BCEWithLogits[T tensor.Float] struct {
	Weight    []T // repeated over the elements; nil: ones
	PosWeight []T // of the term with y, repeated over the elements; nil: ones
	Reduction Reduction
	Unchecked bool // let targets outside [0, 1] pass
}

// BCEWithLogitsLoss returns the mean loss and writes its gradient by input:
// F.binary_cross_entropy_with_logits.
func BCEWithLogitsLoss[T tensor.Float](input, target, dInput []T) (float64, error) {
	return new(BCEWithLogits[T]).Eval(input, target, dInput, nil)
}

// At returns the loss at one point and its derivatives, without weights.
func (BCEWithLogits[T]) At(input, target float64) (l, dInput, dTarget float64) {
	return at2(simd.PointBCELogits, input, target)
}

// Eval returns the loss and writes its gradients.
func (l *BCEWithLogits[T]) Eval(input, target, dInput, dTarget []T) (float64, error) {
	p, err := l.points(input, target, dInput, dTarget)
	if err != nil {
		return 0, err
	}
	return p.reduce(countMean, l.Reduction)
}

// Each writes the loss of each element to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *BCEWithLogits[T]) Each(dst, up, input, target, dInput, dTarget []T) error {
	p, err := l.points(input, target, dInput, dTarget)
	if err != nil {
		return err
	}
	return p.each(dst, up)
}

func (l *BCEWithLogits[T]) points(input, target, dInput, dTarget []T) (points[T], error) {
	const name = "BCEWithLogits"
	p := residual(name, simd.PointBCELogits, input, target, dInput, dTarget, l.Weight)
	p.domains[1], p.unchecked = unitInterval, l.Unchecked
	if l.PosWeight != nil {
		if err := repeats(name, "pos_weight", l.PosWeight, len(input)); err != nil {
			return points[T]{}, err
		}
		p.point, p.C = simd.PointBCELogitsPos, l.PosWeight
	}
	return p, nil
}

func bceLogitsEntry() Entry {
	return Entry{
		Name: "bce_logits", Type: "BCEWithLogits", PyTorch: "BCEWithLogitsLoss",
		Formula: "(1 − y)·log(1 + exp x) + p·y·log(1 + exp(−x))", Domain: "x real; y in [0, 1]", Margin: "> 0",
		Kinks: "none", Differs: "x = ±∞ with the fitting target is 0, not NaN; a target outside [0, 1] is an error",
		Source: []string{"pytorch"}, Convex: true,
		Inputs:  regressionInputs,
		Options: []Option{spreadOption, {"pos_weight", "none", "weight p of the positive term, spread over the shape of input"}, reductionOption, unchecked("targets outside [0, 1]")},
		At:      func(x, y float64) (float64, float64) { l, d, _ := BCEWithLogits[float64]{}.At(x, y); return l, d },
		run32:   callBCELogits[float32], run64: callBCELogits[float64],
	}
}

func callBCELogits[T tensor.Float](c *Call[T]) error {
	shape := c.float("input").Shape
	l := &BCEWithLogits[T]{Weight: c.spread("weight", shape), PosWeight: c.spread("pos_weight", shape), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)}
	return c.regression(l)
}
