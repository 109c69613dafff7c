package jobs

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/data/toy"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train/lesson"
)

// TestToy2D: a short training comes nearer to the truth, and its density integrates to 1.
func TestToy2D(t *testing.T) {
	s := toy2DJob.New().(*Toy2D)
	s.Epochs, s.Batch = 1, 128
	dir := filepath.Join(t.TempDir(), "run")
	r, err := job.Train(t.Context(), toy2DJob, s, job.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if !(float64(r.TestError) < float64(r.Chance)/2) || r.TestError < 0 || len(r.Figures) != 2 {
		t.Errorf("divergence %v; an even density has %v; figures %v", r.TestError, r.Chance, r.Figures)
	}
	run, err := job.Open(t.Context(), dir, []job.Job{toy2DJob}, job.Env{})
	if err != nil {
		t.Fatal(err)
	}
	p := run.Model.(*planeDensity).look(surface.Axis(60, -lesson.Edge+0.075, lesson.Edge-0.075))
	total, cell := 0.0, p.axis[1]-p.axis[0]
	for _, e := range p.model {
		total += math.Exp(-e) * cell * cell
	}
	if math.Abs(total-1) > 1e-9 {
		t.Errorf("the density integrates to %v", total)
	}
}

// TestToyObjectives: every objective trains, and what it keeps besides the weights goes through a checkpoint.
func TestToyObjectives(t *testing.T) {
	for _, o := range lesson.Objectives() {
		s := toy2DJob.New().(*Toy2D)
		s.Objective, s.Epochs, s.Batch = o, 1, 1600
		m, err := s.Open(t.Context(), job.Env{})
		if err != nil {
			t.Fatal(err)
		}
		if has := m.(*planeDensity).trained.Chains != nil; has != (o == "pcd") {
			t.Errorf("%s: chains that persist are there: %v", o, has)
		}
		dir := filepath.Join(t.TempDir(), "run")
		if r, err := job.Train(t.Context(), toy2DJob, s, job.Options{Dir: dir}); err != nil || r.Reason != "finished" {
			t.Errorf("%s: %+v, %v", o, r, err)
		}
	}
}

// TestToyMeasures: draws of the truth cover all modes and do not differ from it; draws of
// one mode do.
func TestToyMeasures(t *testing.T) {
	set, err := toy.New("gaussians")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func() [][2]float64 {
		x := make([]float32, 2*800)
		set.Draw(rng, x)
		out := make([][2]float64, 800)
		for i := range out {
			out[i] = [2]float64{float64(x[2*i]), float64(x[2*i+1])}
		}
		return out
	}
	a, b := draw(), draw()
	if n := set.Covered(a); n != 8 {
		t.Errorf("draws of the truth cover %d of 8 modes", n)
	}
	if d := measure.Discrepancy(a, b); math.Abs(d) > 0.01 {
		t.Errorf("two sets of draws of the truth differ by %v", d)
	}
	for i := range b {
		b[i] = set.Modes[0]
	}
	if n, d := set.Covered(b), measure.Discrepancy(a, b); n != 1 || d < 0.1 {
		t.Errorf("draws of one mode cover %d, and differ by %v", n, d)
	}
}
