package recipe

import (
	"errors"
	"testing"

	"github.com/energo-ml/energo/job"
)

// TestJobsLockTheirFolders: every job refuses a folder in which another works.
func TestJobsLockTheirFolders(t *testing.T) {
	dir := t.TempDir()
	l, err := job.LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	trainSet, testSet := sets()
	ctx, o := t.Context(), Options{Dir: dir, Train: trainSet, Test: testSet}
	for name, run := range map[string]func() error{
		"digits":      func() error { _, err := job.Train(ctx, DigitsJob(), small(), job.Options{Dir: dir}); return err },
		"autoencoder": func() error { _, _, err := Autoencoder(ctx, DefaultAutoencoder(), o); return err },
		"generate":    func() error { _, err := Generate(ctx, DefaultGenerate(), o); return err },
		"jem":         func() error { _, err := JEM(ctx, DefaultJEM(), o, nil); return err },
		"rbm":         func() error { _, err := RBM(ctx, DefaultRBM(), o); return err },
		"tagger":      func() error { _, err := tagIn(ctx, tinyTagger("features", "nll"), dir, false, nil); return err },
		"search":      func() error { _, err := Search(ctx, DefaultSearch(), PictureSets{}, o); return err },
		"siamese":     func() error { _, err := Siamese(ctx, DefaultSiamese(), SiameseSets{}, o); return err },
	} {
		if err := run(); !errors.Is(err, job.ErrInUse) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
