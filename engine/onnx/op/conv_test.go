package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// testConv is a random convolution, in one to three dimensions of space.
type testConv struct {
	n, in, out, group                   int
	size, kernel, stride, dilation, pad []int
	auto                                string
	bias                                bool
}

func randomTestConv(rng *rand.Rand) testConv {
	c := testConv{n: 1 + rng.IntN(2), group: 1, auto: padNotSet, bias: rng.IntN(2) == 0}
	dims := 1 + rng.IntN(3)
	c.in, c.out = 1+rng.IntN(5), 1+rng.IntN(5)
	switch rng.IntN(3) {
	case 0: // depthwise, one or two results a channel
		c.group = 2 + rng.IntN(4)
		c.in, c.out = c.group, c.group*(1+rng.IntN(2))
	case 1:
		c.group = 1 + rng.IntN(3)
		c.in, c.out = c.in*c.group, c.out*c.group
	}
	for range dims {
		c.size = append(c.size, 1+rng.IntN(40/(dims*dims)))
		c.kernel = append(c.kernel, 1+rng.IntN(4))
		c.stride = append(c.stride, 1+rng.IntN(3))
		c.dilation = append(c.dilation, 1+rng.IntN(2))
	}
	for range 2 * dims {
		c.pad = append(c.pad, rng.IntN(4))
	}
	if rng.IntN(3) == 0 {
		c.auto = []string{padValid, padSameUpper, padSameLower}[rng.IntN(3)]
	}
	return c
}

func (c testConv) attributes() map[string]any {
	a := map[string]any{"group": c.group, "strides": c.stride, "dilations": c.dilation, "auto_pad": c.auto, "kernel_shape": c.kernel}
	if c.auto == padNotSet {
		a["pads"] = c.pad
	}
	return a
}

// geometry gives the sizes of the result and the padding in front; ok is false where the kernel does not fit.
func (c testConv) geometry() (out, begin []int, ok bool) {
	dims := len(c.size)
	for i := range dims {
		span := c.dilation[i]*(c.kernel[i]-1) + 1
		b, e := c.pad[i], c.pad[dims+i]
		switch c.auto {
		case padValid:
			b, e = 0, 0
		case padSameUpper, padSameLower:
			n := (c.size[i] + c.stride[i] - 1) / c.stride[i]
			total := max(0, (n-1)*c.stride[i]+span-c.size[i])
			b, e = total/2, total-total/2
			if c.auto == padSameLower {
				b, e = e, b
			}
		}
		if c.size[i]+b+e < span {
			return nil, nil, false
		}
		out = append(out, (c.size[i]+b+e-span)/c.stride[i]+1)
		begin = append(begin, b)
	}
	return out, begin, true
}

// index gives the digits of i in a shape.
func digits(i int, shape []int) []int {
	d := make([]int, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		d[k], i = i%shape[k], i/shape[k]
	}
	return d
}

func flatIndex(digits, shape []int) int {
	n := 0
	for k, d := range digits {
		n = n*shape[k] + d
	}
	return n
}

// each calls f for every product of the convolution, with places in y, x and w.
func (c testConv) each(out, begin []int, f func(y, x, w int)) {
	perIn, perOut := c.in/c.group, c.out/c.group
	for y := range c.n * c.out * volume(out) {
		p := digits(y%volume(out), out)
		n, o := y/volume(out)/c.out, y/volume(out)%c.out
		for tap := range perIn * volume(c.kernel) {
			at := make([]int, len(p))
			inside := true
			for i, k := range digits(tap%volume(c.kernel), c.kernel) {
				at[i] = p[i]*c.stride[i] + k*c.dilation[i] - begin[i]
				inside = inside && at[i] >= 0 && at[i] < c.size[i]
			}
			if inside {
				ch := o/perOut*perIn + tap/volume(c.kernel)
				f(y, (n*c.in+ch)*volume(c.size)+flatIndex(at, c.size), o*perIn*volume(c.kernel)+tap)
			}
		}
	}
}

func randomTensor(rng *rand.Rand, kind format.DataType, shape ...int) *value.Value {
	v, err := value.New(kind, shape...)
	if err != nil {
		panic(err)
	}
	for i := range v.Len() {
		put(v, i, float32(rng.NormFloat64()))
	}
	return v
}

// numbers gives the elements as float64.
func randomNumbers(v *value.Value) []float64 {
	x := make([]float64, v.Len())
	for i := range x {
		switch v.Memory() {
		case value.F32:
			x[i] = float64(value.Data[float32](v)[i])
		case value.F64:
			x[i] = value.Data[float64](v)[i]
		case value.I8:
			x[i] = float64(value.Data[int8](v)[i])
		case value.U8:
			x[i] = float64(value.Data[uint8](v)[i])
		case value.I64:
			x[i] = float64(value.Data[int64](v)[i])
		default:
			panic(v.String())
		}
	}
	return x
}

func nearValue(t *testing.T, what string, v *value.Value, shape []int, must []float64, tolerance float64) {
	t.Helper()
	if !slices.Equal(v.Shape, shape) {
		t.Fatalf("%s: is %s, must have shape %v", what, v, shape)
	}
	for i, x := range randomNumbers(v) {
		if x != must[i] && !(math.Abs(x-must[i]) <= tolerance*max(1, math.Abs(must[i]))) && (x == x || must[i] == must[i]) {
			t.Fatalf("%s: element %d is %v, must be %v", what, i, x, must[i])
		}
	}
}

// TestConv compares convolutions of every kind with their definition, at every level of kernels, weights known or not.
func TestConv(t *testing.T) {
	defer simd.Use(simd.Current())
	rng := rand.New(rand.NewPCG(17, 1))
	for i := range 400 {
		simd.Use(simd.Level(i % (int(simd.Best()) + 1)))
		c := randomTestConv(rng)
		out, begin, ok := c.geometry()
		if !ok {
			continue
		}
		kind := format.Float
		if i%5 == 4 {
			kind = format.Double
		}
		x := randomTensor(rng, kind, append([]int{c.n, c.in}, c.size...)...)
		w := randomTensor(rng, kind, append([]int{c.out, c.in / c.group}, c.kernel...)...)
		in := []*value.Value{x, w}
		must := make([]float64, c.n*c.out*volume(out))
		if c.bias {
			b := randomTensor(rng, kind, c.out)
			in = append(in, b)
			for j := range must {
				must[j] = randomNumbers(b)[j/volume(out)%c.out]
			}
		}
		xs, ws := randomNumbers(x), randomNumbers(w)
		c.each(out, begin, func(y, x, w int) { must[y] += xs[x] * ws[w] })
		n := testNode{op: "Conv", version: 11, attributes: c.attributes(), constant: i%2 == 0}
		k, err := n.kernel(in...)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			y, err := runKernel(k, 1, in...)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			nearValue(t, fmt.Sprintf("%+v", c), y[0], append([]int{c.n, c.out}, out...), must, 1e-4)
		}
	}
}

// TestConvTranspose compares transposed convolutions with the adjoints of convolutions.
func TestConvTranspose(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 2))
	for i := range 300 {
		c := randomTestConv(rng)
		c.auto = padNotSet
		out, begin, ok := c.geometry()
		if !ok {
			continue
		}
		more := make([]int, len(out)) // what a convolution leaves over at the end
		for a := range out {
			span := c.dilation[a]*(c.kernel[a]-1) + 1
			more[a] = (c.size[a] + c.pad[a] + c.pad[len(out)+a] - span) % c.stride[a]
		}
		kind := format.Float
		if i%5 == 4 {
			kind = format.Double
		}
		x := randomTensor(rng, kind, append([]int{c.n, c.out}, out...)...)
		w := randomTensor(rng, kind, append([]int{c.out, c.in / c.group}, c.kernel...)...)
		in := []*value.Value{x, w}
		must := make([]float64, c.n*c.in*volume(c.size))
		if c.bias {
			b := randomTensor(rng, kind, c.in)
			in = append(in, b)
			for j := range must {
				must[j] = randomNumbers(b)[j/volume(c.size)%c.in]
			}
		}
		xs, ws := randomNumbers(x), randomNumbers(w)
		c.each(out, begin, func(y, x, w int) { must[x] += xs[y] * ws[w] })
		a := c.attributes()
		a["output_padding"] = more
		y := testNode{op: "ConvTranspose", version: 11, attributes: a, constant: i%2 == 0}.one(t, in...)
		nearValue(t, fmt.Sprintf("%+v", c), y, append([]int{c.n, c.in}, c.size...), must, 1e-4)
	}
}

func TestConvRefuses(t *testing.T) {
	x, w := ramp(1, 4, 5, 5), ramp(6, 2, 3, 3)
	conv := func(a map[string]any) testNode { return testNode{op: "Conv", version: 11, attributes: a} }
	two := map[string]any{"group": 2}
	conv(two).refuses(t, []*value.Value{x, ramp(6, 3, 3, 3)}, "float[6,3,3,3]", "4/2")
	conv(two).refuses(t, []*value.Value{x, ramp(5, 2, 3, 3)}, "multiple of 2")
	conv(two).refuses(t, []*value.Value{x, ramp(6, 2, 3)}, "4 dimensions")
	conv(two).refuses(t, []*value.Value{x, w, ramp(5)}, "bias", "[6]")
	conv(two).refuses(t, []*value.Value{ramp(1, 4), ramp(6, 2)}, "3 to 5 dimensions")
	conv(two).refuses(t, []*value.Value{x, tensor(make([]float64, 6*2*9), 6, 2, 3, 3)}, "input 1", "double", "must be float")
	conv(two).refuses(t, []*value.Value{tensor(make([]int32, 100), 1, 4, 5, 5), tensor(make([]int32, 6*2*9), 6, 2, 3, 3)}, "int32")
	conv(two).refuses(t, []*value.Value{x, ramp(6, 2, 6, 3)}, "dimension 0", "spans 6", "has 5")
	conv(map[string]any{"group": 0}).refuses(t, []*value.Value{x, w}, `"group" is 0`)
	conv(map[string]any{"group": 2, "kernel_shape": []int{3, 2}}).refuses(t, []*value.Value{x, w}, "kernel_shape")
	conv(map[string]any{"group": 2, "strides": []int{1, 0}}).refuses(t, []*value.Value{x, w}, "strides", "at least 1")
	conv(map[string]any{"group": 2, "strides": []int{1}}).refuses(t, []*value.Value{x, w}, "strides", "2 numbers")
	conv(map[string]any{"group": 2, "pads": []int{0, -1, 0, 0}}).refuses(t, []*value.Value{x, w}, "pads", "at least 0")
	conv(map[string]any{"group": 2, "dilations": []int{1, 1 << 40}}).refuses(t, []*value.Value{x, w}, "dilations", "at most")
	conv(map[string]any{"group": 2, "auto_pad": "SAME"}).refuses(t, []*value.Value{x, w}, "SAME_UPPER")
	transposed := func(a map[string]any) testNode { return testNode{op: "ConvTranspose", version: 11, attributes: a} }
	transposed(nil).refuses(t, []*value.Value{x, ramp(3, 2, 3, 3)}, "must be [4, M/1")
	transposed(map[string]any{"pads": []int{9, 9, 9, 9}}).refuses(t, []*value.Value{x, ramp(4, 2, 3, 3)}, "would have -11 elements")
	transposed(map[string]any{"output_shape": []int{1, 2, 3, 4, 5}}).refuses(t, []*value.Value{x, ramp(4, 2, 3, 3)}, "output_shape", "2 numbers")
	transposed(map[string]any{"output_padding": []int{-1, 0}}).refuses(t, []*value.Value{x, ramp(4, 2, 3, 3)}, "output_padding")
}

// TestHugeWindows: large attributes of a small file take neither much memory nor much time.
func TestHugeWindows(t *testing.T) {
	x, w := ramp(1, 2, 3, 3), ramp(2, 2, 1, 1)
	y := testNode{op: "Conv", version: 11, attributes: map[string]any{"strides": []int{1 << 29, 1 << 29}, "pads": []int{1 << 28, 1 << 28, 1 << 28, 1 << 28}}}.one(t, x, w)
	holds[float32](t, "Conv", y, []int{1, 2, 2, 2}, 0, 0, 0, 0, 0, 0, 0, 0)
	y = testNode{op: "MaxPool", version: 12, attributes: map[string]any{"kernel_shape": []int{1 << 20, 1 << 20}, "pads": []int{1 << 20, 1 << 20, 1 << 20, 1 << 20}, "strides": []int{1 << 20, 1 << 20}}}.one(t, x)
	least := float32(math.Inf(-1))
	holds(t, "MaxPool", y, []int{1, 2, 2, 2}, least, least, least, 8, least, least, least, 17)
	testNode{op: "Conv", version: 11, attributes: map[string]any{"pads": []int{1 << 30, 1 << 30, 1 << 30, 1 << 30}}}.refuses(t, []*value.Value{x, w}, "too large")
}

// TestSameLower is pitfall 17: of an odd number of padding the greater part is in front for SAME_LOWER and behind for SAME_UPPER.
func TestSameLower(t *testing.T) {
	x, w := ramp(1, 1, 4), floats(1, 10)
	w.Shape = []int{1, 1, 2}
	same := func(op, auto string, more map[string]any) testNode {
		a := map[string]any{"auto_pad": auto}
		for k, v := range more {
			a[k] = v
		}
		return testNode{op: op, version: 11, attributes: a}
	}
	holds[float32](t, "upper", same("Conv", padSameUpper, nil).one(t, x, w), []int{1, 1, 4}, 10, 21, 32, 3)
	holds[float32](t, "lower", same("Conv", padSameLower, nil).one(t, x, w), []int{1, 1, 4}, 0, 10, 21, 32)
	holds[float32](t, "transposed, upper", same("ConvTranspose", padSameUpper, nil).one(t, x, w), []int{1, 1, 4}, 0, 1, 12, 23)
	holds[float32](t, "transposed, lower", same("ConvTranspose", padSameLower, nil).one(t, x, w), []int{1, 1, 4}, 1, 12, 23, 30)
	twice := map[string]any{"strides": []int{2}}
	holds[float32](t, "stride", same("ConvTranspose", padSameUpper, twice).one(t, x, w), []int{1, 1, 8}, 0, 0, 1, 10, 2, 20, 3, 30)
	shape := map[string]any{"strides": []int{2}, "output_shape": []int{7}}
	holds[float32](t, "output_shape, upper", same("ConvTranspose", padSameUpper, shape).one(t, x, w), []int{1, 1, 7}, 0, 0, 1, 10, 2, 20, 3)
	holds[float32](t, "output_shape, lower", same("ConvTranspose", padSameLower, shape).one(t, x, w), []int{1, 1, 7}, 0, 1, 10, 2, 20, 3, 30)
	shape["output_shape"] = []int{10} // longer than what there is
	holds[float32](t, "output_shape, long", same("ConvTranspose", padSameUpper, shape).one(t, x, w), []int{1, 1, 10}, 0, 0, 1, 10, 2, 20, 3, 30, 0, 0)
}

func TestFusedConv(t *testing.T) {
	x, w := ramp(1, 1, 2, 2), floats(1, -1)
	w.Shape = []int{2, 1, 1, 1}
	z := floats(1, 1, 1, 1, 2, 2, 2, 2)
	z.Shape = []int{1, 2, 2, 2}
	fused := func(activation string, params ...float32) testNode {
		a := map[string]any{"activation": activation}
		if params != nil {
			a["activation_params"] = params
		}
		return testNode{domain: Microsoft, op: "FusedConv", version: 1, attributes: a}
	}
	shape := []int{1, 2, 2, 2}
	holds[float32](t, "Relu", fused("Relu").one(t, x, w, nil, z), shape, 1, 2, 3, 4, 2, 1, 0, 0)
	holds[float32](t, "Clip", fused("Clip", -0.5, 2).one(t, x, w), shape, 0, 1, 2, 2, 0, -0.5, -0.5, -0.5)
	holds[float32](t, "LeakyRelu", fused("LeakyRelu", 0.5).one(t, x, w), shape, 0, 1, 2, 3, 0, -0.5, -1, -1.5)
	holds[float32](t, "HardSigmoid", fused("HardSigmoid", 0.25, 0.5).one(t, x, w), shape, 0.5, 0.75, 1, 1, 0.5, 0.25, 0, 0)
	fused("Clip", 1).refuses(t, []*value.Value{x, w}, "has 1 numbers, must have 2")
	fused("Mish").refuses(t, []*value.Value{x, w}, "Mish")
	fused("Relu").refuses(t, []*value.Value{x, w, nil, ramp(1, 2, 2)}, "input 3", "[1 2 2 2]")
}
