package retrieval

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

// TestChance: the mean over random vectors comes near to it.
func TestChance(t *testing.T) {
	labels := []int{0, 0, 0, 0, 1, 1, 2, 2, 2, 3}
	rng := rand.New(rand.NewPCG(1, 2))
	precision, mapAtR := 0.0, 0.0
	const rounds = 4000
	for range rounds {
		x := make([]float32, 40*len(labels)) // with enough coordinates that the nearest of one says little of the nearest of others
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		r, err := Evaluate(context.Background(), x, 40, labels, Options{})
		if err != nil {
			t.Fatal(err)
		}
		precision += r.Precision1 / rounds
		mapAtR += r.MAPAtR / rounds
	}
	p, m := Chance(labels)
	if math.Abs(p-precision) > 0.01 || math.Abs(m-mapAtR) > 0.01 {
		t.Errorf("chance is %v, %v; random vectors come to %v, %v", p, m, precision, mapAtR)
	}
	if p, m = Chance([]int{1, 2}); !math.IsNaN(p) || !math.IsNaN(m) {
		t.Errorf("without two of a label, chance is %v, %v", p, m)
	}
	if p, m = Chance([]int{1, 1}); p != 1 || m != 1 {
		t.Errorf("of two of one label, chance is %v, %v", p, m)
	}
}
