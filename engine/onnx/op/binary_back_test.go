package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// stretches lists shapes of two operands that broadcast in every way.
var stretches = [][2][]int{
	{{2, 3}, {2, 3}},
	{{2, 3}, {3}},
	{{3}, {2, 3}},
	{{2, 3}, {}},
	{{}, {2, 3}},
	{{}, {}},
	{{2, 3, 4}, {3, 1}},
	{{2, 1, 4}, {3, 1}},
	{{1, 3, 1}, {2, 1, 4}},
	{{2, 3}, {1, 1, 2, 1}},
	{{2, 3, 2, 2}, {1, 3, 1, 2}},
	{{0, 3}, {3}},
	{{2, 1}, {2, 0}},
}

// apart gives numbers that are away from 0 and from those of other seeds.
func apart(seed int, sign float32, shape ...int) *value.Value {
	v := ramp(shape...)
	x := value.Data[float32](v)
	for i := range x {
		x[i] = 0.6 + 0.37*float32((i*7+seed*3)%11) + 0.05*float32(seed)
		if i%2 == 1 {
			x[i] *= sign
		}
	}
	return v
}

var binarySlopes = func() (all []slope) {
	add := func(name string, in []*value.Value, attrs ...any) {
		all = append(all, slope{node(name, 16, attributes(attrs...)), in})
	}
	for _, s := range stretches {
		for _, name := range []string{"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"} {
			add(name, []*value.Value{apart(1, -1, s[0]...), apart(2, -1, s[1]...)})
		}
		add("Mod", []*value.Value{apart(1, -1, s[0]...), apart(2, -1, s[1]...)}, "fmod", 1)
		add("Pow", []*value.Value{apart(1, 1, s[0]...), apart(2, -1, s[1]...)})
		if broadcastsTo(s[1], s[0]) == nil {
			add("PRelu", []*value.Value{apart(1, -1, s[0]...), apart(2, -1, s[1]...)})
		}
		for _, cond := range []*value.Value{array([]int{1, 1}, true), array([]int{1, 1}, false), truths(s[0]...), truths(s[1]...)} {
			add("Where", []*value.Value{cond, apart(1, -1, s[0]...), apart(2, -1, s[1]...)})
		}
	}
	for _, e := range []float32{2, 1, 3, 0.5, -1, 0, 1.5} {
		add("Pow", []*value.Value{apart(1, 1, 2, 3), array(nil, e)})
	}
	add("Pow", []*value.Value{apart(1, -1, 2, 3), row[int64](2, 3, 0)})
	for _, name := range []string{"Max", "Min", "Sum", "Mean"} {
		add(name, []*value.Value{apart(1, -1, 2, 1, 2), apart(2, -1, 3, 1), apart(3, -1)})
		add(name, []*value.Value{apart(1, -1, 2, 2)})
	}
	return append(all, slope{node("Mod", 28, nil), []*value.Value{apart(1, -1, 2, 3), apart(2, -1, 3)}})
}()

// truths gives truth values by turns.
func truths(shape ...int) *value.Value {
	v, err := value.New(format.Bool, shape...)
	if err != nil {
		panic(err)
	}
	for i := range value.Data[bool](v) {
		value.Data[bool](v)[i] = i%3 != 1
	}
	return v
}

func TestPairsAtKinks(t *testing.T) {
	ones := func(name string, in ...*value.Value) []*value.Value {
		return node(name, 16, nil).backOfOnes(t, in...)
	}
	g := ones("Max", row[float32](1, 2, 3), row[float32](1, 3, 2), row[float32](1, 3, 1))
	same(t, g[0], row[float32](1./3, 0, 1), 1e-6)
	same(t, g[1], row[float32](1./3, 0.5, 0), 1e-6)
	same(t, g[2], row[float32](1./3, 0.5, 0), 1e-6)
	g = ones("PRelu", row[float32](0, 0, 1), row[float32](0.5, 0.25, 0.125))
	same(t, g[0], row[float32](0.5, 0.25, 1), 0)
	same(t, g[1], row[float32](0, 0, 0), 0)
	g = ones("Pow", row[float32](0, 0, 3, -2), row[float32](0, 2, 0, 2))
	same(t, g[0], row[float32](0, 0, 0, -4), 0)
	same(t, g[1], row(0, 0, 1.0986123, nan), 1e-6)
	g = ones("Pow", row[float32](2, 3), row[float64](3, 2)) // an exponent of another type
	same(t, g[1], row(8*0.6931471805599453, 9*1.0986122886681098), 1e-6)
}

// TestLongStretches compares gradients over several tasks, summed in every way, with those of float64.
func TestLongStretches(t *testing.T) {
	for _, s := range [][2][]int{{{70, 300, 5}, {300, 1}}, {{70, 1500}, {1500}}, {{40000, 3}, {40000, 1}}, {{1 << 17}, {}}, {{8, 3, 90, 90}, {3, 1, 1}}, {{30, 1, 400}, {200, 1}}} {
		for _, name := range []string{"Mul", "Add", "Div"} {
			in := []*value.Value{noise(1, s[0]...), apart(2, -1, s[1]...)}
			one := node(name, 14, nil).gradients(t, in, true)
			two := node(name, 14, nil).gradients(t, []*value.Value{converted(in[0], format.Double), converted(in[1], format.Double)}, true)
			for i := range in {
				same(t, one[i], converted(two[i], format.Float), 2e-4)
			}
		}
	}
}
