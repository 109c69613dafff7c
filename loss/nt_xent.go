package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"

	"github.com/energo-ml/energo/internal/simd"
)

// NTXent is the cross-entropy of picking a sample's positive out of itself and all
// negatives: InfoNCE. With the similarity s, which is 1 − d of the cosine distance d and −d of the
// others, an anchor a, a positive p of a's label, and all n of other labels,
//
//	ℓ(a, p) = −log exp(s(a, p)/Temperature) / (exp(s(a, p)/Temperature) + Σ_n exp(s(a, n)/Temperature))
//
// The loss is the mean over all anchors and positives. Where each label is that of the two
// views of one picture, it is SimCLR's.
//
// Shapes: N rows of dim coordinates, N labels.
// Units: Temperature has the similarity's; ℓ is in nats.
// Kinks: none.
// Special cases: a pair without negatives has the loss 0; without a pair the loss and its
// gradient are 0, and Stats says so; numbers that are not finite give NaN.
// Errors: Temperature that is not above 0; lengths that do not fit.
// Source: [sohn2016], [oord2018], [chen2020].
type NTXent[T tensor.Float] struct {
	Distance    distance.Measure // NewNTXent's is Cosine
	Temperature float64          // NewNTXent's is 0.07
	Reduction   Reduction

	overPairs[T]
	softmax ntXentRow[T]
}

// NewNTXent returns the loss of cosines with a temperature of 0.07.
func NewNTXent[T tensor.Float]() *NTXent[T] {
	return &NTXent[T]{Distance: distance.Measure{Kind: distance.Cosine}, Temperature: 0.07}
}

// Eval returns the loss of a batch and writes its gradient, unless that is nil.
func (l *NTXent[T]) Eval(embeddings []T, dim int, labels []int, dEmbeddings []T) (float64, error) {
	return l.run(ofLabels(embeddings, dim, labels, dEmbeddings))
}

// EvalAgainst is Eval with positives and negatives from references, such as a memory of
// earlier batches.
func (l *NTXent[T]) EvalAgainst(embeddings []T, dim int, labels []int, refs []T, refLabels []int, dEmbeddings, dRefs []T) (float64, error) {
	return l.run(ofReferences(embeddings, dim, labels, refs, refLabels, dEmbeddings, dRefs))
}

// EvalPairs is Eval with the pairs that a miner chose instead of all: First is the anchor, Second its
// positive or its negative.
func (l *NTXent[T]) EvalPairs(embeddings []T, dim int, pairs pair.Pairs, dEmbeddings []T) (float64, error) {
	return l.run(ofPairs(embeddings, dim, pairs, dEmbeddings))
}

func (l *NTXent[T]) run(b pairBatch[T]) (float64, error) {
	const name = "NTXent"
	if err := inverse(name, "temperature", l.Temperature); err != nil {
		return 0, err
	}
	l.softmax.beta = 1 / l.Temperature
	b.loss, b.measure, b.similarity, b.over, b.reduction = name, l.Distance, true, OverAll, l.Reduction
	return l.eval(b, &l.softmax)
}

// ntXentRow is NTXent at one anchor, with the inverse temperature beta.
type ntXentRow[T tensor.Float] struct{ beta float64 }

func (l *ntXentRow[T]) row(r *gridRow[T]) {
	if len(r.same) == 0 {
		r.nothing()
		return
	}
	r.terms = int64(len(r.same))
	if r.others == 0 {
		r.nothing()
		return
	}
	for k, j := range r.same {
		r.ranked[k] = r.values[j]
	}
	r.mask(T(math.Inf(-1)))
	free := r.boltzmann(l.beta)
	pushed := 0.0
	for k := range r.same {
		x := free.log - float64(l.beta*float64(r.ranked[k]))
		r.count(softplus(x))
		d := sigmoid(x)
		pushed += d
		r.ranked[k] = T(-d * l.beta)
	}
	simd.Scale(r.values, r.values, T(pushed*l.beta*free.weight))
	for k, j := range r.same {
		r.values[j] = r.ranked[k]
	}
}

// boltzmann replaces the values v, of which some may be −Inf but not all, by
// exp(beta·v − top), and returns what that says of their sum.
func (r *gridRow[T]) boltzmann(beta float64) partition {
	if beta != 1 {
		simd.Scale(r.values, r.values, T(beta))
	}
	top, sum := r.kept[:1], r.part.sums[:]
	simd.ExpRows(r.values, top, sum, r.values, 1, len(r.values))
	return partition{float64(top[0]), float64(top[0]) + math.Log(sum[0]), 1 / sum[0]}
}

// partition is a sum of exponentials.
type partition struct {
	top    float64 // the greatest exponent
	log    float64 // of the sum
	weight float64 // turns exp(x − top) into a share of the sum
}

const temperatureIs = "a number above 0"

func ntXentEntry() Entry {
	return Entry{
		Name: "nt_xent", Type: "NTXent", Batch: true,
		Formula: "−log exp(s(a, p)/T) / (exp(s(a, p)/T) + Σ_n exp(s(a, n)/T)), over anchors and positives (InfoNCE)",
		Domain:  "rows of real numbers and labels", Margin: "> 0",
		Kinks:   "none",
		Source:  []string{"sohn2016", "oord2018", "chen2020"},
		Inputs:  pairInputs,
		Options: append(measureOptions(distance.Cosine), Option{"temperature", "0.07", temperatureIs}, batchReduction),
		Needs:   measureNeeds(distance.Cosine),
		run32:   callNTXent[float32], run64: callNTXent[float64],
	}
}

func callNTXent[T tensor.Float](c *Call[T]) error {
	return c.pairs(&NTXent[T]{Distance: c.measure(distance.Cosine), Temperature: c.number("temperature", 0.07), Reduction: c.reduction()})
}
