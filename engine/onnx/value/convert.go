package value

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"
	"unsafe"

	"github.com/energo-ml/energo/engine/onnx/format"
)

// FromTensor gives the tensor of a file. Where elements are the same in a file and in memory it is a view of t.Raw, so that a model's weights are there once, and
// neither may then be written; others are converted into memory of their own.
func FromTensor(t *format.Tensor) (*Value, error) {
	if ready(t) {
		v := &Value{Kind: t.Type, Shape: slices.Clone(t.Dims), n: len(t.Raw) / t.Type.Size()}
		v.mem = unsafe.Pointer(&t.Raw[0])
		return v, nil
	}
	v, err := New(t.Type, t.Dims...)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if need := rawSize(t.Type, v.n); len(t.Raw) != need {
		return nil, fmt.Errorf("tensor %q: %s needs %d bytes, has %d", t.Name, v, need, len(t.Raw))
	}
	v.read(t.Raw)
	return v, nil
}

// inPlace tells whether elements may be used where a file's bytes have them: in the machine's order, and at any address, as these machines read numbers.
const inPlace = runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"

// ready tells whether t has elements, all there, that are in memory what they are in a file.
func ready(t *format.Tensor) bool {
	switch t.Type {
	case format.Float, format.Double, format.Int8, format.Int16, format.Int32, format.Int64, format.Uint8, format.Uint16, format.Uint32, format.Uint64:
	default:
		return false
	}
	n, err := Volume(t.Dims)
	return inPlace && err == nil && n > 0 && n <= math.MaxInt/8 && len(t.Raw) == rawSize(t.Type, n)
}

// bitsOf is the number of bits of an element in a file.
func bitsOf(k format.DataType) int {
	switch k {
	case format.Int4, format.Uint4, format.Float4E2M1:
		return 4
	case format.Int2, format.Uint2:
		return 2
	}
	if f, ok := narrows[k]; ok {
		return f.bits
	}
	return 8 * MemoryOf(k).Size()
}

func rawSize(k format.DataType, n int) int {
	b := bitsOf(k)
	if b >= 8 {
		return n * (b / 8)
	}
	return (n*b + 7) / 8
}

// pattern reads element i of b bits out of raw.
func pattern(raw []byte, bits, i int) uint32 {
	switch bits {
	case 16:
		return uint32(binary.LittleEndian.Uint16(raw[2*i:]))
	case 8:
		return uint32(raw[i])
	}
	per := 8 / bits
	return uint32(raw[i/per]) >> (bits * (i % per)) & (1<<bits - 1)
}

func (v *Value) read(raw []byte) {
	bits := bitsOf(v.Kind)
	if f, ok := narrows[v.Kind]; ok {
		for i, x := 0, Data[float32](v); i < len(x); i++ {
			x[i] = f.decode(pattern(raw, bits, i))
		}
		return
	}
	switch v.Memory() {
	case F32:
		for i, x := 0, Data[float32](v); i < len(x); i++ {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case F64, I64, U64:
		for i, x := 0, Bits[uint64](v); i < len(x); i++ {
			x[i] = binary.LittleEndian.Uint64(raw[8*i:])
		}
	case I32, U32:
		for i, x := 0, Bits[uint32](v); i < len(x); i++ {
			x[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
	case I16, U16:
		for i, x := 0, Bits[uint16](v); i < len(x); i++ {
			x[i] = binary.LittleEndian.Uint16(raw[2*i:])
		}
	case Bool:
		for i, x := 0, Data[bool](v); i < len(x); i++ {
			x[i] = raw[i] != 0
		}
	case I8:
		for i, x := 0, Data[int8](v); i < len(x); i++ {
			x[i] = int8(pattern(raw, bits, i)<<(8-bits)) >> (8 - bits)
		}
	case U8:
		for i, x := 0, Data[uint8](v); i < len(x); i++ {
			x[i] = uint8(pattern(raw, bits, i))
		}
	}
}

// Tensor gives v as a file has it.
func (v *Value) Tensor(name string) *format.Tensor {
	t := &format.Tensor{Name: name, Type: v.Kind, Dims: append([]int(nil), v.Shape...), Raw: make([]byte, rawSize(v.Kind, v.n))}
	bits := bitsOf(v.Kind)
	if f, ok := narrows[v.Kind]; ok {
		for i, x := range Data[float32](v) {
			put(t.Raw, bits, i, f.encode(x, false))
		}
		return t
	}
	switch v.Memory() {
	case F32, I32, U32:
		for i, x := range Bits[uint32](v) {
			binary.LittleEndian.PutUint32(t.Raw[4*i:], x)
		}
	case F64, I64, U64:
		for i, x := range Bits[uint64](v) {
			binary.LittleEndian.PutUint64(t.Raw[8*i:], x)
		}
	case I16, U16:
		for i, x := range Bits[uint16](v) {
			binary.LittleEndian.PutUint16(t.Raw[2*i:], x)
		}
	default:
		for i, x := range Bits[uint8](v) {
			put(t.Raw, bits, i, uint32(x))
		}
	}
	return t
}

// put writes element i of b bits into raw, whose bits there are 0.
func put(raw []byte, bits, i int, x uint32) {
	if bits == 16 {
		binary.LittleEndian.PutUint16(raw[2*i:], uint16(x))
		return
	}
	per := 8 / bits
	raw[i/per] |= uint8(x&(1<<bits-1)) << (bits * (i % per))
}
