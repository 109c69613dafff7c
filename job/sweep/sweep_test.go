package sweep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/sweep"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/train"
)

func parabola(t *testing.T) job.Job {
	t.Helper()
	j, ok := job.Named(jobs.All(), "parabola")
	if !ok {
		t.Fatal("there is no parabola")
	}
	return j
}

// axes reads axes from texts: "lr", "log:0.01..0.5".
func axes(t *testing.T, j job.Job, texts ...string) (all []sweep.Axis) {
	t.Helper()
	for i := 0; i < len(texts); i += 2 {
		a, err := sweep.ParseAxis(j.New().Options().Find(texts[i]), texts[i+1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

// fixed is a setting that is fixed.
func fixed(t *testing.T, j job.Job, name, value string) sweep.Setting {
	t.Helper()
	o := j.New().Options().Find(name)
	if err := o.Set(value); err != nil {
		t.Fatal(err)
	}
	return sweep.Setting{Option: o, Named: "--" + name + " " + value}
}

func TestRounds(t *testing.T) {
	for _, c := range []struct {
		n, budget, eta int
		want           []sweep.Round
	}{
		{27, 81, 3, []sweep.Round{{27, 1}, {9, 4}, {3, 13}}},
		{10, 60, 3, []sweep.Round{{10, 2}, {3, 8}, {1, 28}}},
		{16, 64, 2, []sweep.Round{{16, 1}, {8, 3}, {4, 7}, {2, 15}}},
		{5, 30, 2, []sweep.Round{{5, 2}, {2, 7}, {1, 17}}},
		{1, 7, 3, []sweep.Round{{1, 7}}},
	} {
		got, err := sweep.Rounds(c.n, c.budget, c.eta)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%d trials, budget %d, eta %d: %v, %v, want %v", c.n, c.budget, c.eta, got, err, c.want)
		}
		spent, before := 0, 0
		for _, r := range got {
			spent += r.Trials * (r.Epochs - before)
			before = r.Epochs
		}
		if spent > c.budget {
			t.Errorf("%v spends %d of %d", got, spent, c.budget)
		}
	}
	for _, c := range [][3]int{{0, 9, 3}, {9, 17, 3}, {9, 18, 1}} {
		if got, err := sweep.Rounds(c[0], c[1], c[2]); err == nil {
			t.Errorf("%v: %v and no error", c, got)
		}
	}
}

// TestHalving: the best trial of a halving has the bits of a run that was never stopped, an interrupted sweep those of an unbroken
// one, and the same plan gives the same figures.
func TestHalving(t *testing.T) {
	j := parabola(t)
	plan := sweep.Plan{Job: j, Search: sweep.Halving, Trials: 6, Budget: 16, Eta: 3, Axes: axes(t, j, "lr", "log:0.005..0.5", "functional", "nll,hinge,energy")}
	one := sweepOf(t, plan, filepath.Join(t.TempDir(), "one"))
	first, err := one.Run(t.Context(), sweep.Runner{Job: j})
	if err != nil {
		t.Fatal(err)
	}
	rounds, _ := one.Rounds()
	if want := []sweep.Round{{6, 1}, {2, 5}}; !reflect.DeepEqual(rounds, want) {
		t.Fatalf("rounds %v, want %v", rounds, want)
	}
	states := map[string]int{}
	for _, o := range first.Trials {
		states[o.State]++
	}
	if states[sweep.Finished] != 2 || states[sweep.Stopped] != 4 || first.Trials[0].Round != 2 || first.Trials[5].Epochs != 1 {
		t.Fatalf("states %v, trials %+v", states, first.Trials)
	}

	s, _, err := one.Spec(j, one.Trials[first.Best-1].Values)
	if err != nil {
		t.Fatal(err)
	}
	unbroken := filepath.Join(t.TempDir(), "unbroken")
	if _, err := job.Train(t.Context(), j, s, job.Options{Dir: unbroken}); err != nil {
		t.Fatal(err)
	}
	same(t, unbroken, one.Folder(one.Trials[first.Best-1]))

	two := sweepOf(t, plan, filepath.Join(t.TempDir(), "two"))
	for stops := 0; ; stops++ { // in the middle of an epoch, and anew from the folder
		ctx, stop := context.WithCancel(t.Context())
		steps := 0
		second, err := two.Run(ctx, sweep.Runner{Job: j, Emit: func(e train.Event) {
			if _, ok := e.(train.Step); ok {
				if steps++; steps == 31 {
					stop()
				}
			}
		}})
		stop()
		if err == nil {
			if stops < 2 {
				t.Errorf("the sweep was stopped %d times only", stops)
			}
			if got, want := figures(t, second), figures(t, first); got != want {
				t.Errorf("with stops:\n%s\nwithout:\n%s", got, want)
			}
			break
		}
		if !errors.Is(err, sweep.ErrInterrupted) || stops > 100 {
			t.Fatal(err)
		}
		if two, err = sweep.Open(two.Dir()); err != nil {
			t.Fatal(err)
		}
	}
	for i, trial := range one.Trials {
		if exists(filepath.Join(one.Folder(trial), "result.json")) {
			same(t, one.Folder(trial), two.Folder(two.Trials[i]))
		}
	}
	written, err := sweep.ReadSummary(two.Dir())
	if err != nil || figures(t, written) != figures(t, first) {
		t.Errorf("%v: the summary in the folder is another", err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func sweepOf(t *testing.T, p sweep.Plan, dir string) *sweep.Sweep {
	t.Helper()
	w, left, err := sweep.New(p)
	if err != nil || len(left) > 0 {
		t.Fatal(err, left)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(dir); err != nil {
		t.Fatal(err)
	}
	return w
}

// same holds the models of two runs against each other.
func same(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(filepath.Join(a, jobs.ModelFile))
	y, other := os.ReadFile(filepath.Join(b, jobs.ModelFile))
	if err != nil || other != nil || !bytes.Equal(x, y) {
		t.Errorf("%s and %s have other weights (%v, %v)", a, b, err, other)
	}
}

// figures are a summary without times and its folder.
func figures(t *testing.T, s *sweep.Summary) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	c := new(sweep.Summary)
	if err := json.Unmarshal(text, c); err != nil {
		t.Fatal(err)
	}
	c.Run = ""
	for i := range c.Trials {
		c.Trials[i].TrainSeconds = 0
	}
	if text, err = json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFailed: a trial that diverges is told, is last, and is not tried again; the others are done.
func TestFailed(t *testing.T) {
	j := parabola(t)
	w := sweepOf(t, sweep.Plan{
		Job: j, Search: sweep.Grid, Points: 2, Axes: axes(t, j, "lr", "1e308,0.05"),
		Fixed: []sweep.Setting{fixed(t, j, "epochs", "2"), fixed(t, j, "clip", "0"), fixed(t, j, "energy", "output")},
	}, t.TempDir())
	for again := range 2 {
		begun, failed := 0, 0
		s, err := w.Run(t.Context(), sweep.Runner{
			Job:   j,
			Begin: func(sweep.Trial, int, int) { begun++ },
			Fail: func(trial sweep.Trial, why error) {
				if failed++; trial.Number != 1 || !errors.Is(why, train.ErrDiverged) {
					t.Errorf("trial %d failed: %v", trial.Number, why)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if failed != 1 || begun != 2*(1-again) || s.Best != 2 || s.Failed != 1 || s.Finished != 1 || s.Trials[1].State != sweep.Failed || s.Trials[1].Rank != 0 {
			t.Errorf("call %d: %d begun, %d failed, %+v", again, begun, failed, s)
		}
	}
}

// TestOther: a trial's folder that holds a run of other settings is not taken for it.
func TestOther(t *testing.T) {
	j := parabola(t)
	plan := sweep.Plan{Job: j, Search: sweep.Grid, Points: 2, Axes: axes(t, j, "lr", "0.1,0.05"), Fixed: []sweep.Setting{fixed(t, j, "epochs", "1")}}
	w := sweepOf(t, plan, t.TempDir())
	if _, err := w.Run(t.Context(), sweep.Runner{Job: j}); err != nil {
		t.Fatal(err)
	}
	spare := filepath.Join(w.Dir(), "spare")
	for _, move := range [][2]string{{w.Folder(w.Trials[0]), spare}, {w.Folder(w.Trials[1]), w.Folder(w.Trials[0])}, {spare, w.Folder(w.Trials[1])}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	failed := 0
	_, err := w.Run(t.Context(), sweep.Runner{Job: j, Fail: func(_ sweep.Trial, why error) {
		if failed++; !strings.Contains(why.Error(), "is a run of other settings") {
			t.Error(why)
		}
	}})
	if err != nil || failed != 2 {
		t.Errorf("%d failed, %v", failed, err)
	}
}

// TestOpen: a sweep reads back as it was, and what is damaged is told.
func TestOpen(t *testing.T) {
	j := parabola(t)
	w := sweepOf(t, sweep.Plan{Job: j, Search: sweep.Random, Trials: 4, Axes: axes(t, j, "lr", "log:0.01..0.1"), Fixed: []sweep.Setting{fixed(t, j, "functional", "hinge")}}, t.TempDir())
	got, err := sweep.Open(w.Dir())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(w)
	b, _ := json.Marshal(got)
	if string(a) != string(b) {
		t.Errorf("%s became %s", a, b)
	}
	path := filepath.Join(w.Dir(), sweep.File)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"0.0`, `"0.1`, "damaged"},
		{`"seed": 1`, `"seed": 2`, "damaged"},
		{`"format": 1`, `"format": 2`, "format is 2"},
		{`"seed": 1,`, ``, "seed is missing"},
		{`}`, ``, "byte"},
	} {
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := sweep.Open(w.Dir()); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), sweep.File) {
			t.Errorf("%s instead of %s: %v, want an error with %q", c.new, c.old, err, c.want)
		}
	}
}

// TestMeasured: what is not finite is written and read.
func TestMeasured(t *testing.T) {
	j := parabola(t)
	w := sweepOf(t, sweep.Plan{Job: j, Search: sweep.Grid, Points: 2, Axes: axes(t, j, "lr", "0.1,0.2")}, t.TempDir())
	s, err := w.Summarise(j)
	if err != nil || s.Best != 0 || len(s.Trials) != 2 || s.Trials[0].State != sweep.Waiting || measure.Finite(float64(s.Trials[0].Validation)) {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := w.Run(t.Context(), sweep.Runner{Job: j, Jobs: 2}); err == nil || !strings.Contains(err.Error(), "jobs is 2") {
		t.Errorf("two trainings in one process: %v", err)
	}
}
