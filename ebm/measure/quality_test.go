package measure

import (
	"math"
	"testing"
)

// TestQuality: two draws with the labels 0 and 1, of which the second is nearer than the bound.
func TestQuality(t *testing.T) {
	q := QualityOf([]float32{1, 0, 0.25, 0.75}, 2, []float64{3, 1}, 2)
	entropy := -(0.25*math.Log(0.25) + 0.75*math.Log(0.75)) / 2
	labels := -(0.625*math.Log(0.625) + 0.375*math.Log(0.375))
	if q.Confidence != 0.875 || math.Abs(q.Entropy-entropy) > 1e-12 || math.Abs(q.LabelEntropy-labels) > 1e-12 || q.Nearest != 2 || q.Copies != 0.5 {
		t.Errorf("%+v, want entropies %v and %v", q, entropy, labels)
	}
	if q := QualityOf(nil, 2, nil, 1); !math.IsNaN(q.Confidence) || !math.IsNaN(q.LabelEntropy) || !math.IsNaN(q.Copies) {
		t.Errorf("of no draws %+v", q)
	}
}

// TestDiscrepancy: two samples of two points each, by hand.
func TestDiscrepancy(t *testing.T) {
	a, b := [][2]float64{{0, 0}, {0, 2}}, [][2]float64{{0, 0}, {1, 0}}
	k := func(square float64) float64 { return math.Exp(-square / 2) }
	want := k(4) + k(1) - (k(0)+k(1)+k(4)+k(5))/2
	if got := Discrepancy(a, b); math.Abs(got-want) > 1e-12 {
		t.Errorf("the discrepancy is %v, want %v", got, want)
	}
	if got := Discrepancy(a, b[:1]); got == got {
		t.Errorf("of one point it is %v", got)
	}
}
