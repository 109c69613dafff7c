package jobs

import (
	"context"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// odd is what a job is given of odd pictures.
type odd struct {
	dir         string
	train, test *data.Images
	emit        func(train.Event)
}

// TestRefusedBeforeTraining gives every job of pictures odd sets of them: what a job's final measurement cannot do with is
// refused before anything is trained.
func TestRefusedBeforeTraining(t *testing.T) {
	if testing.Short() {
		t.Skip("many trainings")
	}
	digits, mlp, auto, rbm, generate, jem, strips := atDefaults[*Digits](digitsJob), atDefaults[*Digits](digitsJob), atDefaults[*Autoencoder](autoencoderJob), atDefaults[*RBM](rbmJob), tinyGenerate(), tinyJEM(), atDefaults[*Strips](stripsJob)
	for _, s := range []job.Spec{digits, mlp, auto, rbm, generate, jem, strips} {
		short(s, 1, 8, 4)
	}
	mlp.Model, auto.Hidden, rbm.Hidden, rbm.Chains, rbm.Annealing, strips.Strips, strips.Tested, strips.Longest = "mlp", 8, 5, 10, 10, 8, 5, 2
	labelled := func(j job.Job, s interface {
		job.Spec
		fromMemory(trainSet, testSet *data.Images)
	},
	) func(ctx context.Context, o odd) error {
		return func(ctx context.Context, o odd) error {
			s.fromMemory(o.train, o.test)
			_, err := job.Train(ctx, j, s, job.Options{Dir: o.dir, Emit: o.emit})
			return err
		}
	}
	search, siamese := atDefaults[*Search](searchJob), atDefaults[*Siamese](siameseJob)
	pictured := func(ctx context.Context, j job.Job, s job.Spec, c *Encoding, o odd) error {
		c.Epochs, c.Batch, c.Validation, c.Seed, c.Dim = 1, 8, 4, 3, 4
		c.Sets = picturesInMemory(data.PicturesOf(o.train, "train"), data.PicturesOf(o.test, "test"))
		_, err := job.Train(ctx, j, s, job.Options{Dir: o.dir, Emit: o.emit})
		return err
	}
	jobs := map[string]func(ctx context.Context, o odd) error{
		"digits cnn": labelled(digitsJob, digits), "digits mlp": labelled(digitsJob, mlp), "autoencoder": labelled(autoencoderJob, auto),
		"generate": labelled(generateJob, generate), "jem": labelled(jemJob, jem), "rbm": labelled(rbmJob, rbm), "strips": labelled(stripsJob, strips),
		"search": func(ctx context.Context, o odd) error {
			return pictured(ctx, searchJob, search, &search.Encoding, o)
		},
		"siamese": func(ctx context.Context, o odd) error {
			return pictured(ctx, siameseJob, siamese, &siamese.Encoding, o)
		},
	}
	for name, sets := range map[string][2]*data.Images{
		"1×1":                    {bars(30, 1, 1, 1, 1), bars(10, 1, 1, 1, 2)},
		"3×3":                    {bars(30, 3, 3, 2, 1), bars(10, 3, 3, 2, 2)},
		"2×9":                    {bars(30, 2, 9, 2, 1), bars(10, 2, 9, 2, 2)},
		"1×40":                   {bars(30, 1, 40, 1, 1), bars(10, 1, 40, 1, 2)},
		"4×4":                    {bars(30, 4, 4, 2, 1), bars(10, 4, 4, 2, 2)},
		"one class":              {bars(30, 8, 8, 1, 1), bars(10, 8, 8, 1, 2)},
		"one test picture":       {bars(30, 8, 8, 4, 1), bars(1, 8, 8, 4, 2)},
		"no test picture":        {bars(30, 8, 8, 4, 1), bars(0, 8, 8, 4, 2)},
		"two test pictures":      {bars(30, 8, 8, 4, 1), bars(2, 8, 8, 4, 2)},
		"more classes in test":   {bars(30, 8, 8, 2, 1), bars(20, 8, 8, 4, 2)},
		"another size in test":   {bars(30, 8, 8, 2, 1), bars(20, 9, 9, 2, 2)},
		"five training pictures": {bars(5, 8, 8, 2, 1), bars(20, 8, 8, 2, 2)},
		"one training picture":   {bars(1, 8, 8, 2, 1), bars(20, 8, 8, 2, 2)},
		"42 high":                {bars(30, 42, 8, 2, 1), bars(10, 42, 8, 2, 2)},
	} {
		for what, run := range jobs {
			began := false
			defer func() {
				if v := recover(); v != nil {
					t.Fatalf("%s of %s: %v", what, name, v)
				}
			}()
			err := run(t.Context(), odd{dir: t.TempDir(), train: sets[0], test: sets[1], emit: func(e train.Event) {
				if _, ok := e.(train.Start); ok {
					began = true
				}
			}})
			if err != nil && began {
				t.Errorf("%s of %s trains, and then fails: %v", what, name, err)
			}
		}
	}
}
