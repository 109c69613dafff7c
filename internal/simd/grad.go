package simd

import "math"

// The functions of this file compute dx[i] = dy[i]·f'(x[i]), where f' is given in
// terms of the output y or of the input x, whichever is cheaper. dx may be dy. The vector
// kernels stay within 6 units in the last place of dy times the largest term of f'.

// TanhGrad computes dx = dy·(1 − y²), y = tanh x.
func TanhGrad[T Float](dx, dy, y []T) { binary(opTanhGrad, dx, dy, y, 0) }

// SigmoidGrad computes dx = dy·y(1 − y), y = σ(x).
func SigmoidGrad[T Float](dx, dy, y []T) { binary(opSigmoidGrad, dx, dy, y, 0) }

// ReLUGrad computes dx = dy where y > 0, else 0 (so 0 at the kink); y may be the input
// or the output. Where y is NaN, dy passes.
func ReLUGrad[T Float](dx, dy, y []T) { binary(opReLUGrad, dx, dy, y, 0) }

// LeakyReLUGrad computes dx = dy where y > 0, else slope·dy; y may be the input, or
// the output if slope is not negative.
func LeakyReLUGrad[T Float](dx, dy, y []T, slope T) { binary(opLeakyReLUGrad, dx, dy, y, slope) }

// SoftplusGrad computes dx = dy·σ(x).
func SoftplusGrad[T Float](dx, dy, x []T) { binary(opSoftplusGrad, dx, dy, x, 0) }

// SiLUGrad computes dx = dy·σ(x)(1 + x(1 − σ(x))).
func SiLUGrad[T Float](dx, dy, x []T) { binary(opSiLUGrad, dx, dy, x, 0) }

// GELUGrad computes dx = dy·(Φ(x) + x·φ(x)), φ the normal density.
func GELUGrad[T Float](dx, dy, x []T) { binary(opGELUGrad, dx, dy, x, 0) }

func tanhGrad[T Float](dx, dy, y []T, _ T) {
	for i, v := range y {
		dx[i] = dy[i] * (1 - T(v*v))
	}
}

func sigmoidGrad[T Float](dx, dy, y []T, _ T) {
	for i, v := range y {
		dx[i] = dy[i] * (v * (1 - v))
	}
}

func reluGrad[T Float](dx, dy, y []T, _ T) {
	for i, v := range y {
		if v <= 0 {
			dx[i] = 0
		} else {
			dx[i] = dy[i]
		}
	}
}

func leakyReLUGrad[T Float](dx, dy, y []T, slope T) {
	for i, v := range y {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = slope * dy[i]
		}
	}
}

func softplusGrad[T Float](dx, dy, x []T, _ T) {
	for i, v := range x {
		dx[i] = dy[i] * T(sigmoid64(float64(v)))
	}
}

func siluGrad[T Float](dx, dy, x []T, _ T) {
	for i, v := range x {
		v := clamp(float64(v))
		s := sigmoid64(v)
		dx[i] = dy[i] * T(s*(1+v*sigmoid64(-v)))
	}
}

func geluGrad[T Float](dx, dy, x []T, _ T) {
	const c = 0.39894228040143267794 // 1/√(2π)
	for i, v := range x {
		v := clamp(float64(v))
		dx[i] = dy[i] * T(normalCDF(v)+v*c*math.Exp(-v*v/2))
	}
}

// clamp keeps v where v·e^−|v| is not ∞·0; both ends are far inside the limits.
func clamp(v float64) float64 { return min(max(v, -1000), 1000) }
