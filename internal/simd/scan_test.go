package simd

import (
	"fmt"
	"math"
	"testing"
)

// scanCase is random input of a Scan, with what each row's comparison comes to.
type scanCase struct {
	codes   []int8
	rows    []float32
	packed  []int32
	limits  []ScanLimit
	pairs   int
	excess  []float64 // left side less right, of block, query, row
	unsure  []float64 // how far from 0 an excess is surely rounded to its side
	queries int
}

func newScanCase(seed uint64, blocks, queries, pairs int) *scanCase {
	r := rng(seed)
	c := &scanCase{pairs: pairs, queries: queries, codes: make([]int8, blocks*pairs*2*ScanRows), rows: make([]float32, blocks*ScanRows*ScanColumns)}
	for i := range c.codes {
		c.codes[i] = int8(r.IntN(255) - 127)
	}
	for i := range c.rows {
		c.rows[i] = r.Float32()
	}
	most := min(32767, math.MaxInt32/(127*2*pairs))
	q := make([]int16, queries*2*pairs)
	for i := range q {
		q[i] = int16(r.IntN(2*most+1) - most)
	}
	c.packed = make([]int32, queries*pairs)
	PackScanQueries(c.packed, q, queries, pairs)
	for range queries {
		c.limits = append(c.limits, ScanLimit{
			Product: -1 / float32(most) / 100, Norm: r.Float32() * 3, Limit: r.Float32() * 2, Slope: r.Float32(), Curve: float32(r.IntN(2)),
		})
	}
	for b := range blocks {
		for j := range queries {
			for row := range ScanRows {
				c.compare(b, row, q[j*2*pairs:][:2*pairs], c.limits[j])
			}
		}
	}
	return c
}

// compare appends the comparison of one row, in float64.
func (c *scanCase) compare(block, row int, q []int16, l ScanLimit) {
	product := 0
	for t, v := range q {
		product += int(v) * int(c.codes[(block*c.pairs+t/2)*2*ScanRows+2*row+t%2])
	}
	number := func(i int) float64 { return float64(c.rows[(block*ScanColumns+i)*ScanRows+row]) }
	left := []float64{float64(product) * number(0) * float64(l.Product), number(1) * float64(l.Norm)}
	right := []float64{float64(l.Limit), number(2) * float64(l.Slope), number(2) * number(2) * float64(l.Curve)}
	var excess, size float64
	for _, v := range left {
		excess += v
		size += math.Abs(v)
	}
	for _, v := range right {
		excess -= v
		size += math.Abs(v)
	}
	c.excess = append(c.excess, excess)
	c.unsure = append(c.unsure, 1e-6*size)
}

func TestScan(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		seed, near := uint64(0), 0
		for _, pairs := range []int{1, 2, 3, 16, 33} {
			for _, queries := range []int{1, 2, 3, 4, 7, 8, 9, 23} {
				for _, blocks := range []int{1, 2, 3, 6} {
					seed++
					near += checkScan(t, newScanCase(seed, blocks, queries, pairs))
				}
			}
		}
		checkScan(t, newScanCase(99, 1, 1, 32768))
		if near > 100 {
			t.Errorf("%d comparisons are too close to test", near)
		}
	})
}

// checkScan returns how many rows were too near to their limits to tell.
func checkScan(t *testing.T, c *scanCase) (near int) {
	t.Helper()
	what := fmt.Sprintf("%d codes, %d queries, %d pairs", len(c.codes), c.queries, c.pairs)
	masks, intact := guardedWords(len(c.excess) / ScanRows)
	Scan(masks, c.codes, c.rows, c.packed, c.limits, c.pairs)
	if !intact() {
		t.Fatalf("%s: wrote outside of masks", what)
	}
	marked := 0
	for i, excess := range c.excess {
		got := masks[i/ScanRows]>>(i%ScanRows)&1 == 1
		if math.Abs(excess) <= c.unsure[i] {
			near++
		} else if got != (excess <= 0) {
			t.Fatalf("%s: block and query %d, row %d: marked %v, but the excess is %g", what, i/ScanRows, i%ScanRows, got, excess)
		}
		if got {
			marked++
		}
	}
	if len(c.excess) > 1000 && (marked < len(c.excess)/100 || marked > len(c.excess)*99/100) {
		t.Fatalf("%s: %d of %d rows marked: the case says little", what, marked, len(c.excess))
	}
	return near
}

func guardedWords(n int) (x []uint16, intact func() bool) {
	memory := make([]uint16, n+80)
	for i := range memory {
		memory[i] = 12345
	}
	return memory[40:][:n:n], func() bool {
		for i, v := range memory {
			if (i < 40 || i >= n+40) && v != 12345 {
				return false
			}
		}
		return true
	}
}

func TestScanMisuse(t *testing.T) {
	for name, f := range map[string]func(){
		"no pairs": func() { Scan(nil, nil, nil, nil, nil, 0) },
		"few codes": func() {
			Scan(make([]uint16, 1), make([]int8, 31), make([]float32, 48), make([]int32, 1), make([]ScanLimit, 1), 1)
		},
		"few masks":   func() { Scan(nil, make([]int8, 32), make([]float32, 48), make([]int32, 1), make([]ScanLimit, 1), 1) },
		"few queries": func() { PackScanQueries(make([]int32, 2), make([]int16, 2), 2, 1) },
		"few numbers": func() {
			Scan(make([]uint16, 1), make([]int8, 32), make([]float32, 47), make([]int32, 1), make([]ScanLimit, 1), 1)
		},
		"packed short": func() { Scan(make([]uint16, 1), make([]int8, 32), make([]float32, 48), nil, make([]ScanLimit, 1), 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: does not panic", name)
				}
			}()
			f()
		}()
	}
}

func BenchmarkScan(b *testing.B) {
	const blocks, pairs = 62500, 64
	codes, rows := make([]int8, blocks*pairs*2*ScanRows), make([]float32, blocks*ScanRows*ScanColumns)
	for i := range codes {
		codes[i] = int8(i * 7)
	}
	for _, queries := range []int{1, 2, 4, 8, 16} {
		b.Run(fmt.Sprint(queries), func(b *testing.B) {
			masks, packed, limits := make([]uint16, 64*queries), make([]int32, queries*pairs), make([]ScanLimit, queries)
			b.SetBytes(int64(len(codes)))
			for b.Loop() {
				for at := 0; at+64 <= blocks; at += 64 {
					Scan(masks, codes[at*pairs*32:][:64*pairs*32], rows[at*48:][:64*48], packed, limits, pairs)
				}
			}
		})
	}
}

func TestScanDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c := newScanCase(1, 4, 11, 8)
	masks := make([]uint16, len(c.excess)/ScanRows)
	atLevels(t, func(t *testing.T) {
		if n := testing.AllocsPerRun(10, func() { Scan(masks, c.codes, c.rows, c.packed, c.limits, c.pairs) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
