package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// Products of small integers. An element is a pair of int16 that follow each other in the depth, in a uint32 with the first in its low half; a depth that is odd
// ends in a pair with a 0. A product of two pairs is the sum of two products, and sums are int32, which wrap around: no bits are lost or rounded.
//
// Pairs have the size of a float32 and are moved as float32, so that the panels and the canvases are those of numbers. Only the tile is another.

// IntPanels is a matrix of pairs on the right of many products, as Panels.
type IntPanels struct{ of Panels[float32] }

// Pack fills p with B, pairs of rows: [k, n] of 2·k rows, row i at i·ldb.
func (p *IntPanels) Pack(k, n int, b []uint32, ldb int) {
	p.of.Pack(false, k, n, floats(b), ldb)
	p.of.engine.pairs = true
}

// MulInts computes C = A·B, for pairs A [m, k], C [m, n] and the B that b holds. A slice that is too short panics.
func MulInts(m int, a []uint32, lda int, b *IntPanels, c []int32, ldc int) {
	MulPanels(m, floats(a), lda, &b.of, 0, floats(c), ldc, Epilogue[float32]{})
}

// IntFilter is the weights of a convolution of pairs, as Filter.
type IntFilter struct{ of Filter[float32] }

// Pack fills f with the weights [OutC, InC, KH, KW] of s, InC in pairs; f keeps them: they must not change.
func (f *IntFilter) Pack(s *Conv2D, w []uint32) {
	f.of = Filter[float32]{Exact: true}
	f.of.Pack(s, floats(w))
	f.of.engine.pairs = true
}

// ForwardInts computes the convolution s of pairs x [Batch, InC, H, W], InC in pairs, into y [Batch, OutC, OutH, OutW].
func ForwardInts(s *Conv2D, y []int32, x []uint32, f *IntFilter) {
	if f.of.engine.level != simd.Current() {
		w := f.of.weights
		f = new(IntFilter)
		f.Pack(s, unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(w))), len(w)))
	}
	ForwardPacked(s, floats(y), floats(x), &f.of, nil, nil)
}

// floats is the memory of x as the kernels move it.
func floats[I uint32 | int32](x []I) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// multiplyPairs computes one tile of pairs.
func (e engine[T]) multiplyPairs(t *tile) {
	switch e.level {
	case simd.AVX512:
		tilePairsAVX512(t)
	case simd.AVX2:
		tilePairsAVX2(t)
	default:
		tilePairsGeneric(t)
	}
}

func tilePairsGeneric(t *tile) {
	for i := range t.rows {
		for j := range t.cols {
			sum := int32(0)
			for _, r := range unsafe.Slice(t.runs, t.runCount) {
				a, b := unsafe.Add(t.a, r.a+4*i), unsafe.Add(t.b, r.b+4*j)
				for s := range t.steps {
					x, y := (*[2]int16)(unsafe.Add(a, s*t.aStep)), (*[2]int16)(unsafe.Add(b, s*t.bStep))
					sum += int32(x[0])*int32(y[0]) + int32(x[1])*int32(y[1])
				}
			}
			offset := i*t.cStep + 4*j
			if t.flags&flagTranspose != 0 {
				offset = j*t.cStep + 4*i
			}
			c := (*int32)(unsafe.Add(t.c, offset))
			if t.flags&flagAdd != 0 {
				sum += *c
			}
			*c = sum
		}
	}
}
