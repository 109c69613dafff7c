package optim

import (
	"math"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/tensor"
)

// ClipNorm scales the gradients of all parameters that are not frozen so that their
// common Euclidean norm is at most limit, and returns the norm that it found, as
// torch.nn.utils.clip_grad_norm_:
//
//	norm = √Σ‖g‖²      g = g·min(1, limit/(norm + 1e-6))
//
// The sum is taken in float64 and in a fixed order. With limit 0 it only measures. A
// norm that is +Inf or NaN is returned, and the gradients stay as they are, for the
// caller to do without the step.
func ClipNorm(params []*autodiff.Param, limit float64) (norm float64) {
	total := 0.0
	for _, p := range params {
		if !still(p) {
			total += sumSquares(p.Grad)
		}
	}
	norm = math.Sqrt(total)
	factor := limit / (norm + 1e-6)
	if limit <= 0 || !(factor < 1) || math.IsInf(norm, 0) {
		return norm
	}
	for _, p := range params {
		if !still(p) {
			scale(p.Grad, factor)
		}
	}
	return norm
}

func sumSquares(t *tensor.Tensor) float64 {
	if t.DType() == tensor.Float64 {
		return simd.SumSquares(t.Float64s())
	}
	return simd.SumSquares(t.Float32s())
}

func scale(t *tensor.Tensor, factor float64) {
	if t.DType() == tensor.Float64 {
		simd.Scale(t.Float64s(), t.Float64s(), factor)
	} else {
		simd.Scale(t.Float32s(), t.Float32s(), float32(factor))
	}
}
