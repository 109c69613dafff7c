package op

import (
	"fmt"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// folds defines the reductions.
var folds = map[string]func(x []float64) float64{
	"ReduceSum":  func(x []float64) float64 { return sumOf(x, func(e float64) float64 { return e }) },
	"ReduceMean": func(x []float64) float64 { return sumOf(x, func(e float64) float64 { return e }) / float64(len(x)) },
	"ReduceProd": func(x []float64) float64 {
		p := 1.0
		for _, e := range x {
			p *= e
		}
		return p
	},
	"ReduceMax": func(x []float64) float64 {
		m := math.Inf(-1)
		for _, e := range x {
			m = max(m, e)
		}
		return m
	},
	"ReduceMin": func(x []float64) float64 {
		m := math.Inf(1)
		for _, e := range x {
			m = min(m, e)
		}
		return m
	},
	"ReduceL1":        func(x []float64) float64 { return sumOf(x, math.Abs) },
	"ReduceL2":        func(x []float64) float64 { return math.Sqrt(sumOf(x, func(e float64) float64 { return e * e })) },
	"ReduceSumSquare": func(x []float64) float64 { return sumOf(x, func(e float64) float64 { return e * e }) },
	"ReduceLogSum":    func(x []float64) float64 { return math.Log(sumOf(x, func(e float64) float64 { return e })) },
	"ReduceLogSumExp": func(x []float64) float64 { return math.Log(sumOf(x, math.Exp)) },
}

func sumOf(x []float64, f func(float64) float64) (s float64) {
	for _, e := range x {
		s += f(e)
	}
	return s
}

// fold reduces by the definition.
func fold(x *value.Value, reduced []bool, f func([]float64) float64) []float32 {
	kept := 1
	for i, d := range x.Shape {
		if !reduced[i] {
			kept *= d
		}
	}
	sets := make([][]float64, kept)
	for i, e := range value.Data[float32](x) {
		to, stride := 0, 1
		for k, rest := len(x.Shape)-1, i; k >= 0; k-- {
			if !reduced[k] {
				to += rest % x.Shape[k] * stride
				stride *= x.Shape[k]
			}
			rest /= x.Shape[k]
		}
		sets[to] = append(sets[to], float64(e))
	}
	out := make([]float32, kept)
	for i, s := range sets {
		out[i] = float32(f(s))
	}
	return out
}

// TestReductions compares every reduction over every set of axes with its definition.
func TestReductions(t *testing.T) {
	for name, f := range folds {
		for _, shape := range [][]int{{2, 3, 4, 5}, {3, 1, 7}, {5}, {2, 40000}, {40000, 2}, {0, 3}, {3, 0}} {
			x := noise(1, shape...)
			for i, e := range value.Data[float32](x) {
				value.Data[float32](x)[i] = e + 2 // few sums below 0
			}
			for set := 1; set < 1<<len(shape); set++ {
				var axes []int
				var list []int64
				reduced, kept := make([]bool, len(shape)), []int{}
				for i := range shape {
					kept = append(kept, shape[i])
					if set>>i&1 == 1 {
						reduced[i], kept[i] = true, 1
						axes, list = append(axes, i-len(shape)), append(list, int64(i))
					}
				}
				want := array(kept, fold(x, reduced, f)...)
				t.Run(fmt.Sprint(name, shape, axes), func(t *testing.T) {
					same(t, run(t, name, 12, attributes("axes", axes), x), want, 2e-6)
					same(t, run(t, name, 20, attributes("keepdims", 1), x, row(list...)), want, 2e-6)
					same(t, testNode{op: name, version: 20, constant: true}.one(t, x, row(list...)), want, 2e-6)
				})
			}
		}
	}
}

func TestReduceWithoutAxes(t *testing.T) {
	x := array([]int{2, 2}, 1, -2, 3, float32(-4))
	none := array[int64]([]int{0})
	same(t, run(t, "ReduceSum", 13, attributes("keepdims", 0), x), array[float32](nil, -2), 0)
	same(t, run(t, "ReduceSum", 13, nil, x, none), array[float32]([]int{1, 1}, -2), 0)
	noop := attributes("noop_with_empty_axes", 1)
	for name, want := range map[string][]float32{
		"ReduceSum": {1, -2, 3, -4}, "ReduceMean": {1, -2, 3, -4}, "ReduceMax": {1, -2, 3, -4}, "ReduceL1": {1, 2, 3, 4}, "ReduceL2": {1, 2, 3, 4},
		"ReduceSumSquare": {1, 4, 9, 16}, "ReduceLogSumExp": {1, -2, 3, -4}, "ReduceLogSum": {0, nan, float32(math.Log(3)), nan},
	} {
		same(t, run(t, name, 18, noop, x), array([]int{2, 2}, want...), 1e-6)
		same(t, run(t, name, 18, noop, x, none), array([]int{2, 2}, want...), 1e-6)
	}
	same(t, run(t, "ReduceMax", 18, nil, array[float32](nil, 5)), array[float32](nil, 5), 0)
}

func TestReduceOfNothing(t *testing.T) {
	x, axis := array[float32]([]int{2, 0}), row[int64](1)
	for name, want := range map[string]float32{
		"ReduceSum": 0, "ReduceProd": 1, "ReduceMax": -inf, "ReduceMin": inf, "ReduceL1": 0, "ReduceL2": 0, "ReduceSumSquare": 0,
		"ReduceLogSum": -inf, "ReduceLogSumExp": -inf, "ReduceMean": nan,
	} {
		same(t, run(t, name, 20, nil, x, axis), array([]int{2, 1}, want, want), 0)
	}
	same(t, run(t, "ReduceMax", 20, nil, array[int8]([]int{0})), row[int8](-128), 0)
	same(t, run(t, "ReduceMin", 20, nil, array[uint8]([]int{0})), row[uint8](255), 0)
	same(t, run(t, "ReduceMin", 20, nil, array[bool]([]int{0})), row(true), 0)
	same(t, run(t, "ReduceMean", 18, nil, array[int32]([]int{0})), row[int32](0), 0)
}

func TestReduceOfIntegers(t *testing.T) {
	x := array[int32]([]int{2, 3}, -7, 2, 4, 3, 3, -1)
	axis := row[int64](-1)
	for name, want := range map[string][]int32{
		"ReduceSum": {-1, 5}, "ReduceMean": {0, 1}, "ReduceProd": {-56, -9}, "ReduceMax": {4, 3}, "ReduceMin": {-7, -1}, "ReduceL1": {13, 7}, "ReduceL2": {8, 4},
		"ReduceSumSquare": {69, 19},
	} {
		same(t, run(t, name, 20, nil, x, axis), array([]int{2, 1}, want...), 0)
	}
	same(t, run(t, "ReduceMax", 20, nil, array([]int{2, 2}, false, true, false, false), axis), array([]int{2, 1}, true, false), 0)
	same(t, run(t, "ReduceMin", 20, nil, array([]int{2, 2}, false, true, true, true), axis), array([]int{2, 1}, false, true), 0)
	refuses(t, "is not for tensors of bool", "ReduceSum", 13, nil, row(true))
}

func TestReduceRefuses(t *testing.T) {
	x := noise(1, 2, 3)
	refuses(t, "axis is 2, must be -2 to 1 for rank 2", "ReduceSum", 13, nil, x, row[int64](2))
	refuses(t, "axis 1 stands twice in [1 -1]", "ReduceMean", 13, attributes("axes", []int{1, -1}), x)
	refuses(t, "axes: elements are float, must be integers", "ReduceSum", 13, nil, x, row[float32](1))
	refuses(t, `attribute "axes" is not known to it`, "ReduceSum", 13, attributes("axes", []int{1}), x)
	refuses(t, "has 2 inputs, must have 1", "ReduceMean", 17, nil, x, row[int64](1))
}
