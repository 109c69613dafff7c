package measure

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestBestThreshold: no threshold has fewer wrong samples than the best one, and Wrong counts as the definition says.
func TestBestThreshold(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		l := &Labelled{N: 1 + rng.IntN(8), K: 4}
		for range l.N * l.K {
			l.Scores, l.Right = append(l.Scores, float32(rng.IntN(9))-4), append(l.Right, rng.IntN(2) == 0)
		}
		got := l.Wrong(l.BestThreshold())
		for th := float32(-5); th <= 5; th += 0.5 {
			wrong := 0
			for i := range l.N {
				for y := range l.K {
					if (l.Scores[i*l.K+y] > th) != l.Right[i*l.K+y] {
						wrong++
						break
					}
				}
			}
			share := float64(wrong) / float64(l.N)
			if share != l.Wrong(th) {
				t.Fatalf("%+v at %v: %v wrong; want %v", l, th, l.Wrong(th), share)
			}
			if share < got {
				t.Fatalf("%+v: %v wrong at %v, %v at the best threshold %v", l, share, th, got, l.BestThreshold())
			}
		}
	}
}

// TestLabelled: the numbers of a case that is worked out by hand, and NaN where there is nothing to measure.
func TestLabelled(t *testing.T) {
	l := &Labelled{
		N: 3, K: 3,
		Scores: []float32{2, 1, -1 /**/, -1, 3, 0.5 /**/, 1, -2, 0},
		Right:  []bool{true, true, false /**/, false, true, false /**/, true, true, false},
	}
	for name, v := range map[string][2]float64{
		"wrong at 0":        {l.Wrong(0), 2. / 3},              // the second has 0.5 too many, the third misses −2
		"best threshold":    {float64(l.BestThreshold()), 0.5}, // [−1, 1) and [0.5, 3)
		"chance":            {l.Chance(), 1. / 3},              // twice the first two labels
		"average precision": {l.MeanAveragePrecision(), 1},     // label 2 is of none
		"coverage":          {l.MeanCoverage(), 2},             // 2, 1 and 3
	} {
		if !(math.Abs(v[0]-v[1]) <= 1e-12) {
			t.Errorf("%s: %v; want %v", name, v[0], v[1])
		}
	}
	l.Scores[0] = float32(math.NaN())
	if got := l.Wrong(0); got != 1 {
		t.Errorf("a score that is NaN: %v wrong; want all", got)
	}
	none := &Labelled{K: 3}
	for _, v := range []float64{none.Wrong(0), none.Chance(), none.MeanAveragePrecision(), none.MeanCoverage(), l.MeanCoverage()} {
		if !math.IsNaN(v) {
			t.Errorf("%v of nothing, or with NaN; want NaN", v)
		}
	}
}
