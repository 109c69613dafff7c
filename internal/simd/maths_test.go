package simd

import (
	"math"
	"testing"
)

// A mapCase is an elementwise kernel and what it should compute.
type mapCase struct {
	name string
	op   op
	want func(d, a, b, s float64) float64
	ulps float64 // allowed error of float32 kernels
	// scale, if not nil, is a magnitude to take the unit in the last place at, where
	// the result itself may be the difference of larger numbers.
	scale func(d, a, b, s float64) float64
	// domain, if not nil, moves operands to where the op is used.
	domain func(a, b []float32)
}

// fromAbove makes a like a derivative from above: of moderate size.
func fromAbove(a, _ []float32) {
	for i, v := range a {
		a[i] = float32(math.Copysign(1+float64(i%7), float64(v)))
	}
}

// folded also brings b into [−1, 1], as outputs of tanh are.
func folded(a, b []float32) {
	fromAbove(a, b)
	for i, v := range b {
		if !(v >= -1 && v <= 1) {
			b[i] = 1 / v
		}
	}
}

// moderate brings both into [−2⁶⁰, 2⁶⁰], where products are finite.
func moderate(a, b []float32) {
	for _, x := range [][]float32{a, b} {
		for i, v := range x {
			x[i] = max(-1<<60, min(v, 1<<60))
		}
	}
}

func of(f func(float64) float64) func(d, a, b, s float64) float64 {
	return func(_, a, _, _ float64) float64 { return f(a) }
}

func trueSiLU(x float64) float64 {
	if math.IsInf(x, -1) {
		return 0
	}
	return x / (1 + math.Exp(-x))
}

func trueGELU(x float64) float64 {
	if math.IsInf(x, -1) {
		return 0
	}
	return x * 0.5 * math.Erfc(-x/math.Sqrt2)
}

func trueGELUTanh(x float64) float64 {
	if math.IsInf(x, -1) {
		return 0
	}
	return x * trueSigmoid(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))
}

// trueGELUTanhScale: an error in the exponent v counts |v| times.
func trueGELUTanhScale(_, x, _, _ float64) float64 {
	v := 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
	return trueGELUTanh(x) * (1 + max(0, min(-v, 110)))
}

func trueSiLUGrad(x float64) float64 {
	if math.IsInf(x, 0) {
		return trueSigmoid(x)
	}
	return trueSigmoid(x) * (1 + x*trueSigmoid(-x))
}

func trueGELUGrad(x float64) float64 {
	if math.IsInf(x, 0) {
		return trueSigmoid(x)
	}
	return 0.5*math.Erfc(-x/math.Sqrt2) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

func trueSigmoid(x float64) float64 {
	if x < 0 {
		return math.Exp(x) / (1 + math.Exp(x))
	}
	return 1 / (1 + math.Exp(-x))
}

func trueSoftplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

var mapCases = []mapCase{
	{"Exp", opExp, of(math.Exp), 1.1, nil, nil},
	{"Log", opLog, of(math.Log), 1.5, nil, nil},
	{"Tanh", opTanh, of(math.Tanh), 2.5, nil, nil},
	{"Sigmoid", opSigmoid, of(trueSigmoid), 2.5, nil, nil},
	{"Softplus", opSoftplus, of(trueSoftplus), 2, nil, nil},
	{"SiLU", opSiLU, of(trueSiLU), 3.2, nil, nil},
	{"GELU", opGELU, of(trueGELU), 4.5, nil, nil},
	{"GELUTanh", opGELUTanh, of(trueGELUTanh), 4, trueGELUTanhScale, nil},
	{"Erf", opErf, of(math.Erf), 2, nil, nil},
	{"ELU", opELU, func(_, a, _, s float64) float64 {
		if a > 0 {
			return a
		}
		return s * math.Expm1(a)
	}, 2.5, nil, nil},
	{"TanhGrad", opTanhGrad, func(_, a, b, _ float64) float64 { return a * (1 - b*b) }, 2, func(_, a, b, _ float64) float64 { return a * (1 + b*b) }, folded},
	{"SigmoidGrad", opSigmoidGrad, func(_, a, b, _ float64) float64 { return a * (b * (1 - b)) }, 2.5, nil, folded},
	{"SoftplusGrad", opSoftplusGrad, func(_, a, b, _ float64) float64 { return a * trueSigmoid(b) }, 4.5, nil, fromAbove},
	{"SiLUGrad", opSiLUGrad, func(_, a, b, _ float64) float64 { return a * trueSiLUGrad(b) }, 5.5, func(_, a, b, _ float64) float64 {
		return a * trueSigmoid(b) * (1 + min(math.Abs(b), 200)*trueSigmoid(-b))
	}, fromAbove},
	{"GELUGrad", opGELUGrad, func(_, a, b, _ float64) float64 { return a * trueGELUGrad(b) }, 5, func(_, a, b, _ float64) float64 {
		if math.IsInf(b, 0) {
			return a
		}
		return a * (0.5*math.Erfc(-b/math.Sqrt2) + math.Abs(b)*math.Exp(-b*b/2)/math.Sqrt(2*math.Pi))
	}, fromAbove},
	{"ReLU", opReLU, of(func(a float64) float64 { return max(a, 0) }), 0, nil, nil},
	{"LeakyReLU", opLeakyReLU, func(_, a, _, s float64) float64 {
		if a > 0 {
			return a
		}
		return s * a
	}, 0.5, nil, nil},
	{"ReLUGrad", opReLUGrad, func(_, a, b, _ float64) float64 {
		if b <= 0 {
			return 0
		}
		return a
	}, 0, nil, nil},
	{"LeakyReLUGrad", opLeakyReLUGrad, func(_, a, b, s float64) float64 {
		if b > 0 {
			return a
		}
		return s * a
	}, 0.5, nil, nil},
	{"Sqrt", opSqrt, of(math.Sqrt), 0.5, nil, nil},
	{"Abs", opAbs, of(math.Abs), 0, nil, nil},
	{"Square", opSquare, of(func(a float64) float64 { return a * a }), 0.5, nil, nil},
	{"Neg", opNeg, of(func(a float64) float64 { return -a }), 0, nil, nil},
	{"Floor", opFloor, of(math.Floor), 0, nil, nil},
	{"Ceil", opCeil, of(math.Ceil), 0, nil, nil},
	{"Round", opRound, of(math.RoundToEven), 0, nil, nil},
	{"HardSwish", opHardSwish, of(func(a float64) float64 { return a * max(0, min(1, a/6+0.5)) }), 2, func(_, a, _, _ float64) float64 { return a }, nil},
	{"Add", opAdd, func(_, a, b, _ float64) float64 { return a + b }, 0.5, nil, nil},
	{"Sub", opSub, func(_, a, b, _ float64) float64 { return a - b }, 0.5, nil, nil},
	{"Mul", opMul, func(_, a, b, _ float64) float64 { return a * b }, 0.5, nil, nil},
	{"Div", opDiv, func(_, a, b, _ float64) float64 { return a / b }, 0.51, nil, nil},
	{"Greater", opGreater, func(_, a, b, _ float64) float64 { return max(a, b) }, 0, nil, nil},
	{"Lesser", opLesser, func(_, a, b, _ float64) float64 { return min(a, b) }, 0, nil, nil},
	{"AtLeast", opAtLeast, func(_, a, _, s float64) float64 { return max(a, s) }, 0, nil, nil},
	{"AtMost", opAtMost, func(_, a, _, s float64) float64 { return min(a, s) }, 0, nil, nil},
	{"SubFrom", opSubFrom, func(_, a, _, s float64) float64 { return s - a }, 0.5, nil, nil},
	{"DivScalar", opDivScalar, func(_, a, _, s float64) float64 { return a / s }, 0.51, nil, nil},
	{"DivInto", opDivInto, func(_, a, _, s float64) float64 { return s / a }, 0.51, nil, nil},
	{"Scale", opScale, func(_, a, _, s float64) float64 { return a * s }, 0.5, nil, nil},
	{"AddScalar", opAddScalar, func(_, a, _, s float64) float64 { return a + s }, 0.5, nil, nil},
	{"AXPY", opAXPY, func(d, a, _, s float64) float64 { return d + a*s }, 1, func(d, a, _, s float64) float64 { return math.Abs(d) + math.Abs(a*s) }, nil},
	{"MulAdd", opMulAdd, func(d, a, b, _ float64) float64 { return d + a*b }, 1, func(d, a, b, _ float64) float64 { return math.Abs(d) + math.Abs(a*b) }, moderate},
	{"Fill", opFill, func(_, _, _, s float64) float64 { return s }, 0, nil, nil},
	{"Weigh", opWeigh, func(_, a, b, _ float64) float64 {
		if b == 0 && math.IsInf(a, 0) {
			return 0
		}
		return a * b
	}, 0.5, nil, nil},
	{"EMA", opEMA, func(d, a, _, s float64) float64 { return d + s*(a-d) }, 2, func(d, a, _, s float64) float64 { return math.Abs(d) + math.Abs(s*(a-d)) }, moderate},
}

// TestMapCasesComplete checks that every op has a case.
func TestMapCasesComplete(t *testing.T) {
	seen := map[op]bool{}
	for _, c := range mapCases {
		seen[c.op] = true
	}
	for o := op(0); o < numOps; o++ {
		if !seen[o] {
			t.Errorf("op %d has no case", o)
		}
	}
}

// special holds values at which functions turn, end or overflow.
var special = func() []float32 {
	out := []float32{float32(math.NaN())}
	for _, v := range []float64{
		0, 1, 0.5, 2, 3, 1e-45, 1e-40, 1.17549435e-38, 1e-30, 1e-10, 1e-7, 6e-8, 1e-4, 0.01, 0.34657359, 0.7, 0.70710678, 1.41421356,
		4, 5.9, 8.99, 9.02, 9.1, 10, 13, 14, 14.2, 15.9, 16, 16.5, 17.3, 18, 20, 50, 86, 87.3, 88, 88.3, 88.72, 88.73, 89, 90,
		100, 103, 103.9, 104, 105, 108, 110, 120, 1000, 1e6, 1e10, 1e20, 1e38, math.MaxFloat32, math.Inf(1),
	} {
		out = append(out, float32(v), float32(-v))
	}
	return out
}()

// ranges are what the operands are drawn from in the accuracy test.
var ranges = []func(u, v float64) float64{
	func(u, _ float64) float64 { return u * 120 },
	func(u, _ float64) float64 { return u * 12 },
	func(u, _ float64) float64 { return u * 2 },
	func(u, v float64) float64 { return math.Copysign(math.Exp2(v*148), u) },
}

// TestMapAccuracy compares every elementwise kernel with package math.
func TestMapAccuracy(t *testing.T) {
	n := 1 << 15
	if *long {
		n = 1 << 21
	}
	atLevels(t, func(t *testing.T) {
		for _, c := range mapCases {
			r := rng(3)
			worst, at := 0.0, float32(0)
			for _, draw := range ranges {
				d, a, b, dst := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
				for _, x := range [][]float32{d, a, b} {
					for i := range x {
						x[i] = float32(draw(2*r.Float64()-1, 2*r.Float64()-1))
					}
				}
				if c.op <= lastHeavy {
					copy(a, special)
					copy(b, special)
				}
				if c.domain != nil {
					c.domain(a, b)
				}
				copy(dst, d)
				const s = 0.3
				elementwise(c.op, dst, a, b, s)
				for i, got := range dst {
					d, a, b, s := float64(d[i]), float64(a[i]), float64(b[i]), float64(float32(s))
					want := c.want(d, a, b, s)
					e := ulps(got, want)
					if c.scale != nil && !math.IsInf(float64(float32(want)), 0) && !math.IsNaN(want) && got == got {
						e = math.Abs(float64(got)-want) / unit[float32](c.scale(d, a, b, s))
					}
					if e > worst {
						worst, at = e, float32(a)
						if c.op >= opTanhGrad && c.op <= opGELUGrad {
							at = float32(b)
						}
					}
				}
			}
			t.Logf("%s: %.2f ulp at %g", c.name, worst, at)
			if worst > c.ulps {
				t.Errorf("%s: error of %.2f ulp at %g", c.name, worst, at)
			}
		}
	})
}

// TestMapSizes runs every kernel at every size around the vectors' edges, at odd
// offsets, into fresh memory and into each operand, and looks for writes outside.
func TestMapSizes(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, c := range mapCases {
			sizes(func(n int) {
				if n > 1000 {
					n = 2*lightChunk + 77
				}
				checkMap[float32](t, c, n)
				if Current() == Generic {
					checkMap[float64](t, c, n)
				}
			})
		}
	})
}

func checkMap[T Float](t *testing.T, c mapCase, n int) {
	t.Helper()
	r := rng(uint64(n))
	d, intactD := guarded[T](n, n%7)
	a, intactA := guarded[T](n, n%3)
	b, intactB := guarded[T](n, n%5)
	for i := range d { // positive, as log needs
		d[i], a[i], b[i] = T(r.Float64()+0.1), T(r.Float64()+0.1), T(r.Float64()+0.1)
	}
	old := append([]T(nil), d...)
	const s = 0.25
	elementwise(c.op, d, a, b, s)
	for i, got := range d {
		want := c.want(float64(old[i]), float64(a[i]), float64(b[i]), s)
		if e := math.Abs(float64(got)-want) / unit[T](2); e > 8 {
			t.Fatalf("%s, n = %d: [%d] = %g, want %g", c.name, n, i, got, want)
		}
	}
	readsOld := c.op == opAXPY || c.op == opMulAdd || c.op == opEMA
	for _, into := range [][]T{a, b} {
		if readsOld {
			break
		}
		saved := append([]T(nil), into...)
		elementwise(c.op, into, a, b, s)
		for i := range into {
			if into[i] != d[i] {
				t.Fatalf("%s, n = %d: in place [%d] = %g, else %g", c.name, n, i, into[i], d[i])
			}
		}
		copy(into, saved)
	}
	if !intactD() || !intactA() || !intactB() {
		t.Fatalf("%s, n = %d: wrote outside", c.name, n)
	}
}
