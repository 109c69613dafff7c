package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// Contrastive pulls the pairs of one label together and pushes others apart to a margin.
// With the distance d of two samples of a batch,
//
//	ℓ = max(0, d − PosMargin)^Power   of a pair of one label
//	ℓ = max(0, NegMargin − d)^Power   of any other
//
// The loss is the mean over the pairs of one label plus the mean over the others, so that
// neither drowns the other however many there are.
//
// Shapes: N rows of dim coordinates, N labels; all ordered pairs of different samples, or those listed.
// Units: the margins have the distance's, ℓ its power.
// Kinks: the derivative is 0 at ℓ = 0.
// Special cases: without pairs the loss and its gradient are 0, and Stats says so; numbers
// that are not finite give NaN.
// Errors: a margin that is not finite, or negative where distances are at least 0: all
// but Dot; Power other than 1 and 2; Over with the sum, which it does not change;
// lengths that do not fit.
// Source: [hadsell2006], whose loss is half of it with Power 2.
type Contrastive[T tensor.Float] struct {
	Distance  distance.Measure // NewContrastive's is Euclidean
	PosMargin float64
	NegMargin float64 // NewContrastive's is 1
	Power     int     // NewContrastive's is 2
	Over      Over    // what the means are over
	Reduction Reduction

	overPairs[T]
	hinge contrastiveRow[T]
}

// NewContrastive returns the loss with margins 0 and 1 and squares.
func NewContrastive[T tensor.Float]() *Contrastive[T] { return &Contrastive[T]{NegMargin: 1, Power: 2} }

// Eval returns the loss of a batch and writes its gradient, unless that is nil.
func (l *Contrastive[T]) Eval(embeddings []T, dim int, labels []int, dEmbeddings []T) (float64, error) {
	return l.run(ofLabels(embeddings, dim, labels, dEmbeddings))
}

// EvalAgainst is Eval with the pairs of embeddings and references, such as a memory of
// earlier batches.
func (l *Contrastive[T]) EvalAgainst(embeddings []T, dim int, labels []int, refs []T, refLabels []int, dEmbeddings, dRefs []T) (float64, error) {
	return l.run(ofReferences(embeddings, dim, labels, refs, refLabels, dEmbeddings, dRefs))
}

// EvalPairs is Eval with the pairs that a miner chose instead of all: First is the anchor, Second its
// positive or its negative.
func (l *Contrastive[T]) EvalPairs(embeddings []T, dim int, pairs pair.Pairs, dEmbeddings []T) (float64, error) {
	return l.run(ofPairs(embeddings, dim, pairs, dEmbeddings))
}

func (l *Contrastive[T]) run(b pairBatch[T]) (float64, error) {
	const name = "Contrastive"
	for _, m := range []struct {
		option string
		v      float64
	}{{"pos_margin", l.PosMargin}, {"neg_margin", l.NegMargin}} {
		check := atLeast0
		if l.Distance.Kind == distance.Dot {
			check = finiteOption
		}
		if err := check(name, m.option, m.v); err != nil {
			return 0, err
		}
	}
	if l.Power != 1 && l.Power != 2 {
		return 0, badOption(name, "power", l.Power, "1 or 2")
	}
	if err := l.Over.counts(name, l.Reduction); err != nil {
		return 0, err
	}
	defer l.grid.forget()
	b.loss, b.measure, b.over, b.reduction = name, l.Distance, l.Over, l.Reduction
	ok, err := l.start(b)
	if err != nil || !ok {
		return math.NaN(), err
	}
	return l.twice(b), nil
}

// twice evaluates the loss: where there are means over what is above 0, a first run counts that.
func (l *Contrastive[T]) twice(b pairBatch[T]) (sum float64) {
	l.hinge = contrastiveRow[T]{l.PosMargin, l.NegMargin, l.Power, 1, 1}
	if b.reduction == Mean {
		near, far := l.pairs(b)
		if b.over == OverActive {
			_, s := l.overPairs.run(b, &l.hinge, false)
			near, far = s.activePositives, s.Active-s.activePositives
		}
		l.hinge.near, l.hinge.far = 1/float64(max(near, 1)), 1/float64(max(far, 1))
	}
	sum, l.stats = l.overPairs.run(b, &l.hinge, b.needsGradient())
	return l.finish(sum, 1)
}

// contrastiveRow is Contrastive at one anchor.
type contrastiveRow[T tensor.Float] struct {
	posMargin, negMargin float64
	power                int
	near, far            float64 // weights of the pairs of one label, and of the others
}

func (l *contrastiveRow[T]) row(r *gridRow[T]) {
	for k, j := range r.same {
		v, d := l.term(float64(r.values[j]) - l.posMargin)
		r.sum += v * l.near
		if v > 0 {
			r.near++
		}
		r.ranked[k] = T(d * l.near)
	}
	r.alive = r.near
	r.mask(T(math.Inf(1)))
	far := T(l.negMargin)
	for j, v := range r.values {
		if v >= far { // most, once there is something learnt
			r.values[j] = 0
			continue
		}
		v, d := l.term(l.negMargin - float64(v))
		r.sum += v * l.far
		if v > 0 {
			r.alive++
		}
		r.values[j] = T(-d * l.far)
	}
	for k, j := range r.same {
		r.values[j] = r.ranked[k]
	}
	r.terms = int64(len(r.same) + r.others)
}

// term returns max(0, x)^power and its derivative.
func (l *contrastiveRow[T]) term(x float64) (v, d float64) {
	switch {
	case !(x > 0):
		return 0, 0
	case l.power == 1:
		return x, 1
	}
	return x * x, 2 * x
}

const signedMarginIs = "a number, at least 0 where distances are: with all but dot"

func contrastiveEntry() Entry {
	return Entry{
		Name: "contrastive", Type: "Contrastive", Batch: true,
		Formula: "max(0, d − pos_margin)^power of pairs of one label, max(0, neg_margin − d)^power of others; the means of both, added",
		Domain:  "rows of real numbers and labels", Margin: "neg_margin = 1",
		Kinks:  "ℓ = 0: derivative 0",
		Source: []string{"hadsell2006"},
		Inputs: pairInputs,
		Options: append(measureOptions(distance.Euclidean),
			Option{"pos_margin", "0", signedMarginIs}, Option{"neg_margin", "1", signedMarginIs},
			Option{"power", "2", "1 or 2"}, overOption, batchReduction,
		),
		Needs: append(measureNeeds(distance.Euclidean), overNeed),
		run32: callContrastive[float32], run64: callContrastive[float64],
	}
}

func callContrastive[T tensor.Float](c *Call[T]) error {
	return c.pairs(&Contrastive[T]{
		Distance: c.measure(distance.Euclidean), PosMargin: c.number("pos_margin", 0), NegMargin: c.number("neg_margin", 1),
		Power: c.whole("power", 2), Over: c.over(), Reduction: c.reduction(),
	})
}
