package cli

import (
	"testing"

	"github.com/energo-ml/energo/loss"
)

// TestLossJobs: every loss of the catalogue can be timed, and no other.
func TestLossJobs(t *testing.T) {
	for _, e := range loss.Catalogue() {
		job, ok := lossJobs[e.Name]
		if !ok {
			t.Errorf("%s has no job", e.Name)
			continue
		}
		j := job(1000)
		if err := j.run(); err != nil || j.size < 500 || j.bytes < 4*j.size {
			t.Errorf("%s: %+v, %v", e.Name, j, err)
		}
	}
	if len(lossJobs) != len(loss.Catalogue()) {
		t.Errorf("%d jobs for %d losses", len(lossJobs), len(loss.Catalogue()))
	}
}
