package jobs

import (
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
)

// TestJobsOfPicturesWithoutVariance: they end, with a result that says why there is no error, and can be measured again.
func TestJobsOfPicturesWithoutVariance(t *testing.T) {
	grey := func(n int) *data.Images {
		set := bars(n, 10, 8, 5, 1)
		for i := range set.Pixels {
			set.Pixels[i] = byte(77 + i%80)
		}
		return set
	}
	trainSet, testSet := grey(250), grey(100)
	auto, generate := atDefaults[*Autoencoder](autoencoderJob), tinyGenerate()
	short(auto, 1, 16, 50)
	auto.Hidden, auto.Latent, generate.Epochs = 8, 2, 1
	auto.fromMemory(trainSet, testSet)
	generate.fromMemory(trainSet, testSet)
	for _, c := range []struct {
		job  job.Job
		spec job.Spec
	}{{autoencoderJob, auto}, {generateJob, generate}} {
		dir := filepath.Join(t.TempDir(), "run")
		r, err := job.Train(t.Context(), c.job, c.spec, job.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		again, err := job.Eval(t.Context(), dir, []job.Job{over(c.job, trainSet, testSet)}, job.Env{})
		if err != nil {
			t.Fatal(err)
		}
		for what, r := range map[string]*job.Result{"trained": r, "measured again": again} {
			if f := r.ErrorFigure(); f.Value == f.Value || len(f.Note) < 20 {
				t.Errorf("%s, %s: the error of pictures without variance is %v: %q", c.job.Name, what, f.Value, f.Note)
			}
		}
	}
}
