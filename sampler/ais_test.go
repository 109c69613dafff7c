package sampler

import (
	"context"
	"math"
	"slices"
	"testing"
)

// TestAnneal: forward and reverse annealing bracket a partition function that is known
// by quadrature, and a Gaussian's closed form in ten dimensions.
func TestAnneal(t *testing.T) {
	well := line(func(y float64) (float64, float64) { return y*y*y*y/4 - y*y + 0.4*y, y*y*y - 2*y + 0.4 })
	var z float64
	const h = 1e-3
	for y := -6.0; y < 6; y += h {
		e, _ := well(y)
		z += h * math.Exp(-e)
	}
	wide := unit[float64](10)
	for i := range 10 {
		wide.precision[i*10+i] = 1 / (0.2 + float64(i)*0.3)
	}
	closed := 5 * math.Log(2*math.Pi)
	for i := range 10 {
		closed -= math.Log(wide.precision[i*10+i]) / 2
	}
	for _, c := range []struct {
		name   string
		target Target[float64]
		want   float64
	}{{"double well", well, math.Log(z)}, {"gaussian", wide, closed}} {
		rng := seeded(20)
		base := Normal[float64]{D: c.target.Dim(), Scale: 1.5}
		hmc := &HMC[float64]{StepSize: 0.4, Leapfrogs: 4, Jitter: 0.3}
		forward, err := Anneal(rng, base, c.target, hmc, Ladder(150), 400)
		if err != nil {
			t.Fatal(err)
		}
		s := mustState(t, c.target, start[float64](rng, 400*c.target.Dim()))
		Draw(context.Background(), rng, c.target, s, Sampler[float64](hmc), 1, 300, 0)
		back, err := AnnealBack(rng, base, c.target, hmc, Ladder(150), s.Y)
		if err != nil {
			t.Fatal(err)
		}
		for way, e := range map[string]Estimate{"forward": forward, "back": back} {
			if e.StdErr > 0.05 || math.Abs(e.LogZ-c.want) > 5*e.StdErr {
				t.Errorf("%s, %s: log Z = %.4f ± %.4f; it is %.4f", c.name, way, e.LogZ, e.StdErr, c.want)
			}
		}
	}
	for _, bad := range [][]float64{{0, 0.5}, {0, 0.6, 0.5, 1}, {0.1, 1}, {1}} {
		if _, err := Anneal(seeded(1), Normal[float64]{D: 1, Scale: 1}, well, &MALA[float64]{StepSize: 0.1}, bad, 10); err == nil {
			t.Errorf("inverse temperatures %v are taken", bad)
		}
	}
}

// TestBuffer: chains go back where they came from, and restarts happen at their rate.
func TestBuffer(t *testing.T) {
	const size, dim = 500, 3
	rng := seeded(21)
	b, err := NewBuffer(size, dim, 0.05, func(y []float32) { clear(y) })
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Y {
		b.Y[i] = float32(i / dim)
	}
	y, at := make([]float32, 100*dim), make([]int, 100)
	fresh := 0
	for range 200 {
		b.Take(rng, y, at, func(row []float32) {
			fresh++
			for i := range row {
				row[i] = -1
			}
		})
		seen := map[int]bool{}
		for i, place := range at {
			if seen[place] {
				t.Fatal("a chain is taken twice")
			}
			seen[place] = true
			if v := y[i*dim]; v != float32(place) && v != -1 {
				t.Fatalf("chain %d starts at %v", place, v)
			}
		}
	}
	if fresh < 800 || fresh > 1200 {
		t.Errorf("%d of 20000 chains start afresh; about 1000 should", fresh)
	}
	nan := math.NaN()
	s := &State[float32]{Y: y, Energy: make([]float64, 100), Grad: make([]float32, len(y))}
	s.Y[0], s.Energy[1], s.Grad[2*dim+1], s.Y[3*dim] = float32(nan), nan, float32(math.Inf(1)), 7777
	s.Y[1*dim], s.Y[2*dim] = 7777, 7777
	before := slices.Clone(b.Y)
	b.Put(s, at)
	for i, name := range []string{"position", "energy", "slope"} {
		if b.Y[at[i]*dim] != before[at[i]*dim] {
			t.Errorf("a chain whose %s is not finite goes in", name)
		}
	}
	if b.Y[at[3]*dim] != 7777 {
		t.Error("a finite chain does not go in")
	}
	if _, err := NewBuffer(3, 2, 1.5, func([]float32) {}); err == nil {
		t.Error("a fraction of 1.5 is taken")
	}
}
