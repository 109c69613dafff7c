package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// TestPools compares poolings with their definition, and indices with both orders.
func TestPools(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 3))
	for i := range 400 {
		c := randomTestConv(rng)
		c.group, c.out = c.in, c.in
		ceil := rng.IntN(2)
		for a := range c.size { // a window that lies outside has no greatest element
			c.pad[a], c.pad[len(c.size)+a] = min(c.pad[a], c.kernel[a]/2), min(c.pad[len(c.size)+a], c.kernel[a]/2)
		}
		if i%3 == 0 {
			c.dilation = make([]int, len(c.size))
			fillWith(c.dilation, 1)
		}
		out, begin, ok := c.geometry()
		if !ok {
			continue
		}
		end := make([]int, len(out)) // of the padded input, from its first element on
		for a := range out {
			span := c.dilation[a]*(c.kernel[a]-1) + 1
			end[a] = c.size[a] + c.pad[len(out)+a]
			switch c.auto {
			case padValid:
				end[a] = c.size[a]
			case padSameUpper, padSameLower:
				end[a] = max(c.size[a], (out[a]-1)*c.stride[a]+span-begin[a])
			}
			if ceil == 1 && c.auto != padSameUpper && c.auto != padSameLower && (end[a]+begin[a]-span)%c.stride[a] != 0 && out[a]*c.stride[a] < c.size[a]+begin[a] {
				out[a]++
			}
		}
		kind := []format.DataType{format.Float, format.Double, format.Int8, format.Uint8}[rng.IntN(4)]
		x := randomTensor(rng, kind, append([]int{c.n, c.in}, c.size...)...)
		if kind == format.Int8 || kind == format.Uint8 {
			for j := range x.Len() {
				put(x, j, float32(rng.IntN(300)-100))
			}
		}
		n := c.n * c.in * volume(out)
		greatest, index, columns := make([]float64, n), make([]float64, n), make([]float64, n)
		sum, squares, inside, padded := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		fillWith(greatest, map[format.DataType]float64{format.Int8: math.MinInt8, format.Uint8: 0}[kind])
		if kind == format.Float || kind == format.Double {
			fillWith(greatest, math.Inf(-1))
		}
		fillWith(index, -1)
		fillWith(columns, -1)
		xs := randomNumbers(x)
		c.each(out, begin, func(y, x, _ int) {
			sum[y] += xs[x]
			squares[y] += xs[x] * xs[x]
			inside[y]++
			if index[y] < 0 || xs[x] > greatest[y] {
				greatest[y], index[y] = xs[x], float64(x)
				plane := volume(c.size)
				at := digits(x%plane, c.size)
				place, stride := 0, 1
				for a, d := range at {
					place += d * stride
					stride *= c.size[a]
				}
				columns[y] = float64(x/plane*plane + place)
			}
		})
		for y := range n {
			padded[y] = 1
			for a, o := range digits(y%volume(out), out) {
				count := 0
				for k := range c.kernel[a] {
					if o*c.stride[a]-begin[a]+k*c.dilation[a] < end[a] {
						count++
					}
				}
				padded[y] *= float64(count)
			}
		}
		what := fmt.Sprintf("%s %+v ceil %d", kind, c, ceil)
		shape := append([]int{c.n, c.in}, out...)
		a := c.attributes()
		delete(a, "group")
		a["ceil_mode"] = ceil
		run := func(op string, version, outputs int, more map[string]any) []*value.Value {
			t.Helper()
			all := map[string]any{}
			for _, m := range []map[string]any{a, more} {
				for k, v := range m {
					all[k] = v
				}
			}
			y, err := testNode{op: op, version: version, attributes: all, outputs: outputs}.run(x)
			if err != nil {
				t.Fatalf("%s %s: %v", op, what, err)
			}
			return y
		}
		nearValue(t, "MaxPool "+what, run("MaxPool", 12, 1, nil)[0], shape, greatest, 0)
		for order, must := range [][]float64{index, columns} {
			y := run("MaxPool", 12, 2, map[string]any{"storage_order": order})
			nearValue(t, "MaxPool "+what, y[0], shape, greatest, 0)
			nearValue(t, fmt.Sprintf("indices, order %d, %s", order, what), y[1], shape, must, 0)
		}
		if kind != format.Float && kind != format.Double {
			continue
		}
		for y := range n {
			squares[y] = math.Sqrt(squares[y])
			inside[y], padded[y] = sum[y]/inside[y], sum[y]/padded[y]
		}
		nearValue(t, "AveragePool "+what, run("AveragePool", 19, 1, nil)[0], shape, inside, 1e-5)
		nearValue(t, "AveragePool with padding "+what, run("AveragePool", 19, 1, map[string]any{"count_include_pad": 1})[0], shape, padded, 1e-5)
		nearValue(t, "LpPool "+what, run("LpPool", 18, 1, nil)[0], shape, squares, 1e-5)
	}
}

// TestCeilMode is pitfall 18: a window that would begin in the padding behind the input is left out.
func TestCeilMode(t *testing.T) {
	x := ramp(1, 1, 4)
	a := map[string]any{"kernel_shape": []int{2}, "strides": []int{3}, "pads": []int{1, 1}, "ceil_mode": 1}
	holds[float32](t, "MaxPool", testNode{op: "MaxPool", version: 12, attributes: a}.one(t, x), []int{1, 1, 2}, 0, 3)
	a["kernel_shape"], a["strides"], a["pads"] = []int{1}, []int{2}, []int{0, 2} // windows at 0, 2, 4: the last one is all padding
	holds[float32](t, "MaxPool", testNode{op: "MaxPool", version: 12, attributes: a}.one(t, x), []int{1, 1, 3}, 0, 2, float32(math.Inf(-1)))
	a["kernel_shape"], a["strides"], a["pads"] = []int{2}, []int{2}, []int{0, 1}
	holds[float32](t, "MaxPool", testNode{op: "MaxPool", version: 12, attributes: a}.one(t, x), []int{1, 1, 2}, 1, 3)
	holds[float32](t, "AveragePool", testNode{op: "AveragePool", version: 19, attributes: a}.one(t, x), []int{1, 1, 2}, 0.5, 2.5)
}

// TestCountIncludePad is pitfall 19: what is averaged is what the window and the padded input have in common.
func TestCountIncludePad(t *testing.T) {
	x := ramp(1, 1, 5)
	for _, version := range []int{10, 19} {
		n := testNode{op: "AveragePool", version: version, attributes: map[string]any{
			"kernel_shape": []int{3}, "strides": []int{3}, "pads": []int{1, 0}, "ceil_mode": 1, "count_include_pad": 1,
		}}
		holds[float32](t, "ceil", n.one(t, ramp(1, 1, 6)), []int{1, 1, 3}, 1./3, 3, 5)
		holds[float32](t, "whole", n.one(t, x), []int{1, 1, 2}, 1./3, 3)
	}
	n := testNode{op: "AveragePool", version: 19, attributes: map[string]any{
		"kernel_shape": []int{2}, "dilations": []int{2}, "pads": []int{2, 2}, "count_include_pad": 0,
	}}
	holds[float32](t, "dilations", n.one(t, x), []int{1, 1, 7}, 0, 1, 1, 2, 3, 3, 4)
	n.version = 11
	n.refuses(t, []*value.Value{x}, `"dilations" is not known`)
}

func TestGlobalPools(t *testing.T) {
	x := tensor([]float32{1, -2, 3, -4, 5, 6, 7, 8, -1, -1, -1, -5}, 1, 3, 2, 2)
	run := func(op string, a map[string]any) *value.Value {
		return testNode{op: op, version: 2, attributes: a}.one(t, x)
	}
	holds[float32](t, "average", run("GlobalAveragePool", nil), []int{1, 3, 1, 1}, -0.5, 6.5, -2)
	holds[float32](t, "greatest", run("GlobalMaxPool", nil), []int{1, 3, 1, 1}, 3, 8, -1)
	holds[float32](t, "norm", run("GlobalLpPool", map[string]any{"p": 1}), []int{1, 3, 1, 1}, 10, 26, 8)
	testNode{op: "GlobalAveragePool", version: 1}.refuses(t, []*value.Value{floats(1)}, "at least 2 dimensions")
	testNode{op: "GlobalMaxPool", version: 1}.refuses(t, []*value.Value{ramp(1, 2, 0)}, "nothing to pool")
}

func TestPoolRefuses(t *testing.T) {
	x := ramp(1, 1, 4, 4)
	pool := func(op string, a map[string]any) testNode { return testNode{op: op, version: 12, attributes: a} }
	pool("MaxPool", nil).refuses(t, []*value.Value{x}, "kernel_shape", "missing")
	pool("MaxPool", map[string]any{"kernel_shape": []int{2}}).refuses(t, []*value.Value{x}, "kernel [2] has 1 dimensions, must have 2")
	pool("MaxPool", map[string]any{"kernel_shape": []int{5, 5}}).refuses(t, []*value.Value{x}, "spans 5", "has 4")
	pool("AveragePool", map[string]any{"kernel_shape": []int{2, 2}}).refuses(t, []*value.Value{tensor(make([]uint8, 16), 1, 1, 4, 4)}, "uint8")
	pool("LpPool", map[string]any{"kernel_shape": []int{2, 2}, "p": 0}).refuses(t, []*value.Value{x}, `"p" is 0`)
	pool("MaxPool", map[string]any{"kernel_shape": []int{2, 2}, "ceil_mode": 2}).refuses(t, []*value.Value{x}, "must be 0 or 1")
}

func TestMaxPoolNaN(t *testing.T) {
	nan := float32(math.NaN())
	x := tensor([]float32{1, nan, 2, 3, 4, 5, 6, 7, 8}, 1, 1, 9)
	for _, ceil := range []int{0, 1} { // by either way
		y := testNode{op: "MaxPool", version: 12, attributes: map[string]any{"kernel_shape": []int{3}, "strides": []int{3}, "ceil_mode": ceil}}.one(t, x)
		holds(t, "NaN", y, []int{1, 1, 3}, nan, 5, 8)
	}
}

func TestMaxUnpool(t *testing.T) {
	x, indices := tensor([]float32{1, 2, 3, 4}, 1, 1, 2, 2), tensor([]int64{5, 7, 13, 15}, 1, 1, 2, 2)
	n := testNode{op: "MaxUnpool", version: 11, attributes: map[string]any{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}}
	holds[float32](t, "plain", n.one(t, x, indices), []int{1, 1, 4, 4}, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4)
	y := n.one(t, x, indices, value.Ints(1, 1, 5, 5))
	holds[float32](t, "larger", y, []int{1, 1, 5, 5}, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0)
	n.refuses(t, []*value.Value{x, tensor([]int64{5, 7, 13, 16}, 1, 1, 2, 2)}, "index 16 of element 3")
	n.refuses(t, []*value.Value{x, tensor([]int64{5, -1, 13, 15}, 1, 1, 2, 2)}, "index -1")
	n.refuses(t, []*value.Value{x, indices, value.Ints(1, 1, 3, 3)}, "beyond the result")
	n.refuses(t, []*value.Value{x, tensor([]int64{5}, 1, 1, 1, 1)}, "in the shape of the input")
}

func TestCol2Im(t *testing.T) {
	x := tensor([]float32{1, 2, 3, 4, 10, 20, 30, 40}, 1, 2, 4) // windows of 2 along 5 elements
	n := testNode{op: "Col2Im", version: 18}
	holds[float32](t, "fold", n.one(t, x, value.Ints(5), value.Ints(2)), []int{1, 1, 5}, 1, 12, 23, 34, 40)
	n.refuses(t, []*value.Value{x, value.Ints(6), value.Ints(2)}, "must be [N, C·2, 5]")
	n.refuses(t, []*value.Value{x, value.Ints(5), value.Ints(0)}, "at least 1")
	n.refuses(t, []*value.Value{x, value.Ints(5, 5), value.Ints(2)}, "kernel [2] has 1 dimensions")
}
