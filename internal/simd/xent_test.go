package simd

import (
	"math"
	"testing"
)

// TestExpRows holds both kernels of every level against float64, at sizes around the vector lengths, for
// rows of moderate, large and infinite numbers.
func TestExpRows(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for cols := 1; cols < 70; cols++ {
			const rows = 5
			r := rng(uint64(cols))
			x, _ := guarded[float32](rows*cols, cols%5)
			normals(r, x)
			for c := range cols {
				x[cols+c] *= 300
				x[2*cols+c] = float32(math.Inf(-1))
				x[3*cols+c] += 1e4
			}
			x[4*cols+cols/2] = float32(math.NaN())
			dst, intact := guarded[float32](rows*cols, 3)
			top, sum := make([]float32, rows), make([]float64, rows)
			ExpRows(dst, top, sum, x, rows, cols)
			if !intact() {
				t.Fatalf("%d columns: wrote beyond its slice", cols)
			}
			for i := range rows {
				if i == 2 || i == 4 {
					if !math.IsNaN(sum[i]) {
						t.Errorf("%d columns: the sum of row %d is %v; it should be NaN", cols, i, sum[i])
					}
					continue
				}
				peak, want := math.Inf(-1), 0.0
				for _, v := range x[i*cols : (i+1)*cols] {
					peak = max(peak, float64(v))
				}
				for c, v := range x[i*cols : (i+1)*cols] {
					e := math.Exp(float64(v) - peak)
					want += e
					if got := float64(dst[i*cols+c]); math.Abs(got-e) > 3e-7*e+1e-44 {
						t.Fatalf("%d columns: exp(%v − %v) = %v; it is %v", cols, v, peak, got, e)
					}
				}
				soft := make([]float32, cols)
				SoftRows(soft, top[i:i+1], sum[i:i+1], []float32{3}, x[i*cols:(i+1)*cols], 1, cols)
				for c, v := range soft {
					if w := 3 * float64(dst[i*cols+c]) / want; math.Abs(float64(v)-w) > 4e-7*w+1e-44 {
						t.Fatalf("%d columns: a share of %v; it is %v", cols, v, w)
					}
				}
				if float64(top[i]) != peak || math.Abs(sum[i]-want) > 3e-7*want {
					t.Errorf("%d columns, row %d: top %v, sum %v; they are %v, %v", cols, i, top[i], sum[i], peak, want)
				}
			}
		}
	})
}
