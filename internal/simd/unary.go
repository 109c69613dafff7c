package simd

import "math"

// The functions of this file compute dst[i] = f(x[i]). In float64, and in float32 at
// the Generic level, they go through package math. The vector kernels stay within 2.5
// units in the last place of the true value (SiLU 3.2, GELU 4.5) over the whole range,
// denormal arguments and results included. NaN in gives NaN out everywhere.

// Exp computes eˣ: +Inf above 88.72 in float32, 0 below −104, denormal between.
func Exp[T Float](dst, x []T) { unary(opExp, dst, x, 0) }

// Log computes ln x. Log(±0) = −Inf, Log(x < 0) = NaN, Log(+Inf) = +Inf.
func Log[T Float](dst, x []T) { unary(opLog, dst, x, 0) }

// Tanh computes (e²ˣ − 1)/(e²ˣ + 1). Tanh(±0) = ±0, Tanh(±Inf) = ±1.
func Tanh[T Float](dst, x []T) { unary(opTanh, dst, x, 0) }

// Sigmoid computes σ(x) = 1/(1 + e⁻ˣ), precise in both tails. Sigmoid(−Inf) = 0.
func Sigmoid[T Float](dst, x []T) { unary(opSigmoid, dst, x, 0) }

// Softplus computes ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|): x for large x, eˣ for
// very negative x, with no threshold. Softplus(−Inf) = 0, Softplus(+Inf) = +Inf.
func Softplus[T Float](dst, x []T) { unary(opSoftplus, dst, x, 0) }

// SiLU computes x·σ(x). SiLU(−Inf) = 0, the limit.
func SiLU[T Float](dst, x []T) { unary(opSiLU, dst, x, 0) }

// GELU computes x·Φ(x) = (x/2)·erfc(−x/√2), Φ the normal distribution function: the
// exact form, precise in the negative tail too. GELU(−Inf) = 0, the limit.
func GELU[T Float](dst, x []T) { unary(opGELU, dst, x, 0) }

// GELUTanh computes x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, which is near GELU. GELUTanh(−Inf) = 0, the limit.
func GELUTanh[T Float](dst, x []T) { unary(opGELUTanh, dst, x, 0) }

// Erf computes the error function 2/√π·∫₀ˣ e^(−t²) dt.
func Erf[T Float](dst, x []T) { unary(opErf, dst, x, 0) }

// ELU computes x for x > 0, else slope·(eˣ − 1).
func ELU[T Float](dst, x []T, slope T) { unary(opELU, dst, x, slope) }

// Floor computes ⌊x⌋.
func Floor[T Float](dst, x []T) { unary(opFloor, dst, x, 0) }

// Ceil computes ⌈x⌉.
func Ceil[T Float](dst, x []T) { unary(opCeil, dst, x, 0) }

// Round computes the whole number nearest to x, of two the even one.
func Round[T Float](dst, x []T) { unary(opRound, dst, x, 0) }

// HardSwish computes x·max(0, min(1, x/6 + ½)); NaN at −Inf.
func HardSwish[T Float](dst, x []T) { unary(opHardSwish, dst, x, 0) }

// ReLU computes max(x, 0); NaN stays NaN.
func ReLU[T Float](dst, x []T) { unary(opReLU, dst, x, 0) }

// LeakyReLU computes x for x > 0, else slope·x.
func LeakyReLU[T Float](dst, x []T, slope T) { unary(opLeakyReLU, dst, x, slope) }

// Sqrt computes √x; NaN for x < 0.
func Sqrt[T Float](dst, x []T) { unary(opSqrt, dst, x, 0) }

// Abs computes |x|.
func Abs[T Float](dst, x []T) { unary(opAbs, dst, x, 0) }

// Square computes x².
func Square[T Float](dst, x []T) { unary(opSquare, dst, x, 0) }

// Neg computes −x.
func Neg[T Float](dst, x []T) { unary(opNeg, dst, x, 0) }

func exp[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.Exp(float64(v)))
	}
}

func log[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.Log(float64(v)))
	}
}

func tanh[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.Tanh(float64(v)))
	}
}

func sigmoid[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(sigmoid64(float64(v)))
	}
}

func softplus[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(max(float64(v), 0) + math.Log1p(math.Exp(-math.Abs(float64(v)))))
	}
}

func silu[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		v := floor(float64(v))
		dst[i] = T(v * sigmoid64(v))
	}
}

func gelu[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		v := floor(float64(v))
		dst[i] = T(v * normalCDF(v))
	}
}

// sigmoid64 is σ(v); e^−v may overflow to +Inf, which gives the right 0.
func sigmoid64(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// normalCDF is Φ(v).
func normalCDF(v float64) float64 { return math.Erfc(-v/math.Sqrt2) / 2 }

// floor keeps v from being so negative that v·0 is NaN: below −1000, e^v is 0 and so
// are σ and Φ.
func floor(v float64) float64 { return max(v, -1000) }

func geluTanh[T Float](dst, x, _ []T, _ T) {
	const linear = 1.5957691216057307 // 2√(2/π)
	for i, v := range x {
		v := floor(float64(v))
		dst[i] = T(v * sigmoid64(linear*v*(1+0.044715*v*v)))
	}
}

func erf[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.Erf(float64(v)))
	}
}

func elu[T Float](dst, x, _ []T, slope T) {
	for i, v := range x {
		if v > 0 {
			dst[i] = v
		} else {
			dst[i] = T(float64(slope) * math.Expm1(float64(v)))
		}
	}
}

func roundDown[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.Floor(float64(v)))
	}
}

func roundUp[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.Ceil(float64(v)))
	}
}

func round[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.RoundToEven(float64(v)))
	}
}

func hardSwish[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = v * max(0, min(1, T(v*T(1.0/6))+0.5))
	}
}

func relu[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = max(v, 0)
	}
}

func leakyReLU[T Float](dst, x, _ []T, slope T) {
	for i, v := range x {
		if v > 0 {
			dst[i] = v
		} else {
			dst[i] = slope * v
		}
	}
}

func sqrt[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.Sqrt(float64(v)))
	}
}

func abs[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = T(math.Abs(float64(v)))
	}
}

func square[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = v * v
	}
}

func neg[T Float](dst, x, _ []T, _ T) {
	for i, v := range x {
		dst[i] = -v
	}
}
