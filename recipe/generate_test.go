package recipe

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// tinyChains are settings that take no time.
func tinyChains() Chains {
	c := defaultChains()
	c.Width, c.K, c.Buffer = 2, 3, 40
	return c
}

func tinyGenerate() GenerateConfig {
	c := DefaultGenerate()
	c.Chains, c.Epochs, c.Batch, c.Validation, c.Seed = tinyChains(), 2, 16, 50, 3
	return c
}

// cutShort returns a context that ends at a step of the loss, counted from the first.
func cutShort(t *testing.T) (context.Context, func(train.Event)) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, func(e train.Event) {
		if s, ok := e.(train.Step); ok && s.Step == 10 {
			cancel()
		}
	}
}

// sameCheckpoint compares two finished runs, tensor for tensor: weights, what the optimiser keeps,
// averages and the state of that name.
func sameCheckpoint(t *testing.T, a, b, state string) {
	t.Helper()
	var files [2]*tensor.File
	for i, dir := range []string{a, b} {
		f, err := tensor.ReadFile(filepath.Join(dir, train.CheckpointFile))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = f
	}
	if len(files[0].Tensors) != len(files[1].Tensors) {
		t.Fatalf("%d and %d tensors", len(files[0].Tensors), len(files[1].Tensors))
	}
	found := false
	for i, x := range files[0].Tensors {
		y := files[1].Tensors[i]
		found = found || x.Name == "state."+state
		for k, v := range x.Tensor.Float32s() {
			if y.Tensor.Float32s()[k] != v {
				t.Fatalf("%s[%d]: %v and %v", x.Name, k, v, y.Tensor.Float32s()[k])
			}
		}
	}
	if !found {
		t.Errorf("the checkpoint has no state %q", state)
	}
}

// An interrupted run that goes on ends where an unbroken one does, chains included, and
// evaluating says again what training said.
func TestGenerateResumes(t *testing.T) {
	trainSet, testSet := sets()
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	want, err := Generate(t.Context(), tinyGenerate(), Options{Dir: whole, Train: trainSet, Test: testSet})
	if err != nil {
		t.Fatal(err)
	}
	ctx, emit := cutShort(t)
	r, err := Generate(ctx, tinyGenerate(), Options{Dir: broken, Train: trainSet, Test: testSet, Emit: emit})
	if err != nil || r.Reason != "interrupted" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := Generate(t.Context(), tinyGenerate(), Options{Dir: broken, Resume: true, Train: trainSet, Test: testSet}); err != nil {
		t.Fatal(err)
	}
	sameCheckpoint(t, whole, broken, "chains")
	again, err := EvalGenerate(t.Context(), broken, trainSet, testSet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := EvalGenerate(t.Context(), broken, testSet, testSet); err == nil || !strings.Contains(err.Error(), "was trained on") {
		t.Errorf("another training set is taken for the run's own: %v", err)
	}
	if again.TestError != want.TestError || again.Quality[2] != want.Quality[2] || again.Inpainting != want.Inpainting {
		t.Errorf("evaluated to %+v, trained to %+v", again, want)
	}
	if q := want.Quality[0]; q.N != testSet.N || !(q.Confidence > 0.5 && q.Nearest > 0) {
		t.Errorf("of the test pictures: %+v", q)
	}
	known := want.Pictures.Whole
	for i, v := range want.Pictures.Filled { // what is given stays
		if i%80 < 40 && v != known[i] {
			t.Fatalf("pixel %d of the upper half became %v from %v", i, v, known[i])
		}
	}
}

func TestJEMResumes(t *testing.T) {
	c := DefaultJEM()
	c.Chains, c.Epochs, c.Batch, c.Validation, c.Seed = tinyChains(), 2, 16, 50, 3
	trainSet, testSet := sets()
	foreign := bars(60, 10, 8, 5, 9)
	for i := range foreign.Pixels {
		foreign.Pixels[i] = 255 - foreign.Pixels[i]
	}
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	want, err := JEM(t.Context(), c, Options{Dir: whole, Train: trainSet, Test: testSet}, foreign)
	if err != nil {
		t.Fatal(err)
	}
	ctx, emit := cutShort(t)
	r, err := JEM(ctx, c, Options{Dir: broken, Train: trainSet, Test: testSet, Emit: emit}, foreign)
	if err != nil || r.Reason != "interrupted" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := JEM(t.Context(), c, Options{Dir: broken, Resume: true, Train: trainSet, Test: testSet}, foreign); err != nil {
		t.Fatal(err)
	}
	sameCheckpoint(t, whole, broken, "chains")
	again, err := EvalJEM(t.Context(), broken, trainSet, testSet, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.TestError != want.TestError || again.Calibration.ECE != want.Calibration.ECE || again.Skipped == "" || len(again.Foreign) != 2 {
		t.Errorf("evaluated to %+v, trained to %+v", again, want)
	}
	if len(want.Foreign) != 3 || len(want.Pictures.OfLabels) != 5*drawnALabel*80 {
		t.Errorf("%d sets of foreign pictures, %d pixels drawn", len(want.Foreign), len(want.Pictures.OfLabels))
	}
}

// Two samples of one distribution have no discrepancy to speak of, and more of two.
func TestPictureDiscrepancy(t *testing.T) {
	a, b := pixelsOf(bars(300, 10, 8, 5, 1)), pixelsOf(bars(300, 10, 8, 5, 2))
	same := pictureDiscrepancy(a, b, 80)
	shufflePixels(b, pixelOrder(80))
	if other := pictureDiscrepancy(a, b, 80); math.Abs(same) > 0.003 || other < 0.02 {
		t.Errorf("of one distribution %v, of two %v", same, other)
	}
}

func TestChainsRefuse(t *testing.T) {
	for name, change := range map[string]func(*Chains){
		"width": func(c *Chains) { c.Width = 0 }, "k": func(c *Chains) { c.K = -1 }, "step_size": func(c *Chains) { c.StepSize = 0 },
		"noise": func(c *Chains) { c.Noise = math.NaN() }, "restart": func(c *Chains) { c.Restart = 2 }, "buffer": func(c *Chains) { c.Buffer = -1 },
	} {
		c := tinyGenerate()
		change(&c.Chains)
		if _, err := c.Resolve(); err == nil {
			t.Errorf("a bad %s was taken", name)
		}
	}
	set := &data.Images{Pixels: make([]byte, 600*600), Labels: []byte{0}, N: 1, H: 600, W: 600}
	if _, err := tinyGenerate().model(set); err == nil {
		t.Error("pictures of 600×600 were taken")
	}
}
