package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// tinyChains are settings that take no time.
func tinyChains() Chains {
	c := defaultChains()
	c.Width, c.K, c.Buffer = 2, 3, 40
	return c
}

func tinyGenerate() *Generate {
	c := atDefaults[*Generate](generateJob)
	c.fromMemory(sets())
	short(c, 2, 16, 50)
	c.Chains = tinyChains()
	return c
}

func tinyJEM() *JEM {
	c := atDefaults[*JEM](jemJob)
	c.fromMemory(sets())
	short(c, 2, 16, 50)
	c.Chains = tinyChains()
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
	hasState := false
	for i, x := range files[0].Tensors {
		y := files[1].Tensors[i]
		hasState = hasState || x.Name == "state."+state
		for k, v := range x.Tensor.Float32s() {
			if y.Tensor.Float32s()[k] != v {
				t.Fatalf("%s[%d]: %v and %v", x.Name, k, v, y.Tensor.Float32s()[k])
			}
		}
	}
	if !hasState {
		t.Errorf("the checkpoint has no state %q", state)
	}
}

// cutAndResumed trains a job over bars at one go and, with the same settings, in two parts. It returns the folder of the parts, in
// which the state of that name is as in the whole, and the result of the whole; measured again, the parts have that one's figures.
func cutAndResumed(t *testing.T, j job.Job, spec func() job.Spec, state string) (broken string, whole *job.Result) {
	t.Helper()
	home := t.TempDir()
	broken = filepath.Join(home, "broken")
	whole, err := job.Train(t.Context(), j, spec(), job.Options{Dir: filepath.Join(home, "whole")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, emit := cutShort(t)
	r, err := job.Train(ctx, j, spec(), job.Options{Dir: broken, Emit: emit})
	if err != nil || r.Reason != "interrupted" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := job.Train(t.Context(), j, spec(), job.Options{Dir: broken, Resume: true}); err != nil {
		t.Fatal(err)
	}
	sameCheckpoint(t, whole.Run, broken, state)
	if _, err := os.Stat(filepath.Join(whole.Run, surface.File)); err == nil {
		sameFilms(t, whole.Run, broken)
	}
	trainSet, testSet := sets()
	again, err := job.Eval(t.Context(), broken, []job.Job{over(j, trainSet, testSet)}, job.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(again.Measured, again.Figures, again.Tables), fmt.Sprint(whole.Measured, whole.Figures, whole.Tables); got != want {
		t.Errorf("measured again %s, trained to %s", got, want)
	}
	if _, err := job.Eval(t.Context(), broken, []job.Job{over(j, testSet, testSet)}, job.Env{}); err == nil || !strings.Contains(err.Error(), "was trained on") {
		t.Errorf("another training set is taken for the run's own: %v", err)
	}
	return broken, whole
}

// A resumed run ends where an unbroken one does, chains included.
func TestGenerateResumes(t *testing.T) {
	_, r := cutAndResumed(t, generateJob, func() job.Spec { return tinyGenerate() }, "chains")
	q := row(t, r, "quality", "test pictures")
	if n, confidence, nearest := q[0], q[1], q[4]; n != 100 || !(confidence > 0.5 && nearest > 0) {
		t.Errorf("of the test pictures: %v", q)
	}
}

// What is filled in keeps the upper halves.
func TestFill(t *testing.T) {
	_, testSet := sets()
	task := open[*generateTask](t, tinyGenerate())
	whole, _ := some(testSet, 7, train.Rand(1, "test", 0))
	filled, err := task.fill(t.Context(), whole, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range filled {
		if i%80 < 40 && v != whole[i] {
			t.Fatalf("pixel %d of the upper half became %v from %v", i, v, whole[i])
		}
	}
}

func TestJEMResumes(t *testing.T) {
	trainSet, testSet := sets()
	foreign := bars(60, 10, 8, 5, 9)
	for i := range foreign.Pixels {
		foreign.Pixels[i] = 255 - foreign.Pixels[i]
	}
	c := tinyJEM()
	_, r := cutAndResumed(t, jemJob, func() job.Spec { return tinyJEM() }, "chains")
	if len(r.Tables[0].Rows) != 2 || !math.IsNaN(figure(t, r, "foreign")) {
		t.Errorf("without foreign pictures: %+v", r)
	}
	task := open[*jemTask](t, c)
	task.foreign = foreign
	table, err := task.detection(t.Context())
	if err != nil || len(table.Rows) != 3 || table.Rows[0].Name != "foreign pictures" || table.Rows[0].Values[0] != 60 {
		t.Errorf("with foreign pictures: %+v, %v", table, err)
	}
	drawn, err := task.drawn(t.Context())
	if err != nil || len(drawn) != 5*drawnALabel*80 {
		t.Errorf("%d pixels drawn, %v", len(drawn), err)
	}
	c.Foreign = "other"
	c.Sets = func(_ context.Context, folder string, _ data.Progress) (*data.Images, *data.Images, error) {
		if folder == "other" {
			return trainSet, bars(5, 9, 8, 5, 1), nil
		}
		return trainSet, testSet, nil
	}
	if _, err := c.Open(t.Context(), job.Env{}); err == nil || !strings.Contains(err.Error(), "foreign is other, which has 5 test pictures of 9×8 pixels; there must be some of 10×8") {
		t.Errorf("foreign pictures of another size: %v", err)
	}
}

// TestDrawingHeedsItsContext: what is drawn for the report after measuring ends with its context, too.
func TestDrawingHeedsItsContext(t *testing.T) {
	for _, s := range []job.Spec{tinyGenerate(), tinyJEM(), tinyRBM()} {
		model, err := s.Open(t.Context(), job.Env{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := model.Measure(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := m.Write(ctx, t.TempDir()); !errors.Is(err, context.Canceled) {
			t.Errorf("%T: %v", s, err)
		}
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
	for want, change := range map[string]func(*Generate){
		"width is 0": func(c *Generate) { c.Width = 0 }, "k is -1": func(c *Generate) { c.K = -1 }, "step_size is 0": func(c *Generate) { c.StepSize = 0 },
		"noise is NaN": func(c *Generate) { c.Noise = math.NaN() }, "restart is 2": func(c *Generate) { c.Restart = 2 }, "buffer is -1": func(c *Generate) { c.Buffer = -1 },
		"restart 0.1 has no effect: buffer is 0": func(c *Generate) { c.Buffer, c.Restart = 0, 0.1 },
	} {
		c := tinyGenerate()
		change(c)
		if err := job.Resolve(generateJob, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	set := &data.Images{Pixels: make([]byte, 600*600), Labels: []byte{0}, N: 1, H: 600, W: 600}
	large := tinyGenerate()
	large.fromMemory(set, set)
	if _, err := large.Open(t.Context(), job.Env{}); err == nil || !strings.Contains(err.Error(), "the pictures have 600×600 pixels") {
		t.Errorf("pictures of 600×600: %v", err)
	}
}
