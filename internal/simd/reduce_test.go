package simd

import (
	"math"
	"testing"
)

// sizes calls f for lengths around the vectors' edges, and for one that is cut into runs.
func sizes(f func(n int)) {
	for n := range 100 {
		f(n)
	}
	f(1000)
	f(5*reduceChunk/2 + 3)
}

func TestSums(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		sizes(func(n int) {
			r := rng(uint64(n))
			memory, other := normals(r, make([]float32, n+3)), normals(r, make([]float32, n+1))
			a, b := memory[3:], other[1:]
			var want, magnitude [4]float64
			for i := range a {
				x, y := float64(a[i]), float64(b[i])
				for k, v := range [4]float64{x, x * y, x * x, math.Abs(x)} {
					want[k] += v
					magnitude[k] += math.Abs(v)
				}
			}
			for k, got := range [4]float64{Sum(a), Dot(a, b), SumSquares(a), SumAbs(a)} {
				if !(math.Abs(got-want[k]) <= 1e-13*magnitude[k]) {
					t.Errorf("n = %d, sum %d: %g, want %g", n, k, got, want[k])
				}
			}
		})
	})
}

func TestExtremes(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	atLevels(t, func(t *testing.T) {
		sizes(func(n int) {
			r := rng(uint64(n))
			x := normals(r, make([]float32, n+1))[1:]
			for range min(n, 3) { // ties
				x[r.IntN(n)] = x[r.IntN(n)]
			}
			check := func(what string) {
				t.Helper()
				top, least, at, bad := -inf, inf, -1, false
				for i, v := range x {
					top, least = max(top, v), min(least, v)
					bad = bad || v-v != 0
					if at < 0 || v < x[at] || (v != v && x[at] == x[at]) {
						at = i
					}
				}
				if got := Max(x); got != top && !(got != got && top != top) {
					t.Errorf("n = %d, %s: Max = %g, want %g", n, what, got, top)
				}
				if got := Min(x); got != least && !(got != got && least != least) {
					t.Errorf("n = %d, %s: Min = %g, want %g", n, what, got, least)
				}
				if got := ArgMin(x); got != at {
					t.Errorf("n = %d, %s: ArgMin = %d, want %d", n, what, got, at)
				}
				if got := HasNonFinite(x); got != bad {
					t.Errorf("n = %d, %s: HasNonFinite = %t", n, what, got)
				}
			}
			check("plain")
			for _, v := range []float32{math.MaxFloat32, inf, -inf, nan} {
				for _, i := range []int{0, n / 2, n - 1} {
					if n == 0 {
						continue
					}
					old := x[i]
					x[i] = v
					check("with a special value")
					x[i] = old
				}
			}
			clear(x) // all equal, and equal to what lies beyond a masked load
			check("zeros")
		})
	})
}
