package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// TestGridSample: the values of ONNX Runtime. Pitfall 22 is the cubic filter with a border: each of its taps is brought back, and the place stays where it is.
func TestGridSample(t *testing.T) {
	grid := tensor([]float32{-1.4, 0, -0.6, 0, 0.1, 0, 0.9, 0, 1.7, 0}, 1, 1, 5, 2)
	for _, c := range []struct {
		mode, padding string
		corners       int
		must          []float32
	}{
		{"linear", "zeros", 0, []float32{0, 0.5, 5.25, 12, 0}},
		{"linear", "zeros", 1, []float32{0, 0.8, 5, 14.6, 0}},
		{"linear", "border", 0, []float32{0, 0.5, 5.25, 16, 16}},
		{"linear", "border", 1, []float32{0, 0.8, 5, 14.6, 16}},
		{"linear", "reflection", 0, []float32{0.5, 0.5, 5.25, 16, 7.75}},
		{"linear", "reflection", 1, []float32{0.8, 0.8, 5, 14.6, 7}},
		{"nearest", "zeros", 0, []float32{0, 0, 4, 16, 0}},
		{"nearest", "border", 1, []float32{0, 1, 4, 16, 16}},
		{"nearest", "reflection", 0, []float32{1, 0, 4, 16, 9}},
		{"cubic", "zeros", 0, []float32{0, 0.21875, 5.203125, 13.11328125, 0}},
		{"cubic", "zeros", 1, []float32{-0.024, 0.536, 5.000006, 16.424002, -1.728004}},
		{"cubic", "border", 0, []float32{0, 0.21875, 5.203125, 16.738281, 16}},
		{"cubic", "border", 1, []float32{-0.024, 0.536, 5.000006, 14.888002, 16}},
		{"cubic", "reflection", 0, []float32{0.21875, 0.21875, 5.203125, 16.984377, 7.234375}},
		{"cubic", "reflection", 1, []float32{0.512, 0.512, 5.000006, 15.560002, 6.519995}},
	} {
		a := map[string]any{"mode": c.mode, "padding_mode": c.padding, "align_corners": c.corners}
		what := fmt.Sprintf("%s %s %d", c.mode, c.padding, c.corners)
		holds(t, what, testNode{op: "GridSample", version: 20, attributes: a}.one(t, squares(), grid), []int{1, 1, 1, 5}, c.must...)
		a["mode"] = map[string]string{"linear": "bilinear", "nearest": "nearest", "cubic": "bicubic"}[c.mode]
		holds(t, what, testNode{op: "GridSample", version: 16, attributes: a}.one(t, squares(), grid), []int{1, 1, 1, 5}, c.must...)
	}
}

func TestGridSampleEdges(t *testing.T) {
	n := testNode{op: "GridSample", version: 20}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	grid := tensor([]float32{inf, 0, -inf, 0, nan, 0, 3e38, 0}, 1, 1, 4, 2)
	holds(t, "zeros", n.one(t, squares(), grid), []int{1, 1, 1, 4}, 0, 0, nan, 0)
	n.attributes = map[string]any{"padding_mode": "border"}
	holds(t, "border", n.one(t, squares(), grid), []int{1, 1, 1, 4}, 16, 0, nan, 16)
	n.attributes = map[string]any{"padding_mode": "reflection", "mode": "nearest"}
	y := n.one(t, tensor([]int8{1, 2, 3}, 1, 1, 1, 3), tensor([]float32{-0.9, 0, 0.9, 0, 1.6, 0}, 1, 1, 3, 2))
	holds[int8](t, "int8", y, []int{1, 1, 1, 3}, 1, 3, 3)
	n.refuses(t, []*value.Value{squares(), tensor(make([]float32, 10), 2, 1, 5, 1)}, "must be [1, places in 2 dimensions, 2]")
	n.refuses(t, []*value.Value{ramp(1, 1, 5), ramp(1, 5, 1)}, "4 or 5 dimensions")
	n.attributes = map[string]any{"mode": "bilinear"}
	n.refuses(t, []*value.Value{squares(), ramp(1, 1, 5, 2)}, "bilinear")
}

// TestAffineGrid: the identity takes every element from its own place.
func TestAffineGrid(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 6))
	for _, corners := range []int{0, 1} {
		a := map[string]any{"align_corners": corners}
		for _, c := range []struct {
			theta *value.Value
			shape []int
		}{
			{tensor([]float32{1, 0, 0, 0, 1, 0}, 1, 2, 3), []int{1, 2, 4, 5}},
			{tensor([]float32{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, 1, 3, 4), []int{1, 2, 3, 4, 5}},
		} {
			x := randomTensor(rng, format.Float, c.shape...)
			size := make([]int64, len(c.shape))
			for i, d := range c.shape {
				size[i] = int64(d)
			}
			grid := testNode{op: "AffineGrid", version: 20, attributes: a}.one(t, c.theta, value.Ints(size...))
			y := testNode{op: "GridSample", version: 20, attributes: a}.one(t, x, grid)
			nearValue(t, fmt.Sprint(c.shape, corners), y, c.shape, randomNumbers(x), 1e-5)
		}
	}
	n := testNode{op: "AffineGrid", version: 20}
	n.refuses(t, []*value.Value{ramp(1, 2, 3), value.Ints(1, 2, 3)}, "4 or 5 numbers")
	n.refuses(t, []*value.Value{ramp(2, 2, 3), value.Ints(1, 1, 2, 3)}, "[1 2 3]")
}

func TestRoiAlign(t *testing.T) {
	x := ramp(1, 1, 4, 4)
	rois := tensor([]float32{0, 0, 4, 4}, 1, 4)
	a := map[string]any{"output_height": 2, "output_width": 2, "sampling_ratio": 2}
	n := testNode{op: "RoiAlign", version: 16, attributes: a}
	holds[float32](t, "half_pixel", n.one(t, x, rois, value.Ints(0)), []int{1, 1, 2, 2}, 2.5, 4.5, 10.5, 12.5)
	n.version = 10 // without the shift of half an element; what lies beyond the last centre is the border
	holds[float32](t, "opset 10", n.one(t, x, rois, value.Ints(0)), []int{1, 1, 2, 2}, 5, 6.75, 12, 13.75)
	n.refuses(t, []*value.Value{x, rois, value.Ints(1)}, "index 1 at 0, there are 1 pictures")
	n.refuses(t, []*value.Value{x, rois, value.Ints(0, 0)}, "must be 1 integers")
	n.attributes = map[string]any{}
	n.refuses(t, []*value.Value{x, tensor([]float32{0, 0, 1e9, 4}, 1, 4), value.Ints(0)}, "more than 1024 samples")
	n.attributes = map[string]any{"sampling_ratio": -1}
	n.refuses(t, []*value.Value{x, rois, value.Ints(0)}, `"sampling_ratio" is -1`)
}

func TestMaxRoiPool(t *testing.T) {
	x := ramp(1, 1, 4, 6)
	n := testNode{op: "MaxRoiPool", version: 1, attributes: map[string]any{"pooled_shape": []int{2, 2}}}
	rois := tensor([]float32{0, 1, 0, 4, 2, 0, 5, 3, 9, 9}, 2, 5) // the second one lies outside but for one element
	holds[float32](t, "pooled", n.one(t, x, rois), []int{2, 1, 2, 2}, 8, 10, 14, 16, 23, 0, 0, 0)
	n.refuses(t, []*value.Value{x, tensor([]float32{1, 0, 0, 1, 1}, 1, 5)}, "picture 1, there are 1")
	n.refuses(t, []*value.Value{x, tensor([]float32{0, 0, 0, 1e20, 1}, 1, 5)}, "rectangle 0")
	n.attributes = nil
	n.refuses(t, []*value.Value{x, rois}, "pooled_shape")
}

// TestDeformConv: without offsets it is a convolution; an offset of one element and a mask do what they say.
func TestDeformConv(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 7))
	for i := range 60 {
		c := randomTestConv(rng)
		c.auto = padNotSet
		out, begin, ok := c.geometry()
		if !ok {
			continue
		}
		kind := []format.DataType{format.Float, format.Double}[i%2]
		dims, taps := len(out), volume(c.kernel)
		x := randomTensor(rng, kind, append([]int{c.n, c.in}, c.size...)...)
		w := randomTensor(rng, kind, append([]int{c.out, c.in / c.group}, c.kernel...)...)
		offset, err := value.New(kind, append([]int{c.n, taps * dims}, out...)...)
		if err != nil {
			t.Fatal(err)
		}
		mask := randomTensor(rng, kind, append([]int{c.n, taps}, out...)...)
		moved := rng.IntN(2) // along the last dimension
		for j := range offset.Len() {
			if j/volume(out)%dims == dims-1 {
				put(offset, j, float32(moved))
			}
		}
		begin[dims-1] -= moved
		must := make([]float64, c.n*c.out*volume(out))
		xs, ws, ms := randomNumbers(x), randomNumbers(w), randomNumbers(mask)
		c.each(out, begin, func(y, x, w int) {
			n, p := y/volume(out)/c.out, y%volume(out)
			must[y] += xs[x] * ws[w] * ms[(n*taps+w%taps)*volume(out)+p]
		})
		a := c.attributes()
		delete(a, "auto_pad")
		y := testNode{op: "DeformConv", version: 19, attributes: a}.one(t, x, w, offset, nil, mask)
		nearValue(t, fmt.Sprintf("%+v moved %d", c, moved), y, append([]int{c.n, c.out}, out...), must, 1e-4)
	}
	half := tensor([]float32{0.5, 0.5}, 1, 2, 1, 1) // in the middle of four elements
	n := testNode{op: "DeformConv", version: 19}
	holds[float32](t, "half", n.one(t, ramp(1, 1, 1, 1), tensor([]float32{8}, 1, 1, 1, 1), half), []int{1, 1, 1, 1}, 0)
	holds[float32](t, "half", n.one(t, tensor([]float32{4}, 1, 1, 1, 1), tensor([]float32{8}, 1, 1, 1, 1), half, floats(1)), []int{1, 1, 1, 1}, 9)
	n.refuses(t, []*value.Value{ramp(1, 1, 1, 1), ramp(1, 1, 1, 1), ramp(1, 1, 1, 1)}, "offsets", "[1 2 1 1]")
	n.attributes = map[string]any{"offset_group": 2}
	n.refuses(t, []*value.Value{ramp(1, 1, 1, 1), ramp(1, 1, 1, 1), ramp(1, 4, 1, 1)}, "offset_group")
}
