package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/pair"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// RowTriplets makes a loss of rows three by three, such as [TripletMargin], a loss of triplets by
// index, [OfTriplets].
type RowTriplets[T tensor.Float] struct {
	Loss interface {
		Each(dst, up, anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T) error
	}
	Reduction Reduction // that of Loss does not count

	rows byRows[T]
}

// EvalTriplets returns the loss of the triplets and writes its gradient, unless that is nil. Without
// triplets both are 0.
//
// Errors: those of Loss; lengths that do not fit; indices that are not rows.
func (l *RowTriplets[T]) EvalTriplets(embeddings []T, dim int, triplets pair.Triplets, dEmbeddings []T) (float64, error) {
	const name = "RowTriplets"
	a := gridArgs[T]{x: embeddings, dx: dEmbeddings}
	if err := a.checkTriplets(name, dim, triplets); err != nil {
		return 0, err
	}
	scale, err := l.Reduction.scale(name, float64(max(triplets.Len(), 1)))
	if err != nil {
		return 0, err
	}
	r, sum := &l.rows, 0.0
	for lo, hi := r.begin(a, dim, triplets.Len()); lo < hi; lo, hi = r.next() {
		r.gather(0, triplets.Anchor[lo:hi])
		r.gather(1, triplets.Positive[lo:hi])
		r.gather(2, triplets.Negative[lo:hi])
		if err := l.Loss.Each(r.losses, nil, r.x[0], r.x[1], r.x[2], dim, r.dx[0], r.dx[1], r.dx[2]); err != nil {
			return 0, err
		}
		sum += simd.Sum(r.losses)
		r.scatter(0, triplets.Anchor[lo:hi])
		r.scatter(1, triplets.Positive[lo:hi])
		r.scatter(2, triplets.Negative[lo:hi])
	}
	r.end(scale)
	return sum * scale, nil
}

// RowPairs makes a loss of rows two by two with targets, such as [CosineEmbedding], a loss of pairs
// by index, [OfPairs]. The target of a pair is 1 where it is the same, else −1.
type RowPairs[T tensor.Float] struct {
	Loss interface {
		Each(dst, up, input1, input2, target []T, dim int, dInput1, dInput2 []T) error
	}
	Reduction Reduction // that of Loss does not count

	rows   byRows[T]
	target []T
}

// EvalPairs returns the loss of the pairs and writes its gradient, unless that is nil. Without pairs
// both are 0.
//
// Errors: those of Loss; lengths that do not fit; indices that are not rows; a sample paired with itself.
func (l *RowPairs[T]) EvalPairs(embeddings []T, dim int, pairs pair.Pairs, dEmbeddings []T) (float64, error) {
	b := ofPairs(embeddings, dim, pairs, dEmbeddings)
	b.loss = "RowPairs"
	if err := b.checkPairs(); err != nil {
		return 0, err
	}
	scale, err := l.Reduction.scale(b.loss, float64(max(pairs.Len(), 1)))
	if err != nil {
		return 0, err
	}
	r, sum := &l.rows, 0.0
	for lo, hi := r.begin(b.a, dim, pairs.Len()); lo < hi; lo, hi = r.next() {
		r.gather(0, pairs.First[lo:hi])
		r.gather(1, pairs.Second[lo:hi])
		if err := l.Loss.Each(r.losses, nil, r.x[0], r.x[1], l.targets(pairs.Same[lo:hi]), dim, r.dx[0], r.dx[1]); err != nil {
			return 0, err
		}
		sum += simd.Sum(r.losses)
		r.scatter(0, pairs.First[lo:hi])
		r.scatter(1, pairs.Second[lo:hi])
	}
	r.end(scale)
	return sum * scale, nil
}

func (l *RowPairs[T]) targets(same []bool) []T {
	l.target = scratch.Sized(l.target, len(same))
	for i, s := range same {
		l.target[i] = -1
		if s {
			l.target[i] = 1
		}
	}
	return l.target
}

// byRows copies rows of a batch that are listed by index for a loss that takes them one behind the
// other, and adds up the gradient; some at a time, so that the copies are never of all. It has one
// goroutine's memory, which is kept for the next batch.
type byRows[T tensor.Float] struct {
	batch     gridArgs[T]
	dim       int
	n, lo, hi int
	losses    []T
	x, dx     [3][]T // copies by list; dx holds nil where no gradient is computed
	kept      [3][]T // memory of dx
	grad      []T    // by the batch
}

// copied is how many coordinates of a list are copied at a time, about. Sums depend on it.
const copied = 1 << 18

// begin takes a batch and lists of n indices, and returns the first ones to be done.
func (r *byRows[T]) begin(batch gridArgs[T], dim, n int) (lo, hi int) {
	r.batch, r.dim, r.n, r.hi = batch, dim, n, 0
	if batch.dx != nil {
		r.grad = scratch.Sized(r.grad, len(batch.x))
		clear(r.grad)
	}
	return r.next()
}

// next returns the next indices to be done: none after the last.
func (r *byRows[T]) next() (lo, hi int) {
	r.lo, r.hi = r.hi, min(r.hi+max(1, copied/r.dim), r.n)
	r.losses = scratch.Sized(r.losses, r.hi-r.lo)
	return r.lo, r.hi
}

// gather copies the rows of a list.
func (r *byRows[T]) gather(list int, indices []int) {
	d := r.dim
	r.x[list], r.dx[list] = scratch.Sized(r.x[list], len(indices)*d), nil
	for k, i := range indices {
		copy(r.x[list][k*d:(k+1)*d], r.batch.x[i*d:])
	}
	if r.batch.dx != nil {
		r.kept[list] = scratch.Sized(r.kept[list], len(indices)*d)
		r.dx[list] = r.kept[list]
	}
}

// scatter adds the gradients by a list's rows to the batch's.
func (r *byRows[T]) scatter(list int, indices []int) {
	if r.batch.dx == nil {
		return
	}
	d := r.dim
	for k, i := range indices {
		simd.AXPY(r.grad[i*d:(i+1)*d], 1, r.dx[list][k*d:(k+1)*d])
	}
}

// end writes the gradient of the sum times scale, and lets go of what is the caller's.
func (r *byRows[T]) end(scale float64) {
	if r.batch.dx != nil {
		simd.Scale(r.batch.dx, r.grad, T(scale))
	}
	r.batch = gridArgs[T]{}
}
