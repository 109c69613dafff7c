package recipe

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// TestMeasuringHeedsItsContext: a run that is stopped after its training, while it is measured, says so and leaves no result;
// resumed, it is measured. So a request to end ends every job at any time.
func TestMeasuringHeedsItsContext(t *testing.T) {
	trainSet, testSet := sets()
	pictures := Options{Train: trainSet, Test: testSet}
	auto, rbm, jem := DefaultAutoencoder(), DefaultRBM(), DefaultJEM()
	auto.Epochs, auto.Batch, auto.Validation, auto.Hidden, auto.Latent = 1, 16, 50, 8, 2
	rbm.Epochs, rbm.Batch, rbm.Validation, rbm.Hidden, rbm.Annealing = 1, 50, 50, 4, 20
	jem.Chains, jem.Epochs, jem.Batch, jem.Validation = tinyChains(), 1, 16, 50
	digits, generate, search, siamese, tagger := small(), tinyGenerate(), smallSearch(), smallSiamese(), tinyTagger("features", "nll")
	digits.Epochs, generate.Epochs, search.Epochs, siamese.Epochs, tagger.Epochs = 1, 1, 1, 1, 1
	for name, run := range map[string]func(ctx context.Context, o Options) (reason string, err error){
		"digits": func(ctx context.Context, o Options) (string, error) {
			r, err := job.Train(ctx, DigitsJob(), digits, job.Options{Dir: o.Dir, Resume: o.Resume, Emit: o.Emit})
			return reasonOf(r, err, func() string { return r.Reason })
		},
		"autoencoder": func(ctx context.Context, o Options) (string, error) {
			r, _, err := Autoencoder(ctx, auto, o)
			return reasonOf(r, err, func() string { return r.Reason })
		},
		"generate": func(ctx context.Context, o Options) (string, error) {
			r, err := Generate(ctx, generate, o)
			return reasonOf(r, err, func() string { return r.Reason })
		},
		"rbm": func(ctx context.Context, o Options) (string, error) {
			r, err := RBM(ctx, rbm, o)
			return reasonOf(r, err, func() string { return r.Reason })
		},
		"jem": func(ctx context.Context, o Options) (string, error) {
			r, err := JEM(ctx, jem, o, nil)
			return reasonOf(r, err, func() string { return r.Reason })
		},
		"search": func(ctx context.Context, o Options) (string, error) {
			r, err := Search(ctx, search, barPictures(), o)
			return reasonOf(r, err, func() string { return r.Reason })
		},
		"siamese": func(ctx context.Context, o Options) (string, error) {
			r, err := Siamese(ctx, siamese, SiameseSets{PictureSets: barPictures()}, o)
			return reasonOf(r, err, func() string { return r.Reason })
		},
		"tagger": func(ctx context.Context, o Options) (string, error) {
			r, err := tagIn(ctx, tagger, o.Dir, o.Resume, o.Emit)
			return reasonOf(r, err, func() string { return r.Reason })
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := pictures
			o.Dir = filepath.Join(t.TempDir(), "run")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o.Emit = func(e train.Event) {
				if _, done := e.(train.Done); done {
					cancel()
				}
			}
			if reason, err := run(ctx, o); err != nil || reason != "interrupted" {
				t.Fatalf("stopped while it was measured, the run ended %q, %v", reason, err)
			}
			if _, err := os.Stat(filepath.Join(o.Dir, ResultFile)); err == nil {
				t.Error("it has a result")
			}
			o.Resume, o.Emit = true, nil
			if reason, err := run(t.Context(), o); err != nil || reason != "finished" {
				t.Fatalf("resumed, the run ended %q, %v", reason, err)
			}
			if _, err := os.Stat(filepath.Join(o.Dir, ResultFile)); err != nil {
				t.Error(err)
			}
		})
	}
}

// reasonOf is why a run ended, of a result that may be missing beside an error.
func reasonOf[R any](r *R, err error, reason func() string) (string, error) {
	if r == nil {
		return "", err
	}
	return reason(), err
}

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
	auto := DefaultAutoencoder()
	auto.Epochs, auto.Batch, auto.Validation, auto.Hidden, auto.Latent = 1, 16, 50, 8, 2
	generate := tinyGenerate()
	generate.Epochs = 1
	a := Options{Dir: filepath.Join(t.TempDir(), "a"), Train: trainSet, Test: testSet}
	one, _, err := Autoencoder(t.Context(), auto, a)
	if err != nil {
		t.Fatal(err)
	}
	again, err := EvalAutoencoder(t.Context(), a.Dir, testSet)
	if err != nil {
		t.Fatal(err)
	}
	g := Options{Dir: filepath.Join(t.TempDir(), "g"), Train: trainSet, Test: testSet}
	two, err := Generate(t.Context(), generate, g)
	if err != nil {
		t.Fatal(err)
	}
	g.Resume = true
	resumed, err := Generate(t.Context(), generate, g)
	if err != nil {
		t.Fatal(err)
	}
	for what, m := range map[string]Measured{"autoencoder": one.Measured, "eval": again.Measured, "generate": two.Measured, "generate resumed": resumed.Measured} {
		if f := m.ErrorFigure(); f.Value == f.Value || len(f.Note) < 20 {
			t.Errorf("%s: the error of pictures without variance is %v: %q", what, f.Value, f.Note)
		}
	}
}
