package jobs

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

var long = flag.Bool("long", false, "run the long tests, too, and take in all of them what measuring takes in earnest")

func TestMain(m *testing.M) {
	flag.Parse()
	if !*long {
		judged, inpainted, freshSteps = 100, 30, 20
		annealSmall, settleSweeps, fromNoiseRuns = 300, 60, 60
		heldStrips = 60
		toySteps, toyFine, toyDraws = 10, 60, 500
	}
	os.Exit(m.Run())
}

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
	c := atDefaults[*Digits](digitsJob)
	c.Labelled = inMemory(sets())
	c.Model, c.Epochs, c.Batch, c.LR, c.Validation, c.Seed = "linear", 3, 16, 0.001, 50, 3
	return c
}

func sets() (trainSet, testSet *data.Images) { return bars(250, 10, 8, 5, 1), bars(100, 10, 8, 5, 2) }

// labelled divides a training set as c says.
func labelled(t *testing.T, c *Digits, trainSet *data.Images) shownSets {
	t.Helper()
	sets, err := divided(&c.Training, trainSet, nil)
	if err != nil {
		t.Fatal(err)
	}
	return shownSets{sets}
}

// open returns the untrained model of settings.
func open[M job.Model](t *testing.T, s job.Spec) M {
	t.Helper()
	m, err := s.Open(t.Context(), job.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return m.(M)
}

// fromMemory lets a job read sets in memory.
func (l *Labelled) fromMemory(trainSet, testSet *data.Images) { *l = inMemory(trainSet, testSet) }

// over is a job over sets in memory.
func over(j job.Job, trainSet, testSet *data.Images) job.Job {
	atDefaults := j.New
	j.New = func() job.Spec {
		s := atDefaults()
		s.(interface {
			fromMemory(trainSet, testSet *data.Images)
		}).fromMemory(trainSet, testSet)
		return s
	}
	return j
}

// digitsOver is the job of the digits over sets in memory.
func digitsOver(trainSet, testSet *data.Images) []job.Job {
	return []job.Job{over(digitsJob, trainSet, testSet)}
}

// short makes a training short.
func short(s job.Spec, epochs, batch, validation int) {
	t := s.Base()
	t.Epochs, t.Batch, t.Validation, t.Seed = epochs, batch, validation, 3
}

// figure returns a figure of a result.
func figure(t *testing.T, r *job.Result, key string) float64 {
	t.Helper()
	for _, f := range r.Figures {
		if f.Key == key {
			return float64(f.Value)
		}
	}
	t.Fatalf("the result has no figure %s", key)
	return 0
}

// row returns a row of a table of a result.
func row(t *testing.T, r *job.Result, table, name string) []measure.Number {
	t.Helper()
	for _, of := range r.Tables {
		for _, row := range of.Rows {
			if of.Key == table && row.Name == name {
				return row.Values
			}
		}
	}
	t.Fatalf("the result has no row %s of a table %s", name, table)
	return nil
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
	return job.Train(ctx, digitsJob, c, job.Options{Dir: dir, Resume: resume, Emit: emit})
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

// atDefaults returns a job's settings at their defaults.
func atDefaults[S job.Spec](j job.Job) S { return j.New().(S) }
