package op

import (
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

func TestModOfBothSorts(t *testing.T) {
	a, b := row[int32](-4, 7, 5, 4, -7, 8), row[int32](2, -3, 8, -2, 3, 5)
	same(t, run(t, "Mod", 13, nil, a, b), row[int32](0, -2, 5, 0, 2, 3), 0)
	same(t, run(t, "Mod", 13, attributes("fmod", 1), a, b), row[int32](0, 1, 5, 0, -1, 3), 0)
	x, y := row[float32](-4.3, 7.2, 5, 4.3, -7.2, 8), row[float32](2.1, -3.4, 8, -2.1, 3.4, 5)
	same(t, run(t, "Mod", 13, attributes("fmod", 1), x, y), row[float32](-0.1, 0.4, 5, 0.1, -0.4, 3), 1e-6)
	same(t, run(t, "Mod", 28, nil, x, y), row[float32](2, -3, 5, -2, 3, 3), 1e-6)
	same(t, run(t, "Mod", 28, nil, row(inf, 1, 3, -3, nan), row(float32(2), 0, inf, inf, 1)), row(nan, nan, 3, inf, nan), 0)
}

func TestIntegersDividedByZero(t *testing.T) {
	zero := row[int64](0, 0, 0)
	x := row[int64](5, -5, 0)
	same(t, run(t, "Div", 14, nil, x, zero), zero, 0)
	same(t, run(t, "Mod", 14, nil, x, zero), zero, 0)
	same(t, run(t, "Mod", 14, attributes("fmod", 1), x, zero), zero, 0)
	least := row[int32](math.MinInt32)
	same(t, run(t, "Div", 14, nil, least, row[int32](-1)), least, 0) // wraps around
	same(t, run(t, "Div", 14, nil, row[int32](-7, 7), row[int32](2, -2)), row[int32](-3, -3), 0)
}

func TestPowMixesTypes(t *testing.T) {
	same(t, run(t, "Pow", 15, nil, row[int32](1, 2, 3), row[float32](4, 5, 6)), row[int32](1, 32, 729), 0)
	same(t, run(t, "Pow", 15, nil, row[float32](1, 2, 3), row[int64](4, 5, -1)), row[float32](1, 32, 1./3), 1e-7)
	same(t, run(t, "Pow", 15, nil, row[int64](2, -1, -1, 1, 3, 0), row[int32](-1, -3, -2, -9, 0, 0)), row[int64](0, -1, 1, 1, 1, 1), 0)
	same(t, run(t, "Pow", 15, nil, row[int64](10), row[uint8](18)), row[int64](1e18), 0)
	same(t, run(t, "Pow", 15, nil, row[int32](2), row[float64](40)), row[int32](math.MaxInt32), 0)
	refuses(t, "is not for tensors of bool", "Pow", 15, nil, row(true), row[float32](1))
}

func TestPowOfConstants(t *testing.T) {
	x := row(-2, 0, float32(math.Copysign(0, -1)), 3, inf, -inf, nan, 0.25)
	for _, y := range []float32{2, 1, 0.5, -1, 3, 0, 1.7} {
		var want []float32
		for _, e := range value.Data[float32](x) {
			want = append(want, float32(math.Pow(float64(e), float64(y))))
		}
		same(t, run(t, "Pow", 13, nil, x, array(nil, y)), row(want...), 1e-6)
	}
}

func TestBitShift(t *testing.T) {
	left, right := attributes("direction", "LEFT"), attributes("direction", "RIGHT")
	same(t, run(t, "BitShift", 11, right, row[uint8](16, 255, 1), row[uint8](1, 8, 200)), row[uint8](8, 0, 0), 0)
	same(t, run(t, "BitShift", 28, left, row[int32](1, 1, 1, 3), row[int32](31, 32, -1, 1)), row[int32](math.MinInt32, 0, 0, 6), 0)
	same(t, run(t, "BitShift", 28, right, row[int8](-8, -8, 8, -1), row[int8](1, -3, -3, 100)), row[int8](-4, -1, 0, -1), 0)
	refuses(t, `must be one of ["LEFT" "RIGHT"]`, "BitShift", 11, nil, row[uint8](1), row[uint8](1))
	refuses(t, "is not for tensors of float", "BitShift", 11, left, row[float32](1), row[float32](1))
}

func TestRanksBroadcast(t *testing.T) {
	a, b := array([]int{2, 1, 2}, 1, 2, 3, float32(4)), array([]int{3, 1}, 10, 20, float32(30))
	same(t, run(t, "Add", 14, nil, a, b), array([]int{2, 3, 2}, 11, 12, 21, 22, 31, 32, 13, 14, 23, 24, 33, float32(34)), 0)
	same(t, run(t, "Less", 13, nil, array[float32](nil, 15), b), array([]int{3, 1}, false, true, true), 0)
	same(t, run(t, "Equal", 7, nil, row(true, false), array(nil, false)), row(false, true), 0)
	same(t, run(t, "Mul", 7, nil, array[float32]([]int{0, 3}), row[float32](1, 2, 3)), array[float32]([]int{0, 3}), 0)
	refuses(t, "do not broadcast", "Add", 14, nil, row[float32](1, 2), row[float32](1, 2, 3))
	refuses(t, "must be of one type", "Add", 14, nil, row[float32](1), row[float64](1))
	refuses(t, "is not for tensors of bool", "Add", 14, nil, row(true), row(true))
	refuses(t, "is not for tensors of float", "And", 7, nil, row[float32](1), row[float32](1))
	refuses(t, `attribute "axis" is not known to it`, "Add", 14, attributes("axis", 1), row[float32](1), row[float32](1))
}

// TestArithmeticOfShapes compares every way in which operands stretch, with sizes about those of a task, with the definition.
func TestArithmeticOfShapes(t *testing.T) {
	shapes := [][2][]int{
		{{7}, {7}},
		{{7}, {}},
		{{}, {7}},
		{{}, {}},
		{{1, 1}, {1}},
		{{3, 5}, {5}},
		{{5}, {3, 5}},
		{{3, 1}, {1, 5}},
		{{2, 3, 5, 7}, {3, 1, 1}},
		{{2, 3, 5, 7}, {1, 3, 1, 1}},
		{{2, 3, 5, 7}, {2, 1, 5, 1}},
		{{2, 1, 5, 1}, {2, 3, 5, 7}},
		{{2, 3, 5, 7}, {2, 3, 5, 1}},
		{{40000}, {40000}},
		{{2, 17000}, {17000}},
		{{2, 17000}, {2, 1}},
		{{9000, 3}, {3}},
		{{1, 9000, 1}, {5, 1, 3}},
		{{0, 4}, {1}},
	}
	functions := map[string]func(a, b float32) float32{
		"Add": func(a, b float32) float32 { return a + b }, "Sub": func(a, b float32) float32 { return a - b },
		"Mul": func(a, b float32) float32 { return a * b }, "Div": func(a, b float32) float32 { return a / b },
		"Max": func(a, b float32) float32 { return max(a, b) }, "Min": func(a, b float32) float32 { return min(a, b) },
	}
	for name, f := range functions {
		k, err := node(name, 14, nil).kernel(row[float32](1), row[float32](1))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range shapes {
			a, b := noise(uint64(i), s[0]...), noise(uint64(i+100), s[1]...)
			out, err := runKernel(k, 1, a, b) // one kernel for all shapes
			if err != nil {
				t.Fatal(err)
			}
			shape, _ := broadcastShape(s[0], s[1])
			want, _ := value.New(a.Kind, shape...)
			for j := range value.Data[float32](want) {
				value.Data[float32](want)[j] = f(at(a, shape, j), at(b, shape, j))
			}
			same(t, out[0], want, 1e-7)
		}
	}
}

// at is the element that stands for element i of a shape to which v stretches.
func at(v *value.Value, shape []int, i int) float32 {
	offset, stride := 0, 1
	for k := len(shape) - 1; k >= 0; k-- {
		if j := k - (len(shape) - len(v.Shape)); j >= 0 {
			if v.Shape[j] > 1 {
				offset += i % shape[k] * stride
			}
			stride *= v.Shape[j]
		}
		i /= shape[k]
	}
	return value.Data[float32](v)[offset]
}

func TestPReluStretchesOneWay(t *testing.T) {
	x := array([]int{1, 2, 2}, -1, 2, -3, float32(4))
	same(t, run(t, "PRelu", 9, nil, x, array([]int{2, 1}, 0.5, float32(0.1))), array([]int{1, 2, 2}, -0.5, 2, -0.3, float32(4)), 1e-7)
	same(t, run(t, "PRelu", 9, nil, x, array(nil, float32(2))), array([]int{1, 2, 2}, -2, 2, -6, float32(4)), 0)
	refuses(t, "does not broadcast", "PRelu", 9, nil, row[float32](1, 2), array([]int{2, 1}, 1, float32(2)))
}

func TestBitwise(t *testing.T) {
	a, b := row[uint8](12, 5), row[uint8](10, 3)
	same(t, run(t, "BitwiseAnd", 18, nil, a, b), row[uint8](8, 1), 0)
	same(t, run(t, "BitwiseOr", 18, nil, a, b), row[uint8](14, 7), 0)
	same(t, run(t, "BitwiseXor", 18, nil, a, b), row[uint8](6, 6), 0)
	same(t, run(t, "BitwiseNot", 18, nil, a), row[uint8](243, 250), 0)
}
