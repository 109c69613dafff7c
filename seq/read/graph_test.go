package read

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/onnx/export/exporttest"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/seq/audio"
)

// untrained is a network whose norms are away from their first values.
func untrained(t *testing.T, height int) *Network {
	t.Helper()
	n, err := NewNetwork(Spec{Height: height, Tokens: []string{"a", "b", " "}, Channels: 8, Dilations: []int{2}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range n.Module.Params() {
		if p.NoDecay { // biases and what norms have
			for i := range p.Value.Float32s() {
				p.Value.Float32s()[i] = 0.5 + rng.Float32()
			}
		}
	}
	return n
}

// TestGraphOfLines: the ONNX model gives the emissions of lines of even and odd numbers of columns, one alone and three at once.
func TestGraphOfLines(t *testing.T) {
	n := untrained(t, 20)
	m := exporttest.Model{Graph: (&Reader{r: n}).Graph()}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ batch, columns int }{{1, 24}, {1, 31}, {1, 1}, {3, 10}, {3, 7}} {
		var all, emissions []float32
		for range c.batch {
			l := data.Line{H: n.Height, W: c.columns, Pixels: make([]float32, n.Height*c.columns)}
			for i := range l.Pixels {
				l.Pixels[i] = rng.Float32()
			}
			e, err := n.Emissions(l)
			if err != nil {
				t.Fatal(err)
			}
			all, emissions = append(all, l.Pixels...), append(emissions, e...)
		}
		m.Cases = append(m.Cases, exporttest.Case{
			In:  map[string]*value.Value{"lines": exporttest.Of(t, all, c.batch, 1, n.Height, c.columns)},
			Out: map[string]*value.Value{"log_probabilities": exporttest.Of(t, emissions, c.batch, n.Frames(c.columns), n.Classes())},
		})
	}
	exporttest.Check(t, m)
}

// TestGraphOfFeatures: the ONNX model normalises features of recordings itself.
func TestGraphOfFeatures(t *testing.T) {
	f, err := NewFeatures(audio.LogMel{Rate: 8000, Mels: 16})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range f.Mean {
		f.Mean[i], f.Scale[i] = -8+rng.Float64(), 0.3+rng.Float64()/10
	}
	n := untrained(t, 16)
	m := exporttest.Model{Graph: (&Reader{r: n, speech: f}).Graph()}
	for _, frames := range []int{40, 41} {
		x := make([]float32, frames*16)
		for i := range x {
			x[i] = float32(-8 + 3*rng.NormFloat64())
		}
		normal := slices.Clone(x)
		f.Normalise(normal)
		e, err := n.Emissions(f.Line(normal, nil))
		if err != nil {
			t.Fatal(err)
		}
		m.Cases = append(m.Cases, exporttest.Case{
			In:  map[string]*value.Value{"features": exporttest.Of(t, x, 1, frames, 16)},
			Out: map[string]*value.Value{"log_probabilities": exporttest.Of(t, e, 1, n.Frames(frames), n.Classes())},
		})
	}
	exporttest.Check(t, m)
}

// TestONNXOfStrips: the ONNX model of a reader of strips, opened without a card, has the reader's emissions and places.
func TestONNXOfStrips(t *testing.T) {
	n := untrained(t, 20)
	dir := t.TempDir()
	m, err := (&Reader{r: n}).Graph().Model()
	if err == nil {
		err = format.WriteFile(filepath.Join(dir, "strips.onnx"), m)
	}
	if err == nil {
		err = Save(dir, n, nil, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ours := NewEmitter(r)
	e, err := ONNXEmitter(filepath.Join(dir, "strips.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.Classes, ours.Classes) || e.Blank != ours.Blank || e.Separator != ours.Separator || e.Unit != ours.Unit || e.Frame != ours.Frame {
		t.Errorf("the emitter is %+v; the reader's %+v", e, ours)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, ground := range []int{0, 200} { // ink on black, and on paper
		grey := image.NewGray(image.Rect(0, 0, 90, 30))
		for i := range grey.Pix {
			grey.Pix[i] = byte(ground + rng.IntN(56))
		}
		path := filepath.Join(dir, "strip.png")
		var file bytes.Buffer
		if err := png.Encode(&file, grey); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		x, err := ours.Emit(path)
		if err != nil {
			t.Fatal(err)
		}
		y, err := e.Emit(path)
		if err != nil {
			t.Fatal(err)
		}
		if x.Frames != y.Frames || x.Frame != y.Frame || x.Offset != y.Offset || x.Length != y.Length {
			t.Errorf("%d frames of %v from %v, length %v; the reader has %d of %v from %v, length %v", y.Frames, y.Frame, y.Offset, y.Length, x.Frames, x.Frame, x.Offset, x.Length)
		}
		for i, want := range x.LogProbs {
			if math.Abs(float64(y.LogProbs[i]-want)) > 1e-5 {
				t.Fatalf("ground %d: emission %d is %v; the reader has %v", ground, i, y.LogProbs[i], want)
			}
		}
	}
}

// TestONNXOfSpeech: the ONNX model of a reader of speech, opened without a card, has the reader's emissions and places.
func TestONNXOfSpeech(t *testing.T) {
	dir, _ := saved(t)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "speech.onnx")
	m, err := r.Graph().Model()
	if err == nil {
		err = format.WriteFile(path, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	clip := audio.Clip{Rate: 11025, Samples: make([]float32, 6000)}
	for i := range clip.Samples {
		clip.Samples[i] = float32(math.Sin(float64(i*i) / 1e4))
	}
	recording := filepath.Join(dir, "rec.wav")
	if err := audio.Write(recording, clip); err != nil {
		t.Fatal(err)
	}
	ours := NewEmitter(r)
	e, err := ONNXEmitter(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.Classes, ours.Classes) || e.Blank != ours.Blank || e.Separator != ours.Separator || e.Unit != ours.Unit || math.Abs(e.Frame-ours.Frame) > 1e-12 || math.Abs(e.Offset-ours.Offset) > 1e-12 {
		t.Errorf("the emitter is %+v; the reader's %+v", e, ours)
	}
	x, err := ours.Emit(recording)
	if err != nil {
		t.Fatal(err)
	}
	y, err := e.Emit(recording)
	if err != nil {
		t.Fatal(err)
	}
	if x.Frames != y.Frames || math.Abs(x.Length-y.Length) > 1e-12 {
		t.Errorf("%d frames, length %v; the reader has %d, length %v", y.Frames, y.Length, x.Frames, x.Length)
	}
	for i, want := range x.LogProbs {
		if math.Abs(float64(y.LogProbs[i]-want)) > 1e-5 {
			t.Fatalf("emission %d is %v; the reader has %v", i, y.LogProbs[i], want)
		}
	}
}
