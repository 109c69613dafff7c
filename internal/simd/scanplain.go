package simd

import "unsafe"

func plainScan() scanKernels {
	return scanKernels{scanBy(1), scanBy(2), scanBy(4), scanBy(8)}
}

// scanBy is the plain kernel of width queries.
func scanBy(width int) scanKernel {
	return func(masks *uint16, codes *int8, rows *float32, queries *int32, limits *float32, blocks, pairs, stride int) {
		out := unsafe.Slice(masks, (blocks-1)*stride+width)
		code := unsafe.Slice(codes, blocks*pairs*2*ScanRows)
		number := unsafe.Slice(rows, blocks*ScanRows*ScanColumns)
		query := unsafe.Slice(queries, width*pairs)
		limit := unsafe.Slice((*ScanLimit)(unsafe.Pointer(limits)), width)
		for b := range blocks {
			for j := range width {
				products := scanProducts(code[b*pairs*2*ScanRows:][:pairs*2*ScanRows], query[j:], width)
				out[b*stride+j] = limit[j].mark(&products, number[b*ScanRows*ScanColumns:])
			}
		}
	}
}

// scanProducts multiplies a block's rows by the query whose pairs are width elements apart.
func scanProducts(codes []int8, query []int32, width int) (sums [ScanRows]int32) {
	for p := 0; len(codes) > 0; p += width {
		first, second := int32(int16(query[p])), query[p]>>16
		pair := (*[2 * ScanRows]int8)(codes)
		for r := range sums {
			sums[r] += int32(pair[2*r])*first + int32(pair[2*r+1])*second
		}
		codes = codes[2*ScanRows:]
	}
	return sums
}

func (l *ScanLimit) mark(products *[ScanRows]int32, rows []float32) (mask uint16) {
	for r, p := range products {
		step, norm, err := rows[r], rows[ScanRows+r], rows[2*ScanRows+r]
		if float32(p)*step*l.Product+norm*l.Norm <= l.Limit+err*(l.Slope+err*l.Curve) {
			mask |= 1 << r
		}
	}
	return mask
}
