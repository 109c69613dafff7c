package autodiff

import (
	"github.com/energo-ml/energo/internal/simd"
)

// The norms take x as [N, C, S]: N samples of C channels of S positions. Each computes
//
//	x̂ = (x − μ)/√(σ² + eps),  y = x̂·gain[c] + bias[c]
//
// where μ and the biased variance σ² are those of a group of elements.
// Sums are taken in float64.

// Places in ints of what the norms note: sizes, and where gain and bias stand among
// the inputs (0 for neither).
const (
	normN = iota
	normC
	normS
	normGroups // 0: BatchNorm
	normGain
	normBias
	normAdd   // backward: a bit for each input, whether its gradient holds a sum to add to
	normBatch // BatchNorm: 1 for the batch's statistics, 0 for the running ones
)

func normed(op string, x, gain, bias *Var, n, c, s int, eps float64) *Var {
	in := [3]*Var{x}
	used, at := 1, [2]int{}
	for i, p := range [2]*Var{gain, bias} {
		if p == nil {
			continue
		}
		if len(p.Shape()) != 1 || p.Value.Dim(0) != c {
			misuse(op, "%s has shape %v; for x of shape %v it must be [%d]", [2]string{"gain", "bias"}[i], p.Shape(), x.Shape(), c)
		}
		in[used], at[i] = p, used
		used++
	}
	v := x.tape.result(op, in[:used], x.Shape()...)
	v.ints = [8]int{n, c, s, 0, at[0], at[1]}
	v.float = eps
	return v
}

// factors returns the elements of gain or bias, nil if there is none.
func factors[T simd.Float](v *Var, which int) []T {
	if i := v.ints[which]; i > 0 {
		return values[T](v.in[i])
	}
	return nil
}

// target notes that the gradient of input i is to be written by tasks, unless it needs none.
func (v *Var) target(i int) bool {
	if !v.in[i].needs {
		return false
	}
	if _, add := v.in[i].gradient(); add {
		v.ints[normAdd] |= 1 << i
	}
	return true
}

// targeted returns what target noted.
func targeted[T simd.Float](v *Var, i int) (g []T, add bool) {
	return upstream[T](v.in[i]), v.ints[normAdd]&(1<<i) != 0
}

// statistics returns the means and the reciprocal deviations, one of each a group.
func statistics[T simd.Float](v *Var) (mean, inverse []T) {
	s := scratch[T](v)
	return s[:len(s)/2], s[len(s)/2:]
}

// normalise computes y = (x − mean)·inverse·gain[c] + bias[c].
func normalise[T simd.Float](y, x []T, mean, inverse T, gain, bias []T, c int) {
	var shift T
	if gain != nil {
		inverse *= gain[c]
	}
	if bias != nil {
		shift = bias[c]
	}
	for i, u := range x {
		y[i] = (u-mean)*inverse + shift
	}
}

// channelBlock is the number of channels of a task that goes over all samples: a cache line.
const channelBlock = 16

func (v *Var) channelTasks() int { return (v.ints[normC] + channelBlock - 1) / channelBlock }

// channels returns the channels of a task.
func (v *Var) channels(task int) (lo, hi int) {
	return task * channelBlock, min((task+1)*channelBlock, v.ints[normC])
}

// channelSums returns Σ dy and Σ dy·x̂ over all samples, for each channel of a task.
func channelSums[T simd.Float](v *Var, task int) (sum, dot [channelBlock]float64) {
	x, dy := values[T](v.in[0]), upstream[T](v)
	mean, inverse := statistics[T](v)
	n, c, s, groups := v.ints[normN], v.ints[normC], v.ints[normS], v.ints[normGroups]
	lo, hi := v.channels(task)
	for b := range n {
		for ch := lo; ch < hi; ch++ {
			group := ch
			if groups > 0 {
				group = b*groups + ch*groups/c
			}
			at := (b*c + ch) * s
			mu, inv := mean[group], inverse[group]
			var total, product float64
			for i, d := range dy[at : at+s] {
				total += float64(d)
				product += float64(d) * float64((x[at+i]-mu)*inv)
			}
			sum[ch-lo] += total
			dot[ch-lo] += product
		}
	}
	return sum, dot
}

// storeFactors gives gain and bias their gradients for the channels of a task.
func storeFactors[T simd.Float](v *Var, task int, sum, dot *[channelBlock]float64) {
	lo, hi := v.channels(task)
	for _, f := range [2]struct {
		which int
		d     *[channelBlock]float64
	}{{normGain, dot}, {normBias, sum}} {
		i := v.ints[f.which]
		if i == 0 || !v.in[i].needs {
			continue
		}
		g, add := targeted[T](v, i)
		for ch := lo; ch < hi; ch++ {
			if add {
				g[ch] += T(f.d[ch-lo])
			} else {
				g[ch] = T(f.d[ch-lo])
			}
		}
	}
}
