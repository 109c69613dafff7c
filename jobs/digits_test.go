package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

func TestRunFolder(t *testing.T) {
	c := small()
	c.Model, c.EMA = "mlp", 0.9
	r, dir := trained(t, c)
	if r.TestError > 0.05 || r.Collapsed || r.Epochs != 3 || r.Steps != 3*13 || r.Reason != "finished" || r.Run != dir {
		t.Errorf("the run came to %+v", r)
	}
	var printed map[string]any
	if err := json.Unmarshal([]byte(file(t, dir, job.ResultFile)), &printed); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"run", "test_error", "epochs", "steps", "train_seconds", "energy", "collapsed"} {
		if _, ok := printed[key]; !ok {
			t.Errorf("%s has no %q", job.ResultFile, key)
		}
	}
	for _, key := range []string{"correct_mean", "offending_mean", "gap_p05", "gap_p50"} {
		if _, ok := printed["energy"].(map[string]any)[key]; !ok {
			t.Errorf("energy in %s has no %q", job.ResultFile, key)
		}
	}
	checkEnergies(t, r, dir)

	trainSet, testSet := sets()
	again, err := job.Eval(t.Context(), dir, digitsOver(sets()), job.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Measured != r.Measured {
		t.Errorf("evaluated again it comes to\n%+v, the run said\n%+v", again, r)
	}
	fewer, err := job.Eval(t.Context(), dir, digitsOver(trainSet, testSet.Subset(0, 10)), job.Env{})
	if err != nil || fewer.Energy == r.Energy {
		t.Errorf("on another test set: %+v, %v", fewer, err)
	}
}

// checkEnergies holds the energies written against the result.
func checkEnergies(t *testing.T, r *job.Result, dir string) {
	t.Helper()
	f, err := tensor.ReadFile(filepath.Join(dir, TestFile))
	if err != nil {
		t.Fatal(err)
	}
	_, testSet := sets()
	e, labels := f.Get("energies"), f.Get("labels")
	if e == nil || labels == nil || !slices.Equal(e.Shape(), []int{100, 5}) || !slices.Equal(labels.Shape(), []int{100}) {
		t.Fatalf("%s has energies %v and labels %v", TestFile, e, labels)
	}
	wrong, sum := 0, 0.0
	for i := range testSet.N {
		y, best := int(testSet.Labels[i]), 0
		if labels.At(i) != float64(y) {
			t.Fatalf("label %d is %v, want %d", i, labels.At(i), y)
		}
		for j := range 5 {
			if e.At(i, j) < e.At(i, best) {
				best = j
			}
		}
		if best != y {
			wrong++
		}
		sum += e.At(i, y)
	}
	if got := float64(wrong) / 100; got != float64(r.TestError) {
		t.Errorf("by the energies the error is %v, by the result %v", got, r.TestError)
	}
	if d := sum/100 - float64(r.Energy.CorrectMean); d > 1e-9 || d < -1e-9 {
		t.Errorf("by the energies the correct answer's mean is %v, by the result %v", sum/100, r.Energy.CorrectMean)
	}
}

// TestConfigReproduces trains with a run's config.yaml.
func TestConfigReproduces(t *testing.T) {
	c := small()
	c.Functional, c.Augment, c.Optimizer = "margin_cost", true, "sgd"
	c.Cost = [][]float64{{0, 1, 1, 1, 2}, {1, 0, 1, 1, 1}, {1, 1, 0, 1, 1}, {1, 1, 1, 0, 1}, {2, 1, 1, 1, 0}}
	_, dir := trained(t, c)
	_, spec, err := job.ReadConfig(dir, digitsOver(sets()))
	if err != nil {
		t.Fatal(err)
	}
	read := spec.(*Digits)
	_, again := trained(t, read)
	for _, name := range []string{ModelFile, TestFile, job.ConfigFile} {
		if file(t, dir, name) != file(t, again, name) {
			t.Errorf("%s of a run with the same settings differs", name)
		}
	}
	read.Seed++
	if _, other := trained(t, read); file(t, dir, ModelFile) == file(t, other, ModelFile) {
		t.Error("another seed gives the same weights")
	}
}

// hard is a job with everything at work that draws numbers or remembers.
func hard() *Digits {
	c := small()
	c.Model, c.Augment, c.EMA, c.Optimizer, c.WeightDecay, c.Epochs = "cnn", true, 0.9, "adamw", 0.01, 2
	return c
}

func TestResumeGivesTheSameBits(t *testing.T) {
	_, want := trained(t, hard())
	for _, cut := range []int{10, 20} { // within both epochs of 13 steps
		dir := filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithCancel(t.Context())
		r, err := resumed(ctx, hard(), dir, false, func(e train.Event) {
			if s, ok := e.(train.Step); ok && s.Step >= cut {
				cancel()
			}
		})
		if err != nil || r.Reason != "interrupted" || r.Steps != cut {
			t.Fatalf("stopped with %+v, %v", r, err)
		}
		if _, err := job.Eval(t.Context(), dir, digitsOver(sets()), job.Env{}); err == nil || !strings.Contains(err.Error(), "--resume") {
			t.Errorf("evaluation of an unfinished run: error %v", err)
		}
		c := hard()
		c.Threads = 3 // may change
		if _, err := resumed(t.Context(), c, dir, true, nil); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{ModelFile, TestFile, job.ConfigFile} {
			if file(t, want, name) != file(t, dir, name) {
				t.Errorf("cut after step %d: %s differs from an unbroken run's", cut, name)
			}
		}
	}
}

func TestThreadsGiveTheSameBits(t *testing.T) {
	var want string
	for _, threads := range []int{1, 2, 8} {
		c := hard()
		c.Threads = threads
		_, dir := trained(t, c)
		if got := file(t, dir, ModelFile); want == "" {
			want = got
		} else if got != want {
			t.Errorf("%d threads give other weights than one", threads)
		}
	}
}

func TestFolders(t *testing.T) {
	_, dir := trained(t, small())
	refused := func(what, want string, c *Digits, dir string, resume bool) {
		t.Helper()
		_, err := resumed(t.Context(), c, dir, resume, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v; it should say %q", what, err, want)
		}
	}
	refused("a folder with a run", "is not empty", small(), dir, false)
	refused("resuming nothing", "nothing to resume", small(), t.TempDir(), true)
	refused("resuming what is not there", "nothing to resume", small(), filepath.Join(dir, "none"), true)

	before := file(t, dir, job.ConfigFile)
	c := small()
	c.LR = 0.5
	refused("resuming with other settings", `lr was "0.001" and is now "0.5"`, c, dir, true)
	c = small()
	c.Model = "mlp"
	refused("resuming with another model", "model", c, dir, true)
	if file(t, dir, job.ConfigFile) != before {
		t.Error("a refused run has changed config.yaml")
	}
	trainSet, testSet := sets()
	trainSet.Pixels[0]++
	c = small()
	c.Labelled = inMemory(trainSet, testSet)
	if _, err := resumed(t.Context(), c, dir, true, nil); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("resuming on other data: error %v", err)
	}

	// What a run leaves that was killed before its first checkpoint is no hindrance.
	started := t.TempDir()
	for _, name := range []string{job.ConfigFile, train.LogFile, ".config.yaml.00000001.partial"} {
		if err := os.WriteFile(filepath.Join(started, name), []byte("{"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := resumed(t.Context(), small(), started, false, nil); err != nil {
		t.Error(err)
	}
	if _, err := job.Eval(t.Context(), t.TempDir(), digitsOver(trainSet, testSet), job.Env{}); err == nil || !strings.Contains(err.Error(), "no run folder") {
		t.Errorf("evaluating nothing: error %v", err)
	}
}

// TestDiverges trains with an absurd step size.
func TestDiverges(t *testing.T) {
	c := small()
	c.Model, c.Optimizer, c.LR, c.Warmup = "mlp", "sgd", 1e20, 0
	dir := filepath.Join(t.TempDir(), "run")
	var divergences int
	r, err := resumed(t.Context(), c, dir, false, func(e train.Event) {
		if _, ok := e.(train.Diverged); ok {
			divergences++
		}
	})
	if !errors.Is(err, train.ErrDiverged) || r == nil || r.Reason != "diverged" || divergences == 0 {
		t.Errorf("%d divergences reported, then %+v, %v", divergences, r, err)
	}
	if _, err := os.Stat(filepath.Join(dir, job.ResultFile)); err == nil {
		t.Error("a run that diverged has a result")
	}
}

// TestOtherData trains on pictures and labels of other sizes.
func TestOtherData(t *testing.T) {
	for _, model := range Models {
		for _, energy := range Energies {
			c := small()
			c.Model, c.Energy, c.Validation, c.Epochs = model, energy, 0, 1
			c.Labelled = inMemory(bars(60, 5, 7, 3, 1), bars(31, 5, 7, 3, 2))
			r, err := resumed(t.Context(), c, t.TempDir(), false, nil)
			if err != nil || r.Steps != 4 {
				t.Errorf("%s, %s: %+v, %v", model, energy, r, err)
			}
		}
	}
	c := small()
	c.Model = "cnn"
	c.Labelled = inMemory(bars(60, 3, 9, 3, 1), bars(31, 3, 9, 3, 2))
	if _, err := resumed(t.Context(), c, t.TempDir(), false, nil); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("cnn on 3×9 pixels: error %v", err)
	}
	c.Validation = 60
	c.Labelled = inMemory(bars(60, 5, 7, 3, 1), bars(31, 5, 7, 3, 2))
	if _, err := resumed(t.Context(), c, t.TempDir(), false, nil); err == nil || !strings.Contains(err.Error(), "validation") {
		t.Errorf("all samples held out: error %v", err)
	}
}
