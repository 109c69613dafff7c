package autodiff

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

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
	return normed("LayerNorm", x, gain, bias, x.Value.Len()/d, d, 1, eps).groupNorm(1)
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
	return normed("GroupNorm", x, gain, bias, s[0], s[1], volume(s[2:]), eps).groupNorm(groups)
}

// groupNorm normalises runs of consecutive elements, the groups of all samples.
func (v *Var) groupNorm(groups int) *Var {
	v.norm.groups = groups
	runs, n, _ := v.groupRuns()
	v.reserve(runs + v.Value.Len() + v.groupTasks()*n)
	v.parallel(v.groupTasks(), pick(v, groupForward[float32], groupForward[float64]))
	if v.needs {
		v.back = groupBack
	}
	return v
}

// groupRuns returns the number of runs, the length of one, and how many a task takes.
func (v *Var) groupRuns() (runs, n, step int) {
	const worthwhile = 1 << 14 // elements
	n = v.norm.c / v.norm.groups * v.norm.s
	return v.norm.n * v.norm.groups, n, max(1, worthwhile/n)
}

func (v *Var) groupTasks() int {
	runs, _, step := v.groupRuns()
	return (runs + step - 1) / step
}

func groupForward[T tensor.Float](v *Var, task int) {
	runs, n, step := v.groupRuns()
	x, y := values[T](v.in[0]), values[T](v)
	inverse, hat, _ := normMemory[T](v, runs)
	gain, bias := factor[T](v, v.norm.gain), factor[T](v, v.norm.bias)
	for r := task * step; r < min((task+1)*step, runs); r++ {
		x, y, hat := x[r*n:(r+1)*n], y[r*n:(r+1)*n], hat[r*n:(r+1)*n]
		simd.AddScalar(hat, x, -T(simd.Sum(x)/float64(n)))
		inverse[r] = T(1 / math.Sqrt(simd.SumSquares(hat)/float64(n)+v.norm.eps))
		simd.Scale(hat, hat, inverse[r])
		affine(y, hat, gain, bias, r%v.norm.groups*(n/v.norm.s), v.norm.s)
	}
}

func groupBack(v *Var) {
	if v.in[0].needs {
		_, v.norm.add = v.in[0].gradient()
		v.parallel(v.groupTasks(), pick(v, groupInput[float32], groupInput[float64]))
	}
	pick(v, groupFactors[float32], groupFactors[float64])(v)
}

func groupFactors[T tensor.Float](v *Var) {
	runs, _, _ := v.groupRuns()
	_, hat, _ := normMemory[T](v, runs)
	pushFactors(v, hat)
}

// With dx̂ = dy·gain: dx = (dx̂ − mean(dx̂) − x̂·mean(dx̂·x̂))/√(σ² + eps), means over the run.
func groupInput[T tensor.Float](v *Var, task int) {
	runs, n, step := v.groupRuns()
	dy, dx := upstream[T](v), upstream[T](v.in[0])
	inverse, hat, rest := normMemory[T](v, runs)
	d, gain := rest[task*n:(task+1)*n], factor[T](v, v.norm.gain)
	for r := task * step; r < min((task+1)*step, runs); r++ {
		hat := hat[r*n : (r+1)*n]
		affine(d, dy[r*n:(r+1)*n], gain, nil, r%v.norm.groups*(n/v.norm.s), v.norm.s)
		mean, slope := simd.Sum(d)/float64(n), simd.Dot(d, hat)/float64(n)
		simd.AXPY(d, -T(slope), hat)
		simd.AddScalar(d, d, -T(mean))
		accumulate(dx[r*n:(r+1)*n], d, inverse[r], v.norm.add)
	}
}
