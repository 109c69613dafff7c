package loss

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/pair"

	"github.com/energo-ml/energo/internal/simd"
)

// EvalTriplets is Eval with the triplets that a miner chose. Mining is ignored.
func (l *BatchTriplet[T]) EvalTriplets(embeddings []T, dim int, triplets pair.Triplets, dEmbeddings []T) (float64, error) {
	const name = "BatchTriplet"
	l.stats = PairStats{}
	if err := l.check(name); err != nil {
		return 0, err
	}
	b := pairBatch[T]{
		loss: name, measure: l.Distance, over: l.Over, reduction: l.Reduction, dim: dim, a: gridArgs[T]{x: embeddings, dx: dEmbeddings},
	}
	if err := b.checkOptions(); err != nil {
		return 0, err
	}
	if err := b.a.checkTriplets(name, dim, triplets); err != nil {
		return 0, err
	}
	defer l.grid.forget()
	if !l.set(b) {
		return math.NaN(), nil
	}
	l.hinge = tripletRow[T]{margin: l.Margin, soft: l.Soft}
	l.links.ofTriplets(&l.grid, triplets)
	var sum float64
	sum, l.stats = l.links.runTriplets(l.hinge, b.needsGradient())
	return l.finish(sum, b.scale(l.stats)), nil
}

// checkTriplets checks the rows, and the triplets of them.
func (a *gridArgs[T]) checkTriplets(loss string, dim int, t pair.Triplets) error {
	rows, err := a.checkRows(loss, "embeddings", dim)
	if err != nil {
		return err
	}
	if err := t.Check(rows); err != nil {
		return fmt.Errorf("loss: %s: %w", loss, err)
	}
	return fewEnough(loss, "triplets", t.Len(), maxLinks/2)
}

// tripletTerms evaluates the terms of triplets that are links two by two.
type tripletTerms[T tensor.Float] struct {
	*links[T]
	hinge tripletRow[T]
}

// runTriplets is run for triplets.
func (l *links[T]) runTriplets(hinge tripletRow[T], learn bool) (sum float64, s PairStats) {
	l.triplets.hinge = hinge
	sum, s = l.sum((len(l.from)/2+tripletTask-1)/tripletTask, &l.triplets)
	if learn {
		l.gradient()
	}
	return sum, s
}

// tripletTask is how many triplets a task has. Sums depend on it.
const tripletTask = 2048

// Do implements simd.Job.
func (l *tripletTerms[T]) Do(task, _ int) {
	p := &l.parts[task]
	*p = gridPart{single: p.single, tails: p.tails}
	lo, hi := task*tripletTask, min((task+1)*tripletTask, len(l.from)/2)
	if simd.HasNonFinite(l.values[2*lo : 2*hi]) {
		p.sum = math.NaN()
		clear(l.weights[2*lo : 2*hi])
		return
	}
	for i := lo; i < hi; i++ {
		v, d := l.hinge.term(l.values[2*i], l.values[2*i+1])
		l.weights[2*i], l.weights[2*i+1] = d, -d
		p.sum += v
		if l.hinge.soft || v > 0 {
			p.stats.Active++
		}
	}
	n := int64(hi - lo)
	p.stats.Positives, p.stats.Negatives, p.stats.Terms = n, n, n
}
