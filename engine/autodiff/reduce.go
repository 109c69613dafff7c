package autodiff

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Sums are taken in float64 and rounded once.

// Sum adds up all elements: [...] → [].
func Sum(x *Var) *Var {
	return x.tape.result("Sum", []*Var{x}).sumOver(1, x.Value.Len(), 1, 1)
}

// Mean is the mean of all elements: [...] → []; NaN if there are none.
func Mean(x *Var) *Var {
	n := x.Value.Len()
	return x.tape.result("Mean", []*Var{x}).sumOver(1, n, 1, 1/float64(n))
}

// SumAxis sums along one axis, which goes; a negative axis counts from the last.
func SumAxis(x *Var, axis int) *Var {
	axis = checkAxis("SumAxis", x, axis)
	s := x.Shape()
	var dims [8]int
	v := x.tape.result("SumAxis", []*Var{x}, append(append(dims[:0], s[:axis]...), s[axis+1:]...)...)
	return v.sumOver(volume(s[:axis]), s[axis], volume(s[axis+1:]), 1)
}

// SumLast sums along the last axis: [..., D] → [...].
func SumLast(x *Var) *Var { return SumAxis(x, -1) }

// checkAxis returns axis counted from the first, or panics if x does not have it.
func checkAxis(op string, x *Var, axis int) int {
	rank := len(x.Shape())
	if axis < -rank || axis >= rank {
		misuse(op, "axis %d of shape %v", axis, x.Shape())
	}
	if axis < 0 {
		axis += rank
	}
	return axis
}

// sumOver computes v[o, i] = factor·Σ_n x[o, n, i].
func (v *Var) sumOver(outer, n, inner int, factor float64) *Var {
	v.ints = [8]int{outer, n, inner}
	v.float = factor
	return v.record(sumMiddle[float32], sumMiddle[float64], sumMiddleBack[float32], sumMiddleBack[float64])
}

func sumMiddle[T tensor.Float](v *Var) {
	y, x := values[T](v), values[T](v.in[0])
	outer, n, inner := v.ints[0], v.ints[1], v.ints[2]
	switch inner {
	case 0:
	case 1:
		for o := range outer {
			y[o] = T(v.float * simd.Sum(x[o*n:(o+1)*n]))
		}
	default: // only sums with inner 1 have a factor
		for o := range outer {
			simd.SumRows(y[o*inner:(o+1)*inner], x[o*n*inner:(o+1)*n*inner], n, inner, false)
		}
	}
}

func sumMiddleBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	dy := upstream[T](v)
	outer, n, inner := v.ints[0], v.ints[1], v.ints[2]
	for o := range outer {
		if inner == 1 {
			spread(g[o*n:(o+1)*n], T(v.float)*dy[o], add)
			continue
		}
		for i := range n {
			at := (o*n + i) * inner
			accumulate(g[at:at+inner], dy[o*inner:(o+1)*inner], 1, add)
		}
	}
}

// spread computes g = a, or g += a if add is set.
func spread[T tensor.Float](g []T, a T, add bool) {
	if add {
		simd.AddScalar(g, g, a)
	} else {
		simd.Fill(g, a)
	}
}
