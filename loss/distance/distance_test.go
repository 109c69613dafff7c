package distance_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// Less is nearer, whatever the kind.
func ExampleBetween() {
	x, near, far := []float32{3, 4}, []float32{4, 3}, []float32{-3, 4}
	for _, k := range distance.Kinds {
		m := distance.Measure{Kind: k}
		if k == distance.Lp {
			m.P = 1
		}
		fmt.Printf("%-9s %7.3f %7.3f\n", k, distance.Between(m, x, near), distance.Between(m, x, far))
	}
	// Output:
	// euclidean   1.414   6.000
	// squared     2.000  36.000
	// cosine      0.040   0.720
	// dot       -24.000  -7.000
	// lp          2.000   6.000
}

// TestBetween holds every kind against its formula, and the zero value against the Euclidean distance.
func TestBetween(t *testing.T) {
	x, y := []float64{1, -2, 0.5}, []float64{-0.25, 3, 2}
	squares := 1.25*1.25 + 5*5 + 1.5*1.5
	dot, nx, ny := -0.25-6+1, 1+4+0.25, 0.0625+9+4
	for m, want := range map[distance.Measure]float64{
		{}:                                  math.Sqrt(squares),
		{Kind: distance.Euclidean}:          math.Sqrt(squares),
		{Kind: distance.Squared}:            squares,
		{Kind: distance.Cosine}:             1 - dot/math.Sqrt(nx*ny),
		{Kind: distance.Dot}:                -dot,
		{Kind: distance.Lp, P: 1}:           1.25 + 5 + 1.5,
		{Kind: distance.Lp, P: 3}:           math.Cbrt(1.25*1.25*1.25 + 125 + 1.5*1.5*1.5),
		{Kind: distance.Lp, P: math.Inf(1)}: 5,

		{Normalize: true}: math.Sqrt(2 - 2*dot/math.Sqrt(nx*ny)),
		{Kind: distance.Euclidean, Normalize: true}: math.Sqrt(2 - 2*dot/math.Sqrt(nx*ny)),
		{Kind: distance.Squared, Normalize: true}:   2 - 2*dot/math.Sqrt(nx*ny),
		{Kind: distance.Dot, Normalize: true}:       -dot / math.Sqrt(nx*ny),
		{Kind: distance.Lp, P: 1, Normalize: true}:  math.Abs(1/math.Sqrt(nx)+0.25/math.Sqrt(ny)) + math.Abs(2/math.Sqrt(nx)+3/math.Sqrt(ny)) + math.Abs(0.5/math.Sqrt(nx)-2/math.Sqrt(ny)),
	} {
		if err := m.Check(); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
		if got := distance.Between(m, x, y); !(math.Abs(got-want) <= 1e-14*math.Abs(want)) {
			t.Errorf("%+v is %v; by its formula %v", m, got, want)
		}
	}
	if got := distance.Between(distance.Measure{Kind: distance.Cosine}, make([]float64, 3), y); got != 1 {
		t.Errorf("the cosine distance of a row of zeros is %v; it must be 1", got)
	}
	for _, far := range []float64{1e200, 1e-200} { // squares that float64 does not hold, and a length below 1e-12
		x, want := []float64{3 * far, 4 * far}, math.Sqrt(2-2*0.6)
		if far < 1 {
			want = 1
		}
		if got := distance.Between(distance.Measure{Normalize: true}, x, []float64{1, 0}); !(math.Abs(got-want) <= 1e-15) {
			t.Errorf("the distance of %v, normalised, is %v; it must be %v", x, got, want)
		}
	}
}

// TestCheck: what is not allowed is named.
func TestCheck(t *testing.T) {
	for want, m := range map[string]distance.Measure{
		`distance is "manhattan"; it must be one of euclidean, squared, cosine, dot, lp`: {Kind: "manhattan"},
		"p is 2; it must be 0 where the distance is not lp":                              {P: 2},
		"p is 0.5; it must be at least 1":                                                {Kind: distance.Lp, P: 0.5},
		"p is NaN; it must be at least 1":                                                {Kind: distance.Lp, P: math.NaN()},
		"normalize is true; it must be false where the distance is cosine":               {Kind: distance.Cosine, Normalize: true},
	} {
		if err := m.Check(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v; it must be %s", err, want)
		}
	}
	if err := distance.Squared.Check("metric", []distance.Kind{distance.Dot}); err == nil || err.Error() != `metric is "squared"; it must be one of dot` {
		t.Error(err)
	}
}
