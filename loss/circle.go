package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"

	"github.com/energo-ml/energo/internal/simd"
)

// Circle weighs every similarity by how far it is from where it should be. With the
// similarity s, which is 1 − d of the cosine distance d and −d of the others, an anchor a, its
// positives p and its negatives n,
//
//	ℓ(a) = log(1 + Σ_n exp(Gamma·αₙ(s(a, n) − M)) · Σ_p exp(−Gamma·αₚ(s(a, p) − 1 + M)))
//	αₙ = max(0, s(a, n) + M), αₚ = max(0, 1 + M − s(a, p))
//
// The weights αₙ and αₚ are constants to the gradient, as the paper has it: it is not that
// of ℓ. The loss is the mean over the anchors that have positives and negatives.
//
// Shapes: N rows of dim coordinates, N labels.
// Units: M has the similarity's, whose optimum is taken to be 1; Gamma its inverse square.
// Kinks: where a weight begins, the term's derivative is 0 on both sides.
// Special cases: without such an anchor the loss and its gradient are 0, and Stats says so;
// numbers that are not finite give NaN.
// Errors: Gamma that is not above 0; M that is not finite; lengths that do not fit.
// Source: [sun2020].
type Circle[T tensor.Float] struct {
	Distance  distance.Measure // NewCircle's is Cosine
	M         float64          // NewCircle's is 0.4
	Gamma     float64          // NewCircle's is 80
	Reduction Reduction

	overPairs[T]
	sums circleRow[T]
}

// NewCircle returns the loss of cosines with M 0.4 and Gamma 80.
func NewCircle[T tensor.Float]() *Circle[T] {
	return &Circle[T]{Distance: distance.Measure{Kind: distance.Cosine}, M: 0.4, Gamma: 80}
}

// Eval returns the loss of a batch and writes its gradient, unless that is nil.
func (l *Circle[T]) Eval(embeddings []T, dim int, labels []int, dEmbeddings []T) (float64, error) {
	return l.run(ofLabels(embeddings, dim, labels, dEmbeddings))
}

// EvalAgainst is Eval with positives and negatives from references, such as a memory of
// earlier batches.
func (l *Circle[T]) EvalAgainst(embeddings []T, dim int, labels []int, refs []T, refLabels []int, dEmbeddings, dRefs []T) (float64, error) {
	return l.run(ofReferences(embeddings, dim, labels, refs, refLabels, dEmbeddings, dRefs))
}

// EvalPairs is Eval with the pairs that a miner chose instead of all: First is the anchor, Second its
// positive or its negative.
func (l *Circle[T]) EvalPairs(embeddings []T, dim int, pairs pair.Pairs, dEmbeddings []T) (float64, error) {
	return l.run(ofPairs(embeddings, dim, pairs, dEmbeddings))
}

func (l *Circle[T]) run(b pairBatch[T]) (float64, error) {
	const name = "Circle"
	if err := inverse(name, "gamma", l.Gamma); err != nil {
		return 0, err
	}
	if err := finiteOption(name, "m", l.M); err != nil {
		return 0, err
	}
	l.sums = circleRow[T]{l.M, l.Gamma}
	b.loss, b.measure, b.similarity, b.over, b.reduction = name, l.Distance, true, OverAll, l.Reduction
	return l.eval(b, &l.sums)
}

// circleRow is Circle at one anchor.
type circleRow[T tensor.Float] struct{ m, gamma float64 }

func (l *circleRow[T]) row(r *gridRow[T]) {
	if len(r.same) == 0 || r.others == 0 {
		r.nothing()
		return
	}
	near := math.Inf(-1) // the greatest exponent of the positives
	for k, j := range r.same {
		r.ranked[k] = r.values[j]
		near = max(near, l.positive(r.values[j]))
	}
	sum := 0.0
	for _, s := range r.ranked {
		sum += math.Exp(l.positive(s) - near)
	}
	r.mask(T(math.Inf(-1)))
	weights := r.kept[len(r.values):][:len(r.values)]
	for j, s := range r.values {
		if math.IsInf(float64(s), -1) {
			weights[j] = 0
			continue
		}
		w := l.gamma * max(0, float64(s)+l.m)
		weights[j], r.values[j] = T(w), T(w*(float64(s)-l.m))
	}
	free := r.boltzmann(1)
	x := free.log + near + math.Log(sum)
	r.terms = 1
	r.count(softplus(x))
	d := sigmoid(x)
	simd.Mul(r.values, r.values, weights)
	simd.Scale(r.values, r.values, T(d*free.weight))
	for k, j := range r.same {
		s := r.ranked[k]
		r.values[j] = T(-d * math.Exp(l.positive(s)-near) / sum * l.gamma * max(0, 1+l.m-float64(s)))
	}
}

// positive returns the exponent of a positive.
func (l *circleRow[T]) positive(s T) float64 {
	return float64(-l.gamma * max(0, 1+l.m-float64(s)) * (float64(s) - 1 + l.m))
}

func circleEntry() Entry {
	return Entry{
		Name: "circle", Type: "Circle", Batch: true,
		Formula: "log(1 + Σ_n exp(γαₙ(s(a, n) − m)) · Σ_p exp(−γαₚ(s(a, p) − 1 + m))), αₙ = max(0, s + m), αₚ = max(0, 1 + m − s), over anchors",
		Domain:  "rows of real numbers and labels", Margin: "m = 0.4",
		Kinks:   "αₙ and αₚ are constants to the gradient",
		Source:  []string{"sun2020"},
		Inputs:  pairInputs,
		Options: append(measureOptions(distance.Cosine), Option{"m", "0.4", "a number"}, Option{"gamma", "80", "a number above 0"}, batchReduction),
		Needs:   measureNeeds(distance.Cosine),
		run32:   callCircle[float32], run64: callCircle[float64],
	}
}

func callCircle[T tensor.Float](c *Call[T]) error {
	return c.pairs(&Circle[T]{Distance: c.measure(distance.Cosine), M: c.number("m", 0.4), Gamma: c.number("gamma", 80), Reduction: c.reduction()})
}
