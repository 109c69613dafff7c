package simd

import "math"

// ShortestRow is what rows are divided by instead of their lengths where those are less, so that
// the cosine of a row of zeros with any is 0: in losses over pairs, miners and retrieval.
const ShortestRow = 1e-12

// Unit writes x divided by its Euclidean length, or by ShortestRow where that is more, to dst, and
// returns what it divided by. dst may be x.
func Unit[D, T Float](dst []D, x []T) (length float64) {
	sameLength("dst", "x", len(dst), len(x))
	length = max(euclidean(x), ShortestRow)
	for i, v := range x {
		dst[i] = D(float64(v) / length)
	}
	return length
}

// euclidean returns ‖x‖, also where squares of float64 numbers overflow.
func euclidean[T Float](x []T) float64 {
	if s := SumSquares(x); s <= math.MaxFloat64 {
		return math.Sqrt(s)
	}
	const shrink = 0x1p-600
	s := 0.0
	for _, v := range x {
		u := float64(v) * shrink
		s += u * u
	}
	return math.Sqrt(s) / shrink
}
