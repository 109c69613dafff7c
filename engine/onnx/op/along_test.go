package op

import (
	"fmt"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

func TestArgTiesAndNaN(t *testing.T) {
	x := array([]int{2, 3}, 2, 2, 1, 1, 5, float32(5))
	last := attributes("select_last_index", 1, "axis", 1, "keepdims", 0)
	same(t, run(t, "ArgMax", 13, attributes("axis", 1), x), array[int64]([]int{2, 1}, 0, 1), 0)
	same(t, run(t, "ArgMax", 13, last, x), row[int64](1, 2), 0)
	same(t, run(t, "ArgMax", 13, nil, x), array[int64]([]int{1, 3}, 0, 1, 1), 0)
	same(t, run(t, "ArgMin", 13, attributes("axis", -1, "keepdims", 0), x), row[int64](2, 0), 0)
	n := row(1, nan, 3, nan)
	keep := attributes("keepdims", 0)
	same(t, run(t, "ArgMax", 13, keep, n), array[int64](nil, 1), 0)
	same(t, run(t, "ArgMin", 13, keep, n), array[int64](nil, 1), 0)
	same(t, run(t, "ArgMax", 13, attributes("keepdims", 0, "select_last_index", 1), n), array[int64](nil, 3), 0)
	same(t, run(t, "ArgMax", 13, attributes("axis", 1), array[uint8]([]int{0, 3})), array[int64]([]int{0, 1}), 0)
	refuses(t, "uint8[0,3] has nothing along axis 0", "ArgMax", 13, nil, array[uint8]([]int{0, 3}))
	refuses(t, "axis is 1, must be -1 to 0", "ArgMax", 13, attributes("axis", 1), n)
	refuses(t, "is not for tensors of bool", "ArgMax", 13, nil, row(true))
}

func TestCumulative(t *testing.T) {
	x, axis := row[int64](1, 2, 3), array[int64](nil, 0)
	for _, c := range []struct {
		attrs     []any
		sum, prod []int64
	}{
		{nil, []int64{1, 3, 6}, []int64{1, 2, 6}},
		{[]any{"exclusive", 1}, []int64{0, 1, 3}, []int64{1, 1, 2}},
		{[]any{"reverse", 1}, []int64{6, 5, 3}, []int64{6, 6, 3}},
		{[]any{"exclusive", 1, "reverse", 1}, []int64{5, 3, 0}, []int64{6, 3, 1}},
	} {
		same(t, run(t, "CumSum", 14, attributes(c.attrs...), x, axis), row(c.sum...), 0)
		same(t, run(t, "CumProd", 26, attributes(c.attrs...), x, axis), row(c.prod...), 0)
	}
	m := array([]int{2, 2}, 1, 2, 3, float32(4))
	same(t, run(t, "CumSum", 11, nil, m, array[int32](nil, -2)), array([]int{2, 2}, 1, 2, 4, float32(6)), 0)
	same(t, run(t, "CumSum", 11, nil, m, row[int32](1)), array([]int{2, 2}, 1, 3, 3, float32(7)), 0)
	refuses(t, "axis is 2, must be -2 to 1", "CumSum", 14, nil, m, array[int64](nil, 2))
	refuses(t, "must be one element", "CumSum", 14, nil, m, row[int64](0, 1))
}

// TestSoftmaxes compares with the definition along every axis, with a block's columns and more.
func TestSoftmaxes(t *testing.T) {
	for _, shape := range [][]int{{5}, {3, 4}, {2, 3, 130}, {2, 1, 3}, {300, 2}, {3, 257, 2}, {0, 3}} {
		x := noise(3, shape...)
		for axis := range shape {
			l, _ := linesOf(shape, axis)
			soft, logs, hard := x.Clone(), x.Clone(), x.Clone()
			for i := range l.before * l.after {
				at := func(j int) int { return (i/l.after*l.length+j)*l.after + i%l.after }
				sum, best := 0.0, 0
				for j := range l.length {
					e := value.Data[float32](x)[at(j)]
					sum += math.Exp(float64(e))
					if e > value.Data[float32](x)[at(best)] {
						best = j
					}
				}
				for j := range l.length {
					p := math.Exp(float64(value.Data[float32](x)[at(j)])) / sum
					value.Data[float32](soft)[at(j)], value.Data[float32](logs)[at(j)] = float32(p), float32(math.Log(p))
					value.Data[float32](hard)[at(j)] = one[float32](j == best)
				}
			}
			t.Run(fmt.Sprint(shape, axis), func(t *testing.T) {
				a := attributes("axis", axis-len(shape))
				same(t, run(t, "Softmax", 13, a, x), soft, 1e-6)
				same(t, run(t, "LogSoftmax", 13, a, x), logs, 1e-6)
				same(t, run(t, "Hardmax", 13, a, x), hard, 0)
			})
		}
	}
}

func TestSoftmaxFlattensBefore13(t *testing.T) {
	x := noise(1, 2, 3, 4)
	flat := array([]int{2, 12}, value.Data[float32](x)...)
	for _, name := range []string{"Softmax", "LogSoftmax", "Hardmax"} {
		got := run(t, name, 11, nil, x) // the axis is 1 by default
		got.Shape = flat.Shape
		same(t, got, run(t, name, 13, nil, flat), 0)
		same(t, run(t, name, 11, attributes("axis", 2), x), run(t, name, 13, nil, x), 0)
	}
}

func TestSoftmaxOfLimits(t *testing.T) {
	same(t, run(t, "Softmax", 13, nil, row(1, -inf, 1)), row[float32](0.5, 0, 0.5), 1e-7)
	same(t, run(t, "Softmax", 13, nil, row[float32](1000, 1001)), row(float32(0.26894142), 0.73105858), 1e-7)
	same(t, run(t, "Softmax", 13, nil, row(-inf, -inf)), row(nan, nan), 0)
	column := attributes("axis", 0)
	same(t, run(t, "Softmax", 13, column, array([]int{2, 2}, 1000, -inf, 1001, -inf)), array([]int{2, 2}, 0.26894142, nan, 0.73105858, nan), 1e-6)
	same(t, run(t, "LogSoftmax", 13, column, array([]int{2, 2}, -inf, 0, 0, nan)), array([]int{2, 2}, -inf, nan, 0, nan), 1e-7)
	same(t, run(t, "Hardmax", 13, nil, row[float32](1, 3, 3)), row[float32](0, 1, 0), 0)
	refuses(t, "is not for tensors of int32", "Softmax", 13, nil, row[int32](1))
	refuses(t, "axis is 1, must be -1 to 0", "Softmax", 13, attributes("axis", 1), row[float32](1))
}

// TestSameBitsOnAnyCores runs what is cut into tasks on one core and on several.
func TestSameBitsOnAnyCores(t *testing.T) {
	x, y := noise(1, 37, 3001), noise(2, 3001)
	for _, c := range []struct {
		name  string
		attrs map[string]any
		in    []*value.Value
	}{
		{"Add", nil, []*value.Value{x, y}},
		{"Gelu", nil, []*value.Value{x}},
		{"Softmax", nil, []*value.Value{x}},
		{"Softmax", attributes("axis", 0), []*value.Value{x}},
		{"ReduceMean", nil, []*value.Value{x}},
		{"ReduceSum", nil, []*value.Value{x, row[int64](0)}},
		{"ReduceL2", nil, []*value.Value{x, row[int64](1)}},
		{"ReduceLogSumExp", nil, []*value.Value{x, row[int64](0)}},
		{"Where", nil, []*value.Value{run(t, "Less", 13, nil, x, y), x, y}},
		{"Cast", attributes("to", format.Int8), []*value.Value{x}},
	} {
		var results []*value.Value
		for _, cores := range []int{1, 3} {
			simd.SetThreads(cores)
			results = append(results, run(t, c.name, 20, c.attrs, c.in...))
		}
		simd.SetThreads(0)
		same(t, results[1], results[0], 0)
	}
}
