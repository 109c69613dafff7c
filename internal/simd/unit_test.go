package simd

import (
	"math"
	"testing"
)

// TestUnit: rows divided by their lengths have the length 1, but for those that are too short.
func TestUnit(t *testing.T) {
	for n := range 100 {
		x := normals(rng(uint64(n)), make([]float32, n))
		wide := make([]float64, n)
		length := Unit(wide, x)
		if want := math.Sqrt(SumSquares(x)); length != max(want, ShortestRow) {
			t.Fatalf("%d: the length is %v; it must be %v", n, length, want)
		}
		if got := math.Sqrt(SumSquares(wide)); n > 0 && math.Abs(got-1) > 1e-14 {
			t.Fatalf("%d: the row's length is %v; it must be 1", n, got)
		}
		if Unit(x, x); !near32(x, wide) {
			t.Fatalf("%d: in place %v; it must be %v", n, x, wide)
		}
	}
	for _, c := range []struct{ x, by, want float64 }{
		{1e200, 5e200, 0.6}, {1e-13, ShortestRow, 0.3}, {0, ShortestRow, 0}, {1e-200, ShortestRow, 3e-188},
	} {
		x := []float64{3 * c.x, 4 * c.x}
		if by := Unit(x, x); math.Abs(by-c.by) > 1e-15*c.by || math.Abs(x[0]-c.want) > 1e-15*c.want {
			t.Errorf("%v: divided by %v it is %v; it must be %v, %v", c.x, by, x[0], c.by, c.want)
		}
	}
	if by := Unit(make([]float64, 2), []float64{1, math.NaN()}); !math.IsNaN(by) {
		t.Errorf("the length of a row with NaN is %v", by)
	}
}

func near32(x []float32, want []float64) bool {
	for i, v := range x {
		if v != float32(want[i]) {
			return false
		}
	}
	return true
}
