package functional

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestBinaryStats: the right set's energy and that of the nearest other one are those of an enumeration of all sets; loss and push are
// those of the labels, each with its two answers.
func TestBinaryStats(t *testing.T) {
	const n, k = 40, 5
	rng := rand.New(rand.NewPCG(3, 4))
	scores, right := make([]float64, n*k), make([]bool, n*k)
	for i := range scores {
		scores[i], right[i] = 3*rng.NormFloat64(), rng.IntN(3) == 0
	}
	for _, e := range Catalogue() {
		f, err := New(e.Name, DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		got := make([]LabelStats, n)
		if err := BinaryStats(got, f, scores, k, right); err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		for i, d := range got {
			row, is := scores[i*k:][:k], right[i*k:][:k]
			correct, other := 0.0, math.Inf(1)
			for set := range 1 << k {
				energy, same := 0.0, true
				for y, s := range row {
					there := set>>y&1 == 1
					if same = same && there == is[y]; there {
						s = -s
					}
					energy += s / 2
				}
				if same {
					correct = energy
				} else {
					other = min(other, energy)
				}
			}
			if nearest := correct + d.Gap(); math.Abs(d.Correct-correct) > 1e-12 || d.Gap() < 0 && other > correct || d.Gap() >= 0 && math.Abs(nearest-other) > 1e-12 || d.Places != k {
				t.Errorf("%s: %+v; the right set has %v, the least other one %v", e.Name, d, correct, other)
			}
			loss, push := 0.0, 0.0
			for y, s := range row {
				pair, target, l, g := []float64{-s / 2, s / 2}, []int{0}, make([]float64, 1), make([]float64, 2)
				if !is[y] {
					target[0] = 1
				}
				if f.Statistic().NonNegative {
					pair = []float64{math.Log(1 + math.Exp(-s/2)), math.Log(1 + math.Exp(s/2))}
				}
				if err := Labels(f, pair, 2, target, l, g); err != nil {
					t.Fatal(err)
				}
				loss, push = loss+l[0], max(push, math.Abs(g[0]), math.Abs(g[1]))
			}
			if math.Abs(d.Loss-loss) > 1e-12*(1+math.Abs(loss)) || math.Abs(d.Push-push) > 1e-12 {
				t.Errorf("%s: loss %v and push %v; the labels have %v and %v", e.Name, d.Loss, d.Push, loss, push)
			}
		}
	}
	d := make([]LabelStats, 1)
	for _, s := range []float64{math.NaN(), math.Inf(1), 1e300} {
		if err := BinaryStats(d, Hinge{Margin: 1}, []float64{1, s, 2}, 3, make([]bool, 3)); err != nil || math.IsNaN(s) != math.IsNaN(d[0].Gap()) {
			t.Errorf("score %v: %+v, %v", s, d[0], err)
		}
	}
	if err := BinaryStats(d, Hinge{}, scores[:3], 4, right[:4]); err == nil || !strings.Contains(err.Error(), "scores has 3 elements; it must have 4") {
		t.Errorf("a score too few: %v", err)
	}
}
