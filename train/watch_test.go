package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/engine/optim"
)

// TestLabelsWatched: a run over samples of one's own keeps the energies of those that are held, before training where they are given and
// after each epoch.
func TestLabelsWatched(t *testing.T) {
	task, dir := labelTask(), t.TempDir()
	task.Functional = functional.NLL{Beta: 1}
	before, err := task.Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wrong []float64
	c := Config{Run: dir, Epochs: 3, Batch: 20, Optimizer: &optim.Adam{}, LR: 0.01, Watched: before.Watched}
	_, err = Run(t.Context(), task, c, func(e Event) {
		if e, ok := e.(Epoch); ok {
			wrong = append(wrong, float64(e.Error))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := watch.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Labels, task.Y[90:]) || r.Samples[29] != 29 || len(r.Frames) != 4 || !slices.Equal(r.Frames[0].Energies, before.Watched.Energies) {
		t.Fatalf("kept are %d frames of %v", len(r.Frames), r.Labels)
	}
	for i, f := range r.Frames[1:] {
		n := 0
		for s, y := range r.Labels {
			if row := f.Energies[3*s:][:3]; slices.Index(row, slices.Min(row)) != y {
				n++
			}
		}
		if got := float64(n) / 30; got != wrong[i] {
			t.Errorf("after epoch %d the energies have an error of %v; the run said %v", f.Epoch, got, wrong[i])
		}
	}
}

// TestWatchedDamaged: a run does not resume over a damaged record, and does without one.
func TestWatchedDamaged(t *testing.T) {
	want, wantDir := unbroken(t, 0)
	dir := t.TempDir()
	cutAfter(t, 20, 0, dir, false)
	path := filepath.Join(dir, watch.File)
	if err := os.WriteFile(path, []byte("damaged"), 0o666); err != nil {
		t.Fatal(err)
	}
	task, c := newBlobs(9), blobConfig(dir)
	c.Resume = true
	if _, err := Run(t.Context(), task, c, func(Event) {}); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "without the file the run resumes") {
		t.Fatalf("a damaged record: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	finish(t, t.Context(), task, c)
	if !slices.Equal(weights(want), weights(task)) {
		t.Error("other weights than an unbroken run")
	}
	r, err := watch.Read(dir)
	if err != nil || len(r.Frames) != 2 || r.Frames[0].Epoch != 2 {
		t.Errorf("the record is %+v, %v; that of an unbroken run is in %s", r, err, wantDir)
	}
}
