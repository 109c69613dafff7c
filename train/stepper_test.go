package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
)

// stepping is a task with weights of its own. The loss of some steps is not a number, and some have nothing to average.
type stepping struct {
	*blobs
	step         int
	bad, nothing []int
	rates        []float64 // of its steps
}

func (s *stepping) Weights() int { return 17 }

func (s *stepping) Step(lr float64) error {
	s.rates = append(s.rates, lr)
	return nil
}

func (s *stepping) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	s.step++
	if slices.Contains(s.nothing, s.step) {
		return nil, ErrNothing
	}
	v, err := s.blobs.Loss(tape, b)
	if err == nil && slices.Contains(s.bad, s.step) {
		v = autodiff.Scale(v, math.NaN())
	}
	return v, err
}

// TestStepper: a task's own weights are stepped where parameters are, by the same step size, and nowhere else.
func TestStepper(t *testing.T) {
	task := &stepping{blobs: newBlobs(9), bad: []int{4}, nothing: []int{7}}
	c := blobConfig(t.TempDir())
	var start Start
	var logged []float64
	_, err := Run(t.Context(), task, c, func(e Event) {
		switch e := e.(type) {
		case Start:
			start = e
		case Step:
			logged = append(logged, e.LR)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if steps := 3 * ((blobSamples + c.Batch - 1) / c.Batch); len(task.rates) != steps-2 {
		t.Errorf("%d steps, want %d", len(task.rates), steps-2)
	}
	for _, lr := range logged {
		if !slices.Contains(task.rates, lr) {
			t.Errorf("a step of %v is logged, and not taken", lr)
		}
	}
	if want := 17 + len(weights(task)); start.Params != want {
		t.Errorf("%d weights are told, want %d", start.Params, want)
	}
	c.Run, c.Accumulate = t.TempDir(), 2
	if _, err := Run(t.Context(), task, c, func(Event) {}); err == nil || !strings.Contains(err.Error(), "accumulate is 2") {
		t.Errorf("a batch in parts: %v", err)
	}
}
