package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// CosFace is the cross-entropy of picking a sample's class by the angles between its
// embedding and a weight of each class, with a handicap on the cosine of its own. With the
// cosines cⱼ and the class y,
//
//	ℓ = −log exp(Scale(c_y − Margin)) / (exp(Scale(c_y − Margin)) + Σ_{j≠y} exp(Scale·cⱼ))
//
// The loss is the mean over the samples.
//
// Shapes: N rows of dim coordinates, N labels from 0 to C−1, C weights of dim coordinates.
// Units: Scale times a cosine is a logit; ℓ is in nats.
// Kinks: none.
// Special cases: rows shorter than 1e-12 are divided by that instead of their length; of a
// single class the loss is 0; so it is of no sample; numbers that are not finite give NaN.
// Memory: copies of embeddings and weights, and a strip of cosines; never all of them.
// Errors: Margin that is negative or not finite; Scale that is not above 0; a label that is
// no class; lengths that do not fit.
// Source: [wang2018].
type CosFace[T tensor.Float] struct {
	Margin    float64 // NewCosFace's is 0.35
	Scale     float64 // NewCosFace's is 64
	Reduction Reduction

	overClasses[T]
	softmax cosFaceRow[T]
}

// NewCosFace returns the loss with a margin of 0.35 and a scale of 64.
func NewCosFace[T tensor.Float]() *CosFace[T] { return &CosFace[T]{Margin: 0.35, Scale: 64} }

// Eval returns the loss of a batch and writes its gradients, unless they are nil.
func (l *CosFace[T]) Eval(embeddings []T, dim int, labels []int, weight, dEmbeddings, dWeight []T) (float64, error) {
	const name = "CosFace"
	if err := atLeast0(name, "margin", l.Margin); err != nil {
		return 0, err
	}
	if err := inverse(name, "scale", l.Scale); err != nil {
		return 0, err
	}
	a, r, err := l.sides(name, "weight", dim, gridArgs[T]{embeddings, labels, dEmbeddings}, weight, dWeight)
	if err != nil {
		return 0, err
	}
	l.softmax = cosFaceRow[T]{l.Margin, l.Scale}
	return l.eval(pairBatch[T]{
		loss: name, measure: distance.Measure{Kind: distance.Cosine}, similarity: true, over: OverAll, reduction: l.Reduction, dim: dim, a: a, r: r,
	}, &l.softmax)
}

// cosFaceRow is CosFace at one sample.
type cosFaceRow[T tensor.Float] struct{ margin, scale float64 }

func (l *cosFaceRow[T]) row(r *gridRow[T]) {
	y := r.same[0]
	d := r.pick(l.scale, l.scale*(float64(r.values[y])-l.margin))
	r.values[y] = T(l.scale * d)
}

func cosFaceEntry() Entry {
	return Entry{
		Name: "cosface", Type: "CosFace", Batch: true,
		Formula: "−log softmax_y of scale·cos θⱼ, with scale(cos θ_y − margin) at the label",
		Domain:  "rows of real numbers, labels from 0 to C−1", Margin: "margin = 0.35",
		Kinks:   "none",
		Source:  []string{"wang2018"},
		Inputs:  weightInputs,
		Options: []Option{{"margin", "0.35", "a number of at least 0"}, scaleOption, batchReduction},
		run32:   callCosFace[float32], run64: callCosFace[float64],
	}
}

func callCosFace[T tensor.Float](c *Call[T]) error {
	return c.onClasses("weight", &CosFace[T]{Margin: c.number("margin", 0.35), Scale: c.number("scale", 64), Reduction: c.reduction()})
}
