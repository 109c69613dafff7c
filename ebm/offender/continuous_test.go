package offender

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/ebm/sampler"
)

// wells is a batch of surfaces in two dimensions: sample i has its minimum, of energy
// −1, at its own place, and a shallower one, of energy −0.5, at the place's opposite.
type wells struct {
	places [][2]float64
	each   int
}

func (w *wells) Dim() int { return 2 }

func (w *wells) Each(k int) sampler.Target[float64] {
	w.each = k
	return w
}

func (w *wells) Energies(energy []float64, grad, y []float64) {
	for i := range energy {
		p := w.places[i/w.each]
		energy[i] = 0
		if grad != nil {
			grad[2*i], grad[2*i+1] = 0, 0
		}
		for _, well := range []struct{ sign, depth float64 }{{1, 1}, {-1, 0.5}} {
			dx, dy := y[2*i]-well.sign*p[0], y[2*i+1]-well.sign*p[1]
			e := -well.depth * math.Exp(-(dx*dx+dy*dy)/2)
			energy[i] += e
			if grad != nil {
				grad[2*i] -= e * dx
				grad[2*i+1] -= e * dy
			}
		}
	}
}

// TestContinuous: with the ball around the deep well, searches find the shallow one;
// with no ball, the deep one; with a small ball, the deep well's slope on its border.
func TestContinuous(t *testing.T) {
	batch := &wells{places: [][2]float64{{3, 2}, {-2, 3}, {2.5, -2.5}}}
	correct := []float64{3, 2, -2, 3, 2.5, -2.5}
	grid, err := NewGrid[float64](2, 81, -4, 4)
	if err != nil {
		t.Fatal(err)
	}
	walk := &Walk[float64]{
		Sampler: &sampler.Langevin[float64]{StepSize: 0.5}, Starts: 40, Steps: 60,
		Start: func(rng *rand.Rand, _ int, y []float64) {
			for j := range y {
				y[j] = rng.Float64()*8 - 4
			}
		},
	}
	for name, search := range map[string]Continuous[float64]{"grid": grid, "walk": walk} {
		for _, c := range []struct{ epsilon, energy, radius float64 }{{2, -0.5, 0}, {-1, -1, 0}, {0.5, -math.Exp(-0.125), 0.5}} {
			y, energy := make([]float64, 6), make([]float64, 3)
			report, err := search.Find(rand.New(rand.NewPCG(1, 2)), batch, correct, c.epsilon, y, energy)
			if err != nil || report.Failed > 0 || report.Evaluations == 0 {
				t.Fatalf("%s: %+v, %v", name, report, err)
			}
			for i := range energy {
				if math.Abs(energy[i]-c.energy) > 0.012 {
					t.Errorf("%s, ε = %v, sample %d: energy %v; it should be about %v", name, c.epsilon, i, energy[i], c.energy)
				}
				r := math.Hypot(y[2*i]-correct[2*i], y[2*i+1]-correct[2*i+1])
				if r <= c.epsilon || c.radius > 0 && math.Abs(r-c.radius) > 0.08 {
					t.Errorf("%s, ε = %v, sample %d: the answer is %v away", name, c.epsilon, i, r)
				}
				check := make([]float64, 1)
				(&wells{places: batch.places[i:], each: 1}).Energies(check, nil, y[2*i:2*i+2])
				if math.Abs(check[0]-energy[i]) > 1e-12 {
					t.Errorf("%s: the energy said is %v, the answer's is %v", name, energy[i], check[0])
				}
			}
		}
	}
}

// TestContinuousFails: what cannot be found is said, and misuse is an error.
func TestContinuousFails(t *testing.T) {
	batch := &wells{places: [][2]float64{{1, 1}}}
	grid := &Grid[float64]{Points: []float64{0, 0, 1, 1}}
	y, energy := make([]float64, 2), make([]float64, 1)
	report, err := grid.Find(nil, batch, []float64{0.5, 0.5}, 10, y, energy)
	if err != nil || report.Failed != 1 || !math.IsInf(energy[0], 1) {
		t.Errorf("all answers in the ball: %+v, energy %v, %v", report, energy, err)
	}
	if _, err := grid.Find(nil, batch, []float64{0.5}, 0, y, energy); err == nil {
		t.Error("a correct answer of one number is taken")
	}
	if _, err := (&Walk[float64]{Starts: 1}).Find(nil, batch, y, 0, y, energy); err == nil {
		t.Error("a walk without a start is taken")
	}
	if _, err := NewGrid[float64](9, 100, 0, 1); err == nil {
		t.Error("a grid of 10^18 points is taken")
	}
}

// broken is x² but for the places where energy or slope is not finite; all answers are of
// one number.
type broken struct{}

func (broken) Dim() int { return 1 }

func (b broken) Each(int) sampler.Target[float64] { return b }

func (broken) Energies(energy []float64, grad, y []float64) {
	for i, v := range y {
		energy[i] = v * v
		slope := 2 * v
		switch {
		case v < -1:
			energy[i] = math.NaN()
		case v > 3:
			energy[i] = math.Inf(-1)
		case v > 2:
			slope = math.Inf(1)
		}
		if grad != nil {
			grad[i] = slope
		}
	}
}

// TestContinuousIsFinite: no search takes an answer whose energy is NaN or −Inf, and chains
// that start where something is not finite start again.
func TestContinuousIsFinite(t *testing.T) {
	starts := 0
	walk := &Walk[float64]{
		Starts: 10, Steps: 40, Sampler: &sampler.Langevin[float64]{StepSize: 0.1, Noise: 0.1},
		Start: func(rng *rand.Rand, _ int, y []float64) {
			starts++
			y[0] = []float64{-5, 2.5, 4, math.NaN(), math.Inf(1), 1}[rng.IntN(6)]
		},
	}
	still := &Walk[float64]{Starts: 50, Start: walk.Start}
	grid := &Grid[float64]{Points: []float64{math.NaN(), math.Inf(-1), -3, 1.5, 0.9, 0.2, 5}}
	y, energy := make([]float64, 1), make([]float64, 1)
	for name, search := range map[string]Continuous[float64]{"walk": walk, "walk of no steps": still, "grid": grid} {
		report, err := search.Find(rand.New(rand.NewPCG(1, 2)), broken{}, []float64{0}, 0.5, y, energy)
		if err != nil || report.Failed != 0 || energy[0] != y[0]*y[0] || !(math.Abs(y[0]) > 0.5 && math.Abs(y[0]) <= 1) {
			t.Errorf("%s: answer %v of energy %v (%+v, %v)", name, y, energy, report, err)
		}
	}
	if starts <= walk.Starts+still.Starts {
		t.Errorf("%d starts; some are not finite and must be drawn again", starts)
	}
	walk.Start = func(_ *rand.Rand, _ int, y []float64) { y[0] = -5 }
	grid.Points = []float64{math.NaN(), math.Inf(1), -3, 5}
	for name, search := range map[string]Continuous[float64]{"walk": walk, "grid": grid} {
		report, err := search.Find(rand.New(rand.NewPCG(1, 2)), broken{}, []float64{0}, 0.5, y, energy)
		if err != nil || report.Failed != 1 || !math.IsInf(energy[0], 1) {
			t.Errorf("%s, where nothing is finite: answer %v of energy %v (%+v, %v)", name, y, energy, report, err)
		}
	}
}
