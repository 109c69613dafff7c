package jobs

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train/lesson"
)

// TestParabola: the tutorial's lesson. The energy loss collapses on codes alone, square_square and nll infer Y = X² there, and the
// misprint fails.
func TestParabola(t *testing.T) {
	if testing.Short() {
		t.Skip("five trainings")
	}
	const works = 0.01
	for _, c := range []struct {
		energy, functional string
		works              bool
	}{{"output", "energy", true}, {"codes", "energy", false}, {"codes", "square_square", true}, {"codes", "nll", true}, {"codes", "square_square_misprint", false}} {
		s := parabolaJob.New().(*Parabola)
		s.Energy, s.Functional = c.energy, c.functional
		if c.functional != "energy" && !*long { // which takes its time to collapse
			s.Epochs = 20
		}
		dir := filepath.Join(t.TempDir(), "run")
		r, err := job.Train(t.Context(), parabolaJob, s, job.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if c.works != (r.TestError < works && !r.Collapsed) {
			t.Errorf("%s of %s: squared error %v, collapsed %v: %s", c.functional, c.energy, r.TestError, r.Collapsed, r.Verdict)
		}
		if !c.works && !r.Collapsed {
			t.Errorf("%s of %s: no alarm: %s", c.functional, c.energy, r.Verdict)
		}
		films, err := surface.Read(dir)
		if err != nil || len(films) != 1 || len(films[0].Frames) != s.Epochs+1 {
			t.Errorf("%s of %s: films %v, %v", c.functional, c.energy, films, err)
		}
	}
}

// TestPointFunctionals: real answers have every statistic but those of costs.
func TestPointFunctionals(t *testing.T) {
	names := lesson.Functionals()
	if len(names) < 11 || slices.Contains(names, "margin_cost") || !slices.Contains(names, "perceptron") {
		t.Errorf("functionals of real answers: %v", names)
	}
	s := parabolaJob.New().(*Parabola)
	s.Functional = "margin_cost"
	if err := job.Resolve(parabolaJob, s); err == nil || !strings.Contains(err.Error(), `functional is "margin_cost"; it must be one of energy`) {
		t.Errorf("costs of real answers: %v", err)
	}
}
