package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"

	"github.com/energo-ml/energo/internal/simd"
)

// SupCon is the supervised contrastive loss. With the similarity s, which is 1 − d of the cosine
// distance d and −d of the others, an anchor a and its positives p of the same label, of which
// there are P,
//
//	ℓ(a) = −1/P Σ_p log exp(s(a, p)/Temperature) / Σ_{j≠a} exp(s(a, j)/Temperature)
//
// The loss is the mean over all anchors that have a positive. Unlike in NTXent, the sum
// below holds all positives.
//
// Shapes: N rows of dim coordinates, N labels.
// Units: Temperature has the similarity's; ℓ is in nats.
// Kinks: none.
// Special cases: without an anchor that has a positive the loss and its gradient are 0, and
// Stats says so; numbers that are not finite give NaN.
// Errors: Temperature that is not above 0; lengths that do not fit.
// Source: [khosla2020], the loss with the sum outside the logarithm.
type SupCon[T tensor.Float] struct {
	Distance    distance.Measure // NewSupCon's is Cosine
	Temperature float64          // NewSupCon's is 0.1
	Reduction   Reduction

	overPairs[T]
	softmax supConRow[T]
}

// NewSupCon returns the loss of cosines with a temperature of 0.1.
func NewSupCon[T tensor.Float]() *SupCon[T] {
	return &SupCon[T]{Distance: distance.Measure{Kind: distance.Cosine}, Temperature: 0.1}
}

// Eval returns the loss of a batch and writes its gradient, unless that is nil.
func (l *SupCon[T]) Eval(embeddings []T, dim int, labels []int, dEmbeddings []T) (float64, error) {
	return l.run(ofLabels(embeddings, dim, labels, dEmbeddings))
}

// EvalAgainst is Eval with positives and negatives from references, such as a memory of
// earlier batches.
func (l *SupCon[T]) EvalAgainst(embeddings []T, dim int, labels []int, refs []T, refLabels []int, dEmbeddings, dRefs []T) (float64, error) {
	return l.run(ofReferences(embeddings, dim, labels, refs, refLabels, dEmbeddings, dRefs))
}

// EvalPairs is Eval with the pairs that a miner chose instead of all: First is the anchor, Second its
// positive or its negative.
func (l *SupCon[T]) EvalPairs(embeddings []T, dim int, pairs pair.Pairs, dEmbeddings []T) (float64, error) {
	return l.run(ofPairs(embeddings, dim, pairs, dEmbeddings))
}

func (l *SupCon[T]) run(b pairBatch[T]) (float64, error) {
	const name = "SupCon"
	if err := inverse(name, "temperature", l.Temperature); err != nil {
		return 0, err
	}
	l.softmax.beta = 1 / l.Temperature
	b.loss, b.measure, b.similarity, b.over, b.reduction = name, l.Distance, true, OverAll, l.Reduction
	return l.eval(b, &l.softmax)
}

// supConRow is SupCon at one anchor, with the inverse temperature beta.
type supConRow[T tensor.Float] struct{ beta float64 }

func (l *supConRow[T]) row(r *gridRow[T]) {
	if len(r.same) == 0 {
		r.nothing()
		return
	}
	if len(r.same) == 1 { // the same loss, and small ones keep their digits
		(&ntXentRow[T]{l.beta}).row(r)
		return
	}
	mean := 0.0
	for _, j := range r.same {
		mean += float64(r.values[j])
	}
	mean *= l.beta / float64(len(r.same))
	if r.self >= 0 {
		r.values[r.self] = T(math.Inf(-1))
	}
	free := r.boltzmann(l.beta)
	r.terms = 1
	r.count(free.log - float64(mean))
	simd.Scale(r.values, r.values, T(l.beta*free.weight))
	share := T(l.beta / float64(len(r.same)))
	for _, j := range r.same {
		r.values[j] -= share
	}
}

func supConEntry() Entry {
	return Entry{
		Name: "sup_con", Type: "SupCon", Batch: true,
		Formula: "−1/P Σ_p log exp(s(a, p)/T) / Σ_{j≠a} exp(s(a, j)/T), over anchors",
		Domain:  "rows of real numbers and labels", Margin: "> 0",
		Kinks:   "none",
		Source:  []string{"khosla2020"},
		Inputs:  pairInputs,
		Options: append(measureOptions(distance.Cosine), Option{"temperature", "0.1", temperatureIs}, batchReduction),
		Needs:   measureNeeds(distance.Cosine),
		run32:   callSupCon[float32], run64: callSupCon[float64],
	}
}

func callSupCon[T tensor.Float](c *Call[T]) error {
	return c.pairs(&SupCon[T]{Distance: c.measure(distance.Cosine), Temperature: c.number("temperature", 0.1), Reduction: c.reduction()})
}
