package simd

import "math"

// ExpRows computes, for x of rows × cols, top[r] = max_c x[r,c], dst[r,c] =
// exp(x[r,c] − top[r]) and sum[r] = Σ_c dst[r,c], on the caller's core. A row with NaN, with +Inf, or
// of −Inf alone has a sum of NaN. dst may be x.
func ExpRows[T Float](dst, top []T, sum []float64, x []T, rows, cols int) {
	checkRows(len(x), len(dst), rows, cols, cols)
	sameLength("top", "sum", len(top), len(sum))
	sameLength("top", "the rows", len(top), rows)
	tableOf[T]().expRows(dst, top, sum, x, rows, cols)
}

func expRows[T Float](dst, top []T, sum []float64, x []T, rows, cols int) {
	for r := range rows {
		row, out := x[r*cols:(r+1)*cols], dst[r*cols:(r+1)*cols]
		peak := maximum(row, nil)
		var total float64
		for c, v := range row {
			e := math.Exp(float64(v) - peak)
			total += e
			out[c] = T(e)
		}
		top[r], sum[r] = T(peak), total
	}
}
