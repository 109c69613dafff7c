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

// SoftRows computes top and sum as ExpRows does, and dst[r,c] =
// factor[r]·exp(x[r,c] − top[r])/sum[r]: the softmax, scaled by rows.
func SoftRows[T Float](dst, top []T, sum []float64, factor, x []T, rows, cols int) {
	checkRows(len(x), len(dst), rows, cols, cols)
	sameLength("top", "sum", len(top), len(sum))
	sameLength("top", "factor", len(top), len(factor))
	sameLength("top", "the rows", len(top), rows)
	tableOf[T]().softRows(dst, top, sum, factor, x, rows, cols)
}

func softRows[T Float](dst, top []T, sum []float64, factor, x []T, rows, cols int) {
	expRows(dst, top, sum, x, rows, cols)
	for r := range rows {
		share := float64(factor[r]) / sum[r]
		for c, e := range dst[r*cols : (r+1)*cols] {
			dst[r*cols+c] = T(float64(e) * share)
		}
	}
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
