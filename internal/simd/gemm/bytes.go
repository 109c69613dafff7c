package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// Bytes are integers of 8 bits between Low and High, for numbers that lie by Zero below them: a number v is kept as round(max(Low−Zero, min(High−Zero, v))) + Zero.
// Halves are rounded to even, and NaN becomes Low.
type Bytes struct{ Low, High, Zero float32 }

// FromSums sets dst[i] to the byte of sums[i]·factor. The lengths must be the same.
func FromSums[Q uint8 | int8](b Bytes, dst []Q, sums []int32, factor float32) {
	sums = sums[:len(dst)]
	n := 0
	switch simd.Current() {
	case simd.AVX512:
		if n = len(dst) &^ 15; n > 0 {
			sumsToBytesAVX512(unsafe.Pointer(&dst[0]), unsafe.Pointer(&sums[0]), n, factor, b.Low-b.Zero, b.High-b.Zero, int32(b.Zero))
		}
	case simd.AVX2:
		if n = len(dst) &^ 7; n > 0 {
			sumsToBytesAVX2(unsafe.Pointer(&dst[0]), unsafe.Pointer(&sums[0]), n, factor, b.Low-b.Zero, b.High-b.Zero, int32(b.Zero))
		}
	}
	for i, s := range sums[n:] {
		dst[n+i] = Q(b.of(float32(float32(s) * factor)))
	}
}

// FromNumbers sets dst[i] to the byte of x[i]/scale. The lengths must be the same.
func FromNumbers[Q uint8 | int8](b Bytes, dst []Q, x []float32, scale float32) {
	x = x[:len(dst)]
	n := 0
	switch simd.Current() {
	case simd.AVX512:
		if n = len(dst) &^ 15; n > 0 {
			numbersToBytesAVX512(unsafe.Pointer(&dst[0]), unsafe.Pointer(&x[0]), n, scale, b.Low-b.Zero, b.High-b.Zero, int32(b.Zero))
		}
	case simd.AVX2:
		if n = len(dst) &^ 7; n > 0 {
			numbersToBytesAVX2(unsafe.Pointer(&dst[0]), unsafe.Pointer(&x[0]), n, scale, b.Low-b.Zero, b.High-b.Zero, int32(b.Zero))
		}
	}
	for i, v := range x[n:] {
		dst[n+i] = Q(b.of(v / scale))
	}
}

func (b Bytes) of(v float32) int32 {
	low, high := b.Low-b.Zero, b.High-b.Zero
	switch {
	case !(v >= low):
		v = low
	case v >= high:
		v = high
	default:
		const large = 3 << 22 // from here to twice as much float32 has no fractions
		v += large
		v -= large
	}
	return int32(v) + int32(b.Zero)
}
