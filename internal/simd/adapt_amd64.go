package simd

// The functions of this file give assembly the signatures that a table wants.

// indexBy leaves the search for a NaN, which nothing is equal to, to plain Go.
func indexBy(equal func(x []float32, v float32) int) func(x []float32, v float32) int {
	return func(x []float32, v float32) int {
		if v != v {
			return index(x, v)
		}
		return equal(x, v)
	}
}

type sgdKernel func(w, grad, m []float32, k *float32)

func sgdBy(none, momentum, nesterov sgdKernel) func(w, grad, m []float32, k *sgdFactors[float32]) {
	return func(w, grad, m []float32, k *sgdFactors[float32]) {
		switch {
		case m == nil:
			none(w, grad, nil, &k.decay)
		case k.ahead != 0:
			nesterov(w, grad, m, &k.decay)
		default:
			momentum(w, grad, m, &k.decay)
		}
	}
}

// distancesBy computes tiles of width centres, rearranged so that a vector holds one
// coordinate of each; with too few points to pay for that, it goes pair by pair.
func distancesBy(
	tile func(dst, x, packed *float32, rows, n, d, stride int),
	row func(dst, x, c *float32, n, d int),
	width int,
) func(dst, x, c, scratch []float32, s distanceShape) {
	const few = 4
	return func(dst, x, c, scratch []float32, s distanceShape) {
		switch {
		case s.d == 0:
			distances(dst, x, c, nil, s)
		case s.rows < few:
			for i := range s.rows {
				row(&dst[i*s.stride], &x[i*s.d], &c[0], s.n, s.d)
			}
		default:
			for j := 0; j < s.n; j += width {
				n := min(width, s.n-j)
				packed := scratch[:width*s.d]
				pack(packed, c[j*s.d:(j+n)*s.d], s.d, width)
				tile(&dst[j], &x[0], &packed[0], s.rows, n, s.d, s.stride)
			}
		}
	}
}

// pack transposes the rows of c, each of d elements, to columns of packed, width
// elements wide. Columns beyond c's rows keep what they held: their sums go nowhere.
func pack(packed, c []float32, d, width int) {
	const block = 64 // coordinates whose part of packed stays in the first cache
	for lo := 0; lo < d; lo += block {
		hi := min(lo+block, d)
		for j := 0; j*d < len(c); j++ {
			out := packed[lo*width+j:]
			for t, v := range c[j*d+lo : j*d+hi] {
				out[t*width] = v
			}
		}
	}
}

// halvingBy goes over planes. A gradient writes whole windows, so a last odd row or
// column of the image has to be cleared for it.
func halvingBy(plane func(y, x *float32, argmax *int32, w, outH, outW int), gradient bool) pooling[float32] {
	return func(s *Pool2D, y, x []float32, argmax []int32, _ bool) {
		outH, outW := s.OutH(), s.OutW()
		if gradient && (s.H|s.W)&1 == 1 {
			clear(x)
		}
		var at *int32
		for i, j := 0, 0; i < len(y); i, j = i+outH*outW, j+s.H*s.W {
			if argmax != nil {
				at = &argmax[i]
			}
			if gradient {
				plane(&x[j], &y[i], at, s.W, outH, outW)
			} else {
				plane(&y[i], &x[j], at, s.W, outH, outW)
			}
		}
	}
}

type (
	pointSum  func(da, db, dc, a, b, c []float32, k *float32) (sum float64, bad uint32)
	pointEach func(l, da, db, dc, a, b, c []float32, k *float32) (bad uint32)
)

// pointBy makes a kernel of assembly: outs and all are as in _asm's row of the loss.
func pointBy(sum pointSum, each pointEach, outs, all outs) pointKernel[float32] {
	return pointKernel[float32]{
		sum: func(da, db, dc, a, b, c []float32, k *factors[float32]) (float64, uint32) {
			return sum(da, db, dc, a, b, c, &k.vector[0])
		},
		each: func(l, da, db, dc, a, b, c []float32, k *factors[float32]) uint32 {
			return each(l, da, db, dc, a, b, c, &k.vector[0])
		},
		outs: outs, all: all,
	}
}
