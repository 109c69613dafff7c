package jobs

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/train"
)

// smallPictures is a short job over coloured pictures.
func smallPictures() *Pictures {
	c := atDefaults[*Pictures](picturesJob)
	c.Sets = picturesInMemory(coloured(160), coloured(60))
	c.Epochs, c.Batch, c.LR, c.Seed, c.Warmup = 4, 16, 0.003, 3, 0
	return c
}

// foreignPictures begins with a model of another system.
func foreignPictures(t *testing.T) *Pictures {
	c := smallPictures()
	c.Encoder, c.Freeze, c.LR, c.Epochs = foreign(t), "layer1", 0, 2
	return c
}

func trainedPictures(t *testing.T, c *Pictures) (*job.Result, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := job.Train(t.Context(), picturesJob, c, job.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return r, dir
}

// picturesOver is the job over the pictures of c, with which a finished run can be opened.
func picturesOver(c *Pictures) []job.Job {
	j := picturesJob
	j.New = func() job.Spec {
		s := atDefaults[*Pictures](picturesJob)
		s.Sets = c.Sets
		return s
	}
	return []job.Job{j}
}

// TestPicturesLearn: each functional that is not known to fail (with -long; else two), and a loss, learns the classes, with a network of energo's own and with an imported one.
func TestPicturesLearn(t *testing.T) {
	settings := map[string]func(c *Pictures){
		"cross_entropy": func(c *Pictures) { c.Loss, c.LabelSmoothing = "cross_entropy", 0.1 },
		"imported":      func(c *Pictures) { c.Encoder, c.LR = foreign(t), 0.003 },
	}
	for _, e := range functional.Catalogue() {
		if e.Name != "energy" && !e.Demonstration {
			settings[e.Name] = func(c *Pictures) { c.Functional = e.Name }
		}
	}
	for name, set := range settings {
		if !*long && name != "imported" && name != "cross_entropy" && name != "nll" && name != "square_square" {
			continue
		}
		c := smallPictures()
		c.Epochs = 15
		switch name { // whose slopes vanish where a picture is far on the wrong side
		case "lvq2":
			c.Epochs, c.Cap = 40, 10
		case "mee":
			c.Epochs, c.LR = 40, 0.002
		}
		set(c)
		if r, _ := trainedPictures(t, c); r.TestError > 0.1 || r.Collapsed {
			t.Errorf("%s: error %v, collapsed %v", name, r.TestError, r.Collapsed)
		}
	}
}

// TestPicturesRunAway: the energy loss pushes the right class's energy down and nothing up, which is said.
func TestPicturesRunAway(t *testing.T) {
	c := smallPictures()
	c.Functional, c.LR, c.Epochs = "energy", 0.05, 15
	if r, _ := trainedPictures(t, c); !r.Collapsed || !strings.Contains(r.Why, "run away") {
		t.Errorf("collapsed %v: %s", r.Collapsed, r.Verdict)
	}
}

// TestPicturesOfARun: a classifier begins with a run of search, of energo's own network or of an imported one; it has its weights, resumes with the same bits and is measured again after that run is gone.
func TestPicturesOfARun(t *testing.T) {
	own := atDefaults[*Search](searchJob)
	own.Sets = picturesInMemory(coloured(160), coloured(60))
	own.Epochs, own.Batch, own.Dim, own.LR, own.Validation, own.Loss = 4, 20, 6, 0.005, 20, "triplet"
	imported := *own
	imported.Encoder, imported.Dim, imported.LR = foreign(t), 5, 0
	for name, first := range map[string]*Search{"energo's own": own, "imported": &imported} {
		_, _, began := searchOver(t, first)
		c := smallPictures()
		c.Encoder, c.LR, c.Epochs = began, 0.01, 8
		r, dir := trainedPictures(t, c)
		if r.TestError > 0.1 {
			t.Errorf("%s: error %v", name, r.TestError)
		}
		part := filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := job.Train(ctx, picturesJob, c, job.Options{Dir: part, Emit: func(e train.Event) {
			if s, ok := e.(train.Step); ok && s.Step >= 3 {
				cancel()
			}
		}}); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(began); err != nil {
			t.Fatal(err)
		}
		if _, err := job.Train(t.Context(), picturesJob, c, job.Options{Dir: part, Resume: true}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, of := range []string{ModelFile, classify.CardFile, report.TestFile} {
			if file(t, dir, of) != file(t, part, of) {
				t.Errorf("%s: %s of a resumed run differs from an unbroken run's", name, of)
			}
		}
		if again, err := job.Eval(t.Context(), dir, picturesOver(c), job.Env{}); err != nil || again.TestError != r.TestError {
			t.Errorf("%s: measured again: %+v, %v", name, again, err)
		}
		if _, err := classify.Open(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPicturesOfAnImportedEncoder: a run resumes with the same bits and is measured again after the encoder is gone; its files are a classifier's.
func TestPicturesOfAnImportedEncoder(t *testing.T) {
	c := foreignPictures(t)
	r, dir := trainedPictures(t, c)
	if c.LR != 2e-4 {
		t.Errorf("lr is %v; expected a tenth of the optimiser's", c.LR)
	}
	part := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	cut := func(e train.Event) {
		if s, ok := e.(train.Step); ok && s.Step >= 3 {
			cancel()
		}
	}
	if _, err := job.Train(ctx, picturesJob, c, job.Options{Dir: part, Emit: cut}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.Encoder); err != nil {
		t.Fatal(err)
	}
	if _, err := job.Train(t.Context(), picturesJob, c, job.Options{Dir: part, Resume: true}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ModelFile, job.EncoderFile, classify.CardFile, report.TestFile} {
		if file(t, dir, name) != file(t, part, name) {
			t.Errorf("%s of a resumed run differs from an unbroken run's", name)
		}
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	again, err := job.Eval(t.Context(), moved, picturesOver(c), job.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if again.TestError != r.TestError || again.Energy.Spread != r.Energy.Spread {
		t.Errorf("measured again: %+v; it was %+v", again.Measured, r.Measured)
	}
	if g, err := c.Graph(moved); err != nil {
		t.Error(err)
	} else if _, err := g.Model(); err != nil {
		t.Error(err)
	}
	var b bytes.Buffer
	if err := c.Predict(t.Context(), moved, []string{onePicture(t)}, &b); err != nil || !strings.HasPrefix(b.String(), "path,answer,gap,energy a,") {
		t.Errorf("answers %q, %v", &b, err)
	}
}

func onePicture(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.png")
	f, err := os.Create(path)
	if err == nil {
		err = png.Encode(f, image.NewGray(image.Rect(0, 0, 9, 9)))
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPicturesTold: the report's file has the names of the classes; with more than ten classes the first five are counted.
func TestPicturesTold(t *testing.T) {
	c := smallPictures()
	c.Epochs = 1
	r, dir := trainedPictures(t, c)
	if len(r.Figures) != 0 {
		t.Errorf("figures %v of four classes", r.Figures)
	}
	run, err := report.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := run.Surface()
	if err != nil || strings.Join(s.Names, "") != "abcd" || s.N != 60 || math.Abs(s.Error()-float64(r.TestError)) > 1e-9 {
		t.Errorf("%d pictures of %q, %v", s.N, s.Names, err)
	}
	if err := r.Report("energo train pictures"); err != nil {
		t.Error(err)
	}

	m := measurement{Energies: tensor.New(tensor.Float32, 4, 12), target: []int{0, 11, 5, 3}}
	for i := range m.Energies.Float32s() {
		m.Energies.Float32s()[i] = []float32{0, -1, float32(i), float32(math.NaN())}[i/12]
	}
	// All alike: the first is first. All alike: the last is last. Rising: the sixth is sixth. None is a number.
	if f := m.among(12); len(f) != 1 || f[0].Key != "top_5" || f[0].Value != 0.25 {
		t.Errorf("%+v", f)
	}
}

func TestPicturesRefuse(t *testing.T) {
	named := func(set *data.Pictures, classes ...string) *data.Pictures { set.Classes = classes; return set }
	for want, spoil := range map[string]func(*Pictures){
		"cost has 2 rows": func(c *Pictures) { c.Functional, c.Cost = "margin_cost", [][]float64{{0, 1}, {1, 0}} },
		`the class "e" has no picture`: func(c *Pictures) {
			c.Sets = picturesInMemory(named(coloured(160), "a", "b", "c", "d", "e"), coloured(60))
		},
		"there are no test pictures":       func(c *Pictures) { c.Sets, c.TestShare = picturesInMemory(coloured(160), nil), 0.001 },
		"the encoder takes 3×15×15":        func(c *Pictures) { c.Sets, c.Encoder = picturesInMemory(barPictures()), foreign(t) },
		`output is "none"`:                 func(c *Pictures) { c.Encoder, c.Output = foreign(t), "none" },
		"output none has no effect":        func(c *Pictures) { c.Output = "none" },
		"validation is 160, but there are": func(c *Pictures) { c.Validation = 160 },
	} {
		c := smallPictures()
		spoil(c)
		_, err := job.Train(t.Context(), picturesJob, c, job.Options{Dir: filepath.Join(t.TempDir(), "run")})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
	}
	c := smallPictures()
	c.Epochs = 1
	_, dir := trainedPictures(t, c)
	other := picturesOver(c)
	for want, classes := range map[string][]string{"": {"d", "c", "b", "a"}, `the class "dog" is not one of`: {"a", "b", "c", "dog"}} {
		set := coloured(60)
		set.Classes = classes
		c.Sets = func(_ context.Context, source, _ string, _ data.PictureOptions, _ data.Progress) (*data.Pictures, *data.Pictures, []error, error) {
			if source == "other" {
				return set, nil, nil, nil
			}
			return coloured(160), coloured(60), nil, nil
		}
		r, err := job.Eval(t.Context(), dir, other, job.Env{Data: "other"})
		if fmt.Sprint(err) != "<nil>" && want == "" || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("error %v; want %q", err, want)
		}
		if want == "" && r.TestError < 0.5 {
			t.Errorf("with the classes' names turned about, the error is %v", r.TestError)
		}
	}
}
