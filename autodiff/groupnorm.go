package autodiff

import (
	"math"

	"github.com/energo-ml/energo/internal/simd"
)

// LayerNorm normalises along the last axis. gain and bias may be nil.
//
// Shapes: x [..., D], gain and bias [D].
// PyTorch: nn.functional.layer_norm over the last axis.
func LayerNorm(x, gain, bias *Var, eps float64) *Var {
	if len(x.Shape()) == 0 || x.Value.Dim(-1) == 0 {
		misuse("LayerNorm", "x has shape %v; its last axis must not be empty", x.Shape())
	}
	d := x.Value.Dim(-1)
	v := normed("LayerNorm", x, gain, bias, x.Value.Len()/d, d, 1, eps)
	return v.groupNorm(1)
}

// GroupNorm normalises each of a number of groups of channels of each sample. gain
// and bias may be nil.
//
// Shapes: x [B, C, ...] with C divisible by groups, gain and bias [C].
// PyTorch: nn.functional.group_norm.
func GroupNorm(x *Var, groups int, gain, bias *Var, eps float64) *Var {
	s := x.Shape()
	if len(s) < 2 || groups < 1 || s[1]%groups != 0 || volume(s[1:]) == 0 {
		misuse("GroupNorm", "%d groups of shape %v; it must be [B, C, ...] with C divisible by the groups", groups, s)
	}
	v := normed("GroupNorm", x, gain, bias, s[0], s[1], volume(s[2:]), eps)
	return v.groupNorm(groups)
}

// groupNorm normalises N·groups runs of consecutive elements.
func (v *Var) groupNorm(groups int) *Var {
	v.ints[normGroups] = groups
	v.reserve(2 * v.ints[normN] * groups)
	v.parallel(v.groupTasks(), pick(v, groupForward[float32], groupForward[float64]))
	if v.needs {
		v.back = groupBack
	}
	return v
}

// groupSizes returns the number of runs, the length of one, and how many a task takes.
func (v *Var) groupSizes() (runs, n, step int) {
	runs = v.ints[normN] * v.ints[normGroups]
	n = v.ints[normC] / v.ints[normGroups] * v.ints[normS]
	const worthwhile = 1 << 14 // elements
	return runs, n, max(1, worthwhile/n)
}

func (v *Var) groupTasks() int {
	runs, _, step := v.groupSizes()
	return (runs + step - 1) / step
}

func groupForward[T simd.Float](v *Var, task int) {
	runs, n, step := v.groupSizes()
	x, y := values[T](v.in[0]), values[T](v)
	mean, inverse := statistics[T](v)
	gain, bias := factors[T](v, normGain), factors[T](v, normBias)
	s, groups := v.ints[normS], v.ints[normGroups]
	for r := task * step; r < min((task+1)*step, runs); r++ {
		mu, variance := moments(x[r*n : (r+1)*n])
		mean[r], inverse[r] = T(mu), T(1/math.Sqrt(variance+v.float))
		for i := range n / s {
			c, at := r%groups*(n/s)+i, r*n+i*s
			normalise(y[at:at+s], x[at:at+s], mean[r], inverse[r], gain, bias, c)
		}
	}
}

// moments returns mean and biased variance.
func moments[T simd.Float](x []T) (mean, variance float64) {
	mean = simd.Sum(x) / float64(len(x))
	for _, u := range x {
		d := float64(u) - mean
		variance += d * d
	}
	return mean, variance / float64(len(x))
}

func groupBack(v *Var) {
	v.ints[normAdd] = 0
	if v.target(0) {
		v.parallel(v.groupTasks(), pick(v, groupInput[float32], groupInput[float64]))
	}
	factors := false
	for i := 1; i < len(v.in); i++ {
		factors = v.target(i) || factors
	}
	if factors {
		v.parallel(v.channelTasks(), pick(v, groupFactors[float32], groupFactors[float64]))
	}
}

func groupFactors[T simd.Float](v *Var, task int) {
	sum, dot := channelSums[T](v, task)
	storeFactors[T](v, task, &sum, &dot)
}

// With dx̂ = dy·gain: dx = (dx̂ − mean(dx̂) − x̂·mean(dx̂·x̂))/√(σ² + eps), means over the run.
func groupInput[T simd.Float](v *Var, task int) {
	runs, n, step := v.groupSizes()
	mean, inverse := statistics[T](v)
	x, dy := values[T](v.in[0]), upstream[T](v)
	g, add := targeted[T](v, 0)
	s, groups := v.ints[normS], v.ints[normGroups]
	channels := n / s
	for r := task * step; r < min((task+1)*step, runs); r++ {
		gain := factors[T](v, normGain)
		if gain != nil {
			gain = gain[r%groups*channels:][:channels]
		}
		inputGrad(g[r*n:(r+1)*n], x[r*n:(r+1)*n], dy[r*n:(r+1)*n], mean[r], inverse[r], gain, s, add)
	}
}

// inputGrad is groupInput of one run; gain, nil for ones, changes every s elements.
func inputGrad[T simd.Float](g, x, dy []T, mean, inverse T, gain []T, s int, add bool) {
	var sum, dot float64
	for i, u := range x {
		d := float64(dy[i])
		if gain != nil {
			d *= float64(gain[i/s])
		}
		sum += d
		dot += d * float64((u-mean)*inverse)
	}
	shift, slope := T(sum/float64(len(x))), T(dot/float64(len(x)))
	for i, u := range x {
		d := dy[i]
		if gain != nil {
			d *= gain[i/s]
		}
		d = (d - shift - (u-mean)*inverse*slope) * inverse
		if add {
			d += g[i]
		}
		g[i] = d
	}
}
