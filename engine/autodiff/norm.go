package autodiff

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// The norms take x as [N, C, S]: N samples of C channels of S positions. Each computes
//
//	x̂ = (x − μ)/√(σ² + eps),  y = x̂·gain[c] + bias[c]
//
// where μ and the biased variance σ² are those of a group of elements: the variance
// is the mean of the squares of x − μ, not a difference of squares, and sums are
// taken in float64.

// A norm is what the norms note: sizes, where gain and bias stand among the inputs
// (0 for neither), and for the backward pass whether x's gradient is to be added to.
type norm struct {
	n, c, s    int
	groups     int // of a sample; of BatchNorm: 0
	gain, bias int
	eps        float64
	batch      bool // BatchNorm: by the batch's statistics
	add        bool
}

// normed returns a result of x's shape for a norm over n samples of c channels of s positions.
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
	v.norm = norm{n: n, c: c, s: s, gain: at[0], bias: at[1], eps: eps}
	return v
}

// normMemory cuts v's scratch memory into the groups' reciprocal deviations, x̂, and
// what is left.
func normMemory[T tensor.Float](v *Var, groups int) (inverse, hat, rest []T) {
	s, n := spare[T](v), v.Value.Len()
	return s[:groups], s[groups : groups+n], s[groups+n:]
}

// factor returns the elements of input i, the gain or the bias; nil for i = 0, neither.
func factor[T tensor.Float](v *Var, i int) []T {
	if i == 0 {
		return nil
	}
	return values[T](v.in[i])
}

// affine computes y = x·gain + bias for the channels from c on, each of s elements.
// A nil gain means ones and a nil bias zeros.
func affine[T tensor.Float](y, x, gain, bias []T, c, s int) {
	n := len(x) / s
	if s == 1 {
		if gain != nil {
			simd.Mul(y, x, gain[c:c+n])
		} else {
			copy(y, x)
		}
		if bias != nil {
			simd.AddTo(y, bias[c:c+n])
		}
		return
	}
	for i := range n {
		y, x := y[i*s:(i+1)*s], x[i*s:(i+1)*s]
		a := T(1)
		if gain != nil {
			a = gain[c+i]
		}
		simd.Scale(y, x, a)
		if bias != nil {
			simd.AddScalar(y, y, bias[c+i])
		}
	}
}

// pushChannels gives b [C] the gradient Σ dy[n, c, s] over n samples and all positions
// if it needs one.
func pushChannels[T tensor.Float](b *Var, dy []T, n int) {
	if !b.needs {
		return
	}
	g, add := gradient[T](b)
	s := len(dy) / max(1, n*len(g))
	if s == 1 {
		simd.SumRows(g, dy, n, len(g), add)
		return
	}
	for c := range g {
		var total float64
		for i := range n {
			at := (i*len(g) + c) * s
			total += simd.Sum(dy[at : at+s])
		}
		if add {
			total += float64(g[c])
		}
		g[c] = T(total)
	}
}

// pushFactors gives gain and bias their gradients, Σ dy·x̂ and Σ dy. It uses up dy.
func pushFactors[T tensor.Float](v *Var, hat []T) {
	dy := upstream[T](v)
	if i := v.norm.bias; i > 0 {
		pushChannels(v.in[i], dy, v.norm.n)
	}
	if i := v.norm.gain; i > 0 && v.in[i].needs {
		simd.Mul(dy, dy, hat)
		pushChannels(v.in[i], dy, v.norm.n)
	}
}
