package simd

import (
	"math"
	"testing"
)

func TestSquaredDistances(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		check := func(b, k, d int) {
			r := rng(uint64(b*10000 + k*100 + d))
			x, c := normals(r, make([]float32, b*d)), normals(r, make([]float32, k*d))
			if b > 0 && k > 0 {
				copy(c, x[:min(d, len(x))]) // distance 0, where expanding the square would cancel
			}
			dst, intact := guarded[float32](b*k, k%5)
			SquaredDistances(dst, x, c, b, k, d)
			if !intact() {
				t.Fatalf("b = %d, k = %d, d = %d: wrote outside of dst", b, k, d)
			}
			for i := range b {
				for j := range k {
					var want float64
					for t := range d {
						v := float64(x[i*d+t]) - float64(c[j*d+t])
						want += v * v
					}
					if got := float64(dst[i*k+j]); !(math.Abs(got-want) <= 1e-6*want*math.Sqrt(1+float64(d)/16)) {
						t.Fatalf("b = %d, k = %d, d = %d at %d,%d: %g, want %g", b, k, d, i, j, got, want)
					}
				}
			}
		}
		for k := range 70 {
			for _, b := range []int{0, 1, 3, 4, 7, 8, 9, 17} {
				check(b, k, k%20)
			}
		}
		for d := range 100 {
			check(2, 3, d)
			check(9, 5, d)
		}
		check(distanceRows+3, 100, 7)
		check(distanceRows+3, 40, 30)
	})
}
