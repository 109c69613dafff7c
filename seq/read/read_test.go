package read

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/audio"
)

// TestBatchGradient holds the loss's gradient by the logits against differences, with
// and without priors.
func TestBatchGradient(t *testing.T) {
	for _, weight := range []float64{0, 0.3, 1} {
		const batch, frames, classes = 2, 7, 4
		rng := rand.New(rand.NewPCG(1, 3))
		b := NewBatch(classes, weight)
		for k := range b.prior.Float32s() {
			b.prior.Float32s()[k] = []float32{0.7, 0.1, 0.15, 0.05}[k]
		}
		prior := append([]float32(nil), b.prior.Float32s()...)
		b.batch.Batch, b.batch.Frames, b.batch.Classes, b.batch.BatchFirst = batch, frames, classes, true
		b.batch.Targets, b.batch.TargetLengths, b.batch.InputLengths = []int{1, 3, 3, 2}, []int{1, 3}, []int{5, 7}
		x := make([]float32, batch*frames*classes)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		b.grad = make([]float32, len(x))
		eval := func() float64 {
			copy(b.prior.Float32s(), prior)
			b.scores = append(b.scores[:0], x...)
			b.batch.Scores = b.scores
			v, err := b.eval()
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		eval()
		grad := append([]float32(nil), b.grad...)
		for i, v := range x {
			const h = 1e-2
			x[i] = v + h
			up := eval()
			x[i] = v - h
			down := eval()
			x[i] = v
			if want := (up - down) / (2 * h); math.Abs(want-float64(grad[i])) > 2e-4 {
				t.Fatalf("weight %v: the gradient by logit %d is %v; differences say %v", weight, i, grad[i], want)
			}
		}
		if weight == 0 {
			continue
		}
		sum := float32(0)
		for _, v := range b.prior.Float32s() {
			sum += v
		}
		if math.Abs(float64(sum)-1) > 1e-3 {
			t.Errorf("the priors add up to %v", sum)
		}
	}
}

// TestLongLine: a line that the network sees in parts has the emissions of the whole one.
func TestLongLine(t *testing.T) {
	for _, width := range []int{1, 63, 64, 200, 777} {
		r, err := NewNetwork(Spec{Height: 16, Tokens: []string{"a", "b"}, Channels: 8, Dilations: []int{1, 2, 4, 8}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		l := data.Line{H: 16, W: width}
		for range 16 * width {
			l.Pixels = append(l.Pixels, rand.Float32())
		}
		x, err := r.Emissions(l)
		if err != nil || len(x) != 3*r.Frames(width) {
			t.Fatalf("%d columns: %d emissions, %v", width, len(x), err)
		}
		want := append([]float32(nil), x...)
		r.atOnce = 64
		if x, err = r.Emissions(l); err != nil || len(x) != len(want) {
			t.Fatalf("%d columns in parts: %d emissions, %v", width, len(x), err)
		}
		for i, v := range want {
			if math.Abs(float64(v-x[i])) > 1e-5 {
				t.Fatalf("%d columns: emission %d is %v in parts, %v whole", width, i, x[i], v)
			}
		}
	}
}

// tones writes a corpus of two words, a low tone and a high one, between silences, and beside it when they are said,
// times.csv.
func tones(t *testing.T, n int, seed uint64) (manifest string) {
	t.Helper()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(seed, 5))
	var rows, times strings.Builder
	rows.WriteString("path,text\n")
	times.WriteString("path,word,start,end\n")
	for i := range n {
		name := fmt.Sprintf("%d.wav", i)
		clip := audio.Clip{Rate: 8000}
		silence := func() { clip.Samples = append(clip.Samples, make([]float32, 400+rng.IntN(800))...) }
		var words []string
		silence()
		for range 1 + rng.IntN(3) {
			word, hz := "lo", 300.0
			if rng.IntN(2) == 1 {
				word, hz = "hi", 1500
			}
			words = append(words, word)
			start := len(clip.Samples)
			for k := range 1000 + rng.IntN(600) {
				clip.Samples = append(clip.Samples, float32(0.4*math.Sin(2*math.Pi*hz*float64(k)/8000)))
			}
			fmt.Fprintf(&times, "%s,%s,%.4f,%.4f\n", name, word, float64(start)/8000, float64(len(clip.Samples))/8000)
			silence()
		}
		if err := audio.Write(filepath.Join(dir, name), clip); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&rows, "%s,%s\n", name, strings.Join(words, " "))
	}
	if err := os.WriteFile(filepath.Join(dir, "times.csv"), []byte(times.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	manifest = filepath.Join(dir, "corpus.csv")
	if err := os.WriteFile(manifest, []byte(rows.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return manifest
}

// saved is a folder with an untrained reader of speech.
func saved(t *testing.T) (dir string, n *Network) {
	t.Helper()
	f, err := NewFeatures(audio.LogMel{Rate: 8000, Mels: 16})
	if err != nil {
		t.Fatal(err)
	}
	if n, err = NewNetwork(Spec{Height: 16, Tokens: []string{" ", "h", "i"}, Channels: 8, Dilations: []int{1, 2}}, 5); err != nil {
		t.Fatal(err)
	}
	f.Fit([][]float32{make([]float32, 160)})
	dir = t.TempDir()
	if err := Save(dir, n, f, nil); err != nil {
		t.Fatal(err)
	}
	return dir, n
}

// TestOpen: a reader that was saved has the emissions of the network.
func TestOpen(t *testing.T) {
	dir, n := saved(t)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Separator != " " || len(r.Classes) != 4 || r.Features() == nil || r.Refines() || r.Rate() != 8000 {
		t.Errorf("the reader is %+v", r)
	}
	l := data.Line{H: 16, W: 21, Pixels: make([]float32, 16*21)}
	for i := range l.Pixels {
		l.Pixels[i] = float32(i%9) / 9
	}
	want, err := n.Emissions(l)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Emissions(l); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the emissions are %v, %v; the network's %v", got, err, want)
	}
	if got, err := r.Spell("Hi  hi"); err != nil || fmt.Sprint(got) != "[2 3 1 2 3]" {
		t.Errorf("the text is spelled %v, %v", got, err)
	}
}

// TestOpenRefuses: a card that is not in order is refused by its file and by what is wrong.
func TestOpenRefuses(t *testing.T) {
	dir, _ := saved(t)
	path := filepath.Join(dir, CardFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what, want, file string) {
		t.Helper()
		if r, err := Open(dir); r != nil || err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, error %v; it should say %q and name %s", what, r, err, want, file)
		}
	}
	for _, c := range []struct{ old, new, want, file string }{
		{string(whole), "{", "cut off", path},
		{string(whole), "{}", "is missing", path},
		{`"format": 1`, `"format": 7`, "format is 7; this version reads 1", path},
		{`"height": 16`, `"height": 257`, "height is 257", path},
		{`"height": 16`, `"height": 17`, "there are 16 mels", path},
		{`"channels": 8`, `"channels": 0`, "channels is 0", path},
		{`"channels": 8`, `"channels": 9`, "", WeightsFile},
		{`"h",`, `"i",`, `token 2 is "i"`, path},
		{`"h",`, `"",`, `token 1 is ""`, path},
		{`"Rate": 8000`, `"Rate": -1`, "Rate is -1", path},
		{"    1,\n    2\n", "    1,\n    0\n", "dilation 1 is 0", path},
	} {
		text := strings.Replace(string(whole), c.old, c.new, 1)
		if text == string(whole) {
			t.Fatalf("the card has no %s: %s", c.old, whole)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		refuse(text, c.want, c.file)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refuse("a folder without a card", "--resume", path)
}

// short is a network that gives no more than some frames, as models do that know no more places.
type short struct {
	nn.Module
	most int
}

func (s short) Forward(x *autodiff.Var) *autodiff.Var {
	return autodiff.Slice(s.Module.Forward(x), 2, 0, s.most)
}

// TestBatchTooLong: a batch of lines that are longer than the network reads is refused by their length.
func TestBatchTooLong(t *testing.T) {
	n, err := NewNetwork(Spec{Height: 16, Tokens: []string{"a"}, Channels: 8}, 1)
	if err != nil {
		t.Fatal(err)
	}
	n.Module = short{n.Module, 10}
	b := NewBatch(n.Classes(), 0)
	for width, want := range map[int]string{20: "", 30: "for lines of 30 columns the model has 10 frames; there must be 15"} {
		b.Set(n, []data.Line{{H: 16, W: width, Pixels: make([]float32, 16*width), Target: []int{0}}})
		tape := autodiff.NewTape(tensor.Float32)
		if _, err := b.Record(n, tape); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d columns: %v; want %q", width, err, want)
		}
	}
}
