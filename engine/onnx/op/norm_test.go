package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// normals is a tensor of float32 drawn from the normal distribution.
func normals(seed uint64, shape ...int) *value.Value {
	v := ramp(shape...)
	r := rand.New(rand.NewPCG(seed, 7))
	for i, x := 0, value.Data[float32](v); i < len(x); i++ {
		x[i] = float32(r.NormFloat64())
	}
	return v
}

// positive makes the elements of a tensor positive.
func positive(v *value.Value) *value.Value {
	for i, x := range value.Data[float32](v) {
		value.Data[float32](v)[i] = float32(math.Abs(float64(x)))
	}
	return v
}

// as gives a tensor of the same elements in memory and another type.
func as(kind format.DataType, v *value.Value) *value.Value {
	w := v.Clone()
	w.Kind = kind
	return w
}

// within checks floats against numbers, to a tolerance relative to 1 or the number.
func within(t *testing.T, what string, v *value.Value, shape []int, want []float64, tolerance float64) {
	t.Helper()
	if fmt.Sprint(v.Shape) != fmt.Sprint(shape) {
		t.Fatalf("%s: is %s, must have shape %v", what, v, shape)
	}
	x, err := floatsAs[float64](v)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if !(math.Abs(x[i]-w) <= tolerance*max(1, math.Abs(w))) && !(x[i] != x[i] && w != w) {
			t.Fatalf("%s: element %d is %v, must be %v", what, i, x[i], w)
		}
	}
}

// normNaive is (x − mean)/√(variance + ε) of rows, without the mean where root is set.
func normNaive(x []float32, cols int, epsilon float64, root bool) (y, means, inverses []float64) {
	for at := 0; at < len(x); at += cols {
		mean, variance := 0.0, 0.0
		for _, e := range x[at : at+cols] {
			if !root {
				mean += float64(e) / float64(cols)
			}
		}
		for _, e := range x[at : at+cols] {
			variance += (float64(e) - mean) * (float64(e) - mean) / float64(cols)
		}
		inverse := 1 / math.Sqrt(variance+epsilon)
		for _, e := range x[at : at+cols] {
			y = append(y, (float64(e)-mean)*inverse)
		}
		means, inverses = append(means, mean), append(inverses, inverse)
	}
	return y, means, inverses
}

func TestLayerNormalization(t *testing.T) {
	for _, shape := range [][]int{{3, 1}, {2, 7}, {5, 3, 33}, {2, 3, 4, 5}, {300, 129}} {
		for axis := -len(shape); axis < len(shape); axis++ {
			at := (axis + len(shape)) % len(shape)
			cols := volume(shape[at:])
			x, scale, bias := normals(1, shape...), normals(2, shape[at:]...), normals(3, shape[at:]...)
			out, err := testNode{op: "LayerNormalization", version: 17, outputs: 3, attributes: map[string]any{"axis": axis}}.run(x, scale, bias)
			if err != nil {
				t.Fatal(err)
			}
			y, mean, inverse := normNaive(value.Data[float32](x), cols, float64(float32(1e-5)), false)
			for i := range y {
				y[i] = y[i]*float64(value.Data[float32](scale)[i%cols]) + float64(value.Data[float32](bias)[i%cols])
			}
			what := fmt.Sprint(shape, axis)
			within(t, what, out[0], shape, y, 2e-5)
			reduced := append([]int(nil), shape...)
			for i := at; i < len(shape); i++ {
				reduced[i] = 1
			}
			within(t, what+" mean", out[1], reduced, mean, 1e-6)
			within(t, what+" inverse", out[2], reduced, inverse, 2e-6)
		}
	}
}

func TestRMSNormalization(t *testing.T) {
	x, scale := normals(1, 4, 37), normals(2, 37)
	y, _, inverse := normNaive(value.Data[float32](x), 37, float64(float32(1e-5)), true)
	for i := range y {
		y[i] *= float64(value.Data[float32](scale)[i%37])
	}
	within(t, "RMSNormalization", testNode{op: "RMSNormalization", version: 23}.one(t, x, scale), x.Shape, y, 1e-5)
	for _, domain := range []string{"", Microsoft} { // as published files have it, under another name and of old opsets
		out, err := testNode{domain: domain, op: "SimplifiedLayerNormalization", version: 1, outputs: 2}.run(x, scale)
		if err != nil {
			t.Fatal(err)
		}
		within(t, "SimplifiedLayerNormalization", out[0], x.Shape, y, 1e-5)
		within(t, "its factor", out[1], []int{4, 1}, inverse, 1e-6)
	}
}

func TestLayerNormalizationBelowOpset17(t *testing.T) {
	holds(t, "opset 11", testNode{op: "LayerNormalization", version: 11}.one(t, tensor([]float32{1, 3}, 1, 2), floats(1, 1)), []int{1, 2}, float32(-0.999995), 0.999995)
}

func TestNormScaleBroadcasts(t *testing.T) {
	x := tensor([]float32{-1, 1, -1, 1}, 2, 2)
	node := testNode{op: "LayerNormalization", version: 17, attributes: map[string]any{"epsilon": float32(0)}}
	holds(t, "one number", node.one(t, x, floats(3), floats(1)), []int{2, 2}, float32(-2), 4, -2, 4)
	holds(t, "a number a row", node.one(t, x, tensor([]float32{1, 2}, 2, 1)), []int{2, 2}, float32(-1), 1, -2, 2)
}

func TestFloat16NormsDoNotOverflow(t *testing.T) {
	x := as(format.Float16, tensor([]float32{-60000, 60000, -60000, 60000}, 1, 4))
	ones := as(format.Float16, floats(1, 1, 1, 1))
	for _, n := range []testNode{
		{op: "LayerNormalization", version: 17},
		{op: "RMSNormalization", version: 23},
		{op: "MeanVarianceNormalization", version: 13, attributes: map[string]any{"axes": []int{1}}},
	} {
		in := []*value.Value{x, ones}
		if n.op == "MeanVarianceNormalization" {
			in = in[:1]
		}
		out, err := n.run(in...)
		if err != nil {
			t.Fatal(err)
		}
		if out[0].Kind != format.Float16 {
			t.Errorf("%s gives %s", n.op, out[0])
		}
		within(t, n.op, out[0], x.Shape, []float64{-1, 1, -1, 1}, 1e-3)
	}
}

func TestGroupNormalizationScalesGroupsThenChannels(t *testing.T) {
	x := tensor([]float32{-1, 1, -2, 2}, 1, 4, 1) // two groups of two channels
	attributes := map[string]any{"num_groups": 2, "epsilon": float32(0)}
	holds(t, "opset 18", testNode{op: "GroupNormalization", version: 18, attributes: attributes}.one(t, x, floats(1, 10), floats(0, 5)), x.Shape, float32(-1), 1, -5, 15)
	holds(t, "opset 21", testNode{op: "GroupNormalization", version: 21, attributes: attributes}.one(t, x, floats(1, 2, 3, 4), floats(0, 0, 1, 1)), x.Shape, float32(-1), 2, -2, 5)
	testNode{op: "GroupNormalization", version: 18, attributes: attributes}.refuses(t, []*value.Value{x, floats(1, 2, 3, 4), floats(0, 0, 0, 0)}, "scale is float[4]", "[2]")
	testNode{op: "GroupNormalization", version: 21, attributes: map[string]any{"num_groups": 3}}.refuses(t, []*value.Value{x, floats(1, 2, 3, 4), floats(0, 0, 0, 0)}, "4 channels do not make 3 groups")
}

func TestInstanceNormalization(t *testing.T) {
	x, scale, bias := normals(1, 2, 3, 5, 7), normals(2, 3), normals(3, 3)
	y, _, _ := normNaive(value.Data[float32](x), 35, float64(float32(1e-5)), false)
	for i := range y {
		y[i] = y[i]*float64(value.Data[float32](scale)[i/35%3]) + float64(value.Data[float32](bias)[i/35%3])
	}
	within(t, "InstanceNormalization", testNode{op: "InstanceNormalization", version: 6}.one(t, x, scale, bias), x.Shape, y, 1e-5)
}

func TestBatchNormalizationInference(t *testing.T) {
	for _, shape := range [][]int{{3, 5}, {2, 5, 7}, {3, 5, 4, 9}, {2, 5, 2, 3, 4}} {
		x, scale, bias, mean, variance := normals(1, shape...), normals(2, 5), normals(3, 5), normals(4, 5), positive(normals(5, 5))
		plane := volume(shape[2:])
		want := make([]float64, x.Len())
		for i, e := range value.Data[float32](x) {
			p := func(v *value.Value) float64 { return float64(value.Data[float32](v)[i/plane%5]) }
			want[i] = (float64(e)-p(mean))/math.Sqrt(p(variance)+float64(float32(1e-5)))*p(scale) + p(bias)
		}
		for _, version := range []int{7, 9, 14, 15} {
			within(t, fmt.Sprint(shape, version), testNode{op: "BatchNormalization", version: version}.one(t, x, scale, bias, mean, variance), shape, want, 1e-4)
		}
	}
}

func TestBatchNormalizationMomentumWeighsTheOld(t *testing.T) {
	x := tensor([]float32{1, 3}, 2, 1) // mean 2, variance 1
	in := []*value.Value{x, floats(1), floats(0), floats(10), floats(5)}
	n := testNode{op: "BatchNormalization", version: 14, outputs: 3, attributes: map[string]any{"training_mode": 1, "momentum": float32(0.75), "epsilon": float32(0)}}
	out, err := n.run(in...)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "y", out[0], []int{2, 1}, float32(-1), 1)
	holds(t, "running mean", out[1], []int{1}, float32(8))
	holds(t, "running variance", out[2], []int{1}, float32(4))
	n.outputs = 1
	holds(t, "y alone", n.one(t, in...), []int{2, 1}, float32(-1), 1)
	testNode{op: "BatchNormalization", version: 14, outputs: 3}.refuses(t, in, "training_mode")
	out, err = testNode{op: "BatchNormalization", version: 9, outputs: 5, attributes: map[string]any{"momentum": float32(0.75), "epsilon": float32(0)}}.run(in...)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "opset 9, running mean", out[1], []int{1}, float32(8))
	holds(t, "opset 9, mean of the batch", out[3], []int{1}, float32(2))
}

func TestBatchNormalizationSpatial0NormalisesPlaces(t *testing.T) {
	x := tensor([]float32{1, 2, 3, 4}, 1, 2, 2)
	p := func(x ...float32) *value.Value { return tensor(x, 2, 2) }
	n := testNode{op: "BatchNormalization", version: 7, attributes: map[string]any{"spatial": 0, "epsilon": float32(0)}}
	holds(t, "spatial 0", n.one(t, x, p(1, 2, 3, 4), p(0, 0, 0, 1), p(1, 1, 1, 1), p(1, 1, 1, 4)), x.Shape, float32(0), 2, 6, 7)
}

func TestLRN(t *testing.T) {
	x := tensor([]float32{1, 2, 3, 4}, 1, 4, 1, 1)
	for size, sums := range map[int][]float64{1: {1, 4, 9, 16}, 2: {5, 13, 25, 16}, 3: {5, 14, 29, 25}, 9: {30, 30, 30, 30}} {
		want := make([]float64, 4)
		for i, s := range sums {
			want[i] = float64(i+1) / math.Pow(2+0.5/float64(size)*s, 0.75)
		}
		n := testNode{op: "LRN", version: 13, attributes: map[string]any{"size": size, "alpha": float32(0.5), "bias": float32(2)}}
		within(t, fmt.Sprint("size ", size), n.one(t, x), x.Shape, want, 1e-6)
	}
	testNode{op: "LRN", version: 13}.refuses(t, []*value.Value{x}, `"size" is 0`)
}

func TestLpNormalization(t *testing.T) {
	x := tensor([]float32{3, 0, -4, 0}, 2, 2)
	holds(t, "p 2 down", testNode{op: "LpNormalization", version: 1, attributes: map[string]any{"axis": 0}}.one(t, x), x.Shape, float32(0.6), 0, -0.8, 0)
	holds(t, "p 1 down", testNode{op: "LpNormalization", version: 22, attributes: map[string]any{"axis": 0, "p": 1}}.one(t, x), x.Shape, float32(3./7), 0, -4./7, 0)
	holds(t, "p 2 along", testNode{op: "LpNormalization", version: 1}.one(t, x), x.Shape, float32(1), 0, -1, 0)
	testNode{op: "LpNormalization", version: 1, attributes: map[string]any{"p": 3}}.refuses(t, []*value.Value{x}, `"p" is 3`, "1 or 2")
}

func TestNormsRefuse(t *testing.T) {
	x := ramp(2, 3)
	testNode{op: "LayerNormalization", version: 17, attributes: map[string]any{"axis": 2}}.refuses(t, []*value.Value{x, floats(1)}, "axis is 2", "-2 to 1")
	testNode{op: "LayerNormalization", version: 17}.refuses(t, []*value.Value{x, floats(1, 2)}, "scale", "[2]", "[2 3]")
	testNode{op: "LayerNormalization", version: 17}.refuses(t, []*value.Value{tensor([]int32{1}, 1), floats(1)}, "int32")
	testNode{op: "BatchNormalization", version: 15}.refuses(t, []*value.Value{x, floats(1, 2), floats(1, 2), floats(1, 2), floats(1, 2)}, "scale is float[2]", "[3]")
	testNode{op: "MeanVarianceNormalization", version: 13}.refuses(t, []*value.Value{x}, "axis is 2")
}

func TestNormsOfNoElements(t *testing.T) {
	out, err := testNode{op: "LayerNormalization", version: 17, outputs: 3}.run(ramp(2, 0), ramp(0))
	if err != nil {
		t.Fatal(err)
	}
	if m := value.Data[float32](out[1]); len(m) != 2 || m[0] == m[0] {
		t.Errorf("means of no elements are %v, must be NaN", m)
	}
	testNode{op: "BatchNormalization", version: 15, attributes: map[string]any{"training_mode": 1}}.refuses(t, []*value.Value{ramp(0, 1), floats(1), floats(1), floats(1), floats(1)}, "no statistics")
}
