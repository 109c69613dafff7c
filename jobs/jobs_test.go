package jobs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// pictures writes an MNIST-like set: a bar for each label, with noise.
func pictures(t *testing.T, trained, tested int) string {
	t.Helper()
	dir := t.TempDir()
	const side = 8
	write := func(name string, magic uint32, dims []uint32, body []byte) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		for _, v := range append([]uint32{magic}, dims...) {
			if err := binary.Write(z, binary.BigEndian, v); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := z.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".gz"), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i, name := range []string{"train", "t10k"} {
		n := []int{trained, tested}[i]
		pixels, labels := make([]byte, n*side*side), make([]byte, n)
		for i := range labels {
			y := i % 5
			labels[i] = byte(y)
			for p := range side {
				pixels[(i*side+y)*side+p] = byte(150 + rng.IntN(100))
			}
		}
		write(name+"-images-idx3-ubyte", 0x803, []uint32{uint32(n), side, side}, pixels)
		write(name+"-labels-idx1-ubyte", 0x801, []uint32{uint32(n)}, labels)
	}
	return dir
}

// quick are settings of each job that train in a moment on data of the test's own.
var quick = map[string]func(t *testing.T, s job.Spec){
	"digits": func(t *testing.T, s job.Spec) {
		c := s.(*Digits)
		c.Data, c.Model, c.EMA = pictures(t, 400, 100), "mlp", 0.9
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 60, 0
	},
	"autoencoder": func(t *testing.T, s job.Spec) {
		c := s.(*Autoencoder)
		c.Data, c.Hidden, c.Latent = pictures(t, 120, 40), 8, 2
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 40, 0
	},
	"parabola": func(_ *testing.T, s job.Spec) { s.Base().Epochs, s.Base().Checkpoint = 2, 0 },
	"toy2d": func(_ *testing.T, s job.Spec) {
		s.(*Toy2D).Objective = "pcd"
		s.Base().Epochs, s.Base().Batch, s.Base().Checkpoint = 2, 1000, 0
	},
	"rbm": func(t *testing.T, s job.Spec) {
		c := s.(*RBM)
		c.Data, c.Hidden, c.Chains, c.Annealing = pictures(t, 120, 40), 6, 20, 50
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 40, 0
	},
	"generate": func(t *testing.T, s job.Spec) {
		c := s.(*Generate)
		c.Data, c.Width, c.K, c.Buffer = pictures(t, 120, 40), 2, 3, 30
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 40, 0
	},
	"jem": func(t *testing.T, s job.Spec) {
		c := s.(*JEM)
		c.Data, c.Width, c.K, c.Buffer = pictures(t, 120, 40), 2, 3, 30
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 40, 0
	},
	"search": func(t *testing.T, s job.Spec) {
		c := s.(*Search)
		c.Data, c.Dim, c.Augment, c.Flip, c.Memory = pictures(t, 400, 100), 8, true, true, 64
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 60, 0
	},
	"siamese": func(t *testing.T, s job.Spec) {
		c := s.(*Siamese)
		c.Data, c.Dim, c.EMA = pictures(t, 400, 100), 8, 0.9
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 60, 0
	},
	"pictures": func(t *testing.T, s job.Spec) {
		c := s.(*Pictures)
		c.Data, c.Augment, c.EMA = pictures(t, 200, 50), true, 0.9
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 30, 0
	},
	"multilabel": func(t *testing.T, s job.Spec) {
		c := s.(*Multilabel)
		c.Data, c.Hidden = pictures(t, 400, 100), 32
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 20, 60, 0
	},
	"strips": func(t *testing.T, s job.Spec) {
		c := s.(*Strips)
		c.Data, c.Strips, c.Longest, c.Channels, c.Tested = pictures(t, 200, 50), 64, 3, 8, 20
		c.Epochs, c.Batch, c.Validation, c.Checkpoint, c.Seed = 2, 8, 50, 0, 3
	},
	"speech": func(t *testing.T, s job.Spec) {
		_, c := speech(tones(t, 30, 1))
		c.Epochs = 2
		*s.(*Speech) = *c
	},
	"tagger": func(t *testing.T, s job.Spec) {
		c := s.(*Tagger)
		c.Data, c.Model, c.Test = taggedText(t), "network", 0.3
		c.Epochs, c.Batch, c.Validation, c.Checkpoint = 2, 4, 10, 0
	},
	"table": func(t *testing.T, s job.Spec) {
		c := s.(*Table)
		c.Data, c.Target, c.Epochs, c.Checkpoint = tableFile(t, 200), "kind", 2, 0
		c.Ignore = []string{"tags", "price", "query"}
	},
}

// taggedText writes files of tagged sentences.
func taggedText(t *testing.T) string {
	t.Helper()
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(3, 3))
	for i := range 4 {
		var text strings.Builder
		for range 20 {
			fmt.Fprintf(&text, "the/at n%d/nn v%d/vb a/at n%d/nn ./.\n", rng.IntN(9), rng.IntN(9), rng.IntN(9))
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func find(t *testing.T, name string) (job.Job, job.Spec) {
	t.Helper()
	j, ok := job.Named(All(), name)
	if !ok {
		t.Fatalf("there is no job %s", name)
	}
	s := j.New()
	quick[name](t, s)
	return j, s
}

func run(t *testing.T, ctx context.Context, j job.Job, s job.Spec, dir string, resume bool, emit func(train.Event)) *job.Result {
	t.Helper()
	r, err := job.Train(ctx, j, s, job.Options{Dir: dir, Resume: resume, Emit: emit})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func weightsOf(t *testing.T, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRuns holds for every job: a run resumed after an interrupt has the weights of an unbroken one; so has one with other
// cores, and one by the settings file; eval gives the figures again and writes nothing.
func TestRuns(t *testing.T) {
	for _, j := range All() {
		if quick[j.Name] == nil {
			t.Errorf("%s has no quick settings in this test", j.Name)
			continue
		}
		t.Run(j.Name, func(t *testing.T) {
			_, s := find(t, j.Name)
			home := t.TempDir()
			whole := filepath.Join(home, "whole")
			r := run(t, t.Context(), j, s, whole, false, nil)
			if r.Reason != "finished" || r.Recipe != j.Name || r.Energy.Terms.Energies == "" {
				t.Errorf("%+v", r)
			}

			parts := filepath.Join(home, "parts")
			ctx, stop := context.WithCancel(t.Context())
			_, again, err := job.ReadConfig(whole, All())
			if err != nil {
				t.Fatal(err)
			}
			broken := run(t, ctx, j, again, parts, false, func(e train.Event) {
				if _, ok := e.(train.Epoch); ok {
					stop()
				}
			})
			stop()
			if broken.Reason != "interrupted" {
				t.Fatalf("stopped: %s", broken.Reason)
			}
			if _, err := job.Eval(t.Context(), parts, All(), job.Env{}); err == nil || !strings.Contains(err.Error(), "not finished") {
				t.Errorf("a run that is not finished is measured: %v", err)
			}
			again.Base().Threads = 1
			run(t, t.Context(), j, again, parts, true, nil)
			if !bytes.Equal(weightsOf(t, whole), weightsOf(t, parts)) {
				t.Error("a resumed run on one core has other weights")
			}
			watchedAlike(t, j.Name, whole, parts)

			before := listing(t, whole)
			e, err := job.Eval(t.Context(), whole, All(), job.Env{})
			if err != nil {
				t.Fatal(err)
			}
			a, _ := json.Marshal(r)
			b, _ := json.Marshal(e)
			if !bytes.Equal(a, b) {
				t.Errorf("trained and measured:\n%s\nmeasured again:\n%s", a, b)
			}
			if !maps.Equal(before, listing(t, whole)) {
				t.Error("eval writes")
			}
			s.Base().Seed++
			if _, err := job.Train(t.Context(), j, s, job.Options{Dir: whole, Resume: true}); err == nil || !strings.Contains(err.Error(), "seed was") {
				t.Errorf("resumed with another seed: %v", err)
			}
			if _, err := job.Train(t.Context(), j, s, job.Options{Dir: whole}); err == nil || !strings.Contains(err.Error(), "not empty") {
				t.Errorf("trained over a run: %v", err)
			}
		})
	}
}

func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRefused: bad folders are told by file and place, for every job.
func TestRefused(t *testing.T) {
	for name, text := range map[string]string{
		"recipe is \"other\", which is no job":        "recipe: other\n",
		"format is 1; this program reads and writes":  "recipe: multilabel\nformat: 1\n",
		"format is 0; this program reads and writes":  "recipe: multilabel\nformat: 0\n",
		"line 2: there is no setting \"lss\"":         "recipe: multilabel\nlss: bce_logits\n",
		"loss is \"bce\"; it must be one of":          "recipe: multilabel\nloss: bce\n",
		"hidden is 0; it must be a whole number from": "recipe: multilabel\nhidden: 0\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, job.ConfigFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := job.ReadConfig(dir, All()); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := job.ReadConfig(t.TempDir(), All()); err == nil || !strings.Contains(err.Error(), "is no run folder") {
		t.Errorf("an empty folder: %v", err)
	}
	j, s := find(t, "multilabel")
	l, err := flock.Folder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
	dir := t.TempDir()
	if l, err = flock.Folder(dir); err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if _, err := job.Train(t.Context(), j, s, job.Options{Dir: dir}); !errors.Is(err, job.ErrInUse) {
		t.Errorf("a folder in use: %v", err)
	}
	s.Base().Validation = 400
	if _, err := s.Open(t.Context(), job.Env{}); err == nil || !strings.Contains(err.Error(), "validation is 400") {
		t.Errorf("nothing left to train on: %v", err)
	}
}

// TestSeveralLabelsRunAway: the energy loss pushes the right set of digits down and nothing up, which is said.
func TestSeveralLabelsRunAway(t *testing.T) {
	j, s := find(t, "multilabel")
	s.(*Multilabel).Functional, s.Base().Epochs, s.Base().LR = "energy", 30, 0.05
	if r := run(t, t.Context(), j, s, filepath.Join(t.TempDir(), "run"), false, nil); !r.Collapsed || !strings.Contains(r.Why, "run away") {
		t.Errorf("collapsed %v: %s", r.Collapsed, r.Verdict)
	}
}

// TestLearns: every loss and every functional that is not known to fail learns which bars a picture has.
func TestLearns(t *testing.T) {
	settings := map[string]func(c *Multilabel){}
	for _, loss := range []string{"multilabel_margin", "multilabel_soft_margin", "bce_logits"} {
		settings[loss] = func(c *Multilabel) { c.Loss = loss }
	}
	for _, e := range functional.Catalogue() {
		if e.Name != "energy" && !e.Demonstration {
			settings[e.Name] = func(c *Multilabel) { c.Functional = e.Name }
		}
	}
	for name, set := range settings {
		j, s := find(t, "multilabel")
		set(s.(*Multilabel))
		s.Base().Epochs = 30
		r := run(t, t.Context(), j, s, filepath.Join(t.TempDir(), "run"), false, nil)
		if r.TestError > 0.05 || r.Collapsed {
			t.Errorf("%s: error %v, collapsed %v", name, r.TestError, r.Collapsed)
		}
	}
}
