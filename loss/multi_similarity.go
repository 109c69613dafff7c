package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"

	"github.com/energo-ml/energo/internal/simd"
)

// MultiSimilarity weighs each pair by how it compares with the others of its anchor. With
// the similarity s, which is 1 − d of the cosine distance d and −d of the others, an anchor a, its
// positives p and its negatives n,
//
//	ℓ(a) = log(1 + Σ_p exp(−Alpha(s(a, p) − Base)))/Alpha + log(1 + Σ_n exp(Beta(s(a, n) − Base)))/Beta
//
// With Mine, only those pairs are in the sums that are hard for the anchor: the negatives
// with s(a, n) + Epsilon > min_p s(a, p), the positives with s(a, p) − Epsilon < max_n s(a, n).
//
// The loss is the mean over all anchors.
//
// Shapes: N rows of dim coordinates, N labels.
// Units: Base and Epsilon have the similarity's, Alpha and Beta its inverse.
// Kinks: where a pair just begins to count as hard, the derivative is that of the pairs
// that do.
// Special cases: a batch without pairs has the loss 0; numbers that are not finite give NaN.
// Errors: Alpha or Beta that is not above 0; Base or Epsilon that is not finite; Epsilon other
// than 0 without Mine; lengths that do not fit.
// Source: [wang2019].
type MultiSimilarity[T tensor.Float] struct {
	Distance  distance.Measure // NewMultiSimilarity's is Cosine
	Alpha     float64          // NewMultiSimilarity's is 2
	Beta      float64          // NewMultiSimilarity's is 50
	Base      float64          // NewMultiSimilarity's is 0.5
	Mine      bool
	Epsilon   float64 // with Mine alone; NewMinedMultiSimilarity's is 0.1
	Reduction Reduction

	overPairs[T]
	sums multiSimilarityRow[T]
}

// NewMultiSimilarity returns the loss of cosines with Alpha 2, Beta 50, Base 0.5, without
// mining.
func NewMultiSimilarity[T tensor.Float]() *MultiSimilarity[T] {
	return &MultiSimilarity[T]{Distance: distance.Measure{Kind: distance.Cosine}, Alpha: 2, Beta: 50, Base: 0.5}
}

// NewMinedMultiSimilarity is NewMultiSimilarity with mining, and Epsilon 0.1.
func NewMinedMultiSimilarity[T tensor.Float]() *MultiSimilarity[T] {
	l := NewMultiSimilarity[T]()
	l.Mine, l.Epsilon = true, 0.1
	return l
}

// Eval returns the loss of a batch and writes its gradient, unless that is nil.
func (l *MultiSimilarity[T]) Eval(embeddings []T, dim int, labels []int, dEmbeddings []T) (float64, error) {
	return l.run(ofLabels(embeddings, dim, labels, dEmbeddings))
}

// EvalAgainst is Eval with positives and negatives from references, such as a memory of
// earlier batches.
func (l *MultiSimilarity[T]) EvalAgainst(embeddings []T, dim int, labels []int, refs []T, refLabels []int, dEmbeddings, dRefs []T) (float64, error) {
	return l.run(ofReferences(embeddings, dim, labels, refs, refLabels, dEmbeddings, dRefs))
}

// EvalPairs is Eval with the pairs that a miner chose instead of all: First is the anchor, Second its
// positive or its negative.
func (l *MultiSimilarity[T]) EvalPairs(embeddings []T, dim int, pairs pair.Pairs, dEmbeddings []T) (float64, error) {
	return l.run(ofPairs(embeddings, dim, pairs, dEmbeddings))
}

func (l *MultiSimilarity[T]) run(b pairBatch[T]) (float64, error) {
	const name = "MultiSimilarity"
	if err := inverse(name, "alpha", l.Alpha); err != nil {
		return 0, err
	}
	if err := inverse(name, "beta", l.Beta); err != nil {
		return 0, err
	}
	if err := finiteOption(name, "base", l.Base); err != nil {
		return 0, err
	}
	if err := finiteOption(name, "epsilon", l.Epsilon); err != nil {
		return 0, err
	}
	if !l.Mine && l.Epsilon != 0 {
		return 0, badOption(name, "epsilon", l.Epsilon, "0, since nothing is mined")
	}
	l.sums = multiSimilarityRow[T]{l.Alpha, l.Beta, l.Base, l.Epsilon, l.Mine}
	b.loss, b.measure, b.similarity, b.over, b.reduction = name, l.Distance, true, OverAll, l.Reduction
	return l.eval(b, &l.sums)
}

// multiSimilarityRow is MultiSimilarity at one anchor.
type multiSimilarityRow[T tensor.Float] struct {
	alpha, beta, base, epsilon float64
	mine                       bool
}

func (l *multiSimilarityRow[T]) row(r *gridRow[T]) {
	r.terms = 1
	least := math.Inf(1) // of the positives
	for k, j := range r.same {
		r.ranked[k] = r.values[j]
		least = min(least, float64(r.values[j]))
	}
	r.mask(T(math.Inf(-1)))
	most := math.Inf(-1) // of the negatives
	if l.mine {
		most = float64(simd.Max(r.values))
		for j, v := range r.values {
			if !(float64(v)+l.epsilon > least) {
				r.values[j] = T(math.Inf(-1))
			}
		}
	}
	v := l.negatives(r) + l.positives(r, most)
	r.count(v)
}

// positives returns their part and overwrites their values with its derivatives.
func (l *multiSimilarityRow[T]) positives(r *gridRow[T], most float64) float64 {
	top := 0.0
	for k, s := range r.ranked {
		if l.mine && !(float64(s)-l.epsilon < most) {
			r.ranked[k] = T(math.Inf(1))
			continue
		}
		top = max(top, -l.alpha*(float64(s)-l.base))
	}
	rest := 0.0
	for _, s := range r.ranked {
		rest += math.Exp(float64(-l.alpha*(float64(s)-l.base)) - top)
	}
	sum := math.Exp(-top) + rest
	for k, j := range r.same {
		r.values[j] = T(-math.Exp(float64(-l.alpha*(float64(r.ranked[k])-l.base))-top) / sum)
	}
	return log1pSum(top, rest) / l.alpha
}

// negatives is positives for the others.
func (l *multiSimilarityRow[T]) negatives(r *gridRow[T]) float64 {
	if math.IsInf(float64(simd.Max(r.values)), -1) {
		clear(r.values)
		return 0
	}
	simd.AddScalar(r.values, r.values, T(-l.base))
	free := r.boltzmann(l.beta)
	top := max(free.top, 0)
	rest := math.Exp(free.top-top) / free.weight
	sum := math.Exp(-top) + rest
	simd.Scale(r.values, r.values, T(math.Exp(free.top-top)/sum))
	return log1pSum(top, rest) / l.beta
}

// log1pSum returns log(1 + rest·exp(top)); near 0 it keeps its digits.
func log1pSum(top, rest float64) float64 {
	if top == 0 {
		return math.Log1p(rest)
	}
	return top + math.Log(math.Exp(-top)+rest)
}

func multiSimilarityEntry() Entry {
	return Entry{
		Name: "multi_similarity", Type: "MultiSimilarity", Batch: true,
		Formula: "log(1 + Σ_p exp(−alpha(s(a, p) − base)))/alpha + log(1 + Σ_n exp(beta(s(a, n) − base)))/beta, over anchors",
		Domain:  "rows of real numbers and labels", Margin: "base = 0.5",
		Kinks:  "a pair that just begins to count as hard: the derivative of those that do",
		Source: []string{"wang2019"},
		Inputs: pairInputs,
		Options: append(measureOptions(distance.Cosine),
			Option{"alpha", "2", "a number above 0"}, Option{"beta", "50", "a number above 0"}, Option{"base", "0.5", "a number"},
			Option{"mine", "false", "whether easy pairs are left out"}, Option{"epsilon", "0.1", "how much easier than the hardest a pair may be"}, batchReduction,
		),
		Needs: append(measureNeeds(distance.Cosine), only("epsilon", "mine", false, true)),
		run32: callMultiSimilarity[float32], run64: callMultiSimilarity[float64],
	}
}

func callMultiSimilarity[T tensor.Float](c *Call[T]) error {
	l := NewMultiSimilarity[T]()
	if c.flag("mine", false) {
		l = NewMinedMultiSimilarity[T]()
	}
	l.Distance, l.Reduction = c.measure(distance.Cosine), c.reduction()
	l.Alpha, l.Beta, l.Base = c.number("alpha", l.Alpha), c.number("beta", l.Beta), c.number("base", l.Base)
	l.Epsilon = c.number("epsilon", l.Epsilon)
	return c.pairs(l)
}
