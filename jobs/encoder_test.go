package jobs

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/train"
)

// coloured are pictures of 15×15 pixels: a class is a colour with a direction of stripes.
func coloured(n int) *data.Pictures {
	s := &data.Pictures{N: n, C: 3, H: 15, W: 15, Classes: []string{"a", "b", "c", "d"}}
	for i := range n {
		class := i % 4
		for k := range 3 * 15 * 15 {
			row, column := k/15%15, k%15
			along := row
			if class&1 == 1 {
				along = column
			}
			v := 40 * ((along + i/4) % 3)
			if k/225 == class>>1 {
				v += 100
			}
			s.Pixels = append(s.Pixels, byte(v+(i*31+k*17)%23))
		}
		s.Labels = append(s.Labels, class)
		s.Paths = append(s.Paths, fmt.Sprint(i, ".png"))
	}
	return s
}

// foreign writes the model of oracle/onnx_finetune.py with a card.
func foreign(t *testing.T) (path string) {
	t.Helper()
	model, err := os.ReadFile("../engine/onnx/testdata/finetune.onnx")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "net.onnx")
	for name, text := range map[string][]byte{path: model, strings.TrimSuffix(path, ".onnx") + ".energo.yaml": []byte("channels: rgb\nmean: 0.5\ndeviation: 0.25\n")} {
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func foreignSearch(t *testing.T) *Search {
	c := smallSearch()
	c.Sets = picturesInMemory(coloured(160), coloured(60))
	c.Encoder, c.Freeze, c.Dim, c.LR, c.Epochs = foreign(t), "layer1", 0, 0, 2
	return c
}

// TestSearchOfAnImportedEncoder: it is trained and, after the original file is gone, resumed with the same bits, evaluated, opened and exported.
func TestSearchOfAnImportedEncoder(t *testing.T) {
	c := foreignSearch(t)
	r, figures, dir := searchOver(t, c)
	if figures.Among.Precision1 < 0.8 {
		t.Errorf("precision@1 is %v", figures.Among.Precision1)
	}
	if c.Dim != 10 || c.LR != 2e-4 {
		t.Errorf("dim %d and lr %v; expected the encoder's 10, and a tenth of the optimiser's", c.Dim, c.LR)
	}
	part := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	cut := func(e train.Event) {
		if s, ok := e.(train.Step); ok && s.Step >= 3 {
			cancel()
		}
	}
	if _, err := job.Train(ctx, searchJob, c, job.Options{Dir: part, Emit: cut}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.Encoder); err != nil { // the run has a copy
		t.Fatal(err)
	}
	again, err := job.Eval(t.Context(), dir, encodingOver(searchJob, &c.Encoding), job.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.Figures {
		if again.Figures[i] != f {
			t.Errorf("figure %+v, evaluated again %+v", f, again.Figures[i])
		}
	}
	e, err := encode.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, e.Dim())
	if err := e.Encode(out, []image.Image{image.NewGray(image.Rect(0, 0, 40, 20))}); err != nil {
		t.Error(err)
	}
	g, err := c.Graph(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := g.Model(); err != nil || len(m.Graph.Nodes) < 24 {
		t.Errorf("exported: %v", err)
	}

	if _, err := job.Train(t.Context(), searchJob, c, job.Options{Dir: part, Resume: true}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ModelFile, encode.ImportedFile, encode.CardFile} {
		if file(t, dir, name) != file(t, part, name) {
			t.Errorf("%s of a resumed run differs from an unbroken run's", name)
		}
	}
}

// TestSiameseOfAnImportedEncoder, with a layer behind it, after the original file is gone.
func TestSiameseOfAnImportedEncoder(t *testing.T) {
	c := smallSiamese()
	c.Sets = picturesInMemory(coloured(160), coloured(60))
	c.Encoder = foreign(t)
	r, _, dir := trainedSiamese(t, c)
	if err := os.Remove(c.Encoder); err != nil {
		t.Fatal(err)
	}
	e, err := encode.Open(dir)
	if err != nil || e.Dim() != 6 {
		t.Fatalf("%v, %v", e, err)
	}
	again, err := job.Eval(t.Context(), dir, encodingOver(siameseJob, &c.Encoding), job.Env{})
	if err != nil || again.TestError != r.TestError {
		t.Errorf("error %v, measured again %+v, %v", r.TestError, again, err)
	}
}

func TestImportedEncoderRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*Search){
		"freeze is \"stem\", which": func(c *Search) { c.Freeze = "stem" },
		"freeze is \"(\"":           func(c *Search) { c.Freeze = "(" },
		"none.onnx":                 func(c *Search) { c.Encoder = "none.onnx" },
		"has no effect":             func(c *Search) { c.Encoder = "" },
		"memory is 100":             func(c *Search) { c.Memory = 10000 },
		"the encoder takes 3×15×15": func(c *Search) { c.Sets = picturesInMemory(barPictures()) },
	} {
		c := foreignSearch(t)
		spoil(c)
		if _, err := job.Train(t.Context(), searchJob, c, job.Options{Dir: filepath.Join(t.TempDir(), "run")}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}
