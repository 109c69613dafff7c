// Package value holds the tensors that pass along an ONNX graph: dense, row-major, of every element type, in memory that a plan may hand out
// again and again.
//
// An element type has a type of memory. Integers of eight bits and more, bool, float32 and float64 are kept as they are. The narrow floats
// (float16, bfloat16, the 8-bit and 4-bit ones) are kept as float32 and rounded to their own precision by Round; integers of two and four
// bits as int8 and uint8.
package value

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/energo-ml/energo/engine/onnx/format"
)

// Element is what the memory of a Value may hold.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool
}

// Number is an Element that can be reckoned with.
type Number interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// Memory is the Go type of the elements in memory.
type Memory uint8

// The types of memory.
const (
	None Memory = iota // no such tensors: strings, complex numbers
	F32
	F64
	I8
	I16
	I32
	I64
	U8
	U16
	U32
	U64
	Bool
)

var sizes = [...]int{F32: 4, F64: 8, I8: 1, I16: 2, I32: 4, I64: 8, U8: 1, U16: 2, U32: 4, U64: 8, Bool: 1}

// Size is the number of bytes of an element in memory.
func (m Memory) Size() int { return sizes[m] }

// MemoryOf gives the type of memory of an element type; None for one that is not supported.
func MemoryOf(k format.DataType) Memory {
	switch k {
	case format.Float, format.Float16, format.BFloat16, format.Float8E4M3FN, format.Float8E4M3FNUZ, format.Float8E5M2, format.Float8E5M2FNUZ,
		format.Float4E2M1, format.Float8E8M0:
		return F32
	case format.Double:
		return F64
	case format.Int8, format.Int4, format.Int2:
		return I8
	case format.Int16:
		return I16
	case format.Int32:
		return I32
	case format.Int64:
		return I64
	case format.Uint8, format.Uint4, format.Uint2:
		return U8
	case format.Uint16:
		return U16
	case format.Uint32:
		return U32
	case format.Uint64:
		return U64
	case format.Bool:
		return Bool
	}
	return None
}

// Value is a tensor. Its memory may be shared with others, as views are; whoever computes a Value writes only what it was given to write.
type Value struct {
	Kind  format.DataType
	Shape []int
	mem   unsafe.Pointer // of n elements; nil where n is 0
	n     int
}

// New returns a tensor of zeros. It fails where kind cannot be kept, a dimension is negative or the size overflows.
func New(kind format.DataType, shape ...int) (*Value, error) {
	n, err := Volume(shape)
	if err != nil {
		return nil, err
	}
	m := MemoryOf(kind)
	if m == None {
		return nil, fmt.Errorf("tensors of %s are not supported", kind)
	}
	if n > math.MaxInt/8 {
		return nil, fmt.Errorf("shape %v has more elements than memory has room for", shape)
	}
	v := &Value{Kind: kind, Shape: slices.Clone(shape), n: n}
	if n > 0 {
		v.mem = Chunk(n * m.Size())
	}
	return v, nil
}

// line is the size of what processors load at once; memory begins at a multiple of it.
const line = 64

// Chunk returns zeroed memory of the given number of bytes, at a multiple of 64.
func Chunk(bytes int) unsafe.Pointer {
	b := make([]uint64, (bytes+7)/8+line/8)
	p := unsafe.Pointer(&b[0])
	return unsafe.Add(p, -int(uintptr(p))&(line-1))
}

// Volume is the number of elements of a shape.
func Volume(shape []int) (int, error) {
	n, empty := 1, false
	for i, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("dimension %d of shape %v is negative", i, slices.Clone(shape))
		}
		if d == 0 {
			empty = true
			continue
		}
		if n > math.MaxInt/d {
			return 0, fmt.Errorf("shape %v has more elements than an int counts", slices.Clone(shape))
		}
		n *= d
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

// Place makes v a tensor of the given kind and shape in memory of the caller's, which has room for it. It keeps the memory and not the shape.
func (v *Value) Place(kind format.DataType, mem unsafe.Pointer, n int, shape ...int) {
	v.Kind, v.mem, v.n = kind, mem, n
	v.Shape = append(v.Shape[:0], shape...)
}

// View makes v a tensor of another shape, of as many elements, over the memory of src.
func (v *Value) View(src *Value, shape ...int) { v.Place(src.Kind, src.mem, src.n, shape...) }

// Part makes v a view of the elements of src from first on, in a shape that they fill.
func (v *Value) Part(src *Value, first int, shape ...int) {
	n, err := Volume(shape)
	if err != nil || first < 0 || n > src.n-first {
		panic(fmt.Sprintf("value: elements from %d on in shape %v of %d", first, slices.Clone(shape), src.n))
	}
	v.Place(src.Kind, unsafe.Add(src.mem, first*src.Memory().Size()), n, shape...)
}

// Len is the number of elements.
func (v *Value) Len() int { return v.n }

// Memory is the Go type of the elements.
func (v *Value) Memory() Memory { return MemoryOf(v.Kind) }

// Pointer is where the elements are, nil where there are none.
func (v *Value) Pointer() unsafe.Pointer { return v.mem }

// Of wraps data, which it shares, in a tensor of the kind that has T's name.
func Of[T Element](data []T, shape ...int) (*Value, error) {
	n, err := Volume(shape)
	if err != nil {
		return nil, err
	}
	if n != len(data) {
		return nil, fmt.Errorf("shape %v does not hold %d elements", slices.Clone(shape), len(data))
	}
	return &Value{Kind: KindOf[T](), Shape: slices.Clone(shape), mem: unsafe.Pointer(unsafe.SliceData(data)), n: n}, nil
}

// Ints is a tensor of int64 with one dimension.
func Ints(x ...int64) *Value {
	return &Value{Kind: format.Int64, Shape: []int{len(x)}, mem: unsafe.Pointer(unsafe.SliceData(x)), n: len(x)}
}

// KindOf is the element type that is kept as T and has its name.
func KindOf[T Element]() format.DataType {
	var x T
	switch any(x).(type) {
	case float32:
		return format.Float
	case float64:
		return format.Double
	case int8:
		return format.Int8
	case int16:
		return format.Int16
	case int32:
		return format.Int32
	case int64:
		return format.Int64
	case uint8:
		return format.Uint8
	case uint16:
		return format.Uint16
	case uint32:
		return format.Uint32
	case uint64:
		return format.Uint64
	}
	return format.Bool
}

func memoryOf[T Element]() Memory { return MemoryOf(KindOf[T]()) }

// Data gives the elements. It panics where they are not kept as T, which is the caller's mistake.
func Data[T Element](v *Value) []T {
	if m := v.Memory(); m != memoryOf[T]() {
		panic(fmt.Sprintf("value: elements of %s are not kept as %s", v.Kind, KindOf[T]()))
	}
	return unsafe.Slice((*T)(v.mem), v.n)
}

// Bits gives the elements as unsigned integers of as many bits as they have in memory, for operators that only move them.
func Bits[T uint8 | uint16 | uint32 | uint64](v *Value) []T {
	var x T
	if int(unsafe.Sizeof(x)) != v.Memory().Size() {
		panic(fmt.Sprintf("value: elements of %s do not have %d bytes", v.Kind, unsafe.Sizeof(x)))
	}
	return unsafe.Slice((*T)(v.mem), v.n)
}

// Integers gives the elements of a tensor of integers as int64, such as shapes and axes are.
func Integers(v *Value) ([]int64, error) {
	switch v.Memory() {
	case I64:
		return Data[int64](v), nil
	case I32:
		return widen(Data[int32](v)), nil
	case I16:
		return widen(Data[int16](v)), nil
	case I8:
		return widen(Data[int8](v)), nil
	case U8:
		return widen(Data[uint8](v)), nil
	case U16:
		return widen(Data[uint16](v)), nil
	case U32:
		return widen(Data[uint32](v)), nil
	}
	return nil, fmt.Errorf("elements are %s, must be integers", v.Kind)
}

func widen[T int8 | int16 | int32 | uint8 | uint16 | uint32](x []T) []int64 {
	y := make([]int64, len(x))
	for i, e := range x {
		y[i] = int64(e)
	}
	return y
}

// Clone returns a copy in memory of its own.
func (v *Value) Clone() *Value {
	w := &Value{Kind: v.Kind, Shape: slices.Clone(v.Shape), n: v.n}
	if v.n > 0 {
		w.mem = Chunk(v.n * v.Memory().Size())
		copy(w.bytes(), v.bytes())
	}
	return w
}

// CopyFrom copies the elements of src, of the same kind and number.
func (v *Value) CopyFrom(src *Value) {
	if v.Kind != src.Kind || v.n != src.n {
		panic(fmt.Sprintf("value: %d elements of %s copied to %d of %s", src.n, src.Kind, v.n, v.Kind))
	}
	copy(v.bytes(), src.bytes())
}

// Clear sets every element to zero.
func (v *Value) Clear() { clear(v.bytes()) }

func (v *Value) bytes() []byte { return unsafe.Slice((*byte)(v.mem), v.n*v.Memory().Size()) }

// String gives kind and shape: float[1,3,224,224].
func (v *Value) String() string { return Describe(v.Kind, v.Shape) }

// Describe gives a kind and a shape in the way that String does.
func Describe(kind format.DataType, shape []int) string {
	s := []byte(kind.String())
	s = append(s, '[')
	for i, d := range shape {
		if i > 0 {
			s = append(s, ',')
		}
		s = fmt.Append(s, d)
	}
	return string(append(s, ']'))
}
