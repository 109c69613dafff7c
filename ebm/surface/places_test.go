package surface

import (
	"slices"
	"testing"
)

func TestPlaces(t *testing.T) {
	if got := Axis(5, -1, 1); !slices.Equal(got, []float64{-1, -0.5, 0, 0.5, 1}) {
		t.Errorf("an axis is %v", got)
	}
	if got := Places([]float32{1, 2, 3, 4}); !slices.Equal(got, [][2]float64{{1, 2}, {3, 4}}) || Places([]float64{}) != nil {
		t.Errorf("places are %v", got)
	}
	if got := Single([]float64{0.1, 1e300}); got[0] != float32(0.1) || !(got[1] > 1e38) {
		t.Errorf("in single precision %v", got)
	}
}
