package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/pair"
)

// The losses of vectors, by what they are evaluated on. In all of them embeddings are rows of dim
// coordinates, one a sample; gradients are overwritten, and not computed where they are nil; and a
// value keeps its memory and serves one goroutine at a time.

// OfLabels is a loss of a batch and its labels, of all pairs that they make.
type OfLabels[T tensor.Float] interface {
	Eval(embeddings []T, dim int, labels []int, dEmbeddings []T) (float64, error)
	// Stats says what the last batch had to offer: without terms there is nothing to learn from.
	Stats() PairStats
}

// OfReferences is a loss that can compare a batch with other samples, such as a memory of earlier
// batches ([pair.Memory]), instead of with itself.
type OfReferences[T tensor.Float] interface {
	OfLabels[T]
	EvalAgainst(embeddings []T, dim int, labels []int, refs []T, refLabels []int, dEmbeddings, dRefs []T) (float64, error)
}

// OfPairs is a loss of pairs of a batch that a miner chose, such as [pair.MultiSimilarity]: the first of
// a pair is an anchor, and the others of its pairs are all that it is compared with. Where either sample
// is to be an anchor, both orders must be listed; a pair that is listed twice counts twice. A miner's
// triplets are pairs by [pair.Triplets.Pairs].
type OfPairs[T tensor.Float] interface {
	EvalPairs(embeddings []T, dim int, pairs pair.Pairs, dEmbeddings []T) (float64, error)
}

// OfTriplets is a loss of triplets of a batch that a miner chose, such as [pair.SemiHard]. A miner's
// pairs are triplets by [pair.Pairs.Triplets].
type OfTriplets[T tensor.Float] interface {
	EvalTriplets(embeddings []T, dim int, triplets pair.Triplets, dEmbeddings []T) (float64, error)
}

// OfClasses is a loss of a batch and a trained point of each class, labels being classes from 0 on:
// points has a row of dim coordinates a class.
type OfClasses[T tensor.Float] interface {
	Eval(embeddings []T, dim int, labels []int, points, dEmbeddings, dPoints []T) (float64, error)
}

// OfViews is a loss of two views of a batch: x and y have a row of dim coordinates for each sample.
type OfViews[T tensor.Float] interface {
	Eval(x, y []T, dim int, dx, dy []T) (float64, error)
}
