package simd

import (
	"fmt"
	"math"
	"testing"
)

// bitCase is random input of a BitScan, with what each row's comparison comes to.
type bitCase struct {
	codes, tables  []byte
	rows           []float32
	limit          BitLimit
	bytes          int
	excess, unsure []float64 // of each row: left side less right, and how far from 0 it is surely rounded to its side
}

func newBitCase(seed uint64, blocks, bytes int) *bitCase {
	r := rng(seed)
	c := &bitCase{codes: make([]byte, blocks*bytes*BitRows), tables: make([]byte, bytes*BitTables), rows: make([]float32, blocks*BitRows*BitColumns), bytes: bytes}
	bits := make([][]bool, blocks*BitRows)
	for row := range bits {
		bits[row] = make([]bool, 8*bytes)
		for t := range bits[row] {
			at, bit := BitPlace(row%BitRows, t)
			if bits[row][t] = r.IntN(2) == 0; bits[row][t] {
				c.codes[row/BitRows*bytes*BitRows+at] |= 1 << bit
			}
		}
	}
	most := min(127, 65535/(2*bytes))
	for i := range c.tables {
		c.tables[i] = byte(r.IntN(most + 1))
	}
	for i := range c.rows {
		c.rows[i] = r.Float32()
	}
	c.limit = BitLimit{Scale: -1 / float32(most*bytes), Offset: r.Float32(), Norm: r.Float32(), Limit: r.Float32() / 2, Slope: r.Float32() / 4}
	for row := range bits {
		sum := 0
		for half := range 2 * bytes {
			entry := 0
			for t := range 4 {
				if bits[row][4*half+t] {
					entry |= 1 << t
				}
			}
			sum += int(c.tables[16*half+entry])
		}
		number := func(i int) float64 {
			return float64(c.rows[row/BitRows*BitRows*BitColumns+i*BitRows+row%BitRows])
		}
		l := &c.limit
		terms := []float64{
			number(0) * float64(l.Scale) * float64(sum), number(0) * float64(l.Offset), float64(l.Norm) * number(1), -float64(l.Limit), -float64(l.Slope) * number(2),
		}
		var excess, size float64
		for _, v := range terms {
			excess += v
			size += math.Abs(v)
		}
		c.excess, c.unsure = append(c.excess, excess), append(c.unsure, 1e-6*size)
	}
	return c
}

func TestBitScan(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		near, marked, all := 0, 0, 0
		for _, bytes := range []int{1, 2, 3, 16, 33, 257, 300} {
			for _, blocks := range []int{1, 2, 3, 7} {
				c := newBitCase(uint64(100*bytes+blocks), blocks, bytes)
				memory := make([]uint32, blocks+2)
				memory[0], memory[blocks+1] = 12345, 12345
				masks := memory[1:][:blocks:blocks]
				BitScan(masks, c.codes, c.rows, c.tables, &c.limit, bytes)
				if memory[0] != 12345 || memory[blocks+1] != 12345 {
					t.Fatal("wrote outside of masks")
				}
				for row, excess := range c.excess {
					got := masks[row/BitRows]>>(row%BitRows)&1 == 1
					if math.Abs(excess) <= c.unsure[row] {
						near++
					} else if got != (excess <= 0) {
						t.Fatalf("%d bytes, row %d of %d: marked %v, but the excess is %g", bytes, row, len(c.excess), got, excess)
					}
					if all++; got {
						marked++
					}
				}
			}
		}
		if near > 10 || marked < all/10 || marked > all*9/10 {
			t.Errorf("%d of %d rows marked, %d too close to tell: the cases say little", marked, all, near)
		}
	})
}

func TestBitScanMisuse(t *testing.T) {
	for name, sizes := range map[string][5]int{
		"no bytes": {1, 32, 96, 32, 0}, "codes": {1, 31, 96, 32, 1}, "rows": {1, 32, 95, 32, 1}, "tables": {1, 32, 96, 31, 1}, "masks": {2, 32, 96, 32, 1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: does not panic", name)
				}
			}()
			BitScan(make([]uint32, sizes[0]), make([]byte, sizes[1]), make([]float32, sizes[2]), make([]byte, sizes[3]), &BitLimit{}, sizes[4])
		}()
	}
	BitScan(nil, nil, nil, make([]byte, BitTables), &BitLimit{}, 1)
}

func BenchmarkBitScan(b *testing.B) {
	const blocks = 31250
	for _, bytes := range []int{16, 48, 96} {
		b.Run(fmt.Sprint(8*bytes), func(b *testing.B) {
			c := newBitCase(1, 1, bytes)
			codes, rows, masks := make([]byte, blocks*bytes*BitRows), make([]float32, blocks*BitRows*BitColumns), make([]uint32, blocks)
			b.SetBytes(int64(len(codes) + 4*len(rows)))
			for b.Loop() {
				BitScan(masks, codes, rows, c.tables, &c.limit, bytes)
			}
		})
	}
}
