package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// DistanceFunction is a distance between two rows with its derivative, for
// TripletMarginWithDistance, which calls it from several goroutines at once: [Measured], which is any of
// package distance, PyTorch's own with their eps, or a user's.
type DistanceFunction[T tensor.Float] interface {
	// Between returns the distance d of x from y.
	Between(x, y []T) float64
	// Slope adds up·∂d/∂x to dx and up·∂d/∂y to dy; d is what Between returned.
	Slope(dx, dy []float64, x, y []T, d, up float64)
}

// PairwiseDistance is ‖x − y + Eps‖_P, Eps being added to every difference.
//
// Kinks: the derivative is 0 where the distance is, and by differences that are 0; for
// P = +Inf it is divided among equal maxima; for P = 0 it is 0.
// PyTorch: F.pairwise_distance(p=P, eps=Eps).
type PairwiseDistance[T tensor.Float] struct {
	P   float64 // at least 0: +Inf is the greatest difference, 0 the number of differences
	Eps float64
}

// NewPairwiseDistance returns the distance with PyTorch's defaults: P is 2, Eps 1e-6.
func NewPairwiseDistance[T tensor.Float]() *PairwiseDistance[T] {
	return &PairwiseDistance[T]{P: 2, Eps: 1e-6}
}

// Between implements DistanceFunction.
func (d *PairwiseDistance[T]) Between(x, y []T) float64 { return simd.PairNorm(x, y, d.P, d.Eps) }

// Slope implements DistanceFunction.
func (d *PairwiseDistance[T]) Slope(dx, dy []float64, x, y []T, distance, up float64) {
	simd.PairNormGrad(dx, dy, x, y, d.P, d.Eps, distance, up)
}

// CosineDistance is 1 − x·y/(max(‖x‖, Eps)·max(‖y‖, Eps)).
//
// Special cases: it keeps its digits where the directions are nearly the same.
// PyTorch: 1 − F.cosine_similarity(eps=Eps), whose derivative by a row shorter than Eps
// takes its norm for a variable still: so does this one.
type CosineDistance[T tensor.Float] struct {
	Eps float64 // 0 means 1e-8
}

func (d CosineDistance[T]) eps() float64 {
	if d.Eps == 0 {
		return 1e-8
	}
	return d.Eps
}

// Between implements DistanceFunction.
func (d CosineDistance[T]) Between(x, y []T) float64 { return simd.CosineDistance(x, y, d.eps()) }

// Slope implements DistanceFunction.
func (d CosineDistance[T]) Slope(dx, dy []float64, x, y []T, distance, up float64) {
	simd.CosineDistanceGrad(dx, dy, x, y, d.eps(), distance, up)
}

// Measured is a measure of package distance as a DistanceFunction.
//
// PyTorch: ((x − y)**2).sum(-1) for Squared.
type Measured[T tensor.Float] struct{ distance.Measure }

// Between implements DistanceFunction.
func (d Measured[T]) Between(x, y []T) float64 { return distance.Between(d.Measure, x, y) }

// Slope implements DistanceFunction.
func (d Measured[T]) Slope(dx, dy []float64, x, y []T, between, up float64) {
	distance.Slope(d.Measure, dx, dy, x, y, between, up)
}
