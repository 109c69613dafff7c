package autodiff

import (
	"math"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/tensor"
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
// PyTorch: nn.functional.batch_norm.
func BatchNorm(x, gain, bias *Var, mean, variance *Param, momentum, eps float64) *Var {
	s := x.Shape()
	if len(s) < 2 || s[1] == 0 {
		misuse("BatchNorm", "x has shape %v; it must be [B, C, ...]", s)
	}
	for _, p := range [2]*Param{mean, variance} {
		if (p == nil) != (mean == nil) || (p != nil && (p.Value.Rank() != 1 || p.Value.Len() != s[1])) {
			misuse("BatchNorm", "running statistics must both be nil or both have shape [%d]", s[1])
		}
	}
	v := normed("BatchNorm", x, gain, bias, s[0], s[1], volume(s[2:]), eps)
	v.reserve(2 * s[1])
	if x.tape.Training || mean == nil {
		v.ints[normBatch] = 1
		v.parallel(v.channelTasks(), pick(v, batchMoments[float32], batchMoments[float64]))
	} else {
		pick(v, runningMoments[float32], runningMoments[float64])(v, mean, variance)
	}
	if x.tape.Training && mean != nil {
		pick(v, moveRunning[float32], moveRunning[float64])(v, mean, variance, momentum)
	}
	v.parallel(v.channelTasks(), pick(v, batchForward[float32], batchForward[float64]))
	if v.needs {
		v.back = batchBack
	}
	return v
}

// batchMoments computes the means and, in the place of reciprocal deviations, the
// biased variances of the channels of a task.
func batchMoments[T simd.Float](v *Var, task int) {
	x := values[T](v.in[0])
	mean, variance := statistics[T](v)
	n, c, s := v.ints[normN], v.ints[normC], v.ints[normS]
	lo, hi := v.channels(task)
	var mu, square [channelBlock]float64
	for b := range n {
		for ch := lo; ch < hi; ch++ {
			at := (b*c + ch) * s
			for _, u := range x[at : at+s] {
				mu[ch-lo] += float64(u)
			}
		}
	}
	for i := range mu {
		mu[i] /= float64(n * s)
	}
	for b := range n {
		for ch := lo; ch < hi; ch++ {
			at := (b*c + ch) * s
			for _, u := range x[at : at+s] {
				d := float64(u) - mu[ch-lo]
				square[ch-lo] += d * d
			}
		}
	}
	for ch := lo; ch < hi; ch++ {
		mean[ch], variance[ch] = T(mu[ch-lo]), T(square[ch-lo]/float64(n*s))
	}
}

func runningMoments[T simd.Float](v *Var, runningMean, runningVariance *Param) {
	mean, variance := statistics[T](v)
	copy(mean, tensor.Data[T](runningMean.Value))
	copy(variance, tensor.Data[T](runningVariance.Value))
}

func moveRunning[T simd.Float](v *Var, runningMean, runningVariance *Param, momentum float64) {
	mean, variance := statistics[T](v)
	rm, rv := tensor.Data[T](runningMean.Value), tensor.Data[T](runningVariance.Value)
	count := float64(v.ints[normN] * v.ints[normS])
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

// batchForward turns the variances of a task's channels into reciprocal deviations and normalises.
func batchForward[T simd.Float](v *Var, task int) {
	x, y := values[T](v.in[0]), values[T](v)
	mean, inverse := statistics[T](v)
	gain, bias := factors[T](v, normGain), factors[T](v, normBias)
	n, c, s := v.ints[normN], v.ints[normC], v.ints[normS]
	lo, hi := v.channels(task)
	for ch := lo; ch < hi; ch++ {
		inverse[ch] = T(1 / math.Sqrt(float64(inverse[ch])+v.float))
	}
	for b := range n {
		for ch := lo; ch < hi; ch++ {
			at := (b*c + ch) * s
			normalise(y[at:at+s], x[at:at+s], mean[ch], inverse[ch], gain, bias, ch)
		}
	}
}

func batchBack(v *Var) {
	v.ints[normAdd] = 0
	for i := range v.in {
		v.target(i)
	}
	v.parallel(v.channelTasks(), pick(v, batchGrad[float32], batchGrad[float64]))
}

// With dx̂ = dy·gain: dx = (dx̂ − mean(dx̂) − x̂·mean(dx̂·x̂))/√(σ² + eps), means over the
// channel; without the means if the statistics were the running ones.
func batchGrad[T simd.Float](v *Var, task int) {
	sum, dot := channelSums[T](v, task)
	storeFactors[T](v, task, &sum, &dot)
	if !v.in[0].needs {
		return
	}
	x, dy := values[T](v.in[0]), upstream[T](v)
	mean, inverse := statistics[T](v)
	gain := factors[T](v, normGain)
	g, add := targeted[T](v, 0)
	n, c, s := v.ints[normN], v.ints[normC], v.ints[normS]
	through := float64(v.ints[normBatch]) / float64(n*s)
	lo, hi := v.channels(task)
	for b := range n {
		for ch := lo; ch < hi; ch++ {
			at := (b*c + ch) * s
			factor := inverse[ch]
			if gain != nil {
				factor *= gain[ch]
			}
			shift, slope := T(sum[ch-lo]*through), T(dot[ch-lo]*through)
			for i := at; i < at+s; i++ {
				d := (dy[i] - shift - (x[i]-mean[ch])*inverse[ch]*slope) * factor
				if add {
					d += g[i]
				}
				g[i] = d
			}
		}
	}
}
