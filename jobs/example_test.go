package jobs_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/recipe"
)

// A job's settings are checked together before anything is read or trained.
func ExampleFind() {
	j, _ := jobs.Find("multilabel")
	s := j.New()
	fmt.Println(job.Resolve(j, s), s.Folder(), s.Base().Epochs)
	s.Base().EMA = 1
	fmt.Println(job.Resolve(j, s))

	// Output:
	// <nil> multilabel-multilabel_margin 12
	// ema is 1; it must be a number of at least 0 and below 1
}

// A job of one's own beside energo's: the digits' energies and settings, over pictures of one's own.
func Example_ownJob() {
	strokes := recipe.DigitsJob()
	strokes.Name, strokes.Folder = "strokes", "strokes-FUNCTIONAL-MODEL"
	strokes.New = func() job.Spec {
		c := recipe.DefaultDigits()
		c.Model, c.Epochs, c.Validation = "linear", 60, 40
		c.Sets = func(context.Context, string, data.Progress) (trainSet, testSet *data.Images, err error) {
			return bars(400), bars(100), nil
		}
		return c
	}
	all := append(jobs.All(), strokes)
	dir, ctx := filepath.Join(os.TempDir(), fmt.Sprintf("strokes-%d", os.Getpid())), context.Background()
	defer os.RemoveAll(dir)
	trained, err := job.Train(ctx, strokes, strokes.New(), job.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	again, err := job.Eval(ctx, dir, all, job.Env{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.Recipe, again.ErrorFigure().Text(), trained.TestError == again.TestError, trained.Report())

	// Output:
	// strokes 0.00 % true <nil>
}

// bars are pictures of 4×4 pixels: each label is a bright row.
func bars(n int) *data.Images {
	set := &data.Images{Pixels: make([]byte, n*16), Labels: make([]byte, n), N: n, H: 4, W: 4}
	for i := range n {
		y := i % 4
		set.Labels[i] = byte(y)
		for x := range 4 {
			set.Image(i)[4*y+x] = byte(100 + (7*i+31*x)%150)
		}
	}
	return set
}
