package sampler

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
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

// half is the standard normal on one side of 0, and nothing, of the energy beyond, on the
// other.
func half(beyond float64) line {
	return func(y float64) (float64, float64) {
		if y < 0 {
			return beyond, 0
		}
		return y * y / 2, y
	}
}

// TestAnnealBoundedSupport: of densities that are 0 beyond a border, log Z is right both ways,
// though the base is not 0 there.
func TestAnnealBoundedSupport(t *testing.T) {
	t.Run("float64", func(t *testing.T) { annealBounded[float64](t) })
	t.Run("float32", func(t *testing.T) { annealBounded[float32](t) })
}

func annealBounded[T tensor.Float](t *testing.T) {
	for _, c := range []struct {
		d         int
		low, high float64
	}{{1, -1, 1}, {3, -1, 2}, {2, 0.2, 1}} {
		box, base := Uniform[T]{c.d, c.low, c.high}, Normal[T]{D: c.d, Scale: 1}
		for name, sampler := range map[string]Sampler[T]{
			"MALA": &MALA[T]{StepSize: 0.1}, "HMC": &HMC[T]{StepSize: 0.3, Leapfrogs: 3},
		} {
			rng := seeded(22)
			const chains = 4000
			forward, err := Anneal(rng, base, box, sampler, Ladder(20), chains)
			if err != nil {
				t.Fatal(err)
			}
			y := make([]T, chains*c.d)
			box.Draw(rng, y)
			back, err := AnnealBack(rng, base, box, sampler, Ladder(20), y)
			if err != nil {
				t.Fatal(err)
			}
			for way, e := range map[string]Estimate{"forward": forward, "back": back} {
				if want := box.LogPartition(); !(e.StdErr < 0.06) || math.Abs(e.LogZ-want) > 4*e.StdErr {
					t.Errorf("%+v, %s, %s: log Z = %.4f ± %.4f; it is %.4f", box, name, way, e.LogZ, e.StdErr, want)
				}
			}
		}
	}
	// As the base reaches beyond by half, so half of the draws have no weight.
	e, err := Anneal(seeded(23), Normal[float64]{D: 1, Scale: 1}, half(math.Inf(1)), &MALA[float64]{StepSize: 0.1}, Ladder(10), 1000)
	if want := math.Log(math.Sqrt(2*math.Pi) / 2); err != nil || math.Abs(e.LogZ-want) > 4*e.StdErr || e.Size > 550 {
		t.Errorf("of half a normal, log Z = %+v; it is %v (%v)", e, want, err)
	}
}

// TestAnnealRefusesEnergies: what is no density is named, in either direction.
func TestAnnealRefusesEnergies(t *testing.T) {
	base, mala, y := Normal[float64]{D: 1, Scale: 1}, &MALA[float64]{StepSize: 0.1}, []float64{0.5, 0.7, 1}
	never := line(func(float64) (float64, float64) { return math.Inf(1), 0 })
	for name, c := range map[string]struct {
		target line
		want   string
	}{
		"NaN":  {half(math.NaN()), "is NaN; it must be a number, or +Inf"},
		"−Inf": {half(math.Inf(-1)), "is -Inf; it must be a number, or +Inf"},
		"+Inf": {never, "the energy of all 50 draws from base is +Inf"},
	} {
		if _, err := Anneal(seeded(24), base, c.target, mala, Ladder(10), 50); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	for want, target := range map[string]line{
		"the energy of chain ":                   half(math.NaN()),
		"the energy of starting point 0 is +Inf": never,
		"the energy of all 3 draws from base is +Inf": line(func(v float64) (float64, float64) {
			if v < 0.5 || v > 1 {
				return math.Inf(1), 0
			}
			return 0, 0
		}),
	} {
		far := Normal[float64]{D: 1, Mean: -30, Scale: 1}
		if _, err := AnnealBack(seeded(24), far, target, &MALA[float64]{StepSize: 0.1}, Ladder(10), y); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if e := Average([]float64{math.Inf(-1), math.Inf(-1)}); !math.IsInf(e.LogZ, -1) || e.Size != 0 || !math.IsNaN(e.StdErr) {
		t.Errorf("weights of 0 have %+v", e)
	}
	if e := Average([]float64{0, math.NaN(), 1}); !math.IsNaN(e.LogZ) || !math.IsNaN(e.Size) || !math.IsNaN(e.StdErr) {
		t.Errorf("a weight that is NaN has %+v", e)
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
