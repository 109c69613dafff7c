package train

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// runTo trains blobs to an end, or for some steps alone, and returns what Extended said, if anything.
func runTo(t *testing.T, c Config, steps int, poison float64) (task *blobs, out *Outcome, said *Extended) {
	t.Helper()
	task = newBlobs(9)
	task.poison = poison
	if steps > 0 {
		return task, stopAfter(t, task, task, c, steps), nil
	}
	out, err := Run(t.Context(), task, c, func(e Event) {
		if x, ok := e.(Extended); ok {
			said = &x
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return task, out, said
}

// TestExtend: a run of 2 epochs that resumes with 4, from its end or from within, comes to the weights of an unbroken one of 4 wherever the schedule has given
// it the same step sizes so far, and says so; else it follows the schedule of 4 from there on.
func TestExtend(t *testing.T) {
	const perEpoch = 13
	for name, c := range map[string]struct {
		schedule optim.Schedule
		unbroken bool
	}{
		"constant":            {nil, true},
		"constant, warmed up": {optim.Constant{Warmup: 5}, true},
		"step, far away":      {optim.StepDecay{Every: 30, Factor: 0.1}, true},
		"cosine":              {optim.Cosine{Warmup: 5}, false},
	} {
		for _, stop := range []int{0, 8, 20} { // steps after which the first part ends; 0: it finishes
			for _, poison := range []float64{0, 0.2} {
				at := fmt.Sprintf("%s, stopped at %d, poison %v", name, stop, poison)
				config := func(dir string, epochs int) Config {
					x := blobConfig(dir)
					x.Epochs, x.Schedule = epochs, c.schedule
					return x
				}
				wantDir, dir := t.TempDir(), t.TempDir()
				want, _, _ := runTo(t, config(wantDir, 4), 0, poison)
				_, first, _ := runTo(t, config(dir, 2), stop, poison)
				resumed := config(dir, 4)
				resumed.Resume, resumed.Extend = true, true
				got, out, said := runTo(t, resumed, 0, poison)
				if out.Reason != "finished" || out.Epochs != 4 || out.Steps != 4*perEpoch {
					t.Fatalf("%s: the run came to %+v", at, out)
				}
				warming := c.unbroken || stop > 0 && stop <= 5
				if said == nil || said.EpochsBefore != 2 || said.Epochs != 4 || said.Step != first.Steps || said.Unbroken != warming || said.Over != "" {
					t.Fatalf("%s: it said %+v", at, said)
				}
				epochs := func(dir string) []string { return history(t, dir, "epoch", "diverged") }
				if same := slices.Equal(weights(want), weights(got)) && slices.Equal(epochs(wantDir), epochs(dir)); same != c.unbroken {
					t.Errorf("%s: the weights and epochs of an unbroken run: %v", at, same)
				}
				if poison == 0 && !c.unbroken {
					cos := optim.Cosine{Warmup: 5}
					before, after := 0.01*cos.At(said.Step-1, 2*perEpoch), 0.01*cos.At(said.Step, 4*perEpoch)
					if said.LRBefore != before || said.LR != after {
						t.Errorf("%s: step sizes %v and %v; want %v and %v", at, said.LRBefore, said.LR, before, after)
					}
					last := 0.01 * cos.At(4*perEpoch-1, 4*perEpoch)
					text, err := json.Marshal(map[string]float64{"lr": last})
					if e := epochs(dir)[3]; err != nil || !strings.Contains(e, strings.Trim(string(text), "{}")) {
						t.Errorf("%s: the last epoch is %s; its step size should be %v", at, e, last)
					}
				}
				// The checkpoint is now of 4 epochs: the run resumes without a word.
				if _, out, said := runTo(t, resumed, 0, poison); said != nil || out.Epochs != 4 {
					t.Errorf("%s: resumed once more: %+v, %+v", at, said, out)
				}
			}
		}
	}
}

// TestExtendStoppedEarly: more epochs do not change a run that ran out of patience, as they do not change an unbroken one.
func TestExtendStoppedEarly(t *testing.T) {
	dir := t.TempDir()
	c := blobConfig(dir)
	c.Epochs, c.Patience, c.LR, c.Schedule = 30, 2, 1e-12, nil
	first, out, _ := runTo(t, c, 0, 0)
	if out.Reason != "early_stop" {
		t.Fatalf("the run came to %+v", out)
	}
	c.Epochs, c.Resume, c.Extend = 40, true, true
	second, again, said := runTo(t, c, 0, 0)
	if again.Reason != "early_stop" || again.Epochs != out.Epochs || said == nil || said.Over != "early_stop" || !slices.Equal(weights(first), weights(second)) {
		t.Errorf("resumed with more epochs: %+v, %+v", again, said)
	}
	// A run of fewer, down to those that are done, is over.
	c.Epochs = out.Epochs
	if _, again, said = runTo(t, c, 0, 0); again.Reason != "finished" || said.Over != "finished" {
		t.Errorf("resumed with the epochs that are done: %+v, %+v", again, said)
	}
}

// filmed is a task whose state grows with the epochs.
type filmed struct {
	*blobs
	frames *tensor.Tensor
}

func (f filmed) State() []tensor.Named {
	return append(f.blobs.State(), tensor.Named{Name: "frames", Tensor: f.frames})
}

// TestExtendState: of a state that has a row for each epoch the first rows are kept; one that is another thing is refused.
func TestExtendState(t *testing.T) {
	dir := t.TempDir()
	fit := func(epochs, rows, width int, resume bool) (filmed, error) {
		task, c := filmed{newBlobs(9), tensor.New(tensor.Float32, rows, width)}, blobConfig(dir)
		task.frames.Set(math.Pi, 0, 0)
		if resume {
			task.frames.Fill(7)
		}
		c.Epochs, c.Resume, c.Extend = epochs, resume, true
		_, err := Run(t.Context(), task, c, func(Event) {})
		return task, err
	}
	if _, err := fit(2, 3, 2, false); err != nil {
		t.Fatal(err)
	}
	if _, err := fit(2, 5, 2, true); err == nil || !strings.Contains(err.Error(), "does not fit") {
		t.Errorf("more rows and the same epochs: %v", err)
	}
	if _, err := fit(4, 5, 3, true); err == nil || !strings.Contains(err.Error(), "its state frames [3 2] does not fit the recipe's frames [5 3]") {
		t.Errorf("wider rows: %v", err)
	}
	task, err := fit(4, 5, 2, true)
	if want := []float32{math.Pi, 0, 0, 0, 0, 0, 7, 7, 7, 7}; err != nil || !slices.Equal(task.frames.Float32s(), want) {
		t.Errorf("the frames are %v, want %v; %v", task.frames.Float32s(), want, err)
	}
}
