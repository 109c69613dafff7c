package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestAveragePrecision holds it against the definition, threshold by threshold, with equal scores among them.
func TestAveragePrecision(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 1 + rng.IntN(12)
		scores, right := make([]float32, n), make([]bool, n)
		for i := range scores {
			scores[i], right[i] = float32(rng.IntN(5)), rng.IntN(2) == 1
		}
		all := 0.0
		for _, r := range right {
			if r {
				all++
			}
		}
		want, before := 0.0, 0.0
		for th := float32(4); th >= 0; th-- {
			above, hits := 0.0, 0.0
			for i, v := range scores {
				if v >= th {
					above++
					if right[i] {
						hits++
					}
				}
			}
			if above > 0 {
				want += (hits - before) / all * hits / above
			}
			before = hits
		}
		got := AveragePrecision(scores, right)
		if all == 0 {
			want = math.NaN()
		}
		if math.Abs(got-want) > 1e-12 || math.IsNaN(got) != math.IsNaN(want) {
			t.Fatalf("%v %v: %v; want %v", scores, right, got, want)
		}
	}
	nan := float32(math.NaN())
	for _, v := range []float64{AveragePrecision([]float32{nan, 1}, []bool{true, false}), AveragePrecision([]float32{1}, nil), Coverage([]float32{nan}, []bool{true})} {
		if !math.IsNaN(v) {
			t.Errorf("%v; want NaN", v)
		}
	}
}

// TestCoverage: as many scores as one must take, from the greatest down, to have all that are right.
func TestCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + rng.IntN(8)
		scores, right := make([]float32, n), make([]bool, n)
		for i := range scores {
			scores[i], right[i] = float32(rng.IntN(4)), rng.IntN(3) == 0
		}
		order := slices.Clone(scores)
		slices.Sort(order)
		slices.Reverse(order)
		want := 0.0
		for n, v := range order {
			for i, r := range right {
				if r && scores[i] == v {
					want = float64(n + 1)
				}
			}
		}
		if got := Coverage(scores, right); got != want {
			t.Fatalf("%v %v: %v; want %v", scores, right, got, want)
		}
	}
}
