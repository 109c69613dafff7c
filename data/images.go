// Package data reads data sets: images of digits in IDX files, fetched where they
// are not at hand. Every reader is bounded by what its input declares and holds.
package data

import (
	"fmt"
	"math/bits"
	"slices"
)

// Images is a set of grey pictures of one size, each with a label.
type Images struct {
	Pixels []byte // N·H·W, row by row, 0 black
	Labels []byte // N
	N      int
	H, W   int
}

// Classes returns one more than the largest label.
func (m *Images) Classes() int {
	if m.N == 0 {
		return 0
	}
	return int(slices.Max(m.Labels)) + 1
}

// Size returns the number of pixels of a picture.
func (m *Images) Size() int { return m.H * m.W }

// Image returns the pixels of picture i, shared.
func (m *Images) Image(i int) []byte { return m.Pixels[i*m.Size():][:m.Size()] }

// Subset returns pictures lo to hi-1, sharing their memory.
func (m *Images) Subset(lo, hi int) *Images {
	n := m.Size()
	return &Images{Pixels: m.Pixels[lo*n : hi*n], Labels: m.Labels[lo:hi], N: hi - lo, H: m.H, W: m.W}
}

// Batch writes the pictures of the given indices into dst, scaled to [0, 1]. dst
// has len(indices)·H·W elements.
func (m *Images) Batch(dst []float32, indices []int) {
	n := m.Size()
	if len(dst) != len(indices)*n {
		panic(fmt.Sprintf("data: Batch of %d pictures of %d pixels into %d elements", len(indices), n, len(dst)))
	}
	for b, i := range indices {
		row := dst[b*n:][:n]
		for j, p := range m.Image(i) {
			row[j] = scaled[p]
		}
	}
}

// scaled holds p/255 for every byte p.
var scaled = func() (t [256]float32) {
	for p := range t {
		t[p] = float32(p) / 255
	}
	return t
}()

// Variance is the sum over all pixels, in [0, 1], of the squared differences from their mean, place by place. Sums of
// bytes are exact, so that it is 0 for pictures that are all alike and for no others.
func (m *Images) Variance() float64 {
	sums, squares := make([]uint64, m.H*m.W), make([]uint64, m.H*m.W)
	for i, v := range m.Pixels {
		at := i % len(sums)
		sums[at] += uint64(v)
		squares[at] += uint64(v) * uint64(v)
	}
	total := 0.0
	for i, s := range sums { // Σ(v − s/N)² = (N·Σv² − s²)/N
		hi, lo := bits.Mul64(uint64(m.N), squares[i])
		sHi, sLo := bits.Mul64(s, s)
		lo, borrow := bits.Sub64(lo, sLo, 0)
		hi, _ = bits.Sub64(hi, sHi, borrow)
		total += (float64(hi)*0x1p64 + float64(lo)) / float64(m.N)
	}
	return total / (255 * 255)
}
