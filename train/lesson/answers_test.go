package lesson

import (
	"math"
	"testing"
)

// TestInferred: the first of equals, and NaN where an energy is.
func TestInferred(t *testing.T) {
	nan := math.NaN()
	g := &Grid{X: []float64{0, 1, 2}, Y: []float64{5, 6}, Energies: []float64{1, 0, 2, 2, nan, 1}}
	got := g.Inferred()
	if got[0] != 6 || got[1] != 5 || !math.IsNaN(got[2]) {
		t.Errorf("inferred %v", got)
	}
}
