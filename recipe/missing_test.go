package recipe

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
)

// A run without its data is an error that names the field, never a panic.
func TestMissingData(t *testing.T) {
	some := &data.Images{}
	run := func(f func(o Options) error) func(train, test *data.Images) error {
		return func(train, test *data.Images) error {
			return f(Options{Dir: filepath.Join(t.TempDir(), "run"), Train: train, Test: test})
		}
	}
	for name, f := range map[string]func(train, test *data.Images) error{
		"autoencoder": run(func(o Options) error { _, _, err := Autoencoder(t.Context(), DefaultAutoencoder(), o); return err }),
		"generate":    run(func(o Options) error { _, err := Generate(t.Context(), DefaultGenerate(), o); return err }),
		"jem":         run(func(o Options) error { _, err := JEM(t.Context(), DefaultJEM(), o, nil); return err }),
		"rbm":         run(func(o Options) error { _, err := RBM(t.Context(), DefaultRBM(), o); return err }),
	} {
		if err := f(nil, some); err == nil || !strings.Contains(err.Error(), "Options.Train is nil") {
			t.Errorf("%s without training images: %v", name, err)
		}
		if err := f(some, nil); err == nil || !strings.Contains(err.Error(), "Options.Test is nil") {
			t.Errorf("%s without test images: %v", name, err)
		}
	}
	o := Options{Dir: filepath.Join(t.TempDir(), "run")}
	for name, f := range map[string]func() error{
		"search":  func() error { _, err := Search(t.Context(), smallSearch(), PictureSets{}, o); return err },
		"siamese": func() error { _, err := Siamese(t.Context(), DefaultSiamese(), SiameseSets{}, o); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), "PictureSets.Train is nil") {
			t.Errorf("%s without pictures: %v", name, err)
		}
	}
}
