package optim

import (
	"math"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// ClipNorm scales the gradients of all parameters that are not frozen so that their
// common Euclidean norm is at most limit, and returns the norm that it found, as
// torch.nn.utils.clip_grad_norm_:
//
//	norm = √Σ‖g‖²      g = g·min(1, limit/(norm + 1e-6))
//
// The sum is taken in float64 and in a fixed order; where it would overflow or underflow,
// of gradients scaled by their greatest. With limit 0 it only measures. A norm that is
// +Inf or NaN is returned, and the gradients stay as they are, for the caller to do
// without the step.
func ClipNorm(params []*autodiff.Param, limit float64) (norm float64) {
	norm = gradNorm(params)
	factor := limit / (norm + 1e-6)
	if limit <= 0 || !(factor < 1) || math.IsInf(norm, 0) {
		return norm
	}
	for _, p := range params {
		switch {
		case still(p):
		case p.Value.DType() == tensor.Float64:
			clip(p.Grad.Float64s(), limit, norm, 0x1p-1022)
		default:
			clip(p.Grad.Float32s(), limit, norm, 0x1p-126)
		}
	}
	return norm
}

// clip scales g by limit/(norm + 1e-6), in two steps where that factor is below the least
// normal number, which has all its digits.
func clip[T tensor.Float](g []T, limit, norm, least float64) {
	factor := limit / (norm + 1e-6)
	if factor >= least {
		simd.Scale(g, g, T(factor))
		return
	}
	root := T(math.Sqrt(limit) / math.Sqrt(norm+1e-6))
	simd.Scale(g, g, root)
	simd.Scale(g, g, root)
}

// leastSquares is the sum of squares below which digits may be lost to underflow.
const leastSquares = 0x1p-900

// gradNorm returns the common norm of the gradients that a step follows.
func gradNorm(params []*autodiff.Param) float64 {
	total := 0.0
	for _, p := range params {
		if !still(p) {
			total += sumSquares(p.Grad)
		}
	}
	if total >= leastSquares && total <= math.MaxFloat64 {
		return math.Sqrt(total)
	}
	greatest := 0.0
	for _, p := range params {
		if !still(p) {
			greatest = max(greatest, greatestAbs(p.Grad.Float32s()), greatestAbs(p.Grad.Float64s()))
		}
	}
	if greatest == 0 || !(greatest <= math.MaxFloat64) {
		return greatest
	}
	_, exponent := math.Frexp(greatest)
	total = 0
	for _, p := range params {
		if !still(p) {
			total += scaledSquares(p.Grad.Float32s(), -exponent) + scaledSquares(p.Grad.Float64s(), -exponent)
		}
	}
	return math.Ldexp(math.Sqrt(total), exponent)
}

// greatestAbs returns the greatest |x|, NaN where there is one.
func greatestAbs[T tensor.Float](x []T) (greatest float64) {
	for _, v := range x {
		greatest = max(greatest, math.Abs(float64(v)))
	}
	return greatest
}

// scaledSquares returns Σ(x·2ⁿ)².
func scaledSquares[T tensor.Float](x []T, n int) (total float64) {
	for _, v := range x {
		s := math.Ldexp(float64(v), n)
		total += s * s
	}
	return total
}

func sumSquares(t *tensor.Tensor) float64 {
	if t.DType() == tensor.Float64 {
		return simd.SumSquares(t.Float64s())
	}
	return simd.SumSquares(t.Float32s())
}
