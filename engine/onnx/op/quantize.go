package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

var quantized = []Operator{
	quantizeOf("", 10, 0), quantizeOf("", 13, withAxis), quantizeOf("", 19, withAxis|withSaturate),
	quantizeOf("", 21, withAxis|withSaturate|withBlocks|withType), quantizeOf("", 23, withAxis|withSaturate|withBlocks|withType|withPrecision),
	quantizeOf(Microsoft, 1, withAxis|withSaturate|withBlocks|withType),
	dequantizeOf("", 10, 0), dequantizeOf("", 13, withAxis), dequantizeOf("", 21, withAxis|withBlocks), dequantizeOf("", 23, withAxis|withBlocks|withType),
	dequantizeOf(Microsoft, 1, withAxis|withBlocks),
	{Name: "DynamicQuantizeLinear", Since: 11, In: [2]int{1, 1}, Out: [2]int{3, 3}, Make: func(*Node) (Kernel, error) { return KernelFunc(dynamicQuantize), nil }},
}

// quantization says which attributes a version has.
type quantization int

const (
	withAxis quantization = 1 << iota
	withSaturate
	withBlocks
	withType
	withPrecision
)

func quantizeOf(domain string, since int, has quantization) Operator {
	return Operator{Domain: domain, Name: "QuantizeLinear", Since: since, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		k := &quantize{grains: grainsOf(n, has), saturate: true}
		if has&withSaturate != 0 {
			k.saturate = n.Bool("saturate", true)
		}
		if has&withType != 0 && n.Int("output_dtype", 0) != 0 {
			k.kind = n.Kind("output_dtype", format.Uint8)
		}
		if has&withPrecision != 0 && n.Int("precision", 0) != 0 {
			k.precision = n.Kind("precision", format.Float)
		}
		return k, k.check()
	}}
}

func dequantizeOf(domain string, since int, has quantization) Operator {
	return Operator{Domain: domain, Name: "DequantizeLinear", Since: since, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		k := &dequantize{grains: grainsOf(n, has)}
		if has&withType != 0 && n.Int("output_dtype", 0) != 0 {
			k.kind = n.Kind("output_dtype", format.Float)
		}
		if m := value.MemoryOf(k.kind); k.block < 0 || m != value.None && m != value.F32 && m != value.F64 {
			return nil, fmt.Errorf("attributes \"block_size\" %d and \"output_dtype\" %s must be 0 or more and a float type", k.block, k.kind)
		}
		return k, nil
	}}
}

// grains says which elements of a tensor share a scale: all of them, those with one index of an axis or, with a block size, blocks along it.
type grains struct{ axis, block int }

func grainsOf(n *Node, has quantization) grains {
	g := grains{axis: 1}
	if has&withAxis != 0 {
		g.axis = n.Int("axis", 1)
	}
	if has&withBlocks != 0 {
		g.block = n.Int("block_size", 0)
	}
	return g
}

// pieces cuts a tensor into stretches of elements that have one scale, or one each.
type pieces struct {
	length    int // of a piece; the last of a row may be shorter
	row, rows int // elements and number of rows that are cut alike
	perRow    int
	scaleOf   func(row, piece int) (at, n int)
}

// cut plans the pieces of a tensor for scales of a shape.
func (g grains) cut(x, scale *value.Value) (*pieces, error) {
	if scale.Len() == 1 && len(scale.Shape) <= 1 {
		length := min(max(1, x.Len()), portion)
		return &pieces{
			length: length, row: x.Len(), rows: 1, perRow: (x.Len() + length - 1) / length,
			scaleOf: func(int, int) (int, int) { return 0, 1 },
		}, nil
	}
	axis, err := axisWithin(g.axis, len(x.Shape))
	if err != nil {
		return nil, err
	}
	d, inner := x.Shape[axis], volume(x.Shape[axis+1:])
	outer := volume(x.Shape[:axis])
	if g.block == 0 {
		if len(scale.Shape) != 1 || scale.Shape[0] != d {
			return nil, fmt.Errorf("scale is %s, must have shape [] or [%d]", scale, d)
		}
		if inner == 1 {
			return &pieces{length: max(1, d), row: d, rows: outer, perRow: min(1, d), scaleOf: func(int, int) (int, int) { return 0, d }}, nil
		}
		return &pieces{length: max(1, inner), row: inner, rows: outer * d, perRow: min(1, inner), scaleOf: func(row, _ int) (int, int) { return row % d, 1 }}, nil
	}
	blocks := d / g.block
	if d%g.block != 0 {
		blocks++
	}
	need := slices.Clone(x.Shape)
	need[axis] = blocks
	if !slices.Equal(scale.Shape, need) {
		return nil, fmt.Errorf("scale is %s, must have shape %v for blocks of %d along axis %d of %s", scale, need, g.block, axis, x)
	}
	if inner == 1 {
		return &pieces{length: min(g.block, max(1, d)), row: d, rows: outer, perRow: blocks, scaleOf: func(row, piece int) (int, int) { return row*blocks + piece, 1 }}, nil
	}
	return &pieces{
		length: max(1, inner), row: inner, rows: outer * d, perRow: min(1, inner),
		scaleOf: func(row, _ int) (int, int) { return (row/d*blocks + row%d/g.block) * inner, inner },
	}, nil
}

// each calls f with elements [from, to) and their scales [at, at+n), of which there is one or one an element.
func (p *pieces) each(f func(from, to, at, n int)) {
	inParts(p.rows*p.perRow, p.length, func(first, last int) {
		for i := first; i < last; i++ {
			row, piece := i/p.perRow, i%p.perRow
			at, n := p.scaleOf(row, piece)
			f(row*p.row+piece*p.length, row*p.row+min(p.row, (piece+1)*p.length), at, n)
		}
	})
}

// quantize is QuantizeLinear: y = saturate(round(x/scale) + zero), rounding to the nearest, ties to even. NaN gives the least number of an
// integer type. The quotient has the precision of the scale or, where the attribute says so, another.
type quantize struct {
	grains
	saturate        bool
	kind, precision format.DataType // 0: what the zero point, and the scale, are
}

func (k *quantize) check() error {
	if k.block < 0 {
		return fmt.Errorf("attribute \"block_size\" is %d, must not be negative", k.block)
	}
	if m := value.MemoryOf(k.precision); m != value.None && m != value.F32 && m != value.F64 {
		return fmt.Errorf("attribute \"precision\" is %s, must be a float type", k.precision)
	}
	return nil
}

// quantizedTo gives the least and the greatest number of an integer type that tensors are quantized to.
func quantizedTo(k format.DataType) (lo, hi float32, ok bool) {
	switch k {
	case format.Uint8:
		return 0, 255, true
	case format.Int8:
		return -128, 127, true
	case format.Uint16:
		return 0, 65535, true
	case format.Int16:
		return -32768, 32767, true
	case format.Uint4:
		return 0, 15, true
	case format.Int4:
		return -8, 7, true
	case format.Uint2:
		return 0, 3, true
	case format.Int2:
		return -2, 1, true
	}
	return 0, 0, false
}

func (k *quantize) Run(c *Call) error {
	x, scale, zero := c.In[0], c.In[1], c.Input(2)
	kind := k.kind
	if zero != nil {
		if kind != format.Undefined && kind != zero.Kind {
			return fmt.Errorf("zero point is %s, attribute \"output_dtype\" %s, must be the same", zero, kind)
		}
		if !slices.Equal(zero.Shape, scale.Shape) && (zero.Len() != 1 || scale.Len() != 1) {
			return fmt.Errorf("zero point is %s and scale %s, must have one shape", zero, scale)
		}
		kind = zero.Kind
	}
	if kind == format.Undefined {
		kind = format.Uint8
	}
	p, err := k.cut(x, scale)
	if err != nil {
		return err
	}
	s, err := floatsAs[float32](scale)
	if err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	src, err := numbersAs[float32](x)
	if err != nil {
		return err
	}
	precision := k.precision
	if precision == format.Undefined {
		precision = scale.Kind
	}
	y, err := c.Result(0, kind, x.Shape...)
	if err != nil {
		return err
	}
	if _, _, ok := quantizedTo(kind); !ok {
		return k.toFloats(y, p, src, s, zero, precision)
	}
	switch y.Memory() {
	case value.U8:
		quantizeTo(value.Data[uint8](y), p, src, s, integersOr0[uint8](zero), kind, precision)
	case value.I8:
		quantizeTo(value.Data[int8](y), p, src, s, integersOr0[int8](zero), kind, precision)
	case value.U16:
		quantizeTo(value.Data[uint16](y), p, src, s, integersOr0[uint16](zero), kind, precision)
	default:
		quantizeTo(value.Data[int16](y), p, src, s, integersOr0[int16](zero), kind, precision)
	}
	return nil
}

func integersOr0[Q value.Element](v *value.Value) []Q {
	if v == nil {
		return nil
	}
	return value.Data[Q](v)
}

// numbersAs gives the elements of a tensor of floats or of int32 as T.
func numbersAs[T simd.Float](v *value.Value) ([]T, error) {
	if v.Memory() != value.I32 {
		return floatsAs[T](v)
	}
	y := make([]T, v.Len())
	for i, e := range value.Data[int32](v) {
		y[i] = T(e)
	}
	return y, nil
}

func quantizeTo[Q uint8 | int8 | uint16 | int16](y []Q, p *pieces, x, scale []float32, zero []Q, kind, precision format.DataType) {
	lo, hi, _ := quantizedTo(kind)
	narrow := value.Narrow(precision)
	p.each(func(from, to, at, n int) {
		src, dst, z := x[from:to], y[from:to], float32(0)
		if n == 1 && !narrow {
			if zero != nil {
				z = float32(zero[at])
			}
			quantizeRow(dst, src, scale[at], z, lo-z, hi-z)
			return
		}
		for i, q := range quotients(src, scale[at:at+n], precision) {
			if zero != nil {
				z = float32(zero[at+min(i, n-1)])
			}
			dst[i] = Q(int32(roundWithin(q, lo-z, hi-z) + z))
		}
	})
}

func quantizeRow[Q uint8 | int8 | uint16 | int16](y []Q, x []float32, scale, zero, lo, hi float32) {
	bytes := gemm.Bytes{Low: lo + zero, High: hi + zero, Zero: zero}
	switch y := any(y).(type) {
	case []uint8:
		gemm.FromNumbers(bytes, y, x, scale)
		return
	case []int8:
		gemm.FromNumbers(bytes, y, x, scale)
		return
	}
	y = y[:len(x)]
	for i, e := range x {
		y[i] = Q(int32(roundWithin(e/scale, lo, hi) + zero))
	}
}

// quotients gives x/scale, for one scale or as many as elements, rounded to a precision.
func quotients(x, scale []float32, precision format.DataType) []float32 {
	y := make([]float32, len(x))
	if len(scale) == 1 {
		s := scale[0]
		for i, e := range x {
			y[i] = e / s
		}
	} else {
		simd.Div(y, x, scale)
	}
	value.Round(precision, y)
	return y
}

// roundWithin rounds to the nearest integer, ties to even, within [lo, hi], integers of less than 2²². NaN gives lo.
func roundWithin(x, lo, hi float32) float32 {
	if !(x >= lo) {
		return lo
	}
	if x >= hi {
		return hi
	}
	const large = 3 << 22 // from here to twice as much float32 has no fractions
	x += large
	return x - large
}

// toFloats quantizes to the narrow floats.
func (k *quantize) toFloats(y *value.Value, p *pieces, x, scale []float32, zero *value.Value, precision format.DataType) error {
	if !value.Narrow(y.Kind) {
		return fmt.Errorf("cannot quantize to %s", y.Kind)
	}
	var z []float32
	if zero != nil {
		z = value.Data[float32](zero)
	}
	dst := value.Data[float32](y)
	p.each(func(from, to, at, n int) {
		out := dst[from:to]
		copy(out, quotients(x[from:to], scale[at:at+n], precision))
		if z != nil {
			for i := range out {
				out[i] += z[at+min(i, n-1)]
			}
		}
		value.RoundTo(y.Kind, out, k.saturate)
	})
	return nil
}

// dequantize is DequantizeLinear: y = (x − zero)·scale.
type dequantize struct {
	grains
	kind format.DataType // 0: the scale's
}

func (k *dequantize) Run(c *Call) error {
	x, scale, zero := c.In[0], c.In[1], c.Input(2)
	if zero != nil && (zero.Kind != x.Kind || !slices.Equal(zero.Shape, scale.Shape) && (zero.Len() != 1 || scale.Len() != 1)) {
		return fmt.Errorf("zero point is %s, must be %s", zero, value.Describe(x.Kind, scale.Shape))
	}
	kind := k.kind
	if kind == format.Undefined {
		kind = scale.Kind
	}
	p, err := k.cut(x, scale)
	if err != nil {
		return err
	}
	if m := value.MemoryOf(kind); m != value.F32 && m != value.F64 {
		return fmt.Errorf("scale is %s, must be a float type", scale)
	}
	y, err := c.Result(0, kind, x.Shape...)
	if err != nil {
		return err
	}
	return onFloats(y, func() error { return dequantizeTo[float32](y, p, x, scale, zero) }, func() error { return dequantizeTo[float64](y, p, x, scale, zero) })
}

func dequantizeTo[T simd.Float](y *value.Value, p *pieces, x, scale, zero *value.Value) error {
	s, err := floatsAs[T](scale)
	if err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	dst := value.Data[T](y)
	switch x.Memory() {
	case value.U8:
		dequantizeFrom(dst, p, value.Data[uint8](x), s, integersOr0[uint8](zero))
	case value.I8:
		dequantizeFrom(dst, p, value.Data[int8](x), s, integersOr0[int8](zero))
	case value.U16:
		dequantizeFrom(dst, p, value.Data[uint16](x), s, integersOr0[uint16](zero))
	case value.I16:
		dequantizeFrom(dst, p, value.Data[int16](x), s, integersOr0[int16](zero))
	case value.I32:
		dequantizeFrom(dst, p, value.Data[int32](x), s, integersOr0[int32](zero))
	case value.F32:
		if !value.Narrow(x.Kind) {
			return notFor(x.Kind)
		}
		dequantizeFrom(dst, p, value.Data[float32](x), s, integersOr0[float32](zero))
	default:
		return notFor(x.Kind)
	}
	return nil
}

func dequantizeFrom[T simd.Float, Q uint8 | int8 | uint16 | int16 | int32 | float32](y []T, p *pieces, x []Q, scale []T, zero []Q) {
	p.each(func(from, to, at, n int) {
		src, dst := x[from:to], y[from:to]
		if zero == nil || n == 1 {
			z := T(0)
			if zero != nil {
				z = T(zero[at])
			}
			for i, e := range src {
				dst[i] = T(e) - z
			}
		} else {
			for i, e := range src {
				dst[i] = T(e) - T(zero[at+i])
			}
		}
		if n == 1 {
			simd.Scale(dst, dst, scale[at])
		} else {
			simd.Mul(dst, dst, scale[at:at+n])
		}
	})
}

// dynamicQuantize is DynamicQuantizeLinear of float32 to uint8: the range of x with 0 in it is divided into 255 steps.
func dynamicQuantize(c *Call) error {
	x := c.In[0]
	if x.Kind != format.Float {
		return notFor(x.Kind)
	}
	src := value.Data[float32](x)
	lo, hi := min(0, simd.Min(src)), max(0, simd.Max(src))
	scale := (hi - lo) / 255
	if scale == 0 {
		scale = 1
	}
	if !(scale <= math.MaxFloat32) {
		return fmt.Errorf("input holds NaN, or its range is not finite: %v to %v", lo, hi)
	}
	zero := roundWithin(-lo/scale, 0, 255)
	y, err := c.Result(0, format.Uint8, x.Shape...)
	if err != nil {
		return err
	}
	s, err := c.Result(1, format.Float)
	if err != nil {
		return err
	}
	z, err := c.Result(2, format.Uint8)
	if err != nil {
		return err
	}
	value.Data[float32](s)[0] = scale
	value.Data[uint8](z)[0] = uint8(zero)
	dst := value.Data[uint8](y)
	inParts(len(src), 1, func(from, to int) {
		quantizeRow(dst[from:to], src[from:to], scale, zero, -zero, 255-zero)
	})
	return nil
}
