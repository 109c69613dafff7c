package jobs

import (
	"context"
	"math"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
)

// tinyRBM is a short job over bars whose log Z is enumerated.
func tinyRBM() *RBM {
	c := atDefaults[*RBM](rbmJob)
	c.fromMemory(sets())
	short(c, 3, 16, 50)
	c.Hidden, c.Chains, c.Annealing = 10, 30, 500
	return c
}

// A resumed run ends where an unbroken one does; and annealing both ways lies about the exact log Z.
func TestRBMResumes(t *testing.T) {
	broken, r := cutAndResumed(t, rbmJob, func() job.Spec { return tinyRBM() }, "chains")
	exact := row(t, r, "log_partition", "exactly")[0]
	for _, name := range []string{"forwards", "backwards"} {
		if logZ := row(t, r, "log_partition", name)[0]; math.Abs(float64(logZ-exact)) > 0.1 {
			t.Errorf("log Z %s %v, exactly %v", name, logZ, exact)
		}
	}
	log := figure(t, r, "test_log_likelihood")
	if log > 0 || log < -80*math.Ln2-20 {
		t.Errorf("log-likelihood %v of 80 bits", log)
	}
	trainSet, testSet := sets()
	j := rbmJob
	j.New = func() job.Spec {
		c := atDefaults[*RBM](rbmJob)
		c.Sets = func(_ context.Context, folder string, _ data.Progress) (*data.Images, *data.Images, error) {
			if folder == "other" {
				return nil, bars(70, 10, 8, 5, 77), nil
			}
			return trainSet, testSet, nil
		}
		return c
	}
	other, err := job.Eval(t.Context(), broken, []job.Job{j}, job.Env{Data: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if figure(t, other, "train_log_likelihood") != figure(t, r, "train_log_likelihood") || figure(t, other, "test_log_likelihood") == log {
		t.Errorf("on another test set: %+v", other)
	}
}
