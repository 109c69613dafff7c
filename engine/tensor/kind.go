package tensor

import (
	"encoding/binary"
	"math"
)

// kind is an element type of the format and how it is read.
type kind struct {
	name string
	size int   // bytes an element
	as   DType // what it becomes
	read func(t *Tensor, b []byte)
}

// The two that are written, too.
var (
	float64Kind = kind{"F64", 8, Float64, func(t *Tensor, b []byte) {
		for i := range t.f64 {
			t.f64[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
	}}
	float32Kind = kind{"F32", 4, Float32, func(t *Tensor, b []byte) {
		for i := range t.f32 {
			t.f32[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	}}
)

var kinds = []kind{
	float64Kind, float32Kind,
	{"F16", 2, Float32, func(t *Tensor, b []byte) {
		for i := range t.f32 {
			t.f32[i] = Half(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}},
	{"BF16", 2, Float32, func(t *Tensor, b []byte) {
		for i := range t.f32 {
			t.f32[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
		}
	}},
	{"I64", 8, Float64, func(t *Tensor, b []byte) {
		for i := range t.f64 {
			t.f64[i] = float64(int64(binary.LittleEndian.Uint64(b[8*i:])))
		}
	}},
	{"U64", 8, Float64, func(t *Tensor, b []byte) {
		for i := range t.f64 {
			t.f64[i] = float64(binary.LittleEndian.Uint64(b[8*i:]))
		}
	}},
	{"I32", 4, Float64, func(t *Tensor, b []byte) {
		for i := range t.f64 {
			t.f64[i] = float64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		}
	}},
	{"U32", 4, Float64, func(t *Tensor, b []byte) {
		for i := range t.f64 {
			t.f64[i] = float64(binary.LittleEndian.Uint32(b[4*i:]))
		}
	}},
	{"I16", 2, Float32, func(t *Tensor, b []byte) {
		for i := range t.f32 {
			t.f32[i] = float32(int16(binary.LittleEndian.Uint16(b[2*i:])))
		}
	}},
	{"I8", 1, Float32, func(t *Tensor, b []byte) {
		for i := range t.f32 {
			t.f32[i] = float32(int8(b[i]))
		}
	}},
	{"U8", 1, Float32, func(t *Tensor, b []byte) {
		for i := range t.f32 {
			t.f32[i] = float32(b[i])
		}
	}},
	{"BOOL", 1, Float32, func(t *Tensor, b []byte) {
		for i := range t.f32 {
			if b[i] != 0 {
				t.f32[i] = 1
			}
		}
	}},
}

// Half returns the value of an IEEE 754 half: 1 sign bit, 5 exponent bits, 10 of fraction.
func Half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero and subnormal: fraction·2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31: // infinity and NaN
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
