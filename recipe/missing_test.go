package recipe

import (
	"path/filepath"
	"strings"
	"testing"
)

// A run without its data is an error that names the field, never a panic.
func TestMissingData(t *testing.T) {
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
