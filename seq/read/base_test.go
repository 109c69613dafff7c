package read_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read"
)

// tuneCard is that of a model that oracle/onnx_acoustic.py writes; its logits are of a, b, c and the blank.
var tuneCard = strings.Replace(beepsCard, "length: length\n", "emissions: logits\n", 1)

// tuning is a batch, and PyTorch's CTC loss of it before each step of SGD.
type tuning struct {
	Rate       float64
	Losses     []float64
	Recordings []acousticCase
}

func tuningOf(t *testing.T) (f tuning) {
	t.Helper()
	text, err := os.ReadFile("testdata/tune.json")
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openBase(t *testing.T, model, card string) *read.Base {
	t.Helper()
	b, err := read.OpenBase(beside(t, model, card))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func networkOf(t *testing.T, b *read.Base, o read.BaseOptions) *read.Network {
	t.Helper()
	n, err := b.Network(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lines are the recordings as the network takes them.
func (f tuning) lines(t *testing.T, b *read.Base, n *read.Network) (all []data.Line) {
	t.Helper()
	for _, c := range f.Recordings {
		clip, err := audio.Read(c.wav(t))
		if err != nil {
			t.Fatal(err)
		}
		x, err := b.Features().Of(clip.Clip)
		if err != nil {
			t.Fatal(err)
		}
		target, err := n.Spell(strings.ToUpper(c.Text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Features().Line(x, target))
	}
	return all
}

// train takes steps of SGD, and returns the loss before each.
func train(t *testing.T, n *read.Network, lines []data.Line, rate float64, steps int) (losses []float64) {
	t.Helper()
	batch := read.NewBatch(n.Classes(), 0)
	batch.Set(n, lines)
	tape := autodiff.NewTape(tensor.Float32)
	tape.Training = true
	var o optim.SGD
	for range steps {
		tape.Reset()
		loss, err := batch.Record(n, tape)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, float64(loss.Value.Float32s()[0]))
		tape.Backward(loss)
		o.Step(n.Module.Params(), rate)
		for _, p := range n.Module.Params() {
			p.ZeroGrad()
		}
	}
	return losses
}

// TestBaseCTC: the CTC loss of an imported model is PyTorch's, before and after steps of training.
func TestBaseCTC(t *testing.T) {
	f := tuningOf(t)
	b := openBase(t, "tune", tuneCard)
	n := networkOf(t, b, read.BaseOptions{})
	if strings.Join(n.Tokens, "") != "abc" || n.Frames(9) != 5 || n.Frames(10) != 5 || n.Frames(0) != 0 {
		t.Errorf("tokens %q; %d frames for 9 columns", n.Tokens, n.Frames(9))
	}
	for i, got := range train(t, n, f.lines(t, b, n), f.Rate, len(f.Losses)) {
		if want := f.Losses[i]; math.Abs(got-want) > 1e-4 {
			t.Errorf("the loss before step %d is %v; PyTorch has %v", i, got, want)
		}
	}
}

// TestBaseLearns: a new head learns to write a batch; the reader that is saved and the model that is exported have the network's emissions.
func TestBaseLearns(t *testing.T) {
	f := tuningOf(t)
	b := openBase(t, "tune", tuneCard)
	n := networkOf(t, b, read.BaseOptions{NewHead: true, Characters: []string{"a", "b", "c"}, Freeze: regexp.MustCompile("^conv1"), Seed: 1})
	lines := f.lines(t, b, n)
	before := map[string][]float32{}
	for _, p := range n.Module.Params() {
		before[p.Name] = append([]float32(nil), p.Value.Float32s()...)
	}
	losses := train(t, n, lines, 0.1, 60)
	if first, last := losses[0], losses[len(losses)-1]; !(last < first/3) {
		t.Errorf("the loss goes from %v to %v", first, last)
	}
	for _, p := range n.Module.Params() {
		moved := !slices.Equal(before[p.Name], p.Value.Float32s())
		if frozen := strings.HasPrefix(p.Name, "conv1"); moved == frozen && p.Name != "bn.running_mean" && p.Name != "bn.running_var" {
			t.Errorf("%s moved: %v", p.Name, moved)
		}
	}

	savedAndExported(t, n, b, f, lines)
}

// savedAndExported holds the reader that is saved, and the model that is exported, against the network's emissions; it returns the network that a run begins with again.
func savedAndExported(t *testing.T, n *read.Network, b *read.Base, f tuning, lines []data.Line) *read.Network {
	t.Helper()
	dir := t.TempDir()
	if err := read.Save(dir, n, b.Features(), nil); err != nil {
		t.Fatal(err)
	}
	r, err := read.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stream(); err == nil || !strings.Contains(err.Error(), "reads whole recordings") {
		t.Errorf("a stream: %v", err)
	}
	path := filepath.Join(dir, "exported.onnx")
	m, err := r.Graph().Model()
	if err == nil {
		err = format.WriteFile(path, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	exported, err := read.ONNXEmitter(path)
	if err != nil {
		t.Fatal(err)
	}
	ours := read.NewEmitter(r)
	if math.Abs(ours.Frame-exported.Frame) > 1e-12 || ours.Offset != exported.Offset {
		t.Errorf("frames of %v s from %v; the exported model's are of %v from %v", ours.Frame, ours.Offset, exported.Frame, exported.Offset)
	}
	for i, c := range f.Recordings[:len(lines)] {
		want, err := n.Emissions(lines[i])
		if err != nil {
			t.Fatal(err)
		}
		want = append([]float32(nil), want...)
		for _, e := range []*read.Emitter{ours, exported} {
			x, err := e.Emit(c.wav(t))
			if err != nil || len(x.LogProbs) != len(want) {
				t.Fatalf("%d numbers, want %d: %v", len(x.LogProbs), len(want), err)
			}
			for k, v := range x.LogProbs {
				if math.Abs(float64(v-want[k])) > 1e-5 {
					t.Fatalf("number %d is %v, want %v", k, v, want[k])
				}
			}
		}
	}
	reopened, err := read.ReopenBase(dir)
	if err != nil {
		t.Fatal(err)
	}
	if x := reopened.Features(); x.Front == nil || x.Front.Rate != b.Features().Front.Rate {
		t.Errorf("features %+v", x)
	}
	return networkOf(t, reopened, read.BaseOptions{})
}

// TestBaseOfSamples: a model of samples is trained through, too; one with lengths gets them.
func TestBaseOfSamples(t *testing.T) {
	f := tuningOf(t)
	b := openBase(t, "waveform", waveformCard)
	n := networkOf(t, b, read.BaseOptions{})
	losses := train(t, n, f.lines(t, b, n), 0.02, 5)
	if !(losses[4] < losses[0]) || n.Imported.Step != 20 {
		t.Errorf("the losses are %v, the step %d", losses, n.Imported.Step)
	}
	if _, err := n.Emissions(data.Line{H: 1, W: 9, Pixels: make([]float32, 9)}); err == nil || !strings.Contains(err.Error(), "the line has 9 columns; for a frame of this model it must have 45") {
		t.Errorf("too short a line: %v", err)
	}
}

// TestBaseOfFolder: a folder of Hugging Face is trained through.
func TestBaseOfFolder(t *testing.T) {
	f := tuningOf(t)
	b, err := read.OpenBase("../../engine/onnx/huggingface/testdata/wav2vec")
	if err != nil {
		t.Fatal(err)
	}
	n := networkOf(t, b, read.BaseOptions{NewHead: true, Characters: []string{"a", "b", "c"}})
	if losses := train(t, n, f.lines(t, b, n), 1e-4, 4); !(losses[3] < losses[0]) {
		t.Errorf("the losses are %v", losses)
	}
}

// TestBaseLengths: a model that takes lengths gets each recording's own: it hides what lies behind the shorter one, so that the loss does not depend on that.
func TestBaseLengths(t *testing.T) {
	f := tuningOf(t)
	b := openBase(t, "beeps", beepsCard)
	n := networkOf(t, b, read.BaseOptions{NewHead: true, Characters: []string{"a", "b", "c"}, Seed: 1})
	lines := f.lines(t, b, n)[:2]
	if lines[0].W == lines[1].W {
		t.Fatalf("both lines have %d columns", lines[0].W)
	}
	lossOf := func(lines ...data.Line) float64 {
		batch, tape := read.NewBatch(n.Classes(), 0), autodiff.NewTape(tensor.Float32)
		batch.Set(n, lines)
		loss, err := batch.Record(n, tape)
		if err != nil {
			t.Fatal(err)
		}
		return float64(loss.Value.Float32s()[0])
	}
	own := lossOf(lines...)
	for i := range n.Imported.Silence {
		n.Imported.Silence[i] = 100
	}
	if other := lossOf(lines...); other != own {
		t.Errorf("the loss is %v; with something else behind the shorter recording it is %v", own, other)
	}
	again := savedAndExported(t, n, b, f, lines)
	if first, last := train(t, n, lines, 0.1, 20)[0], train(t, again, lines, 0.1, 20)[0]; first != last {
		t.Errorf("the loss is %v; of the network that was opened again it is %v", first, last)
	}
}

func TestBaseRefuses(t *testing.T) {
	for _, c := range []struct {
		model, card string
		o           read.BaseOptions
		want        string
	}{
		{"tune", tuneCard, read.BaseOptions{Freeze: regexp.MustCompile("none")}, `freeze is "none", which matches no parameter`},
		{"tune", strings.Replace(tuneCard, "emissions: logits\n", "", 1), read.BaseOptions{}, `the key "emissions" is missing`},
		{"tune", strings.Replace(tuneCard, "[a, b, c]", "[a, b, c, d, e]", 1), read.BaseOptions{}, "has 4 classes"},
	} {
		if n, err := openBase(t, c.model, c.card).Network(c.o); n != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "net.onnx") {
			t.Errorf("error %v; want %q, with the path", err, c.want)
		}
	}
	if _, err := read.OpenBase(beside(t, "tune", "emissions: logits\n")); err == nil || !strings.Contains(err.Error(), `the key "features" is missing`) {
		t.Errorf("without features: %v", err)
	}
}
