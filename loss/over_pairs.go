package loss

import (
	"math"

	"github.com/energo-ml/energo/tensor"
)

// overPairs is what losses have in common that look at all pairs of a batch. It has one
// goroutine's memory, which is kept for the next batch.
type overPairs[T tensor.Float] struct {
	grid  grid[T]
	stats PairStats
}

// Stats says what the last batch had to offer.
func (o *overPairs[T]) Stats() PairStats { return o.stats }

// pairBatch is a batch to be evaluated.
type pairBatch[T tensor.Float] struct {
	loss       string
	measure    Measure
	similarity bool // the loss takes similarities, not distances
	over       Over
	reduction  Reduction
	dim        int
	a, r       gridArgs[T] // r.x is nil where the references are the anchors
}

func (b *pairBatch[T]) check() error {
	if err := b.measure.check(b.loss); err != nil {
		return err
	}
	if err := b.over.check(b.loss); err != nil {
		return err
	}
	if _, err := b.reduction.scale(b.loss, 1); err != nil {
		return err
	}
	if err := b.a.check(b.loss, "embeddings", "labels", b.dim); err != nil || b.r.x == nil {
		return err
	}
	return b.r.check(b.loss, "ref_emb", "ref_labels", b.dim)
}

func (a *gridArgs[T]) check(loss, x, labels string, dim int) error {
	rows, err := rowsOf(loss, x, len(a.x), "dim", dim)
	if err != nil {
		return err
	}
	if rows > math.MaxInt32 {
		return badValue(loss, "the number of "+x, -1, rows, "below 2³¹")
	}
	if len(a.labels) != rows {
		return badLength(loss, labels, len(a.labels), rows)
	}
	return optional(loss, len(a.x), by(x, a.dx))
}

// start prepares the grid. ok is false where the numbers are not finite; the gradients are
// NaN then.
func (o *overPairs[T]) start(b pairBatch[T]) (ok bool, err error) {
	o.stats = PairStats{}
	if err := b.check(); err != nil {
		return false, err
	}
	if !o.grid.set(b.measure, b.similarity, b.dim, b.a, b.r) {
		o.grid.refuse()
		return false, nil
	}
	return true, nil
}

// eval evaluates a loss that is a sum over anchors or over what they have.
func (o *overPairs[T]) eval(b pairBatch[T], row rowLoss[T]) (float64, error) {
	defer o.grid.forget()
	ok, err := o.start(b)
	if err != nil || !ok {
		return math.NaN(), err
	}
	var sum float64
	sum, o.stats = o.grid.run(row, b.needsGradient())
	scale := 1.0
	if b.reduction == Mean {
		scale = 1 / float64(max(b.over.count(o.stats), 1))
	}
	return o.finish(sum, scale), nil
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
