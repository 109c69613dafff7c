package retrieval

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestNeighbours holds the distances to the nearest against Evaluate, which counts them.
func TestNeighbours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, dim := rapid.IntRange(4, 40).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "dim")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		x, labels := make([]float32, n*dim), make([]int, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		for i := range labels {
			labels[i] = rng.IntN(3)
		}
		labels[0], labels[1], labels[2] = 0, 0, 1
		stats, err := Neighbours(x, dim, len(labels), labels, nil)
		if err != nil {
			t.Fatal(err)
		}
		report, err := Evaluate(t.Context(), x, dim, labels, Options{})
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for _, s := range stats {
			if s.Gap() <= 0 {
				wrong++
			}
		}
		if len(stats) != report.Queries || wrong != report.Wrong {
			t.Fatalf("%d queries, %d wrong; retrieval has %d, %d", len(stats), wrong, report.Queries, report.Wrong)
		}
	})
}

// TestNearestOfOddDistances: NaN is the nearest of all others, for nothing is known below it; infinities are numbers.
func TestNearestOfOddDistances(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, test := range []struct {
		row                []float32
		correct, offending float64
	}{
		{[]float32{0, 1, 2, 3, 4}, 1, 2},
		{[]float32{0, 1, nan, 3, 4}, 1, math.NaN()},
		{[]float32{0, 1, 2, nan, 4}, 1, math.NaN()},
		{[]float32{0, 1, inf, 3, 4}, 1, 3},
		{[]float32{0, -inf, 2, 3, 4}, math.Inf(-1), 2},
		{[]float32{0, 2, 2, 2, 2}, 2, 2},
	} {
		s := nearest(test.row, 0, []int{0, 0, 1, 1, 1}, func(d float64) float64 { return d })
		if s.Correct != test.correct || s.Offending != test.offending && s.Offending == s.Offending {
			t.Errorf("%v: %+v, want %v and %v", test.row, s, test.correct, test.offending)
		}
		if math.IsNaN(test.offending) != math.IsNaN(s.Offending) {
			t.Errorf("%v: the nearest of another label is %v away, want %v", test.row, s.Offending, test.offending)
		}
	}
}

// TestGuessed: of two and two and one alone, one of the four others is right.
func TestGuessed(t *testing.T) {
	if got := Guessed([]int{0, 0, 1, 1, 2}); math.Abs(got-0.75) > 1e-15 {
		t.Errorf("the error is %v, want 0.75: one of the four others is right, and the sample alone is left out", got)
	}
	if got := Guessed([]int{0, 1}); got == got {
		t.Errorf("without queries the error is %v", got)
	}
}
