package recipe

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// An interrupted run ends where an unbroken one does; evaluating says again what training
// said; and annealing both ways lies about the exact log Z.
func TestRBMResumes(t *testing.T) {
	c := DefaultRBM()
	c.Epochs, c.Batch, c.Validation, c.Hidden, c.Chains, c.Annealing, c.Seed = 3, 16, 50, 10, 30, 500, 3
	trainSet, testSet := sets()
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	want, err := RBM(t.Context(), c, Options{Dir: whole, Train: trainSet, Test: testSet})
	if err != nil {
		t.Fatal(err)
	}
	ctx, emit := cutShort(t)
	r, err := RBM(ctx, c, Options{Dir: broken, Train: trainSet, Test: testSet, Emit: emit})
	if err != nil || r.Reason != "interrupted" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := RBM(t.Context(), c, Options{Dir: broken, Resume: true, Train: trainSet, Test: testSet}); err != nil {
		t.Fatal(err)
	}
	sameCheckpoint(t, whole, broken, "chains")
	again, err := EvalRBM(t.Context(), broken, trainSet, testSet)
	if err != nil {
		t.Fatal(err)
	}
	if again.TestLog != want.TestLog || again.Backward != want.Backward {
		t.Errorf("evaluated to %+v, trained to %+v", again, want)
	}
	other := bars(70, 10, 8, 5, 77)
	if _, err := EvalRBM(t.Context(), broken, other, testSet); err == nil || !strings.Contains(err.Error(), "was trained on") {
		t.Errorf("another training set is taken for the run's own: %v", err)
	}
	onOther, err := EvalRBM(t.Context(), broken, trainSet, other)
	if err != nil || onOther.TrainLog != want.TrainLog || onOther.Forward != want.Forward || onOther.TestLog == want.TestLog {
		t.Errorf("on another test set: %+v, %v", onOther, err)
	}
	exact := want.Exact.LogZ
	if math.Abs(float64(want.Forward.LogZ-exact)) > 0.1 || math.Abs(float64(want.Backward.LogZ-exact)) > 0.1 {
		t.Errorf("log Z forwards %v, backwards %v, exactly %v", want.Forward, want.Backward, exact)
	}
	if want.TestLog > 0 || want.TestLog < -80*math.Ln2-20 {
		t.Errorf("log-likelihood %v of 80 bits", want.TestLog)
	}
}
