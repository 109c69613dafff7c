package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// squares is a row of five elements 0, 1, 4, 9, 16.
func squares() *value.Value { return tensor([]float32{0, 1, 4, 9, 16}, 1, 1, 1, 5) }

// TestResizeCoordinates: the values of ONNX's reference implementation for every way from a place of the result to one of the input. Roi and scales are empty,
// which is pitfall 6: they count as absent. Pitfall 20 is the way of PyTorch at length 1, which takes place 0.
func TestResizeCoordinates(t *testing.T) {
	for _, c := range []struct {
		mode, coordinates string
		to8, to3, to1     []float32
	}{
		{"nearest", halfPixel, []float32{0, 0, 1, 4, 4, 9, 16, 16}, []float32{0, 4, 16}, []float32{4}},
		{"nearest", halfPixelPyTorch, []float32{0, 0, 1, 4, 4, 9, 16, 16}, []float32{0, 4, 16}, []float32{0}},
		{"nearest", alignCorners, []float32{0, 1, 1, 4, 4, 9, 9, 16}, []float32{0, 4, 16}, []float32{0}},
		{"nearest", asymmetric, []float32{0, 1, 1, 4, 4, 9, 16, 16}, []float32{0, 4, 9}, []float32{0}},
		{"linear", halfPixel, []float32{0, 0.4375, 1.1875, 3.0625, 5.5625, 8.6875, 12.9375, 16}, []float32{0.333333, 4, 13.666667}, []float32{4}},
		{"linear", halfPixelPyTorch, []float32{0, 0.4375, 1.1875, 3.0625, 5.5625, 8.6875, 12.9375, 16}, []float32{0.333333, 4, 13.666667}, []float32{0}},
		{"linear", alignCorners, []float32{0, 0.571429, 1.428572, 3.142857, 5.428571, 8.285714, 12, 16}, []float32{0, 4, 16}, []float32{0}},
		{"linear", asymmetric, []float32{0, 0.625, 1.75, 3.625, 6.5, 9.875, 14.25, 16}, []float32{0, 3, 11.333333}, []float32{0}},
		{"cubic", halfPixel, []float32{-0.092834, 0.187561, 1.176514, 2.619385, 5.44165, 8.4714355, 13.3950807, 16.6498413}, []float32{0.148147, 4, 14.074072}, []float32{4}},
		{"cubic", alignCorners, []float32{0, 0.265307, 1.376094, 2.705537, 5.341116, 7.883382, 12.463555, 16}, []float32{0, 4, 16}, []float32{0}},
		{"cubic", asymmetric, []float32{0, 0.310059, 1.609375, 3.33789, 6.125, 10.090332, 14.589844, 16.769043}, []float32{0, 2.555555, 11.759255}, []float32{0}},
	} {
		for _, must := range [][]float32{c.to8, c.to3, c.to1} {
			n := testNode{op: "Resize", version: 11, attributes: map[string]any{"mode": c.mode, "coordinate_transformation_mode": c.coordinates}}
			y := n.one(t, squares(), floats(), floats(), value.Ints(1, 1, 1, int64(len(must))))
			holds(t, fmt.Sprintf("%s %s to %d", c.mode, c.coordinates, len(must)), y, []int{1, 1, 1, len(must)}, must...)
		}
	}
}

// TestResizeNearest is pitfall 20, too: PyTorch's nearest is asymmetric with floor.
func TestResizeNearest(t *testing.T) {
	for _, c := range []struct {
		mode string
		must []float32
	}{
		{roundFloor, []float32{0, 0, 1, 1, 4, 4, 9, 9, 16, 16}},
		{roundCeil, []float32{0, 1, 1, 4, 4, 9, 9, 16, 16, 16}},
		{preferFloor, []float32{0, 0, 1, 1, 4, 4, 9, 9, 16, 16}},
		{preferCeil, []float32{0, 1, 1, 4, 4, 9, 9, 16, 16, 16}},
	} {
		n := testNode{op: "Resize", version: 13, attributes: map[string]any{"coordinate_transformation_mode": asymmetric, "nearest_mode": c.mode}}
		holds(t, c.mode, n.one(t, squares(), nil, floats(1, 1, 1, 2)), []int{1, 1, 1, 10}, c.must...)
	}
	n := testNode{op: "Resize", version: 13}
	y := n.one(t, tensor([]bool{true, false}, 2), nil, floats(2))
	if got := value.Data[bool](y); len(got) != 4 || !got[0] || !got[1] || got[2] || got[3] {
		t.Errorf("bool: %v", got)
	}
	holds[int64](t, "int64", n.one(t, tensor([]int64{1 << 60, 3}, 2), nil, floats(2)), []int{4}, 1<<60, 1<<60, 3, 3)
}

// TestResizeAntialias is pitfall 20 again: the filter is as many times wider as the result is smaller.
func TestResizeAntialias(t *testing.T) {
	run := func(mode string, outside int) *value.Value {
		a := map[string]any{"mode": mode, "antialias": 1, "exclude_outside": outside}
		return testNode{op: "Resize", version: 18, attributes: a}.one(t, squares(), nil, nil, value.Ints(1, 1, 1, 2))
	}
	holds[float32](t, "linear", run("linear", 0), []int{1, 1, 1, 2}, 1.52, 10.48)
	holds[float32](t, "linear, excluded", run("linear", 1), []int{1, 1, 1, 2}, 1.727273, 9.727273)
	holds[float32](t, "cubic", run("cubic", 0), []int{1, 1, 1, 2}, 0.653001, 10.884999)
}

func TestResizeOldVersions(t *testing.T) {
	old := func(op string, version int, mode string) testNode {
		return testNode{op: op, version: version, attributes: map[string]any{"mode": mode}}
	}
	holds[float32](t, "down", old("Resize", 10, "nearest").one(t, squares(), floats(1, 1, 1, 0.6)), []int{1, 1, 1, 3}, 0, 4, 16)
	holds[float32](t, "up", old("Resize", 10, "nearest").one(t, squares(), floats(1, 1, 1, 1.6)), []int{1, 1, 1, 8}, 0, 0, 1, 1, 4, 9, 9, 16)
	holds[float32](t, "linear", old("Resize", 10, "linear").one(t, squares(), floats(1, 1, 1, 0.6)), []int{1, 1, 1, 3}, 0, 3, 11.333333)
	must := []float32{0, 0.4, 0.8, 1.6, 2.8, 4, 6, 8, 10.4, 13.2, 16, 16}
	holds(t, "Upsample-9", old("Upsample", 9, "linear").one(t, squares(), floats(1, 1, 1, 2.5)), []int{1, 1, 1, 12}, must...)
	n := old("Upsample", 7, "linear")
	n.attributes["scales"] = []float32{1, 1, 1, 2.5}
	holds(t, "Upsample-7", n.one(t, squares()), []int{1, 1, 1, 12}, must...)
	n = old("Upsample", 9, "nearest")
	holds[float32](t, "Upsample nearest", n.one(t, squares(), floats(1, 1, 1, 2.5)), []int{1, 1, 1, 12}, 0, 0, 0, 1, 1, 4, 4, 4, 9, 9, 16, 16)
	n.version = 10
	n.refuses(t, []*value.Value{squares(), floats(1, 1, 1, 2.5)}, "removed from opset 10")
}

func TestResizeIntegers(t *testing.T) {
	u := tensor([]uint8{0, 10, 255, 3}, 1, 1, 1, 4)
	run := func(mode string) *value.Value {
		return testNode{op: "Resize", version: 13, attributes: map[string]any{"mode": mode}}.one(t, u, nil, nil, value.Ints(1, 1, 1, 7))
	}
	holds[uint8](t, "linear", run("linear"), []int{1, 1, 1, 7}, 0, 4, 9, 132, 237, 93, 3)
	holds[uint8](t, "cubic", run("cubic"), []int{1, 1, 1, 7}, 0, 0, 0, 157, 252, 104, 0)
}

func TestResizeCrop(t *testing.T) {
	a := map[string]any{"mode": "linear", "coordinate_transformation_mode": cropAndResize, "extrapolation_value": float32(-1)}
	n := testNode{op: "Resize", version: 11, attributes: a}
	roi := floats(0, 0, 0, 0.25, 1, 1, 1, 1.25)
	holds[float32](t, "crop", n.one(t, squares(), roi, floats(), value.Ints(1, 1, 1, 5)), []int{1, 1, 1, 5}, 1, 4, 9, 16, -1)
	n.refuses(t, []*value.Value{squares(), floats(), floats(), value.Ints(1, 1, 1, 5)}, "roi", "8 floats")
	n.version = 18
	a["axes"] = []int{-1}
	holds[float32](t, "axes", n.one(t, squares(), floats(0.25, 1.25), nil, value.Ints(5)), []int{1, 1, 1, 5}, 1, 4, 9, 16, -1)
}

func TestResizePolicy(t *testing.T) {
	x := ramp(1, 1, 2, 4)
	for policy, must := range map[string][2]int{"stretch": {7, 8}, "not_larger": {4, 8}, "not_smaller": {7, 14}} {
		n := testNode{op: "Resize", version: 18, attributes: map[string]any{"axes": []int{2, 3}, "keep_aspect_ratio_policy": policy}}
		if y := n.one(t, x, nil, nil, value.Ints(7, 8)); y.Shape[2] != must[0] || y.Shape[3] != must[1] {
			t.Errorf("%s: %s, must be %v", policy, y, must)
		}
	}
}

// TestResizeInfinity: an element that is taken as it is may be infinite.
func TestResizeInfinity(t *testing.T) {
	inf := float32(math.Inf(1))
	n := testNode{op: "Resize", version: 13, attributes: map[string]any{"mode": "linear", "coordinate_transformation_mode": alignCorners}}
	holds(t, "infinity", n.one(t, floats(1, inf, 3), nil, nil, value.Ints(5)), []int{5}, 1, inf, inf, inf, 3)
}

// TestResizeSeparable: two dimensions at once are one after the other.
func TestResizeSeparable(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 5))
	x := randomTensor(rng, format.Float, 2, 3, 7, 33)
	for _, mode := range []string{"linear", "cubic"} {
		n := testNode{op: "Resize", version: 18, attributes: map[string]any{"mode": mode, "antialias": 1}}
		both := n.one(t, x, nil, nil, value.Ints(2, 3, 11, 20))
		rows := n.one(t, x, nil, nil, value.Ints(2, 3, 11, 33))
		nearValue(t, mode, n.one(t, rows, nil, nil, value.Ints(2, 3, 11, 20)), both.Shape, randomNumbers(both), 1e-5)
	}
}

// TestResizeAgain: tables of one call are not those of another of other sizes.
func TestResizeAgain(t *testing.T) {
	n := testNode{op: "Resize", version: 13, attributes: map[string]any{"mode": "linear"}}
	x := squares()
	k, err := n.kernel(x, nil, nil, value.Ints(1, 1, 1, 8))
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []int64{8, 3, 3, 8} {
		in := []*value.Value{x, nil, nil, value.Ints(1, 1, 1, to)}
		y, err := runKernel(k, 1, in...)
		if err != nil {
			t.Fatal(err)
		}
		nearValue(t, fmt.Sprint(to), y[0], []int{1, 1, 1, int(to)}, randomNumbers(n.one(t, in...)), 0)
	}
}

func TestResizeRefuses(t *testing.T) {
	n := testNode{op: "Resize", version: 18}
	x := squares()
	n.refuses(t, []*value.Value{x}, "neither scales nor sizes")
	n.refuses(t, []*value.Value{x, nil, floats(1, 1, 1, 2), value.Ints(1, 1, 1, 2)}, "has scales and sizes")
	n.refuses(t, []*value.Value{x, nil, floats(1, 1, 2)}, "3 scales, must be 4")
	n.refuses(t, []*value.Value{x, nil, floats(1, 1, 1, 0)}, "greater than 0")
	n.refuses(t, []*value.Value{x, nil, floats(1, 1, 1, float32(math.NaN()))}, "greater than 0")
	n.refuses(t, []*value.Value{x, nil, nil, value.Ints(1, 1, 1, -2)}, "must not be negative")
	n.refuses(t, []*value.Value{ramp(1, 0), nil, nil, value.Ints(1, 3)}, "dimension 1 is empty")
	n.attributes = map[string]any{"axes": []int{4}}
	n.refuses(t, []*value.Value{x, nil, nil, value.Ints(3)}, "from -4 to 3")
	n.attributes = map[string]any{"axes": []int{3, -1}}
	n.refuses(t, []*value.Value{x, nil, nil, value.Ints(3, 3)}, "dimension 3 stands twice")
	n.attributes = map[string]any{"antialias": 1}
	n.refuses(t, []*value.Value{x, nil, nil, value.Ints(1, 1, 1, 3)}, "linear and cubic only")
	n.attributes = map[string]any{"mode": "linear"}
	n.refuses(t, []*value.Value{tensor([]int64{1, 2}, 2), nil, nil, value.Ints(3)}, "int64")
	n.attributes = map[string]any{"mode": "linear", "coordinate_transformation_mode": halfPixelSymmetric}
	n.refuses(t, []*value.Value{x, nil, nil, value.Ints(1, 1, 1, 3)}, halfPixelSymmetric)
}
