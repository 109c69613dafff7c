package op

import (
	"fmt"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

func single[T value.Element](x T) *value.Value { return tensor([]T{x}) }

// Half-way cases go to the even neighbour, then the zero point is added, then the result saturates.
func TestQuantizeLinearRoundsHalfToEven(t *testing.T) {
	x := floats(-3, -1, 0, 1, 3, 5, 1000, -1000)
	for _, version := range []int{10, 13, 19, 21, 23} {
		n := testNode{op: "QuantizeLinear", version: version}
		holds(t, "uint8", n.one(t, x, single[float32](2), single[uint8](1)), []int{8}, uint8(0), 1, 1, 1, 3, 3, 255, 0)
		holds(t, "int8", n.one(t, x, single[float32](2), single[int8](1)), []int{8}, int8(-1), 1, 1, 1, 3, 3, 127, -128)
		holds(t, "without a zero point", n.one(t, x, single[float32](2)), []int{8}, uint8(0), 0, 0, 0, 2, 2, 255, 0)
	}
	nan := float32(math.NaN())
	n := testNode{op: "QuantizeLinear", version: 13}
	holds(t, "what is no number", n.one(t, floats(nan, float32(math.Inf(1)), float32(math.Inf(-1))), single[float32](1), single[int8](3)), []int{3}, int8(-128), 127, -128)
	holds(t, "of int32", n.one(t, tensor([]int32{7, -3}, 2), single[float32](2)), []int{2}, uint8(4), 0)
}

func TestQuantizeLinearAxisAndBlocks(t *testing.T) {
	x := tensor([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 3, 2)
	n := func(axis, block int) testNode {
		return testNode{op: "QuantizeLinear", version: 21, attributes: map[string]any{"axis": axis, "block_size": block}}
	}
	holds(t, "axis 1", n(1, 0).one(t, x, floats(1, 2, 0.5), tensor([]int8{0, 1, -1}, 3)), x.Shape, int8(1), 2, 3, 3, 9, 11, 7, 8, 5, 6, 21, 23)
	holds(t, "axis -1", n(-1, 0).one(t, x, floats(1, 2), tensor([]int8{0, 1}, 2)), x.Shape, int8(1), 2, 3, 3, 5, 4, 7, 5, 9, 6, 11, 7)
	holds(t, "blocks along axis 1", n(1, 2).one(t, x, tensor([]float32{1, 2, 1, 1, 0.5, 1, 1, 2}, 2, 2, 2)), x.Shape, uint8(1), 1, 3, 2, 5, 6, 14, 8, 18, 10, 11, 6)
	y := n(1, 2).one(t, tensor([]float32{1, 2, 3, 4, 5}, 1, 5), tensor([]float32{1, 0.5, 0.25}, 1, 3))
	holds(t, "blocks along the last axis", y, []int{1, 5}, uint8(1), 2, 6, 8, 20)
	n(1, 2).refuses(t, []*value.Value{x, tensor([]float32{1, 2, 3, 4}, 2, 1, 2)}, "scale is float[2,1,2]", "[2 2 2]", "blocks of 2")
	n(1, 0).refuses(t, []*value.Value{x, floats(1, 2)}, "scale is float[2]", "[3]")
	n(3, 0).refuses(t, []*value.Value{x, floats(1, 2)}, "axis is 3")
	n(1, -1).refuses(t, []*value.Value{x, floats(1, 2, 3)}, `"block_size" is -1`)
}

func TestQuantizeLinearTypes(t *testing.T) {
	x := floats(-1e6, -3, 2.5, 1e6)
	for kind, want := range map[format.DataType][4]float64{
		format.Uint16: {0, 0, 2, 65535}, format.Int16: {-32768, -3, 2, 32767}, format.Uint4: {0, 0, 2, 15}, format.Int4: {-8, -3, 2, 7},
		format.Uint2: {0, 0, 2, 3}, format.Int2: {-2, -2, 1, 1}, format.Float8E4M3FN: {-448, -3, 2.5, 448}, format.Float8E5M2: {-57344, -3, 2.5, 57344},
		format.Float4E2M1: {-6, -3, 2, 6},
	} {
		y := testNode{op: "QuantizeLinear", version: 25, attributes: map[string]any{"output_dtype": int(kind)}}.one(t, x, single[float32](1))
		if y.Kind != kind {
			t.Errorf("output_dtype %s gives %s", kind, y)
			continue
		}
		back := testNode{op: "DequantizeLinear", version: 25}.one(t, y, single[float32](1))
		within(t, kind.String(), back, []int{4}, want[:], 0)
	}
	n := testNode{op: "QuantizeLinear", version: 19, attributes: map[string]any{"saturate": 0}}
	if y := value.Data[float32](n.one(t, x, single[float32](1), as(format.Float8E5M2, single[float32](0)))); !math.IsInf(float64(y[3]), 1) {
		t.Errorf("without saturation float8e5m2 of 1e6 is %v, must be infinite", y[3])
	}
	testNode{op: "QuantizeLinear", version: 21, attributes: map[string]any{"output_dtype": int(format.Int8)}}.refuses(t, []*value.Value{x, single[float32](1), single[uint8](0)}, "zero point is uint8[]", "int8")
	testNode{op: "QuantizeLinear", version: 21, attributes: map[string]any{"output_dtype": int(format.Float)}}.refuses(t, []*value.Value{x, single[float32](1)}, "cannot quantize to float")
}

func TestDequantizeLinear(t *testing.T) {
	n := testNode{op: "DequantizeLinear", version: 13}
	holds(t, "uint8", n.one(t, tensor([]uint8{0, 128, 255}, 3), single[float32](0.5), single[uint8](128)), []int{3}, float32(-64), 0, 63.5)
	holds(t, "int32", n.one(t, tensor([]int32{-5, 70000}, 2), single[float32](0.5)), []int{2}, float32(-2.5), 35000)
	x := tensor([]int8{1, 2, 3, 4, 5, 6}, 3, 2)
	n.attributes = map[string]any{"axis": 0}
	holds(t, "axis 0", n.one(t, x, floats(1, 2, 3), tensor([]int8{1, 0, -1}, 3)), x.Shape, float32(0), 1, 6, 8, 18, 21)
	blocks := testNode{op: "DequantizeLinear", version: 21, attributes: map[string]any{"axis": 0, "block_size": 2}}
	holds(t, "blocks", blocks.one(t, x, tensor([]float32{1, 10, 100, 1000}, 2, 2), tensor([]int8{0, 1, 2, 3}, 2, 2)), x.Shape, float32(1), 10, 3, 30, 300, 3000)
	half := testNode{op: "DequantizeLinear", version: 19}.one(t, tensor([]int8{3}, 1), as(format.Float16, single[float32](0.1)))
	if half.Kind != format.Float16 {
		t.Errorf("a scale of float16 gives %s", half)
	}
	n.refuses(t, []*value.Value{x, floats(1, 2, 3), tensor([]uint8{0, 0, 0}, 3)}, "zero point is uint8[3]", "int8[3]")
	n.refuses(t, []*value.Value{ramp(3, 2), floats(1, 2, 3)}, "not for tensors of float")
}

func TestDynamicQuantizeLinear(t *testing.T) {
	n := testNode{op: "DynamicQuantizeLinear", version: 11, outputs: 3}
	out, err := n.run(floats(-1, 0, 1.5, 4.1))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "y", out[0], []int{4}, uint8(0), 50, 125, 255)
	holds(t, "scale", out[1], nil, float32(0.02))
	holds(t, "zero point", out[2], nil, uint8(50))
	if out, err = n.run(floats(0, 0)); err != nil {
		t.Fatal(err)
	}
	holds(t, "zeros", out[0], []int{2}, uint8(0), 0)
	n.refuses(t, []*value.Value{floats(float32(math.NaN()), 1)}, "NaN")
}

// bytesOf draws a tensor of bytes.
func bytesOf[Q uint8 | int8](seed uint64, shape ...int) *value.Value {
	x := value.Data[float32](normals(seed, shape...))
	y := make([]Q, len(x))
	for i, e := range x {
		y[i] = Q(int(e * 1000))
	}
	return tensor(y, shape...)
}

// byteAt is an element of a tensor of bytes, or its only one.
func byteAt(v *value.Value, i int) int {
	if v.Memory() == value.U8 {
		return int(value.Data[uint8](v)[i%v.Len()])
	}
	return int(value.Data[int8](v)[i%v.Len()])
}

func TestMatMulInteger(t *testing.T) {
	type operand func(seed uint64, shape ...int) *value.Value
	for name, kinds := range map[string][2]operand{
		"uint8·uint8": {bytesOf[uint8], bytesOf[uint8]}, "uint8·int8": {bytesOf[uint8], bytesOf[int8]},
		"int8·uint8": {bytesOf[int8], bytesOf[uint8]}, "int8·int8": {bytesOf[int8], bytesOf[int8]},
	} {
		for _, s := range [][3]int{{1, 1, 1}, {2, 3, 257}, {5, 7, 258}, {4, 33, 259}, {17, 9, 1100}} {
			for _, each := range []bool{false, true} {
				m, n, k := s[0], s[1], s[2]
				a, b := kinds[0](1, 2, m, k), kinds[1](2, k, n)
				za, zb := kinds[0](3), kinds[1](4)
				if each {
					za, zb = kinds[0](3, m), kinds[1](4, n)
				}
				want := make([]int32, 2*m*n)
				for i := range want {
					row, col := i/n, i%n
					for j := range k {
						want[i] += int32((byteAt(a, row*k+j) - byteAt(za, row)) * (byteAt(b, j*n+col) - byteAt(zb, col)))
					}
				}
				node := testNode{op: "MatMulInteger", version: 10, constant: each}
				if each {
					node.constant = true
				} else {
					za.Shape, zb.Shape = nil, nil
				}
				holds(t, fmt.Sprint(name, s), node.one(t, a, b, za, zb), []int{2, m, n}, want...)
			}
		}
	}
}

// The least and greatest bytes must not overflow what the product is computed in.
func TestMatMulIntegerExtremes(t *testing.T) {
	const k = 1000
	a, b := make([]uint8, k), make([]uint8, k)
	for i := range a {
		a[i], b[i] = 255, 255
	}
	n := testNode{op: "MatMulInteger", version: 10}
	holds(t, "vectors", n.one(t, tensor(a, k), tensor(b, k)), nil, int32(255*255*k))
	holds(t, "rows", n.one(t, tensor(append(a, a...), 2, k), tensor(b, k, 1), single[uint8](0), single[uint8](255)), []int{2, 1}, int32(0), 0)
	n.refuses(t, []*value.Value{tensor(a, k), tensor(b[:5], 5)}, "inner dimensions 1000 and 5")
	n.refuses(t, []*value.Value{tensor(a, k), tensor(b, k), tensor([]int8{1}, 1)}, "zero point of A is int8[1]", "uint8")
	n.refuses(t, []*value.Value{ramp(2, 2), tensor(b[:4], 2, 2)}, "float[2,2]", "int8 or uint8")
}

func TestQLinearMatMul(t *testing.T) {
	a, b := tensor([]uint8{1, 2, 3, 4}, 2, 2), tensor([]int8{1, 0, 0, 1}, 2, 2)
	in := []*value.Value{a, floats(1, 2), tensor([]uint8{0, 1}, 2), b, floats(0.5, 0.25), tensor([]int8{0, 0}, 2), single[float32](1), single[uint8](10)}
	holds(t, "by rows and columns", testNode{op: "QLinearMatMul", version: 21}.one(t, in...), []int{2, 2}, uint8(10), 10, 12, 12)
	in[6] = floats(1, 2)
	testNode{op: "QLinearMatMul", version: 10}.refuses(t, in, "scale and zero point of the result", "one element")
}

func TestConvInteger(t *testing.T) {
	for _, c := range []struct {
		size, kernel []int
		attributes   map[string]any
		group        int
		begin, end   []int // the padding that follows
	}{
		{[]int{7}, []int{3}, nil, 1, []int{0}, []int{0}},
		{[]int{6, 9}, []int{3, 2}, map[string]any{"pads": []int{1, 0, 2, 1}, "strides": []int{2, 1}}, 1, []int{1, 0}, []int{2, 1}},
		{[]int{9, 8}, []int{3, 3}, map[string]any{"dilations": []int{2, 3}, "pads": []int{2, 2, 2, 2}}, 2, []int{2, 2}, []int{2, 2}},
		{[]int{8, 8}, []int{3, 3}, map[string]any{"auto_pad": "SAME_UPPER", "strides": []int{2, 2}}, 6, []int{0, 0}, []int{1, 1}},
		{[]int{8, 8}, []int{3, 3}, map[string]any{"auto_pad": "SAME_LOWER", "strides": []int{2, 2}}, 1, []int{1, 1}, []int{0, 0}},
		{[]int{3, 4, 5}, []int{2, 2, 2}, map[string]any{"pads": []int{1, 0, 0, 0, 1, 1}}, 3, []int{1, 0, 0}, []int{0, 1, 1}},
	} {
		const batch, in, out = 2, 6, 12
		rank := len(c.size)
		stride, dilation := orOnes(nil, rank), orOnes(nil, rank)
		attributes := map[string]any{"group": c.group}
		for k, v := range c.attributes {
			attributes[k] = v
			switch k {
			case "strides":
				stride = v.([]int)
			case "dilations":
				dilation = v.([]int)
			}
		}
		x, w := bytesOf[uint8](1, append([]int{batch, in}, c.size...)...), bytesOf[int8](2, append([]int{out, in / c.group}, c.kernel...)...)
		xz, wz := single[uint8](77), bytesOf[int8](3, out)
		shape := []int{batch, out}
		for i := range c.size {
			shape = append(shape, (c.size[i]+c.begin[i]+c.end[i]-dilation[i]*(c.kernel[i]-1)-1)/stride[i]+1)
		}
		want := make([]int32, volume(shape))
		plane, taps := volume(shape[2:]), volume(c.kernel)
		for i := range want {
			b, o, p := i/plane/out, i/plane%out, i%plane
			for ch := range in / c.group {
				for tap := range taps {
					at, inside, rest, r, step := 0, true, p, tap, 1
					for d := rank - 1; d >= 0; d-- {
						pos := rest%shape[2+d]*stride[d] + r%c.kernel[d]*dilation[d] - c.begin[d]
						rest, r = rest/shape[2+d], r/c.kernel[d]
						inside = inside && pos >= 0 && pos < c.size[d]
						at += pos * step
						step *= c.size[d]
					}
					if inside {
						g := o / (out / c.group)
						xv := byteAt(x, ((b*in+g*in/c.group+ch)*volume(c.size))+at) - 77
						want[i] += int32(xv * (byteAt(w, (o*in/c.group+ch)*taps+tap) - byteAt(wz, o)))
					}
				}
			}
		}
		for _, constant := range []bool{false, true} {
			n := testNode{op: "ConvInteger", version: 10, attributes: attributes, constant: constant}
			holds(t, fmt.Sprint(c.size, attributes), n.one(t, x, w, xz, wz), shape, want...)
		}
	}
}

// More terms than one exact stretch has, and more outputs than one tile.
func TestConvIntegerLarge(t *testing.T) {
	const in, out, h, w = 33, 3, 70, 80
	x, k := bytesOf[uint8](1, 1, in, h, w), bytesOf[int8](2, out, in, 3, 3)
	y := value.Data[int32](testNode{op: "ConvInteger", version: 10}.one(t, x, k, single[uint8](128)))
	for _, i := range []int{0, 77, 78, 4095, 4096, 5303, 5304, len(y) - 1} {
		o, r, c := i/(68*78), i%(68*78)/78, i%78
		sum := 0
		for ch := range in {
			for t := range 9 {
				sum += (byteAt(x, (ch*h+r+t/3)*w+c+t%3) - 128) * byteAt(k, (o*in+ch)*9+t)
			}
		}
		if int(y[i]) != sum {
			t.Errorf("element %d is %d, must be %d", i, y[i], sum)
		}
	}
}

func TestQLinearConv(t *testing.T) {
	x, w := tensor([]uint8{1, 2, 3}, 1, 1, 3), tensor([]int8{1, 1, 2, -2}, 2, 1, 2)
	in := []*value.Value{
		x, single[float32](0.5), single[uint8](1), w, floats(1, 2), tensor([]int8{0, 0}, 2), single[float32](0.5), single[uint8](100), tensor([]int32{3, -3}, 2),
	}
	n := testNode{op: "QLinearConv", version: 10}
	holds(t, "per channel", n.one(t, in...), []int{1, 2, 2}, uint8(104), 106, 90, 90)
	in[8] = ramp(2)
	n.refuses(t, in, "bias is float[2]", "int32[2]")
	in[8], in[3] = nil, tensor([]int8{1, 1, 2, -2}, 2, 2, 1)
	n.refuses(t, in, "do not fit the 1 channels")
	in[3] = tensor([]int8{1, 1, 2, 2}, 1, 1, 4)
	in[4], in[5] = floats(1), tensor([]int8{0}, 1)
	n.refuses(t, in, "window of 4 elements")
}

// Weights that never change are arranged once, which later runs over other inputs must not notice.
func TestConvIntegerAgain(t *testing.T) {
	w := bytesOf[int8](2, 4, 40, 3, 3)
	n := testNode{op: "ConvInteger", version: 10, constant: true}
	k, err := n.kernel(bytesOf[uint8](1, 1, 40, 9, 9), w)
	if err != nil {
		t.Fatal(err)
	}
	for seed, shape := range [][]int{{1, 40, 9, 9}, {2, 40, 7, 12}, {1, 40, 3, 3}} {
		x := bytesOf[uint8](uint64(seed), shape...)
		got, err := runKernel(k, 1, x, w)
		if err != nil {
			t.Fatal(err)
		}
		want := testNode{op: "ConvInteger", version: 10}.one(t, x, w)
		holds(t, fmt.Sprint(shape), got[0], want.Shape, value.Data[int32](want)...)
	}
}

// A kernel of more taps than one exact stretch has, all of the extreme numbers.
func TestConvIntegerOfManyTaps(t *testing.T) {
	ones := make([]uint8, 20*20)
	for i := range ones {
		ones[i] = 255
	}
	y := testNode{op: "ConvInteger", version: 10}.one(t, tensor(ones, 1, 1, 20, 20), tensor(ones[:17*18], 1, 1, 17, 18))
	want := make([]int32, 4*3)
	for i := range want {
		want[i] = 255 * 255 * 17 * 18
	}
	holds(t, "17×18 taps", y, []int{1, 1, 4, 3}, want...)
}
