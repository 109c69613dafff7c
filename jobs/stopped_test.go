package jobs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// TestMeasuringHeedsItsContext: a run that is stopped after its training, while it is measured, says so and leaves no result;
// resumed, it is measured. So a request to end ends every job at any time. Then its page is drawn.
// A folder in which another process works is refused.
func TestMeasuringHeedsItsContext(t *testing.T) {
	for _, j := range All() {
		t.Run(j.Name, func(t *testing.T) {
			_, s := find(t, j.Name)
			s.Base().Epochs = 1
			dir := filepath.Join(t.TempDir(), "run")
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			l, err := flock.Folder(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := job.Train(t.Context(), j, s, job.Options{Dir: dir}); !errors.Is(err, job.ErrInUse) {
				t.Errorf("a folder in use: %v", err)
			}
			l.Release()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			r := run(t, ctx, j, s, dir, false, func(e train.Event) {
				if _, done := e.(train.Done); done {
					stop()
				}
			})
			if r.Reason != "interrupted" {
				t.Fatalf("stopped while it was measured, the run ended %q", r.Reason)
			}
			if _, err := os.Stat(filepath.Join(dir, job.ResultFile)); err == nil {
				t.Error("it has a result")
			}
			if r = run(t, t.Context(), j, s, dir, true, nil); r.Reason != "finished" {
				t.Fatalf("resumed, the run ended %q", r.Reason)
			}
			if err := r.Report("energo train " + j.Name); err != nil {
				t.Error(err)
			}
			page, err := os.ReadFile(filepath.Join(dir, "report.html"))
			if err != nil || !strings.Contains(string(page), "energo train "+j.Name+" --config config.yaml") {
				t.Errorf("the page does not say what makes the run again: %v", err)
			}
		})
	}
}
