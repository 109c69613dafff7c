package train

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/measure"
)

// TestBestFromStart: the weights before training are kept where no epoch has a lower error than they, and change nothing where one has,
// also in a run that resumes.
func TestBestFromStart(t *testing.T) {
	began := weights(newBlobs(9))
	plain, plainDir := unbroken(t, 0)
	for _, before := range []measure.Number{0, 1} { // no error is below 0; all are below 1
		run := func(dir string, cut int) *blobs {
			task, c := newBlobs(9), blobConfig(dir)
			c.Before = &before
			if cut > 0 {
				if out := stopAfter(t, task, task, c, cut); out.Reason != "interrupted" {
					t.Fatalf("cut %d: stopped with %+v", cut, out)
				}
				task = newBlobs(9)
				c = blobConfig(dir)
				c.Resume = true
				c.Before = new(measure.Number) // of weights that the checkpoint replaces: without effect
			}
			if out := finish(t, t.Context(), task, c); out.Untrained != (before == 0) || (out.Best == 0) != out.Untrained || before == 0 && out.BestError != 0 {
				t.Errorf("before %v, cut %d: the run came to %+v", before, cut, out)
			}
			return task
		}
		dir := t.TempDir()
		whole := run(dir, 0)
		if before == 0 && !slices.Equal(weights(whole), began) {
			t.Error("the weights are not those before training")
		}
		if before == 1 {
			same(t, "a start that is worse", plain, whole, plainDir, dir)
		}
		for _, cut := range []int{1, 13, 20, 38} {
			again := t.TempDir()
			same(t, fmt.Sprintf("before %v, cut %d", before, cut), whole, run(again, cut), dir, again)
		}
	}
}

// TestTakenFromStart: the verdict says that the weights are those before training.
func TestTakenFromStart(t *testing.T) {
	for why, want := range map[string]string{
		"":                       "No epoch had a lower validation error than the start, so the weights that are measured are those before training. All is well.",
		"The energies are flat.": "The energies are flat. No epoch had",
	} {
		m := Ended(&Outcome{Untrained: true, Why: why})
		if m.Take(Evaluation{Diagnosis: Diagnosis{Verdict: "All is well."}}); !strings.HasPrefix(m.Verdict, want) || strings.Contains(m.Verdict, "best epoch") {
			t.Errorf("%q: the verdict is %q", why, m.Verdict)
		}
	}
}
