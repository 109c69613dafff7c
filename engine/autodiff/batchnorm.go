package autodiff

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// BatchNorm normalises each channel over the batch and all positions. gain and bias
// may be nil.
//
// In training it takes the batch's statistics, the biased variance, and moves the
// running ones, which should be frozen parameters, towards them, variance towards the
// unbiased one: r ← (1 − momentum)·r + momentum·s. Otherwise it takes the running
// ones. If mean and variance are nil there are no running ones, and it always takes
// the batch's. With one element a channel, the variance is 0, and the running
// variance, towards which nothing can be said, stays.
//
// Shapes: x [B, C] or [B, C, ...]; gain, bias, mean and variance [C].
// PyTorch: nn.functional.batch_norm, which refuses one element a channel.
func BatchNorm(x, gain, bias *Var, mean, variance *Param, momentum, eps float64) *Var {
	s := x.Shape()
	if len(s) < 2 || volume(s[1:]) == 0 {
		misuse("BatchNorm", "x has shape %v; it must be [B, C, ...]", s)
	}
	for _, p := range [2]*Param{mean, variance} {
		if (p == nil) != (mean == nil) || (p != nil && (p.Value.Rank() != 1 || p.Value.Len() != s[1])) {
			misuse("BatchNorm", "running statistics must both be nil or both have shape [%d]", s[1])
		}
	}
	v := normed("BatchNorm", x, gain, bias, s[0], s[1], volume(s[2:]), eps)
	v.norm.batch = x.tape.Training || mean == nil
	v.reserve(v.Value.Len() + s[1] + v.batchRest())
	switch {
	case !v.norm.batch:
		pick(v, runningMoments[float32], runningMoments[float64])(v, mean, variance)
	case v.norm.s == 1:
		pick(v, rowMoments[float32], rowMoments[float64])(v)
	default:
		v.parallel(v.norm.c, pick(v, channelMoments[float32], channelMoments[float64]))
	}
	if x.tape.Training && mean != nil {
		pick(v, moveRunning[float32], moveRunning[float64])(v, mean, variance, momentum)
	}
	pick(v, invert[float32], invert[float64])(v)
	if v.norm.s == 1 {
		return v.record(rowForward[float32], rowForward[float64], rowBack[float32], rowBack[float64])
	}
	v.parallel(v.norm.c, pick(v, channelForward[float32], channelForward[float64]))
	if v.needs {
		v.back = channelBack
	}
	return v
}

// batchRest is the scratch memory beside the reciprocal deviations and x̂: forward, a
// mean a channel; backward, what rowBack and channelInput need.
func (v *Var) batchRest() int {
	if v.norm.s == 1 {
		return 3*v.norm.c + v.Value.Len()
	}
	return v.norm.c * v.norm.s
}

// batchMemory returns the reciprocal deviations (in their place, until invert, the
// variances), x̂ and, during the forward pass, the means.
func batchMemory[T tensor.Float](v *Var) (inverse, hat, mean []T) {
	inverse, hat, rest := normMemory[T](v, v.norm.c)
	return inverse, hat, rest[:v.norm.c]
}

func runningMoments[T tensor.Float](v *Var, runningMean, runningVariance *Param) {
	variance, _, mean := batchMemory[T](v)
	copy(mean, tensor.Data[T](runningMean.Value))
	copy(variance, tensor.Data[T](runningVariance.Value))
}

func moveRunning[T tensor.Float](v *Var, runningMean, runningVariance *Param, momentum float64) {
	variance, _, mean := batchMemory[T](v)
	rm, rv := tensor.Data[T](runningMean.Value), tensor.Data[T](runningVariance.Value)
	count := float64(v.norm.n * v.norm.s)
	if count == 0 {
		return
	}
	for c := range mean {
		rm[c] = T((1-momentum)*float64(rm[c]) + momentum*float64(mean[c]))
		if count > 1 {
			rv[c] = T((1-momentum)*float64(rv[c]) + momentum*float64(variance[c])*count/(count-1))
		}
	}
}

func invert[T tensor.Float](v *Var) {
	inverse, _, _ := batchMemory[T](v)
	for c, u := range inverse {
		inverse[c] = T(1 / math.Sqrt(float64(u)+v.norm.eps))
	}
}

func channelMoments[T tensor.Float](v *Var, c int) {
	x := values[T](v.in[0])
	variance, hat, mean := batchMemory[T](v)
	count, s := float64(v.norm.n*v.norm.s), v.norm.s
	var sum, square float64
	for b := range v.norm.n {
		at := (b*v.norm.c + c) * s
		sum += simd.Sum(x[at : at+s])
	}
	mean[c] = T(sum / count)
	for b := range v.norm.n {
		at := (b*v.norm.c + c) * s
		simd.AddScalar(hat[at:at+s], x[at:at+s], -mean[c])
		square += simd.SumSquares(hat[at : at+s])
	}
	variance[c] = T(square / count)
}

func channelForward[T tensor.Float](v *Var, c int) {
	x, y := values[T](v.in[0]), values[T](v)
	inverse, hat, mean := batchMemory[T](v)
	gain, bias := factor[T](v, v.norm.gain), factor[T](v, v.norm.bias)
	s := v.norm.s
	for b := range v.norm.n {
		at := (b*v.norm.c + c) * s
		if !v.norm.batch { // channelMoments has done this
			simd.AddScalar(hat[at:at+s], x[at:at+s], -mean[c])
		}
		simd.Scale(hat[at:at+s], hat[at:at+s], inverse[c])
		affine(y[at:at+s], hat[at:at+s], gain, bias, c, s)
	}
}

func channelBack(v *Var) {
	if v.in[0].needs {
		_, v.norm.add = v.in[0].gradient()
		v.parallel(v.norm.c, pick(v, channelInput[float32], channelInput[float64]))
	}
	pick(v, batchFactors[float32], batchFactors[float64])(v)
}

func batchFactors[T tensor.Float](v *Var) {
	_, hat, _ := normMemory[T](v, v.norm.c)
	pushFactors(v, hat)
}

// dx = (dy − mean(dy) − x̂·mean(dy·x̂))·gain/√(σ² + eps), means over the channel; without
// them if the statistics were the running ones.
func channelInput[T tensor.Float](v *Var, c int) {
	dy, dx := upstream[T](v), upstream[T](v.in[0])
	inverse, hat, rest := normMemory[T](v, v.norm.c)
	s, slant := v.norm.s, inverse[c]
	if gain := factor[T](v, v.norm.gain); gain != nil {
		slant *= gain[c]
	}
	var mean, slope float64
	for b := 0; v.norm.batch && b < v.norm.n; b++ {
		at := (b*v.norm.c + c) * s
		mean += simd.Sum(dy[at:at+s]) / float64(v.norm.n*s)
		slope += simd.Dot(dy[at:at+s], hat[at:at+s]) / float64(v.norm.n*s)
	}
	d := rest[c*s : (c+1)*s]
	for b := range v.norm.n {
		at := (b*v.norm.c + c) * s
		simd.Scale(d, hat[at:at+s], -T(slope))
		simd.AddTo(d, dy[at:at+s])
		simd.AddScalar(d, d, -T(mean))
		accumulate(dx[at:at+s], d, slant, v.norm.add)
	}
}
