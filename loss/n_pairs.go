package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// NPairs is the multi-class N-pair loss. The first two samples of each label are its anchor
// aₖ and its positive pₖ, the others do nothing; of K labels,
//
//	ℓ(k) = log(1 + Σ_{j≠k} exp(aₖ·pⱼ − aₖ·pₖ)) + L2Reg·(‖aₖ‖² + ‖pₖ‖²)
//
// and the loss is the mean over the labels.
//
// Shapes: N rows of dim coordinates, N labels.
// Kinks: none.
// Special cases: without a label that has two samples the loss and its gradient are 0, and
// Stats, which is that of anchors against positives, says so; numbers that are not finite
// give NaN.
// Errors: L2Reg that is negative or not finite; lengths that do not fit.
// Source: [sohn2016].
type NPairs[T tensor.Float] struct {
	L2Reg     float64
	Reduction Reduction

	overPairs[T]
	softmax ntXentRow[T]
	pick    []int // anchors, then positives
	labels  []int
	x, dx   []T
	first   map[int]int // the first sample of each label; −1 once the label is done
}

// NewNPairs returns the loss without a penalty of norms.
func NewNPairs[T tensor.Float]() *NPairs[T] { return &NPairs[T]{} }

// Eval returns the loss of a batch and writes its gradient, unless that is nil.
func (l *NPairs[T]) Eval(embeddings []T, dim int, labels []int, dEmbeddings []T) (float64, error) {
	const name = "NPairs"
	if err := atLeast0(name, "l2_reg", l.L2Reg); err != nil {
		return 0, err
	}
	args := gridArgs[T]{embeddings, labels, dEmbeddings}
	if err := args.check(name, "embeddings", "labels", dim); err != nil {
		return 0, err
	}
	if simd.HasNonFinite(embeddings) { // even of samples that do nothing
		l.stats = PairStats{}
		simd.Fill(dEmbeddings, T(math.NaN()))
		return math.NaN(), nil
	}
	k := l.choose(labels)
	l.x, l.dx = scratch.Sized(l.x, 2*k*dim), scratch.Sized(l.dx, 2*k*dim)
	for i, from := range l.pick {
		copy(l.x[i*dim:(i+1)*dim], embeddings[from*dim:])
	}
	l.softmax.beta = 1
	half := k * dim
	b := ofReferences(l.x[:half], dim, l.labels, l.x[half:], l.labels, nil, nil)
	b.loss, b.measure, b.similarity, b.over, b.reduction = name, distance.Measure{Kind: distance.Dot}, true, OverAll, l.Reduction
	if dEmbeddings != nil {
		b.a.dx, b.r.dx = l.dx[:half], l.dx[half:]
	}
	v, err := l.eval(b, &l.softmax)
	if err != nil || k == 0 {
		clear(dEmbeddings)
		return v, err
	}
	return v + l.scatter(dim, k, dEmbeddings), nil
}

// choose fills pick and labels and returns how many labels have two samples.
func (l *NPairs[T]) choose(labels []int) (k int) {
	if l.first == nil {
		l.first = map[int]int{}
	}
	clear(l.first)
	l.pick, l.labels = l.pick[:0], l.labels[:0]
	for i, y := range labels {
		switch first, seen := l.first[y]; {
		case !seen:
			l.first[y] = i
		case first >= 0:
			l.first[y] = -1
			l.pick, l.labels = append(l.pick, first, i), append(l.labels, k)
			k++
		}
	}
	anchors := l.pick
	l.pick = append(l.pick, l.pick...) // anchors first, then positives, in the upper half
	for i := range k {
		l.pick[2*k+i], l.pick[3*k+i] = anchors[2*i], anchors[2*i+1]
	}
	l.pick = append(l.pick[:0], l.pick[2*k:]...)
	return k
}

// scatter returns the penalty and writes the gradients to where the samples came from.
func (l *NPairs[T]) scatter(dim, k int, dEmbeddings []T) float64 {
	scale := l.L2Reg
	if l.Reduction == Mean {
		scale /= float64(k)
	}
	penalty := 0.0
	if scale > 0 {
		penalty = scale * simd.SumSquares(l.x)
	}
	if dEmbeddings == nil {
		return penalty
	}
	if scale > 0 {
		simd.AXPY(l.dx, T(2*scale), l.x)
	}
	clear(dEmbeddings)
	for i, to := range l.pick {
		copy(dEmbeddings[to*dim:(to+1)*dim], l.dx[i*dim:])
	}
	return penalty
}

func nPairsEntry() Entry {
	return Entry{
		Name: "n_pairs", Type: "NPairs", Batch: true,
		Formula: "log(1 + Σ_{j≠k} exp(aₖ·pⱼ − aₖ·pₖ)) + l2_reg(‖aₖ‖² + ‖pₖ‖²), over labels",
		Domain:  "rows of real numbers and labels", Margin: "> 0",
		Kinks:   "none",
		Source:  []string{"sohn2016"},
		Inputs:  batchInputs,
		Options: []Option{{"l2_reg", "0", "a number of at least 0"}, batchReduction},
		run32:   callNPairs[float32], run64: callNPairs[float64],
	}
}

func callNPairs[T tensor.Float](c *Call[T]) error {
	return c.onBatch(&NPairs[T]{L2Reg: c.number("l2_reg", 0), Reduction: c.reduction()})
}
