package index

import (
	"math/bits"

	"github.com/energo-ml/energo/internal/simd"
)

// A bitmap has a bit for each row of a slab, in its order.
type bitmap []uint64

func newBitmap(rows int) bitmap { return make(bitmap, (rows+63)/64) }

// fullBitmap has the bits of all rows, and none beyond.
func fullBitmap(rows int) bitmap {
	b := newBitmap(rows)
	for i := range b {
		b[i] = ^uint64(0)
	}
	if over := rows % 64; over != 0 {
		b[len(b)-1] = 1<<over - 1
	}
	return b
}

func (b bitmap) set(row int)      { b[row/64] |= 1 << (row % 64) }
func (b bitmap) has(row int) bool { return b[row/64]>>(row%64)&1 == 1 }

func (b bitmap) and(other bitmap) {
	for i := range b {
		b[i] &= other[i]
	}
}

func (b bitmap) or(other bitmap) {
	for i := range b {
		b[i] |= other[i]
	}
}

func (b bitmap) without(other bitmap) {
	for i := range b {
		b[i] &^= other[i]
	}
}

// bury takes out the rows that are dead.
func (b bitmap) bury(d *deadSet) {
	const words = pageRows / 64
	for i, page := range d.pages {
		if page != nil && i*words < len(b) {
			some := b[i*words:]
			bitmap(some[:min(words, len(some))]).without(page[:])
		}
	}
}

func (b bitmap) count() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// rows lists the rows whose bits are set.
func (b bitmap) rows() []int {
	out := make([]int, 0, b.count())
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			out = append(out, 64*i+bits.TrailingZeros64(word))
		}
	}
	return out
}

// block returns the bits of the rows of a block of codes.
func (b bitmap) block(n int) uint16 {
	const blocks = 64 / simd.ScanRows
	return uint16(b[n/blocks] >> (n % blocks * simd.ScanRows))
}
