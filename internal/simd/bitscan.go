package simd

import (
	"fmt"
	"unsafe"
)

// BitRows is how many rows a block of BitScan has.
const BitRows = 32

// BitColumns is how many numbers BitScan wants of each row.
const BitColumns = 3

// BitTables is how many bytes of tables eight coordinates have: sixteen entries for each half of a byte of codes.
const BitTables = 32

// A BitLimit is what a query makes of a row's sum and numbers: the row is marked if
//
//	step·(Scale·sum + Offset) + Norm·norm ≤ Limit + Slope·err
//
// in float32, where step, norm and err are the row's numbers.
type BitLimit struct {
	Scale, Offset, Norm, Limit, Slope float32
}

// BitPlace returns where in a block of codes bit t of a row is: the byte, and the bit's number in it.
func BitPlace(row, t int) (at int, bit uint) {
	at = 2 * row
	if row >= BitRows/2 {
		at -= BitRows - 1
	}
	return t/8*BitRows + at, uint(t % 8)
}

// BitScan finds rows that may be near by one bit a coordinate. For each block, bit r of masks[block] says whether the block's
// row r keeps the limit; its sum is that of the entries that its codes choose: half t of a row, bits 4t to 4t+3, chooses an
// entry of tables[16t:16t+16]. An entry is at most 127, and a row's sum at most 65535.
//
// A block is bytes·32 bytes of codes, whose order BitPlace says. Its numbers are three columns of 32: the rows' steps, norms and
// errs. Rows that do not exist get a bit too, of no meaning.
func BitScan(masks []uint32, codes []byte, rows []float32, tables []byte, limit *BitLimit, bytes int) {
	if bytes < 1 || len(codes) != len(masks)*bytes*BitRows || len(rows) != len(masks)*BitRows*BitColumns || len(tables) != bytes*BitTables {
		panic(fmt.Sprintf("simd: BitScan of %d bytes a row: masks has %d elements, codes %d, rows %d, tables %d",
			bytes, len(masks), len(codes), len(rows), len(tables)))
	}
	if len(masks) > 0 {
		tables32[Current()].bitScan(&masks[0], &codes[0], &rows[0], &tables[0], &limit.Scale, len(masks), bytes)
	}
}

// A bitScanKernel is BitScan of one query.
type bitScanKernel func(masks *uint32, codes *byte, rows *float32, tables *byte, limit *float32, blocks, bytes int)

// bitScan is the plain kernel.
func bitScan(masks *uint32, codes *byte, rows *float32, tables *byte, limit *float32, blocks, bytes int) {
	out := unsafe.Slice(masks, blocks)
	code := unsafe.Slice(codes, blocks*bytes*BitRows)
	number := unsafe.Slice(rows, blocks*BitRows*BitColumns)
	table := unsafe.Slice(tables, bytes*BitTables)
	l := (*BitLimit)(unsafe.Pointer(limit))
	for b := range out {
		out[b] = l.mark(code[b*bytes*BitRows:][:bytes*BitRows], number[b*BitRows*BitColumns:], table)
	}
}

func (l *BitLimit) mark(codes []byte, rows []float32, table []byte) (mask uint32) {
	for r := range BitRows {
		at, _ := BitPlace(r, 0)
		var sum uint16
		for t := range len(table) / BitTables {
			c := codes[t*BitRows+at]
			sum += uint16(table[t*BitTables+int(c&15)]) + uint16(table[t*BitTables+16+int(c>>4)])
		}
		step, norm, err := rows[r], rows[BitRows+r], rows[2*BitRows+r]
		if step*(l.Scale*float32(sum)+l.Offset)+l.Norm*norm <= l.Limit+l.Slope*err {
			mask |= 1 << r
		}
	}
	return mask
}
