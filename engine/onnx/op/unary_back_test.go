package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// bothSides gives numbers on both sides of 0, none of them near a kink of what is tested.
func bothSides() *value.Value {
	return tensor([]float32{-4.2, -2.7, -1.3, -0.6, 0.4, 0.9, 1.7, 2.4, 3.6}, 3, 3)
}

// between gives numbers between low and high.
func between(low, high float32) *value.Value {
	v := bothSides()
	for i, x := range value.Data[float32](v) {
		value.Data[float32](v)[i] = low + (high-low)*(x+5)/10
	}
	return v
}

var unarySlopes = func() (all []slope) {
	add := func(name string, version int, x *value.Value, attrs ...any) {
		all = append(all, slope{node(name, version, attributes(attrs...)), []*value.Value{x}})
	}
	for _, name := range []string{"Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh"} {
		add(name, 9, between(-1.4, 1.4))
	}
	for _, name := range []string{"Asin", "Acos", "Atanh"} {
		add(name, 9, between(-0.9, 0.9))
	}
	for _, name := range []string{"Sqrt", "Log", "Reciprocal"} {
		add(name, 13, between(0.5, 4))
	}
	add("Acosh", 9, between(1.2, 4))
	for _, name := range []string{
		"Exp", "Tanh", "Erf", "Abs", "Neg", "Relu", "Identity", "Sigmoid", "Softplus", "Softsign", "Mish", "HardSwish", "LeakyRelu", "ThresholdedRelu",
		"Elu", "Selu", "Celu", "HardSigmoid", "Swish", "Shrink", "Gelu", "com.microsoft.Gelu", "com.microsoft.QuickGelu", "com.microsoft.FastGelu", "Clip",
	} {
		version := 24
		if len(name) > 9 && name[:4] == "com." {
			version = 1
		}
		add(name, version, bothSides())
	}
	add("LeakyRelu", 6, bothSides(), "alpha", 0.3)
	add("ThresholdedRelu", 10, bothSides(), "alpha", 0.5)
	add("Elu", 6, bothSides(), "alpha", 2.0)
	add("Elu", 6, bothSides(), "alpha", -0.5)
	add("Celu", 12, bothSides(), "alpha", 2.0)
	add("Selu", 6, bothSides(), "alpha", 0.7, "gamma", 1.3)
	add("HardSigmoid", 6, bothSides(), "alpha", 0.3, "beta", 0.4)
	add("Swish", 24, bothSides(), "alpha", 1.5)
	add("Shrink", 9, bothSides(), "bias", 0.25, "lambd", 1.0)
	add("Gelu", 20, bothSides(), "approximate", "tanh")
	add("Clip", 6, bothSides(), "min", -1.0, "max", 2.0)
	for _, in := range [][]*value.Value{
		{bothSides(), array(nil, float32(-1)), array(nil, float32(2))},
		{bothSides(), nil, array(nil, float32(2))},
		{bothSides(), array(nil, float32(-1))},
		{bothSides(), array(nil, float32(2)), array(nil, float32(1))},
	} {
		all = append(all, slope{node("Clip", 13, nil), in})
	}
	bias := row[float32](0.3, -0.2, 0.1)
	all = append(all,
		slope{node("com.microsoft.BiasGelu", 1, nil), []*value.Value{bothSides(), bias}},
		slope{node("com.microsoft.FastGelu", 1, nil), []*value.Value{bothSides(), bias}},
		slope{node("SwiGLU", 28, nil), []*value.Value{bothSides(), between(-1, 1)}},
		slope{node("SwiGLU", 28, attributes("alpha", 1.5)), []*value.Value{bothSides(), between(-1, 1)}},
	)
	return all
}()

// TestDerivativesAtKinks: PyTorch's.
func TestDerivativesAtKinks(t *testing.T) {
	at := func(name string, version int, attrs map[string]any, x, want *value.Value, more ...*value.Value) {
		t.Helper()
		for _, kind := range []format.DataType{format.Float, format.Double} {
			in := []*value.Value{converted(x, kind)}
			for _, v := range more {
				in = append(in, converted(v, kind))
			}
			same(t, node(name, version, attrs).backOfOnes(t, in...)[0], converted(want, kind), 1e-6)
		}
	}
	at("Relu", 14, nil, row[float32](-1, 0, 2), row[float32](0, 0, 1))
	at("Abs", 13, nil, row[float32](-1, 0, 2, nan), row(-1, 0, 1, nan))
	at("LeakyRelu", 16, nil, row[float32](-1, 0, 2), row[float32](0.01, 0.01, 1))
	at("Elu", 6, attributes("alpha", 2.0), row[float32](0, 2), row[float32](2, 1))
	at("HardSwish", 14, nil, row[float32](-3, 0, 3), row[float32](0, 0.5, 1))
	at("HardSigmoid", 6, attributes("alpha", 0.25, "beta", 0.5), row[float32](-2, 0, 2), row[float32](0, 0.25, 0))
	at("ThresholdedRelu", 10, nil, row[float32](0, 1, 2), row[float32](0, 0, 1))
	at("Shrink", 9, nil, row[float32](-0.5, 0, 0.5, 1), row[float32](0, 0, 0, 1))
	at("Clip", 13, nil, row[float32](-2, -1, 0, 1, 2), row[float32](0, 1, 1, 1, 0), array(nil, float32(-1)), array(nil, float32(1)))
}

// backOfOnes gives the gradients of the inputs for outputs' gradients of 1.
func (n testNode) backOfOnes(t *testing.T, in ...*value.Value) []*value.Value {
	t.Helper()
	return n.back(t, false, func(int, int) float64 { return 1 }, in...)
}

// TestLongDerivatives compares derivatives over several tasks with those of the elements alone, in both types.
func TestLongDerivatives(t *testing.T) {
	for _, s := range unarySlopes {
		if len(s.in) > 1 || s.node.op == "Acosh" || s.node.op == "Sqrt" || s.node.op == "Log" {
			continue
		}
		x := noise(5, 2*piece+5)
		for i, v := range value.Data[float32](x) {
			value.Data[float32](x)[i] = max(-0.9, min(0.9, v)) // for Asin and its kind
		}
		one, two := s.node.backOfOnes(t, x)[0], s.node.backOfOnes(t, converted(x, format.Double))[0]
		same(t, one, converted(two, format.Float), 1e-4)
	}
}
