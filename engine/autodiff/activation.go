package autodiff

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// The functions of this file work on each element; shapes stay.

// ReLU computes max(x, 0). ReLU'(0) = 0. After Linear or a convolution, their
// Activation is cheaper.
func ReLU(x *Var) *Var {
	return alike("ReLU", x).record(relu[float32], relu[float64], reluBack[float32], reluBack[float64])
}

// LeakyReLU computes x where x > 0, else slope·x; the derivative at 0 is slope.
func LeakyReLU(x *Var, slope float64) *Var {
	v := alike("LeakyReLU", x)
	v.float = slope
	return v.record(leakyReLU[float32], leakyReLU[float64], leakyReLUBack[float32], leakyReLUBack[float64])
}

// Tanh computes (e²ˣ − 1)/(e²ˣ + 1).
func Tanh(x *Var) *Var {
	return alike("Tanh", x).record(tanh[float32], tanh[float64], tanhBack[float32], tanhBack[float64])
}

// Sigmoid computes 1/(1 + e⁻ˣ).
func Sigmoid(x *Var) *Var {
	return alike("Sigmoid", x).record(sigmoid[float32], sigmoid[float64], sigmoidBack[float32], sigmoidBack[float64])
}

// Softplus computes ln(1 + eˣ) without overflow: x for large x, eˣ for very negative x.
func Softplus(x *Var) *Var {
	return alike("Softplus", x).record(softplus[float32], softplus[float64], softplusBack[float32], softplusBack[float64])
}

// SiLU computes x/(1 + e⁻ˣ).
func SiLU(x *Var) *Var {
	return alike("SiLU", x).record(silu[float32], silu[float64], siluBack[float32], siluBack[float64])
}

// GELU computes x·Φ(x), where Φ is the normal distribution function (the exact form).
func GELU(x *Var) *Var {
	return alike("GELU", x).record(gelu[float32], gelu[float64], geluBack[float32], geluBack[float64])
}

// ELU computes x where x > 0, else α(eˣ − 1); the derivative at 0 is α [clevert2016].
func ELU(x *Var, alpha float64) *Var {
	v := alike("ELU", x)
	v.float = alpha
	return v.record(elu[float32], elu[float64], eluBack[float32], eluBack[float64])
}

// HardSigmoid computes min(max(x + 3, 0), 6)/6; the derivative at −3 and 3 is 0.
func HardSigmoid(x *Var) *Var {
	return alike("HardSigmoid", x).record(hardSigmoid[float32], hardSigmoid[float64], hardSigmoidBack[float32], hardSigmoidBack[float64])
}

// HardSwish computes x·min(max(x + 3, 0), 6)/6 [howard2019], NaN at −Inf; the derivative at −3 is 0, at 3 it is 1.
func HardSwish(x *Var) *Var {
	return alike("HardSwish", x).record(hardSwish[float32], hardSwish[float64], hardSwishBack[float32], hardSwishBack[float64])
}

// Exp computes eˣ.
func Exp(x *Var) *Var {
	return alike("Exp", x).record(exp[float32], exp[float64], expBack[float32], expBack[float64])
}

// Log computes ln x: −Inf at 0, NaN below.
func Log(x *Var) *Var {
	return alike("Log", x).record(log[float32], log[float64], logBack[float32], logBack[float64])
}

// Square computes x².
func Square(x *Var) *Var {
	return alike("Square", x).record(square[float32], square[float64], squareBack[float32], squareBack[float64])
}

// Sqrt computes √x: NaN below 0. Sqrt'(0) = +Inf.
func Sqrt(x *Var) *Var {
	return alike("Sqrt", x).record(sqrt[float32], sqrt[float64], sqrtBack[float32], sqrtBack[float64])
}

// Abs computes |x|. Abs'(0) = 0.
func Abs(x *Var) *Var {
	return alike("Abs", x).record(abs[float32], abs[float64], absBack[float32], absBack[float64])
}

// through gives x, the only input of v, the gradient that grad computes from dy and
// at: the output or the input, whichever the kernel wants.
func through[T tensor.Float](v *Var, grad func(dx, dy, at []T), at []T) {
	g, add := gradient[T](v.in[0])
	dy := upstream[T](v)
	if !add {
		grad(g, dy, at)
		return
	}
	grad(dy, dy, at)
	simd.AddTo(g, dy)
}

func relu[T tensor.Float](v *Var)     { simd.ReLU(values[T](v), values[T](v.in[0])) }
func reluBack[T tensor.Float](v *Var) { through(v, simd.ReLUGrad[T], values[T](v)) }

func leakyReLU[T tensor.Float](v *Var) {
	simd.LeakyReLU(values[T](v), values[T](v.in[0]), T(v.float))
}

func leakyReLUBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	dx, dy := g, upstream[T](v)
	if add {
		dx = dy
	}
	simd.LeakyReLUGrad(dx, dy, values[T](v.in[0]), T(v.float))
	if add {
		simd.AddTo(g, dx)
	}
}

func tanh[T tensor.Float](v *Var)     { simd.Tanh(values[T](v), values[T](v.in[0])) }
func tanhBack[T tensor.Float](v *Var) { through(v, simd.TanhGrad[T], values[T](v)) }

func sigmoid[T tensor.Float](v *Var)     { simd.Sigmoid(values[T](v), values[T](v.in[0])) }
func sigmoidBack[T tensor.Float](v *Var) { through(v, simd.SigmoidGrad[T], values[T](v)) }

func softplus[T tensor.Float](v *Var)     { simd.Softplus(values[T](v), values[T](v.in[0])) }
func softplusBack[T tensor.Float](v *Var) { through(v, simd.SoftplusGrad[T], values[T](v.in[0])) }

func silu[T tensor.Float](v *Var)     { simd.SiLU(values[T](v), values[T](v.in[0])) }
func siluBack[T tensor.Float](v *Var) { through(v, simd.SiLUGrad[T], values[T](v.in[0])) }

func gelu[T tensor.Float](v *Var)     { simd.GELU(values[T](v), values[T](v.in[0])) }
func geluBack[T tensor.Float](v *Var) { through(v, simd.GELUGrad[T], values[T](v.in[0])) }

func elu[T tensor.Float](v *Var) { simd.ELU(values[T](v), values[T](v.in[0]), T(v.float)) }

// eluBack: the derivative below 0 is αeˣ.
func eluBack[T tensor.Float](v *Var) {
	x, dy := values[T](v.in[0]), upstream[T](v)
	v.reserve(len(x))
	slope := spare[T](v)
	simd.Exp(slope, x)
	simd.Scale(slope, slope, T(v.float))
	for i, u := range x {
		if u > 0 {
			slope[i] = 1
		}
	}
	pushProduct(v.in[0], dy, slope)
}

func hardSigmoid[T tensor.Float](v *Var) {
	y := values[T](v)
	simd.AddScalar(y, values[T](v.in[0]), 3)
	simd.AtLeast(y, y, 0)
	simd.AtMost(y, y, 6)
	simd.DivScalar(y, y, 6)
}

func hardSigmoidBack[T tensor.Float](v *Var) { through(v, hardSigmoidGrad[T], values[T](v.in[0])) }

// hardSigmoidGrad computes dx = dy/6 between the kinks, 0 beyond and at them.
func hardSigmoidGrad[T tensor.Float](dx, dy, x []T) {
	for i, v := range x {
		switch {
		case v <= -3 || v >= 3:
			dx[i] = 0
		case v == v:
			dx[i] = dy[i] / 6
		default:
			dx[i] = v
		}
	}
}

func hardSwish[T tensor.Float](v *Var)     { simd.HardSwish(values[T](v), values[T](v.in[0])) }
func hardSwishBack[T tensor.Float](v *Var) { through(v, hardSwishGrad[T], values[T](v.in[0])) }

// hardSwishGrad computes dx = dy·(x/3 + ½) between the kinks, 0 below and dy above.
func hardSwishGrad[T tensor.Float](dx, dy, x []T) {
	for i, v := range x {
		switch {
		case v <= -3:
			dx[i] = 0
		case v >= 3:
			dx[i] = dy[i]
		default:
			dx[i] = dy[i] * (v/3 + 0.5)
		}
	}
}

func exp[T tensor.Float](v *Var)     { simd.Exp(values[T](v), values[T](v.in[0])) }
func expBack[T tensor.Float](v *Var) { pushProduct(v.in[0], upstream[T](v), values[T](v)) }

func log[T tensor.Float](v *Var)     { simd.Log(values[T](v), values[T](v.in[0])) }
func logBack[T tensor.Float](v *Var) { through(v, simd.Div[T], values[T](v.in[0])) }

func square[T tensor.Float](v *Var) { simd.Square(values[T](v), values[T](v.in[0])) }

func squareBack[T tensor.Float](v *Var) {
	dy := upstream[T](v)
	simd.Mul(dy, dy, values[T](v.in[0]))
	push(v.in[0], dy, 2)
}

func sqrt[T tensor.Float](v *Var) { simd.Sqrt(values[T](v), values[T](v.in[0])) }

func sqrtBack[T tensor.Float](v *Var) {
	dy := upstream[T](v)
	simd.Div(dy, dy, values[T](v))
	push(v.in[0], dy, 0.5)
}

func abs[T tensor.Float](v *Var)     { simd.Abs(values[T](v), values[T](v.in[0])) }
func absBack[T tensor.Float](v *Var) { through(v, absGrad[T], values[T](v.in[0])) }

// absGrad computes dx = dy·sign(x), with sign(0) = 0.
func absGrad[T tensor.Float](dx, dy, x []T) {
	for i, v := range x {
		switch {
		case v > 0:
			dx[i] = dy[i]
		case v < 0:
			dx[i] = -dy[i]
		case v == 0:
			dx[i] = 0
		default:
			dx[i] = T(math.NaN())
		}
	}
}
