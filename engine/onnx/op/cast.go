package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var casts = []Operator{
	{Name: "Cast", Since: 6, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeCast},
	{Name: "Cast", Since: 19, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeCast},
	{Name: "Cast", Since: 24, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeCast},
	{Name: "CastLike", Since: 15, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: makeCast},
	{Name: "CastLike", Since: 19, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: makeCast},
	{Name: "CastLike", Since: 24, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: makeCast},
	{Name: "BitCast", Since: 26, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeBitCast},
}

// cast converts elements. A float becomes an integer by truncation; one out of range gives the nearest integer that there is, NaN gives 0. An integer loses the bits that
// do not fit, and so does a float on its way to an integer of two or four bits, as the ONNX project's tests have it. All but 0 is true, NaN too. To a narrower float the nearest is taken, ties to even.
type cast struct {
	like     bool
	to       format.DataType
	saturate bool // the 8-bit floats give their largest number for what is too large
	power    int  // how float8e8m0 rounds: -1 down, 0 to nearest, 1 up
	f        mapped
	from     format.DataType
	by       format.DataType // what f gives
}

func makeCast(n *Node) (Kernel, error) {
	k := &cast{like: n.Op.Name == "CastLike", saturate: true, power: 1}
	if !k.like {
		if !n.Has("to") {
			return nil, fmt.Errorf(`attribute "to" is missing`)
		}
		k.to = n.Kind("to", format.Float)
	}
	if n.Op.Since >= 19 {
		k.saturate = n.Bool("saturate", true)
	}
	if n.Op.Since >= 24 {
		k.power = map[string]int{"up": 1, "down": -1}[n.Text("round_mode", "up", "up", "down", "nearest")]
	}
	return k, nil
}

func (k *cast) Run(c *Call) error {
	x, to := c.In[0], k.to
	if k.like {
		to = c.In[1].Kind
	}
	if x.Kind == to {
		return c.Share(0, x, x.Shape...)
	}
	out, err := c.Result(0, to, x.Shape...)
	if err != nil {
		return err
	}
	if k.f == nil || k.from != x.Kind || k.by != to {
		k.from, k.by, k.f = x.Kind, to, castOf(x.Memory(), to)
	}
	k.f.apply(out, x)
	switch {
	case to == format.Float8E8M0:
		k.powers(value.Data[float32](out))
	case k.saturate && value.Narrow(to):
		value.RoundTo(to, value.Data[float32](out), true)
	}
	return nil
}

// powers rounds to powers of two. What is too small becomes the least of them; 0 and what is too large do so, too, or saturate, or are NaN.
func (k *cast) powers(x []float32) {
	const least, most = -127, 127
	for i, v := range x {
		a := math.Abs(float64(v))
		f, e := math.Frexp(a) // a = f·2ᵉ, f in [½, 1)
		e--
		if k.power > 0 && f > 0.5 || k.power == 0 && f >= 0.75 {
			e++
		}
		switch {
		case a != a, !k.saturate && (a == 0 || e > most || math.IsInf(a, 0)):
			x[i] = float32(math.NaN())
		case a == 0:
			x[i] = float32(math.Ldexp(1, least))
		case math.IsInf(a, 0):
			x[i] = float32(math.Ldexp(1, most))
		default:
			x[i] = float32(math.Ldexp(1, min(max(e, least), most)))
		}
	}
}

// mapped computes the elements of out from those of x, which has as many.
type mapped interface {
	apply(out, x *value.Value)
}

// mapper computes f over parts of its operand.
type mapper[A, R value.Element] struct {
	f     func(dst []R, x []A)
	twice bool // f reads x after it has written to dst, so that both must not be the same memory
	dst   []R
	x     []A
}

func (m *mapper[A, R]) apply(out, x *value.Value) {
	m.dst, m.x = value.Data[R](out), value.Data[A](x)
	simd.Run((len(m.dst)+piece-1)/piece, m)
	m.dst, m.x = nil, nil
}

// Do computes a task.
func (m *mapper[A, R]) Do(task, _ int) {
	lo := task * piece
	hi := min(lo+piece, len(m.dst))
	m.f(m.dst[lo:hi], m.x[lo:hi])
}

// each makes a mapper of a function of one element.
func each[A, R value.Element](f func(A) R) *mapper[A, R] {
	return &mapper[A, R]{f: func(dst []R, x []A) {
		for i, e := range x {
			dst[i] = f(e)
		}
	}}
}

func castOf(from value.Memory, to format.DataType) mapped {
	switch from {
	case value.F32:
		return floatTo[float32](to)
	case value.F64:
		return floatTo[float64](to)
	case value.I8:
		return integerTo[int8](to)
	case value.I16:
		return integerTo[int16](to)
	case value.I32:
		return integerTo[int32](to)
	case value.I64:
		return integerTo[int64](to)
	case value.U8:
		return integerTo[uint8](to)
	case value.U16:
		return integerTo[uint16](to)
	case value.U32:
		return integerTo[uint32](to)
	case value.U64:
		return integerTo[uint64](to)
	}
	return truthTo(to)
}

// floatTo converts floats. Of two roundings, first to float32 and then to a narrower float, the first is to odd, so that both are as one.
func floatTo[A simd.Float](to format.DataType) mapped {
	switch to {
	case format.Int4:
		return each(func(x A) int8 { return int8(fromFloat[int64](float64(x))) << 4 >> 4 })
	case format.Uint4:
		return each(func(x A) uint8 { return uint8(fromFloat[int64](float64(x))) & 15 })
	case format.Int2:
		return each(func(x A) int8 { return int8(fromFloat[int64](float64(x))) << 6 >> 6 })
	case format.Uint2:
		return each(func(x A) uint8 { return uint8(fromFloat[int64](float64(x))) & 3 })
	}
	switch value.MemoryOf(to) {
	case value.F32:
		if value.Narrow(to) {
			return each(func(x A) float32 { return toOdd(float64(x)) })
		}
		return &mapper[A, float32]{f: plain[A, float32]}
	case value.F64:
		return &mapper[A, float64]{f: plain[A, float64]}
	case value.I8:
		return &mapper[A, int8]{f: truncate[A, int8]}
	case value.I16:
		return &mapper[A, int16]{f: truncate[A, int16]}
	case value.I32:
		return &mapper[A, int32]{f: truncate[A, int32]}
	case value.I64:
		return &mapper[A, int64]{f: truncate[A, int64]}
	case value.U8:
		return &mapper[A, uint8]{f: truncate[A, uint8]}
	case value.U16:
		return &mapper[A, uint16]{f: truncate[A, uint16]}
	case value.U32:
		return &mapper[A, uint32]{f: truncate[A, uint32]}
	case value.U64:
		return &mapper[A, uint64]{f: truncate[A, uint64]}
	}
	return each(func(x A) bool { return x != 0 })
}

func integerTo[A integer](to format.DataType) mapped {
	switch to {
	case format.Int4:
		return each(func(x A) int8 { return int8(x) << 4 >> 4 })
	case format.Uint4:
		return each(func(x A) uint8 { return uint8(x) & 15 })
	case format.Int2:
		return each(func(x A) int8 { return int8(x) << 6 >> 6 })
	case format.Uint2:
		return each(func(x A) uint8 { return uint8(x) & 3 })
	}
	switch value.MemoryOf(to) {
	case value.F32:
		if value.Narrow(to) {
			return each(func(x A) float32 { return toOdd(float64(x)) })
		}
		return &mapper[A, float32]{f: plain[A, float32]}
	case value.F64:
		return &mapper[A, float64]{f: plain[A, float64]}
	case value.I8:
		return &mapper[A, int8]{f: plain[A, int8]}
	case value.I16:
		return &mapper[A, int16]{f: plain[A, int16]}
	case value.I32:
		return &mapper[A, int32]{f: plain[A, int32]}
	case value.I64:
		return &mapper[A, int64]{f: plain[A, int64]}
	case value.U8:
		return &mapper[A, uint8]{f: plain[A, uint8]}
	case value.U16:
		return &mapper[A, uint16]{f: plain[A, uint16]}
	case value.U32:
		return &mapper[A, uint32]{f: plain[A, uint32]}
	case value.U64:
		return &mapper[A, uint64]{f: plain[A, uint64]}
	}
	return each(func(x A) bool { return x != 0 })
}

// truthTo converts truth values: 1 for true, 0 for false.
func truthTo(to format.DataType) mapped {
	switch value.MemoryOf(to) {
	case value.F32:
		return each(one[float32])
	case value.F64:
		return each(one[float64])
	case value.I8:
		return each(one[int8])
	case value.I16:
		return each(one[int16])
	case value.I32:
		return each(one[int32])
	case value.I64:
		return each(one[int64])
	case value.U8:
		return each(one[uint8])
	case value.U16:
		return each(one[uint16])
	case value.U32:
		return each(one[uint32])
	case value.U64:
		return each(one[uint64])
	}
	return each(func(x bool) bool { return x })
}

func one[T value.Number](x bool) T {
	if x {
		return 1
	}
	return 0
}

// plain converts as Go does: from an integer, or from a float to a float.
func plain[A, R value.Number](dst []R, x []A) {
	for i, e := range x {
		dst[i] = R(e)
	}
}

// truncate converts floats to integers as fromFloat does.
func truncate[A simd.Float, R integer](dst []R, x []A) {
	low, high := limits[R]()
	below, above := float64(low), float64(high)
	for i, e := range x {
		if v := float64(e); v > below && v < above {
			dst[i] = R(v)
		} else {
			dst[i] = fromFloat[R](v)
		}
	}
}

// fromFloat gives x as a number of type T: an integer is saturated.
func fromFloat[T value.Number](x float64) T {
	if isFloat[T]() {
		return T(x)
	}
	low, high := limits[T]()
	switch {
	case x != x:
		return 0
	case x <= float64(low):
		return low
	case x >= float64(high): // float64(high) may be one more than high
		return high
	}
	return T(x)
}

// isFloat tells whether T is a type of floats.
func isFloat[T value.Number]() bool {
	half := T(1) / 2
	return half != 0
}

// limits gives the least and the greatest number of a type of integers.
func limits[T value.Number]() (low, high T) {
	var x any = low
	switch x.(type) {
	case int8:
		return bounds[T](math.MinInt8, math.MaxInt8)
	case int16:
		return bounds[T](math.MinInt16, math.MaxInt16)
	case int32:
		return bounds[T](math.MinInt32, math.MaxInt32)
	case int64:
		return bounds[T](math.MinInt64, math.MaxInt64)
	case uint8:
		return bounds[T](0, math.MaxUint8)
	case uint16:
		return bounds[T](0, math.MaxUint16)
	case uint32:
		return bounds[T](0, math.MaxUint32)
	case uint64:
		return bounds[T](0, math.MaxUint64)
	}
	return T(math.Inf(-1)), T(math.Inf(1))
}

func bounds[T value.Number](low int64, high uint64) (T, T) { return T(low), T(high) }

// toOdd rounds x to a float32: one that is not exact to the neighbour whose last bit is 1.
func toOdd(x float64) float32 {
	f := float32(x)
	if float64(f) == x || x != x {
		return f
	}
	b := math.Float32bits(f)
	if math.Abs(float64(f)) > math.Abs(x) {
		b--
	}
	return math.Float32frombits(b | 1)
}

// bitCast gives elements another type with the same bits.
type bitCast struct{ to format.DataType }

func makeBitCast(n *Node) (Kernel, error) {
	if !n.Has("to") {
		return nil, fmt.Errorf(`attribute "to" is missing`)
	}
	return bitCast{n.Kind("to", format.Float)}, nil
}

func (k bitCast) Run(c *Call) error {
	x := c.In[0]
	if x.Kind.Bits() != k.to.Bits() {
		return fmt.Errorf("%s has elements of %d bits, %s has %d", x, x.Kind.Bits(), k.to, k.to.Bits())
	}
	t := x.Tensor("")
	t.Type = k.to
	v, err := value.FromTensor(t)
	if err != nil {
		return err
	}
	out, err := c.Result(0, k.to, x.Shape...)
	if err != nil {
		return err
	}
	out.CopyFrom(v)
	return nil
}
