package jobs

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
	"github.com/energo-ml/energo/train/lesson"
)

// TestFilmsGrow: while a run is trained, its folder has the film up to the last checkpoint; cut short and resumed it ends with the bytes of an
// unbroken one.
func TestFilmsGrow(t *testing.T) {
	for name, c := range map[string]struct {
		job  job.Job
		spec func() job.Spec
	}{
		"parabola": {parabolaJob, func() job.Spec {
			s := parabolaJob.New().(*Parabola)
			s.Epochs = 4
			return s
		}},
		"toy2d": {toy2DJob, func() job.Spec {
			s := toy2DJob.New().(*Toy2D)
			s.Objective, s.Epochs, s.Batch = "cd", 4, 512
			return s
		}},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			whole, broken := filepath.Join(home, "whole"), filepath.Join(home, "broken")
			grown := 0
			emit := func(e train.Event) {
				if e, ok := e.(train.Epoch); ok { // that of the checkpoint before
					films, err := surface.Read(whole)
					if err != nil || len(films) != 1 || len(films[0].Frames) != e.Epoch || films[0].Of != 5 {
						t.Errorf("after epoch %d: %d films, %v", e.Epoch, len(films), err)
					}
					grown++
				}
			}
			if _, err := job.Train(t.Context(), c.job, c.spec(), job.Options{Dir: whole, Emit: emit}); err != nil {
				t.Fatal(err)
			}
			if grown != 4 {
				t.Errorf("the film was looked at %d times", grown)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop := func(e train.Event) {
				if e, ok := e.(train.Step); ok && e.Epoch == 3 {
					cancel()
				}
			}
			if r, err := job.Train(ctx, c.job, c.spec(), job.Options{Dir: broken, Emit: stop}); err != nil || r.Reason != "interrupted" {
				t.Fatalf("%+v, %v", r, err)
			}
			if films, err := surface.Read(broken); err != nil || len(films[0].Frames) != 3 {
				t.Errorf("cut short: %d films, %v", len(films), err)
			}
			if _, err := job.Train(t.Context(), c.job, c.spec(), job.Options{Dir: broken, Resume: true}); err != nil {
				t.Fatal(err)
			}
			sameFilms(t, whole, broken)
		})
	}
}

// sameFilms compares the films of two finished runs byte by byte.
func sameFilms(t *testing.T, a, b string) {
	t.Helper()
	var files [2][]byte
	for i, dir := range []string{a, b} {
		var err error
		if files[i], err = os.ReadFile(filepath.Join(dir, surface.File)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, surface.GrowingFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s still has a film that grows: %v", dir, err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Errorf("the films of %s and %s have other bytes", a, b)
	}
}

// TestPushes: what the frames of a film push is what the loss does: at each right answer, and at its rivals, together as the functional's two
// derivatives; of a density, as much down as up.
func TestPushes(t *testing.T) {
	for _, name := range lesson.Functionals() {
		s := parabolaJob.New().(*Parabola)
		s.Functional = name
		m := open[*realAnswers](t, s)
		if _, err := m.Evaluate(t.Context()); err != nil {
			t.Fatal(err)
		}
		film := m.reel.Taken()
		f, n := film.Frames[0], len(film.Data)
		if len(f.Down) != n || (film.Search == nil) != (len(f.Rivals) == 0) {
			t.Errorf("%s: pushed at %d right answers and %d rivals, by %+v", name, len(f.Down), len(f.Rivals), film.Search)
		}
		each := len(f.Rivals) / n
		for i, down := range f.Down {
			up := 0.0
			for j := i * each; j < (i+1)*each; j++ {
				up += float64(f.Up[j])
				if f.Rivals[j][0] != float64(float32(film.Data[i][0])) {
					t.Fatalf("%s: rival %d is at x %v, its right answer at %v", name, j, f.Rivals[j][0], film.Data[i][0])
				}
				if d := math.Abs(f.Rivals[j][1] - film.Data[i][1]); film.Search.Ball > 0 && d < film.Search.Ball-1e-6 {
					t.Errorf("%s: a rival %v from the right answer, the ball is %v", name, d, film.Search.Ball)
				}
			}
			if !(float64(down) >= 0 && up <= 0) {
				t.Errorf("%s: at %v the right answer is pushed by %v, others by %v", name, film.Data[i], down, up)
			}
		}
	}
	for _, name := range lesson.Objectives() {
		s := toy2DJob.New().(*Toy2D)
		s.Objective = name
		m := open[*planeDensity](t, s)
		if _, err := m.Evaluate(t.Context()); err != nil {
			t.Fatal(err)
		}
		film := m.reel.Taken()
		sum := 0.0
		for _, v := range append(film.Frames[0].Down, film.Frames[0].Up...) {
			sum += float64(v)
		}
		if pushes := name == "nll" || name == "cd" || name == "pcd"; pushes != (len(film.Frames[0].Rivals) == toyShown) || math.Abs(sum) > 1e-6 {
			t.Errorf("%s: %d rivals; down and up come to %v", name, len(film.Frames[0].Rivals), sum)
		}
	}
}
