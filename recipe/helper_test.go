package recipe

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
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

// inMemory gives a job of labelled pictures its sets.
func inMemory(trainSet, testSet *data.Images) Labelled {
	return Labelled{Sets: func(context.Context, string, data.Progress) (*data.Images, *data.Images, error) {
		return trainSet, testSet, nil
	}}
}

// small is a short job over bars.
func small() *Digits {
	c := DefaultDigits()
	c.Labelled = inMemory(sets())
	c.Model, c.Epochs, c.Batch, c.LR, c.Validation, c.Seed = "linear", 3, 16, 0.001, 50, 3
	return c
}

func sets() (trainSet, testSet *data.Images) { return bars(250, 10, 8, 5, 1), bars(100, 10, 8, 5, 2) }

// digitsOver is the job of the digits over sets in memory.
func digitsOver(trainSet, testSet *data.Images) []job.Job {
	j := DigitsJob()
	j.New = func() job.Spec {
		c := DefaultDigits()
		c.Labelled = inMemory(trainSet, testSet)
		return c
	}
	return []job.Job{j}
}

// trained trains c over bars in a new folder.
func trained(t *testing.T, c *Digits) (*job.Result, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := resumed(t.Context(), c, dir, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, dir
}

func resumed(ctx context.Context, c *Digits, dir string, resume bool, emit func(train.Event)) (*job.Result, error) {
	return job.Train(ctx, DigitsJob(), c, job.Options{Dir: dir, Resume: resume, Emit: emit})
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
