package simd

import (
	"fmt"
	"math/bits"
)

// ScanRows is how many rows a block of codes has.
const ScanRows = 16

// ScanColumns is how many numbers Scan wants of each row.
const ScanColumns = 3

// A ScanLimit is what a query makes of a row's product and numbers: the row is marked if
//
//	Product·product·step + Norm·norm ≤ Limit + err·(Slope + err·Curve)
//
// in float32, where step, norm and err are the row's numbers.
type ScanLimit struct {
	Product, Norm, Limit, Slope, Curve float32

	_ [3]float32 // so that one fills half a cache line
}

// PackScanQueries arranges queries for Scan: query i is the row q[i·2·pairs:], and
// dst has n·pairs elements.
func PackScanQueries(dst []int32, q []int16, n, pairs int) {
	if n < 0 || pairs < 1 || len(q) != 2*n*pairs || len(dst) != n*pairs {
		panic(fmt.Sprintf("simd: PackScanQueries: %d queries of %d pairs, but q has %d elements, dst %d", n, pairs, len(q), len(dst)))
	}
	for j := 0; j < n; {
		width := scanWidth(n - j)
		for t := range width {
			row := q[2*(j+t)*pairs:][:2*pairs]
			for p := range pairs {
				dst[j*pairs+p*width+t] = int32(uint32(uint16(row[2*p])) | uint32(uint16(row[2*p+1]))<<16)
			}
		}
		j += width
	}
}

// scanWidth is how many of n queries a kernel takes at once.
func scanWidth(n int) int { return min(8, 1<<(bits.Len(uint(n))-1)) }

// Scan finds rows that may be near. For each block and each query, bit r of
// masks[block·len(limits) + query] says whether the block's row r keeps the query's limit; its
// product is Σ_t code[r,t]·query[t], which must not leave int32.
//
// A block is pairs·32 codes: of each pair of coordinates, the two codes of each row in turn.
// Its numbers are three columns of 16: the rows' steps, norms and errs. queries is what
// PackScanQueries wrote. Rows that do not exist get a bit too, of no meaning.
func Scan(masks []uint16, codes []int8, rows []float32, queries []int32, limits []ScanLimit, pairs int) {
	blocks := 0
	if pairs > 0 {
		blocks = len(codes) / (2 * ScanRows * pairs)
	}
	if pairs < 1 || len(codes) != blocks*pairs*2*ScanRows || len(rows) != blocks*ScanRows*ScanColumns ||
		len(queries) != len(limits)*pairs || len(masks) != blocks*len(limits) {
		panic(fmt.Sprintf("simd: Scan of %d pairs: masks has %d elements, codes %d, rows %d, queries %d, limits %d",
			pairs, len(masks), len(codes), len(rows), len(queries), len(limits)))
	}
	if blocks == 0 {
		return
	}
	kernels := &tables32[Current()].scan
	for j := 0; j < len(limits); {
		width := scanWidth(len(limits) - j)
		kernel := kernels[bits.TrailingZeros(uint(width))]
		kernel(&masks[j], &codes[0], &rows[0], &queries[j*pairs], &limits[j].Product, blocks, pairs, len(limits))
		j += width
	}
}

// A scanKernel marks rows for as many queries as its place among scanKernels says.
type scanKernel func(masks *uint16, codes *int8, rows *float32, queries *int32, limits *float32, blocks, pairs, stride int)

// scanKernels are for 1, 2, 4 and 8 queries.
type scanKernels [4]scanKernel
