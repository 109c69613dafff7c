package jobs

import (
	"math"
	"testing"
)

// TestOthers: what one text and all others have adds up to 1.
func TestOthers(t *testing.T) {
	for _, e := range []float64{1e-9, 0.01, 1, 40, 700} {
		s := others(e)
		if p := math.Exp(-s.Correct) + math.Exp(-s.Offending); math.Abs(p-1) > 1e-12 {
			t.Errorf("energy %v: the probabilities add up to %v", e, p)
		}
	}
	if s := others(0); math.IsInf(s.Offending, 0) {
		t.Error("a sure text leaves the others an infinite energy")
	}
}
