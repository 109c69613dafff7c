package loss

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Mining says which triplets of a batch a loss is made of.
type Mining uint8

// The ways of mining.
const (
	HardTriplets Mining = iota // of each anchor the farthest positive and the nearest negative
	// SemiHardOrFarthest is of each anchor and positive the nearest negative that is farther away, or,
	// where none is, the farthest of all: TensorFlow's triplet_semihard_loss. Semi-hard triplets alone
	// ([schroff2015]), without the farthest, are what [pair.SemiHard] chooses for EvalTriplets.
	SemiHardOrFarthest
	AllTriplets // every anchor, positive and negative
)

var miningNames = []string{HardTriplets: "hard", SemiHardOrFarthest: "semi_hard_or_farthest", AllTriplets: "all"}

// String returns the name in catalogues and configurations.
func (m Mining) String() string {
	if int(m) < len(miningNames) {
		return miningNames[m]
	}
	return "unknown"
}

// MiningNamed returns the way of mining of a name.
func MiningNamed(name string) (Mining, error) {
	if i := slices.Index(miningNames, name); i >= 0 {
		return Mining(i), nil
	}
	return 0, fmt.Errorf("mining is %q; it must be one of %s", excerpt.Of(name), strings.Join(miningNames, ", "))
}

// BatchTriplet wants every sample of a batch nearer to those of its label than to others,
// by a margin. With the distance d, an anchor a, a positive p of a's label and a negative
// n of another,
//
//	ℓ(a, p, n) = max(0, Margin + d(a, p) − d(a, n))
//
// or, with Soft, softplus(Margin + d(a, p) − d(a, n)). Mining says of which triplets the loss is the
// mean: of all; of semi-hard ones or farthest, one for each anchor and positive, whose negative is
// the nearest that is farther than the positive, or the farthest of all where none is; of
// the hard ones ("batch hard"), one for each anchor.
//
// Shapes: N rows of dim coordinates, N labels.
// Units: Margin and ℓ have the distance's.
// Kinks: the derivative is 0 at ℓ = 0; of equal distances the first reference's is taken.
// Special cases: without a triplet the loss and its gradient are 0, and Stats says so;
// numbers that are not finite give NaN.
// Errors: Margin that is not above 0, or with Soft below 0; Over with the sum or with Soft,
// whose terms are all above 0; lengths that do not fit; an unknown measure or mining.
// Source: TensorFlow's triplet_semihard_loss for semi-hard or farthest, [hermans2017] hard, all, soft without a margin.
type BatchTriplet[T tensor.Float] struct {
	Distance  distance.Measure // NewBatchTriplet's is Euclidean
	Margin    float64          // NewBatchTriplet's is 0.2, NewSoftBatchTriplet's 0
	Mining    Mining
	Soft      bool
	Over      Over // what the mean is over
	Reduction Reduction

	overPairs[T]
	hinge tripletRow[T]
}

// NewBatchTriplet returns the batch-hard loss with a margin of 0.2.
func NewBatchTriplet[T tensor.Float]() *BatchTriplet[T] { return &BatchTriplet[T]{Margin: 0.2} }

// NewSoftBatchTriplet returns the soft batch-hard loss, without a margin.
func NewSoftBatchTriplet[T tensor.Float]() *BatchTriplet[T] { return &BatchTriplet[T]{Soft: true} }

// Eval returns the loss of a batch and writes its gradient, unless that is nil.
func (l *BatchTriplet[T]) Eval(embeddings []T, dim int, labels []int, dEmbeddings []T) (float64, error) {
	return l.run(ofLabels(embeddings, dim, labels, dEmbeddings))
}

// EvalAgainst is Eval with positives and negatives from references, such as a memory of
// earlier batches.
func (l *BatchTriplet[T]) EvalAgainst(embeddings []T, dim int, labels []int, refs []T, refLabels []int, dEmbeddings, dRefs []T) (float64, error) {
	return l.run(ofReferences(embeddings, dim, labels, refs, refLabels, dEmbeddings, dRefs))
}

// EvalPairs is Eval with the pairs that a miner chose instead of all: First is the anchor, Second its
// positive or its negative. Mining chooses from the triplets that they make.
func (l *BatchTriplet[T]) EvalPairs(embeddings []T, dim int, pairs pair.Pairs, dEmbeddings []T) (float64, error) {
	return l.run(ofPairs(embeddings, dim, pairs, dEmbeddings))
}

func (l *BatchTriplet[T]) run(b pairBatch[T]) (float64, error) {
	const name = "BatchTriplet"
	if int(l.Mining) >= len(miningNames) {
		return 0, badOption(name, "mining", l.Mining, "hard, semi_hard_or_farthest or all")
	}
	if err := l.check(name); err != nil {
		return 0, err
	}
	l.hinge = tripletRow[T]{l.Margin, l.Mining, l.Soft}
	b.loss, b.measure, b.over, b.reduction = name, l.Distance, l.Over, l.Reduction
	return l.eval(b, &l.hinge)
}

// check checks the options, but for Mining.
func (l *BatchTriplet[T]) check(name string) error {
	margin := above0
	if l.Soft {
		margin = atLeast0
	}
	if err := margin(name, "margin", l.Margin); err != nil {
		return err
	}
	if err := l.Over.counts(name, l.Reduction); err != nil {
		return err
	}
	if l.Soft && l.Over != OverActive {
		return badOption(name, "over", l.Over, "left out, since every soft term is above 0")
	}
	return nil
}

// tripletRow is BatchTriplet at one anchor.
type tripletRow[T tensor.Float] struct {
	margin float64
	mining Mining
	soft   bool
}

// term returns the loss of a triplet and its derivative by d(a, p).
func (l *tripletRow[T]) term(ap, an T) (v, d float64) {
	x := float64(ap) - float64(an) + l.margin
	switch {
	case l.soft:
		return softplus(x), sigmoid(x)
	case x > 0:
		return x, 1
	}
	return 0, 0
}

func (l *tripletRow[T]) row(r *gridRow[T]) {
	if len(r.same) == 0 || r.others == 0 {
		r.nothing()
		return
	}
	switch {
	case l.mining == HardTriplets:
		l.hard(r)
	case l.mining == SemiHardOrFarthest:
		l.semiHardOrFarthest(r)
	case l.soft:
		l.allSoft(r)
	default:
		l.all(r)
	}
}

// nothing says that the anchor has no part in the loss.
func (r *gridRow[T]) nothing() { r.sparse = true }

func (r *gridRow[T]) count(v float64) {
	r.sum += v
	if v > 0 {
		r.alive++
	}
}

// count adds a triplet's loss. A soft one is above 0, though it may vanish.
func (l *tripletRow[T]) count(r *gridRow[T], v float64) {
	r.sum += v
	r.terms++
	if l.soft || v > 0 {
		r.alive++
	}
}

func (l *tripletRow[T]) hard(r *gridRow[T]) {
	p := r.same[0]
	for _, j := range r.same[1:] {
		if r.values[j] > r.values[p] {
			p = j
		}
	}
	ap := r.values[p]
	r.mask(T(math.Inf(1)))
	n := int32(simd.ArgMin(r.values))
	v, d := l.term(ap, r.values[n])
	l.count(r, v)
	r.push(p, d)
	r.push(n, -d)
}

// rank puts the distances of the positives in rising order, together with the positives.
func (r *gridRow[T]) rank() {
	slices.SortFunc(r.same, func(i, j int32) int {
		switch a, b := r.values[i], r.values[j]; {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return int(i - j)
	})
	for k, j := range r.same {
		r.ranked[k] = r.values[j]
	}
	clear(r.tally)
}

// below returns how many of the ranked are below v.
func below[T tensor.Float](ranked []T, v T) int {
	lo, hi := 0, len(ranked)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); ranked[mid] < v {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// semiHardOrFarthest lets each negative offer itself to the farthest positive that is nearer than it;
// the nearest offer to a positive or to one behind it is its negative.
func (l *tripletRow[T]) semiHardOrFarthest(r *gridRow[T]) {
	r.rank()
	r.mask(T(math.Inf(-1)))
	farthest := 0
	for j, v := range r.values {
		if v > r.values[farthest] {
			farthest = j
		}
	}
	offers := r.tally[:len(r.same)] // the nearest negative among those that k positives are below, and one more
	for j, v := range r.values {
		k := below(r.ranked, v) - 1
		if k >= 0 && !math.IsInf(float64(v), -1) && (offers[k] == 0 || v < r.values[offers[k]-1]) {
			offers[k] = int64(j) + 1
		}
	}
	clear(r.kept[:len(r.values)])
	grad := r.kept[:len(r.values)]
	best := int64(0)
	for k := len(r.same) - 1; k >= 0; k-- {
		if o := offers[k]; o != 0 && (best == 0 || r.values[o-1] < r.values[best-1] || r.values[o-1] == r.values[best-1] && o < best) {
			best = o
		}
		n := farthest
		if best != 0 {
			n = int(best - 1)
		}
		v, d := l.term(r.ranked[k], r.values[n])
		l.count(r, v)
		grad[r.same[k]] += T(d)
		grad[n] -= T(d)
	}
	copy(r.values, grad)
}

// all counts, for each negative, the positives that are not nearer by the margin: a run at
// the end of the ranked ones, whose sum is that of a tail.
func (l *tripletRow[T]) all(r *gridRow[T]) {
	r.rank()
	tails := r.tails()
	n := len(r.same)
	r.mask(T(math.Inf(1)))
	for j, v := range r.values {
		if math.IsInf(float64(v), 1) {
			r.values[j] = 0
			continue
		}
		k := n - l.violating(r.ranked, v)
		c := n - k
		r.values[j] = T(-c)
		r.tally[k]++
		r.alive += int64(c)
		if c > 0 {
			r.sum += tails[k] + float64(c)*(l.margin-float64(v))
		}
	}
	r.terms = int64(n) * int64(r.others)
	seen := int64(0)
	for k, j := range r.same { // a positive counts for the negatives whose run begins at it or before
		seen += r.tally[k]
		r.values[j] = T(seen)
	}
}

// violating returns how many of the ranked positives are not nearer than a negative by the
// margin.
func (l *tripletRow[T]) violating(ranked []T, negative T) int {
	lo, hi := 0, len(ranked)
	if !(l.margin+float64(ranked[hi-1])-float64(negative) > 0) {
		return 0 // as it is for most, once there is something learnt
	}
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); l.margin+float64(ranked[mid])-float64(negative) > 0 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return len(ranked) - lo
}

// tails returns the sums of the ranked from each on.
func (r *gridRow[T]) tails() []float64 {
	r.part.tails = scratch.Sized(r.part.tails, len(r.ranked)+1)
	sum := 0.0
	for k := len(r.ranked) - 1; k >= 0; k-- {
		sum += float64(r.ranked[k])
		r.part.tails[k] = sum
	}
	return r.part.tails
}

// allSoft goes through the positives one by one, all negatives at a time.
func (l *tripletRow[T]) allSoft(r *gridRow[T]) {
	m := len(r.values)
	x, terms, grad := r.kept[:m], r.kept[m:2*m], r.kept[2*m:]
	clear(grad)
	for k, j := range r.same {
		r.ranked[k] = r.values[j]
	}
	r.mask(T(math.Inf(1))) // whose terms and slopes are 0
	for k := range r.same {
		simd.Scale(x, r.values, -1)
		simd.AddScalar(x, x, T(l.margin+float64(r.ranked[k])))
		simd.Softplus(terms, x)
		r.sum += simd.Sum(terms)
		simd.Sigmoid(x, x)
		simd.Sub(grad, grad, x)
		r.ranked[k] = T(simd.Sum(x))
	}
	copy(r.values, grad)
	for k, j := range r.same {
		r.values[j] = r.ranked[k]
	}
	r.terms = int64(len(r.same)) * int64(r.others)
	r.alive = r.terms
}

func softplus(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

func batchTripletEntry() Entry {
	return Entry{
		Name: "batch_triplet", Type: "BatchTriplet", Batch: true,
		Formula: "max(0, margin + d(a, p) − d(a, n)), or softplus of the same, over the batch's triplets",
		Domain:  "rows of real numbers and labels", Margin: "margin = 0.2, or 0 with soft",
		Kinks:  "ℓ = 0: derivative 0; of equal distances the first reference's is taken",
		Source: []string{"schroff2015", "hermans2017"},
		Inputs: pairInputs,
		Options: append(measureOptions(distance.Euclidean),
			Option{"margin", "0.2, or 0 with soft", "a number above 0; with soft, at least 0"}, Option{"mining", "hard", "hard, semi_hard_or_farthest or all"},
			Option{"soft", "false", "softplus instead of the hinge"}, overOption, batchReduction,
		),
		Needs: append(measureNeeds(distance.Euclidean), overNeed, only("over", "soft", false, false)),
		run32: callBatchTriplet[float32], run64: callBatchTriplet[float64],
	}
}

func callBatchTriplet[T tensor.Float](c *Call[T]) error {
	mining, err := MiningNamed(c.text("mining", "hard"))
	if err != nil {
		c.fail("option %v", err)
	}
	l := NewBatchTriplet[T]()
	if c.flag("soft", false) {
		l = NewSoftBatchTriplet[T]()
	}
	l.Distance, l.Margin, l.Mining = c.measure(distance.Euclidean), c.number("margin", l.Margin), mining
	l.Over, l.Reduction = c.over(), c.reduction()
	return c.pairs(l)
}
