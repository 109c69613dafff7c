package op

import (
	"fmt"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var reduceSlopes = func() (all []slope) {
	for _, name := range []string{"Sum", "Mean", "Prod", "Max", "Min", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"} {
		x := apart(1, -1, 2, 3, 2, 2)
		if name == "LogSum" {
			x = apart(1, 1, 2, 3, 2, 2)
		}
		add := func(x *value.Value, version int, axes *value.Value, attrs ...any) {
			in := []*value.Value{x}
			if axes != nil {
				in = append(in, axes)
			}
			all = append(all, slope{node("Reduce"+name, version, attributes(attrs...)), in})
		}
		for _, axes := range [][]int{{0}, {1}, {3}, {-1, 0}, {1, 2}, {0, 2}, {0, 1, 2, 3}} {
			add(x, 11, nil, "axes", axes, "keepdims", 0)
			list := make([]int64, len(axes))
			for i, a := range axes {
				list[i] = int64(a)
			}
			add(x, 18, value.Ints(list...))
		}
		add(x, 18, nil)
		add(x, 18, nil, "keepdims", 0)
		add(x, 18, value.Ints(), "noop_with_empty_axes", 1)
		add(array(nil, float32(1.5)), 18, nil)
	}
	zeros := array([]int{3, 3}, float32(1.5), 0, 2, 0, 3, 0, -1, 2, 0.5)
	return append(all,
		slope{node("ReduceProd", 18, nil), []*value.Value{zeros, value.Ints(1)}},
		slope{node("ReduceProd", 18, nil), []*value.Value{zeros, value.Ints(0)}})
}()

func TestReductionsAtKinks(t *testing.T) {
	x := array([]int{2, 3}, float32(2), 2, 1, 0, 0, 0)
	for name, want := range map[string][]float32{
		"ReduceMax": {0.5, 0.5, 0, 1. / 3, 1. / 3, 1. / 3}, "ReduceMin": {0, 0, 1, 1. / 3, 1. / 3, 1. / 3}, "ReduceL1": {1, 1, 1, 0, 0, 0},
		"ReduceL2": {2. / 3, 2. / 3, 1. / 3, 0, 0, 0}, "ReduceProd": {2, 2, 4, 0, 0, 0},
	} {
		same(t, node(name, 18, nil).backOfOnes(t, x, value.Ints(1))[0], array(x.Shape, want...), 1e-6)
	}
}

// TestLongReductions compares gradients over several tasks with those of float64.
func TestLongReductions(t *testing.T) {
	x := noise(4, 40, 30, 50)
	for _, name := range []string{"ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp", "Softmax", "LogSoftmax", "CumSum"} {
		for axis := range 3 {
			n, in := node(name, 18, nil), []*value.Value{x, value.Ints(int64(axis))}
			if name[0] != 'R' && name[0] != 'C' {
				n, in = node(name, 18, attributes("axis", axis)), in[:1]
			}
			one := n.gradients(t, in, true)[0]
			in[0] = converted(x, format.Double)
			t.Run(fmt.Sprint(name, axis), func(t *testing.T) {
				same(t, one, converted(n.gradients(t, in, true)[0], format.Float), 1e-4)
			})
		}
	}
}

var alongSlopes = func() (all []slope) {
	x := apart(1, -1, 2, 3, 4)
	zeros := array([]int{2, 4}, float32(1.5), 0, 2, 3, 2, 0, 3, 0)
	for axis := range 3 {
		for version := range 2 {
			all = append(all, slope{node("Softmax", 12+version, attributes("axis", axis)), []*value.Value{x}}, slope{node("LogSoftmax", 12+version, attributes("axis", axis)), []*value.Value{x}})
		}
		for _, name := range []string{"CumSum", "CumProd"} {
			for flags := range 4 {
				n := node(name, 26, attributes("exclusive", flags&1, "reverse", flags>>1))
				all = append(all, slope{n, []*value.Value{x, value.Ints(int64(axis))}}, slope{n, []*value.Value{zeros, value.Ints(1)}})
			}
		}
		for p := range 2 {
			all = append(all, slope{node("LpNormalization", 22, attributes("axis", axis, "p", p+1)), []*value.Value{x}})
		}
	}
	return append(all, slope{node("Softmax", 13, nil), []*value.Value{x}}, slope{node("Softmax", 11, nil), []*value.Value{x}})
}()

var castSlopes = []slope{
	{node("Cast", 19, attributes("to", format.Double)), []*value.Value{apart(1, -1, 3)}},
	{node("CastLike", 19, nil), []*value.Value{apart(1, -1, 3), row[float64](1)}},
	{node("CastLike", 19, nil), []*value.Value{apart(1, -1, 3), row[int64](1)}},
}

func TestCastsStandStill(t *testing.T) {
	for to, want := range map[format.DataType]bool{format.Float: false, format.Float16: false, format.Double: false, format.Int64: true, format.Bool: true} {
		k, err := node("Cast", 13, attributes("to", to)).kernel(row[float32](1))
		if err != nil {
			t.Fatal(err)
		}
		if still := k.(Still).Still(); still != want {
			t.Errorf("a cast to %s stands still: %v, must be %v", to, still, want)
		}
	}
	// From float16 to float32 and back the gradient is as it is.
	half := arrayOf(format.Float16, []int{2}, float32(1), 2)
	same(t, node("Cast", 13, attributes("to", format.Float)).backOfOnes(t, half)[0], arrayOf(format.Float16, []int{2}, float32(1), 1), 0)
}
