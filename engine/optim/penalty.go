package optim

import (
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// L1 adds the derivative of the regulariser R(w) = lambda·Σ|w| to the gradients of
// the parameters that decay, and returns R's value. Call it between Backward and Step.
//
// Kinks: at w = 0 the derivative is 0.
func L1(params []*autodiff.Param, lambda float64) float64 {
	total := 0.0
	for _, p := range params {
		switch {
		case still(p) || p.NoDecay:
		case p.Value.DType() == tensor.Float64:
			total += simd.SumAbs(p.Value.Float64s())
			addSign(p.Grad.Float64s(), p.Value.Float64s(), lambda)
		default:
			total += simd.SumAbs(p.Value.Float32s())
			addSign(p.Grad.Float32s(), p.Value.Float32s(), float32(lambda))
		}
	}
	return lambda * total
}

// addSign computes g += lambda·sign(w).
func addSign[T tensor.Float](g, w []T, lambda T) {
	for i, v := range w {
		switch {
		case v > 0:
			g[i] += lambda
		case v < 0:
			g[i] -= lambda
		}
	}
}

// L2 returns the value of the regulariser R(w) = decay/2·Σw² over the parameters that
// decay. Its derivative, decay·w, is what SGD and Adam add as WeightDecay; nothing
// changes here.
func L2(params []*autodiff.Param, decay float64) float64 {
	total := 0.0
	for _, p := range params {
		if !p.Frozen && !p.NoDecay {
			total += sumSquares(p.Value)
		}
	}
	return decay / 2 * total
}
