package loss

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// overPairs is what losses have in common that look at all pairs of a batch, or at those
// that a miner chose. It has one goroutine's memory, which is kept for the next batch.
type overPairs[T tensor.Float] struct {
	grid  grid[T]
	links links[T]
	stats PairStats
}

// Stats says what the last batch had to offer.
func (o *overPairs[T]) Stats() PairStats { return o.stats }

// pairBatch is a batch to be evaluated.
type pairBatch[T tensor.Float] struct {
	loss       string
	measure    distance.Measure
	similarity bool // the loss takes similarities, not distances
	over       Over
	reduction  Reduction
	dim        int
	a, r       gridArgs[T] // r.x is nil where the references are the anchors
	pairs      pair.Pairs  // where listed: the pairs of anchors; labels do not count
	listed     bool
}

// ofLabels is a batch whose references are its own samples.
func ofLabels[T tensor.Float](x []T, dim int, labels []int, dx []T) pairBatch[T] {
	return pairBatch[T]{dim: dim, a: gridArgs[T]{x, labels, dx}}
}

// ofReferences is a batch with others.
func ofReferences[T tensor.Float](x []T, dim int, labels []int, refs []T, refLabels []int, dx, dr []T) pairBatch[T] {
	return pairBatch[T]{dim: dim, a: gridArgs[T]{x, labels, dx}, r: references(refs, refLabels, dr)}
}

// references makes nil ones an empty set: they are not the anchors.
func references[T tensor.Float](x []T, labels []int, dx []T) gridArgs[T] {
	if x == nil {
		x = []T{}
	}
	return gridArgs[T]{x, labels, dx}
}

// ofPairs is a batch with a list of its pairs.
func ofPairs[T tensor.Float](x []T, dim int, pairs pair.Pairs, dx []T) pairBatch[T] {
	return pairBatch[T]{dim: dim, a: gridArgs[T]{x: x, dx: dx}, pairs: pairs, listed: true}
}

func (b *pairBatch[T]) check() error {
	if err := b.checkOptions(); err != nil {
		return err
	}
	if b.listed {
		return b.checkPairs()
	}
	if err := b.a.check(b.loss, "embeddings", "labels", b.dim); err != nil || b.r.x == nil {
		return err
	}
	return b.r.check(b.loss, "ref_emb", "ref_labels", b.dim)
}

func (b *pairBatch[T]) checkOptions() error {
	if err := checkMeasure(b.loss, b.measure); err != nil {
		return err
	}
	if err := b.over.check(b.loss); err != nil {
		return err
	}
	_, err := b.reduction.scale(b.loss, 1)
	return err
}

func (b *pairBatch[T]) checkPairs() error {
	rows, err := b.a.checkRows(b.loss, "embeddings", b.dim)
	if err != nil {
		return err
	}
	if err := b.pairs.Check(rows); err != nil {
		return fmt.Errorf("loss: %s: %w", b.loss, err)
	}
	return fewEnough(b.loss, "pairs", b.pairs.Len(), maxLinks)
}

func (a *gridArgs[T]) check(loss, x, labels string, dim int) error {
	rows, err := a.checkRows(loss, x, dim)
	if err != nil {
		return err
	}
	if len(a.labels) != rows {
		return badLength(loss, labels, len(a.labels), rows)
	}
	return nil
}

// checkRows checks the rows and their gradient, and returns how many there are.
func (a *gridArgs[T]) checkRows(loss, x string, dim int) (rows int, err error) {
	if rows, err = rowsOf(loss, x, len(a.x), "dim", dim); err != nil {
		return 0, err
	}
	if err := fewEnough(loss, x, rows, math.MaxInt32); err != nil {
		return 0, err
	}
	return rows, optional(loss, len(a.x), by(x, a.dx))
}

func fewEnough(loss, what string, n, most int) error {
	if n > most {
		return badValue(loss, "the number of "+what, -1, n, fmt.Sprint("at most ", most))
	}
	return nil
}

// start prepares the grid. ok is false where the numbers are not finite; the gradients are
// NaN then.
func (o *overPairs[T]) start(b pairBatch[T]) (ok bool, err error) {
	o.stats = PairStats{}
	if err := b.check(); err != nil {
		return false, err
	}
	if ok = o.set(b); !ok {
		return false, nil
	}
	if b.listed {
		o.links.ofPairs(&o.grid, b.pairs)
	} else {
		o.grid.sort()
	}
	return true, nil
}

// set gives the grid a batch that has been checked.
func (o *overPairs[T]) set(b pairBatch[T]) (ok bool) {
	if ok = o.grid.set(b.measure, b.similarity, b.dim, b.a, b.r); !ok {
		o.grid.refuse()
	}
	return ok
}

// run evaluates the loss at every anchor of a batch that start has prepared.
func (o *overPairs[T]) run(b pairBatch[T], row rowLoss[T], learn bool) (sum float64, s PairStats) {
	if b.listed {
		return o.links.run(row, learn)
	}
	return o.grid.run(row, learn)
}

// pairs returns how many pairs are of one label, and how many are not.
func (o *overPairs[T]) pairs(b pairBatch[T]) (same, others int64) {
	if b.listed {
		return o.links.pairs()
	}
	return o.grid.pairs()
}

// eval evaluates a loss that is a sum over anchors or over what they have.
func (o *overPairs[T]) eval(b pairBatch[T], row rowLoss[T]) (float64, error) {
	defer o.grid.forget()
	ok, err := o.start(b)
	if err != nil || !ok {
		return math.NaN(), err
	}
	var sum float64
	sum, o.stats = o.run(b, row, b.needsGradient())
	return o.finish(sum, b.scale(o.stats)), nil
}

// scale is what a sum is multiplied by.
func (b *pairBatch[T]) scale(s PairStats) float64 {
	if b.reduction == Mean {
		return 1 / float64(max(b.over.count(s), 1))
	}
	return 1
}

// finish writes the gradients of a sum times scale, and returns that. Those of a sum that is
// NaN are NaN.
func (o *overPairs[T]) finish(sum, scale float64) float64 {
	if math.IsNaN(sum) {
		o.grid.refuse()
	} else {
		o.grid.finish(scale)
	}
	return sum * scale
}

// needsGradient reports whether the caller asked for a gradient.
func (b *pairBatch[T]) needsGradient() bool { return b.a.dx != nil || b.r.dx != nil }
