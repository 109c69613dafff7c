package jobs

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// watching are the jobs that keep energies of samples for each epoch.
var watching = []string{"digits", "pictures", "jem", "table"}

// watchedAlike holds what a resumed run has kept of its samples to that of an unbroken one.
func watchedAlike(t *testing.T, name, whole, parts string) {
	t.Helper()
	_, err := watch.Read(whole)
	if watches := slices.Contains(watching, name); watches != (err == nil) || !watches && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is watched: %v", err)
	} else if watches && file(t, whole, watch.File) != file(t, parts, watch.File) {
		t.Error("a resumed run on one core has kept other energies")
	}
}

// TestWatched: the energies that a run keeps for each epoch are those of the evaluations, and of the samples that are shown again.
func TestWatched(t *testing.T) {
	for _, name := range watching {
		t.Run(name, func(t *testing.T) {
			j, s := find(t, name)
			dir := filepath.Join(t.TempDir(), "run")
			var wrong []float64
			run(t, t.Context(), j, s, dir, false, func(e train.Event) {
				if e, ok := e.(train.Epoch); ok {
					wrong = append(wrong, float64(e.Error))
				}
			})
			r, err := watch.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Frames) != len(wrong)+1 || r.Frames[0].Epoch != 0 {
				t.Fatalf("%d frames from epoch %d, of %d epochs", len(r.Frames), r.Frames[0].Epoch, len(wrong))
			}
			for i, f := range r.Frames[1:] {
				n := 0
				for at, y := range r.Labels {
					row := f.Energies[at*r.Answers:][:r.Answers]
					if slices.Index(row, slices.Min(row)) != y {
						n++
					}
				}
				if got := float64(n) / float64(len(r.Labels)); got != wrong[i] && name != "table" { // whose error is the loss
					t.Errorf("after epoch %d, the energies have an error of %v; the run said %v", f.Epoch, got, wrong[i])
				}
			}
			shown, err := job.Show(t.Context(), dir, All(), job.Env{})
			if err != nil {
				t.Fatal(err)
			}
			has := func(pictures report.Images, texts func(int) string, i int) bool {
				return pictures != nil && pictures(i) != nil || texts != nil && texts(i) != ""
			}
			for _, i := range r.Samples {
				if !has(shown.Held, shown.HeldText, i) {
					t.Fatalf("sample %d is not shown", i)
				}
			}
			if has(shown.Held, shown.HeldText, len(r.Labels)) || !has(shown.Test, shown.TestText, 0) || shown.Bytes == 0 {
				t.Errorf("%d bytes of samples are shown", shown.Bytes)
			}
		})
	}
}

// TestShowRefuses: samples of other data than a run's are not shown, nor those of jobs that have none.
func TestShowRefuses(t *testing.T) {
	j, s := find(t, "digits")
	s.Base().Epochs = 1
	dir := filepath.Join(t.TempDir(), "run")
	run(t, t.Context(), j, s, dir, false, nil)
	other := over(digitsJob, bars(300, 10, 8, 5, 9), bars(100, 10, 8, 5, 2))
	if _, err := job.Show(t.Context(), dir, []job.Job{other}, job.Env{}); err == nil || !strings.Contains(err.Error(), "was trained on") {
		t.Errorf("other data: %v", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	j, s = find(t, "parabola")
	s.Base().Epochs = 1
	dir = filepath.Join(t.TempDir(), "parabola")
	run(t, ended, j, s, dir, false, nil)
	if _, err := job.Show(t.Context(), dir, All(), job.Env{}); err == nil || !strings.Contains(err.Error(), "samples of parabola are not shown") {
		t.Errorf("a job without samples: %v", err)
	}
}
