package lattice

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Rows of a few states are done here in plain Go: calling a kernel would take longer.
const kernelFrom = 16

// forwardStep computes next[j] = Σ_i prev[i]·w[i,j].
func forwardStep[T tensor.Float](next, prev, w []T) {
	clear(next)
	k := len(next)
	for i, a := range prev {
		if a != 0 {
			axpy(next, a, w[i*k:(i+1)*k])
		}
	}
}

// backwardStep computes prev[i] = Σ_j w[i,j]·next[j].
func backwardStep[T tensor.Float](prev, next, w []T) {
	k := len(next)
	for i := range prev {
		row := w[i*k : (i+1)*k]
		if k >= kernelFrom {
			prev[i] = T(simd.Dot(row, next))
			continue
		}
		var sum T
		for j, v := range row {
			sum += v * next[j]
		}
		prev[i] = sum
	}
}

// addOuter adds prev[i]·next[j] to w[i,j].
func addOuter[T tensor.Float](w, prev, next []T) {
	k := len(next)
	for i, a := range prev {
		if a != 0 {
			axpy(w[i*k:(i+1)*k], a, next)
		}
	}
}

// outer computes dst[i,j] = prev[i]·next[j]·w[i,j].
func outer[T tensor.Float](dst, prev, next, w []T) {
	k := len(next)
	for i, a := range prev {
		row := dst[i*k : (i+1)*k]
		for j, v := range w[i*k : (i+1)*k] {
			row[j] = a * next[j] * v
		}
	}
}

func axpy[T tensor.Float](y []T, a T, x []T) {
	if len(y) >= kernelFrom {
		simd.AXPY(y, a, x)
		return
	}
	for j, v := range x {
		y[j] += a * v
	}
}

func times[T tensor.Float](dst, a, b []T) {
	if len(dst) >= kernelFrom {
		simd.Mul(dst, a, b)
		return
	}
	for j, v := range a {
		dst[j] = v * b[j]
	}
}

func scale[T tensor.Float](x []T, a T) {
	if len(x) >= kernelFrom {
		simd.Scale(x, x, a)
		return
	}
	for j := range x {
		x[j] *= a
	}
}

func extremes[T tensor.Float](x []T) (low, high T) {
	if len(x) >= kernelFrom {
		return simd.Min(x), simd.Max(x)
	}
	low, high = x[0], x[0]
	for _, v := range x[1:] {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

func total[T tensor.Float](x []T) (sum float64) {
	for _, v := range x {
		sum += float64(v)
	}
	return sum
}

func inner[T tensor.Float](a, b []T) (sum float64) {
	for j, v := range a {
		sum += float64(v) * float64(b[j])
	}
	return sum
}

// flush sets what is below a bound to 0.
func flush[T tensor.Float](x []T, bound T) {
	for j, v := range x {
		if v < bound {
			x[j] = 0
		}
	}
}

// widened appends x to dst.
func widened[T tensor.Float](dst []float64, x []T) []float64 {
	for _, v := range x {
		dst = append(dst, float64(v))
	}
	return dst
}

// narrowed rounds as many numbers as dst has room for, and returns the others.
func narrowed[T tensor.Float](dst []T, x []float64) []float64 {
	for i := range dst {
		dst[i] = T(x[i])
	}
	return x[len(dst):]
}
