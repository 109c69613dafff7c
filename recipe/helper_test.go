package recipe

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/train"
)

var long = flag.Bool("long", false, "run the long tests, too")

// bars makes n pictures of h×w pixels with noise. Label y has a bright bar in row y.
func bars(n, h, w, k int, seed uint64) *data.Images {
	rng := rand.New(rand.NewPCG(seed, 0))
	m := &data.Images{Pixels: make([]byte, n*h*w), Labels: make([]byte, n), N: n, H: h, W: w}
	for i := range n {
		y := i % k
		m.Labels[i] = byte(y)
		for p := range h * w {
			v := rng.IntN(100)
			if p/w == y*h/k {
				v += 80
			}
			m.Image(i)[p] = byte(v)
		}
	}
	return m
}

// small is a short job over bars.
func small() DigitsConfig {
	c := DefaultDigits()
	c.Model, c.Epochs, c.Batch, c.LR, c.Validation, c.Seed = "linear", 3, 16, 0.001, 50, 3
	return c
}

func sets() (trainSet, testSet *data.Images) { return bars(250, 10, 8, 5, 1), bars(100, 10, 8, 5, 2) }

// trained trains c over bars in a new folder.
func trained(t *testing.T, c DigitsConfig) (*Result, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := resumed(t.Context(), c, dir, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, dir
}

func resumed(ctx context.Context, c DigitsConfig, dir string, resume bool, emit func(train.Event)) (*Result, error) {
	trainSet, testSet := sets()
	return Digits(ctx, c, Options{Dir: dir, Resume: resume, Train: trainSet, Test: testSet, Emit: emit})
}

// file returns the content of a run's file.
func file(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
