package op

import (
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// definitions of the functions of one float, by operator and version.
var definitions = []struct {
	name    string
	version int
	attrs   []any
	of      func(x float64) float64
}{
	{"Ceil", 13, nil, math.Ceil},
	{"Floor", 13, nil, math.Floor},
	{"Round", 22, nil, math.RoundToEven},
	{"Sqrt", 13, nil, math.Sqrt},
	{"Reciprocal", 13, nil, func(x float64) float64 { return 1 / x }},
	{"Exp", 13, nil, math.Exp},
	{"Log", 13, nil, math.Log},
	{"Sin", 7, nil, math.Sin},
	{"Cos", 7, nil, math.Cos},
	{"Tan", 7, nil, math.Tan},
	{"Asin", 7, nil, math.Asin},
	{"Acos", 7, nil, math.Acos},
	{"Atan", 7, nil, math.Atan},
	{"Sinh", 9, nil, math.Sinh},
	{"Cosh", 9, nil, math.Cosh},
	{"Tanh", 13, nil, math.Tanh},
	{"Asinh", 9, nil, math.Asinh},
	{"Acosh", 9, nil, math.Acosh},
	{"Atanh", 9, nil, math.Atanh},
	{"Erf", 13, nil, math.Erf},
	{"Abs", 13, nil, math.Abs},
	{"Neg", 13, nil, func(x float64) float64 { return -x }},
	{"Relu", 14, nil, func(x float64) float64 { return max(x, 0) }},
	{"Sign", 13, nil, func(x float64) float64 {
		if x > 0 {
			return 1
		} else if x < 0 {
			return -1
		}
		return x
	}},
	{"Identity", 16, nil, func(x float64) float64 { return x }},
	{"Sigmoid", 13, nil, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
	{"Softplus", 22, nil, func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }},
	{"Softsign", 22, nil, func(x float64) float64 {
		if math.IsInf(x, 0) {
			return math.Copysign(1, x)
		}
		return x / (1 + math.Abs(x))
	}},
	{"Mish", 18, nil, func(x float64) float64 { return x * math.Tanh(math.Log1p(math.Exp(x))) }},
	{"HardSwish", 14, nil, func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) }},
	{"HardSigmoid", 6, []any{"alpha", 0.3, "beta", 0.4}, func(x float64) float64 { return max(0, min(1, 0.3*x+0.4)) }},
	{"HardSigmoid", 22, nil, func(x float64) float64 { return max(0, min(1, 0.2*x+0.5)) }},
	{"LeakyRelu", 6, nil, func(x float64) float64 {
		if x < 0 {
			return 0.01 * x
		}
		return x
	}},
	{"ThresholdedRelu", 10, []any{"alpha", 0.5}, func(x float64) float64 {
		if x <= 0.5 {
			return 0
		}
		return x
	}},
	{"Elu", 6, []any{"alpha", 2.0}, func(x float64) float64 { return exponentialUnit(x, 1, 2, 1) }},
	{"Elu", 22, nil, func(x float64) float64 { return exponentialUnit(x, 1, 1, 1) }},
	{"Selu", 6, nil, func(x float64) float64 { return exponentialUnit(x, 1.0507009873554805, 1.6732632423543772, 1) }},
	{"Celu", 12, []any{"alpha", 2.0}, func(x float64) float64 { return exponentialUnit(x, 1, 2, 2) }},
	{"Swish", 24, nil, func(x float64) float64 { return x / (1 + math.Exp(-x)) }},
	{"Swish", 24, []any{"alpha", 1.5}, func(x float64) float64 { return x / (1 + math.Exp(-1.5*x)) }},
	{"com.microsoft.QuickGelu", 1, nil, func(x float64) float64 { return x / (1 + math.Exp(-1.702*x)) }},
	{"Shrink", 9, []any{"bias", 0.25, "lambd", 1.0}, func(x float64) float64 {
		switch {
		case x > 1:
			return x - 0.25
		case x < -1:
			return x + 0.25
		case x != x:
			return x
		}
		return 0
	}},
	{"Gelu", 20, nil, func(x float64) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) }},
	{"com.microsoft.Gelu", 1, nil, func(x float64) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) }},
	{"Gelu", 20, []any{"approximate", "tanh"}, geluOfTanh},
	{"com.microsoft.FastGelu", 1, nil, geluOfTanh},
}

func exponentialUnit(x, gamma, alpha, width float64) float64 {
	if x > 0 {
		return gamma * x
	}
	return gamma * alpha * math.Expm1(x/width)
}

func geluOfTanh(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// TestFunctions compares each function of one float with its definition: in every float type, at special values, and over several tasks.
func TestFunctions(t *testing.T) {
	special := []float32{0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-6, -1e-6, 3, -3, 10, -10, nan}
	many := value.Data[float32](noise(1, 2*piece+5))
	for _, d := range definitions {
		attrs := attributes(d.attrs...)
		for _, x := range [][]float32{special, many, {2}, nil} {
			var want32 []float32
			var x64, want64 []float64
			for _, e := range x {
				want32 = append(want32, float32(d.of(float64(e))))
				x64, want64 = append(x64, float64(e)), append(want64, d.of(float64(e)))
			}
			same(t, run(t, d.name, d.version, attrs, row(x...)), row(want32...), 1e-6)
			same(t, run(t, d.name, d.version, attrs, row(x64...)), row(want64...), 1e-7) // attributes are float32
			half := arrayOf(format.Float16, []int{len(x)}, x...)
			value.Round(format.Float16, value.Data[float32](half))
			for i, e := range value.Data[float32](half) {
				want32[i] = float32(d.of(float64(e)))
			}
			want := arrayOf(format.Float16, []int{len(x)}, want32...)
			value.Round(format.Float16, value.Data[float32](want))
			same(t, run(t, d.name, d.version, attrs, half), want, 2e-3)
		}
		refuses(t, "is not for tensors of bool", nameOf(d.name), d.version, attrs, row(true))
	}
}

// nameOf gives another name for an operator that takes truth values.
func nameOf(name string) string {
	if name == "Identity" {
		return "Neg"
	}
	return name
}

func TestInfinities(t *testing.T) {
	for name, want := range map[string]*value.Value{
		"Relu": row(0, inf), "Sigmoid": row[float32](0, 1), "Tanh": row[float32](-1, 1), "Erf": row[float32](-1, 1), "Softplus": row(0, inf),
		"Exp": row(0, inf), "Softsign": row[float32](-1, 1), "Elu": row(-1, inf), "Gelu": row(0, inf), "Swish": row(0, inf), "HardSigmoid": row[float32](0, 1),
	} {
		same(t, run(t, name, 24, nil, row(-inf, inf)), want, 0)
	}
}

func TestFunctionsOfIntegers(t *testing.T) {
	x := row[int8](-128, -3, 0, 5)
	same(t, run(t, "Abs", 13, nil, x), row[int8](-128, 3, 0, 5), 0) // wraps around
	same(t, run(t, "Neg", 13, nil, x), row[int8](-128, 3, 0, -5), 0)
	same(t, run(t, "Sign", 13, nil, x), row[int8](-1, -1, 0, 1), 0)
	same(t, run(t, "Relu", 14, nil, x), row[int8](0, 0, 0, 5), 0)
	same(t, run(t, "Abs", 13, nil, row[uint64](math.MaxUint64)), row[uint64](math.MaxUint64), 0)
	same(t, run(t, "Not", 1, nil, row(true, false)), row(false, true), 0)
	refuses(t, "is not for tensors of int8", "Exp", 13, nil, x)
	refuses(t, "is not for tensors of int8", "Not", 1, nil, x)
}

func TestIsInfAndIsNaN(t *testing.T) {
	x := row(-inf, 1, nan, inf)
	same(t, run(t, "IsInf", 10, nil, x), row(true, false, false, true), 0)
	same(t, run(t, "IsInf", 10, attributes("detect_negative", 0), x), row(false, false, false, true), 0)
	same(t, run(t, "IsInf", 20, attributes("detect_positive", 0), row(math.Inf(-1), math.Inf(1))), row(true, false), 0)
	same(t, run(t, "IsNaN", 9, nil, x), row(false, false, true, false), 0)
	refuses(t, `attribute "detect_negative" is 2, must be 0 or 1`, "IsInf", 10, attributes("detect_negative", 2), x)
}

func TestClipOfEveryVersion(t *testing.T) {
	x := row(-5, 0, 5, nan)
	low, high := array(nil, float32(-1)), array(nil, float32(2))
	same(t, run(t, "Clip", 6, attributes("min", -1.0, "max", 2.0), x), row(-1, 0, 2, nan), 0)
	same(t, run(t, "Clip", 6, attributes("min", -1.0), x), row(-1, 0, 5, nan), 0)
	same(t, run(t, "Clip", 11, nil, x, low, high), row(-1, 0, 2, nan), 0)
	same(t, run(t, "Clip", 13, nil, x, nil, high), row(-5, 0, 2, nan), 0) // an input "" does not shift the next
	same(t, run(t, "Clip", 13, nil, x, low), row(-1, 0, 5, nan), 0)
	same(t, run(t, "Clip", 13, nil, row(-inf, inf)), row(-inf, inf), 0)
	same(t, run(t, "Clip", 13, nil, x, high, low), row(-1, -1, -1, nan), 0) // the upper bound counts last
	same(t, run(t, "Clip", 12, nil, row[int8](-100, 100), nil, array[int8](nil, 7)), row[int8](-100, 7), 0)
	refuses(t, "input 1 is float[2], must be one element of float", "Clip", 13, nil, x, row[float32](1, 2))
	refuses(t, "input 1 is double[], must be one element of float", "Clip", 13, nil, x, array(nil, 1.0))
	refuses(t, `attribute "min" is not known to it`, "Clip", 11, attributes("min", 0.0), x)
}

func TestBiasedGelus(t *testing.T) {
	x, bias := noise(1, 3, 4), row[float32](1, 0, -1, 0.5)
	sum := run(t, "Add", 14, nil, x, bias)
	same(t, run(t, "com.microsoft.BiasGelu", 1, nil, x, bias), run(t, "Gelu", 20, nil, sum), 0)
	same(t, run(t, "com.microsoft.FastGelu", 1, nil, x, bias), run(t, "Gelu", 20, attributes("approximate", "tanh"), sum), 0)
	refuses(t, "must be a row of", "com.microsoft.BiasGelu", 1, nil, x, row[float32](1, 2))
}

func TestSwiGLU(t *testing.T) {
	x, y := noise(1, 3, 4), noise(2, 3, 4)
	want := run(t, "Mul", 14, nil, run(t, "Swish", 24, attributes("alpha", 1.5), x), y)
	same(t, run(t, "SwiGLU", 28, attributes("alpha", 1.5), x, y), want, 0)
	refuses(t, "must be alike", "SwiGLU", 28, nil, x, noise(2, 4))
}
