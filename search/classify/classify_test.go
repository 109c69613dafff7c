package classify_test

import (
	"bytes"
	"encoding/csv"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/search/encode"
)

// speckled is a picture of some size.
func speckled(w, h, seed int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.NRGBA{R: byte(x * (seed + 3)), G: byte(y * 7), B: byte(x * y * seed), A: 255})
		}
	}
	return m
}

// input is a picture as the network takes it.
func input(m *image.NRGBA) *tensor.Tensor {
	b := m.Bounds()
	x := tensor.New(tensor.Float32, 1, 3, b.Dy(), b.Dx())
	for i := range b.Dx() * b.Dy() {
		for c := range 3 {
			x.Float32s()[c*b.Dx()*b.Dy()+i] = float32(m.Pix[4*i+c]) / 255
		}
	}
	return x
}

func energies(m *classify.Model, x *tensor.Tensor) []float32 {
	tape := autodiff.NewTape(tensor.Float32)
	tape.NoGrad = true
	return append([]float32(nil), m.Energies(tape.Const(x)).Value.Float32s()...)
}

func near(t *testing.T, what string, got, want []float32, within float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(float64(got[i]-want[i])) <= within*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

var classes = []string{"cat", "dog", "a, b"}

// specs are classifiers of several sizes, one of which begins with a model of another system.
func models(t *testing.T) map[string]*classify.Model {
	t.Helper()
	all := map[string]*classify.Model{}
	for name, s := range map[string]classify.Spec{
		"small":    {Channels: 3, Height: 9, Width: 12, Classes: classes},
		"positive": {Channels: 3, Height: 30, Width: 28, Classes: classes, NonNegative: true},
		"middle":   {Channels: 3, Height: 41, Width: 64, Classes: classes},
		"large":    {Channels: 3, Height: 97, Width: 130, Classes: classes},
	} {
		m, err := classify.New(s, 3)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = m
	}
	for name, s := range map[string]classify.Spec{
		"imported":          {Channels: 3, Height: 15, Width: 15, Classes: classes},
		"imported positive": {Channels: 3, Height: 15, Width: 15, Classes: classes, NonNegative: true},
	} {
		m, err := classify.Begin(base(t, encode.BaseInput{Features: true}), s, encode.BaseOptions{Seed: 2})
		if err != nil {
			t.Fatal(err)
		}
		all[name] = m
	}
	for name, s := range map[string]encode.Spec{
		"over a small network": {Job: "search", Channels: 3, Height: 12, Width: 9, Dim: 5, Unit: true, Metric: "cosine"},
		"over a large one":     {Job: "siamese", Channels: 3, Height: 44, Width: 50, Dim: 5, Metric: "euclidean", Network: encode.Described},
	} {
		n, err := encode.NewNetwork(s, 4)
		if err != nil {
			t.Fatal(err)
		}
		m, err := classify.Over(n, classify.Spec{Channels: 3, Height: s.Height, Width: s.Width, Classes: classes, NonNegative: true}, 3)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = m
	}
	return all
}

// base is the model of oracle/onnx_finetune.py, which ends in a linear layer to 10 numbers.
func base(t *testing.T, o encode.BaseInput) *encode.Base {
	t.Helper()
	model, err := os.ReadFile("../../engine/onnx/testdata/finetune.onnx")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "net.onnx")
	for name, text := range map[string][]byte{path: model, strings.TrimSuffix(path, ".onnx") + ".energo.yaml": []byte("channels: rgb\nmean: [0.5, 0.4, 0.3]\ndeviation: 0.25\n")} {
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	b, err := encode.OpenBase(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestClassifiers: a classifier that is saved and opened has its energies, for pictures and for files; so has the model that is exported.
func TestClassifiers(t *testing.T) {
	for name, m := range models(t) {
		t.Run(name, func(t *testing.T) {
			p := speckled(m.Width, m.Height, 5)
			want := energies(m, input(p))
			if m.NonNegative && !(min(want[0], want[1], want[2]) > 0) {
				t.Errorf("energies %v", want)
			}
			dir := t.TempDir()
			if err := m.Save(dir); err != nil {
				t.Fatal(err)
			}
			again, err := classify.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "opened", energies(again, input(p)), want, 0)
			answers, err := again.Answer([]image.Image{speckled(50, 20, 1), p})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "answered", answers[1].Energies, want, 1e-5)
			near(t, "of a file", written(t, again, p), want, 1e-5)

			file, err := again.Graph().Model()
			if err != nil {
				t.Fatal(err)
			}
			net, err := onnx.New(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			x, err := value.Of(input(p).Float32s(), 1, 3, m.Height, m.Width)
			if err != nil {
				t.Fatal(err)
			}
			out, err := net.Run(map[string]*value.Value{net.Inputs[0].Name: x})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "exported", value.Data[float32](out["energies"]), want, 1e-5)
		})
	}
}

// written are the energies that Write writes for a picture; its answer and its gap must be those of the energies.
func written(t *testing.T, m *classify.Model, p image.Image) (all []float32) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.png")
	f, err := os.Create(path)
	if err == nil {
		err = png.Encode(f, p)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Write(t.Context(), &b, []string{path, path}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 3 || strings.Join(rows[0], "|") != "path|answer|gap|energy cat|energy dog|energy a, b" || rows[1][0] != path {
		t.Fatalf("%q, %v", rows, err)
	}
	number := func(text string) float64 {
		v, err := strconv.ParseFloat(text, 32)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	least, next := math.Inf(1), math.Inf(1)
	answer := ""
	for y, class := range classes {
		e := number(rows[1][3+y])
		all = append(all, float32(e))
		if e < least {
			least, next, answer = e, least, class
		} else {
			next = min(next, e)
		}
	}
	if rows[1][1] != answer || math.Abs(number(rows[1][2])-(next-least)) > 1e-5 {
		t.Errorf("the answer %s with the gap %s; by the energies it is %s with %v", rows[1][1], rows[1][2], answer, next-least)
	}
	return all
}

// TestHead: the layer of the classes stands over what the model's own last layer takes, or over the output that is named.
func TestHead(t *testing.T) {
	for _, c := range []struct {
		in    encode.BaseInput
		width int
	}{{encode.BaseInput{Features: true}, 16}, {encode.BaseInput{}, 10}} {
		s := classify.Spec{Channels: 3, Height: 15, Width: 15, Classes: strings.Split("a b c d e f g h i j", " ")}
		m, err := classify.Begin(base(t, c.in), s, encode.BaseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		params := m.Params()
		if w := params[len(params)-2]; w.Name != "energo.head.weight" || w.Value.Dim(0) != 10 || w.Value.Dim(1) != c.width {
			t.Errorf("%+v: the last layer is %s %v; it must be [10, %d]", c.in, w.Name, w.Value.Shape(), c.width)
		}
	}
}

func TestRefuses(t *testing.T) {
	for want, s := range map[string]classify.Spec{
		"there are 1 classes":   {Channels: 3, Height: 9, Width: 9, Classes: classes[:1]},
		"empty or comes twice":  {Channels: 3, Height: 9, Width: 9, Classes: []string{"a", "a"}},
		"sides must be from 8":  {Channels: 3, Height: 7, Width: 9, Classes: classes},
		"they must have 1 or 3": {Channels: 2, Height: 9, Width: 9, Classes: classes},
	} {
		if _, err := classify.New(s, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
	}
	if _, err := classify.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "resumes by --resume") {
		t.Errorf("no card: %v", err)
	}
	n, err := encode.NewNetwork(encode.Spec{Job: "search", Channels: 3, Height: 9, Width: 9, Dim: 5, Metric: "cosine"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := classify.Over(n, classify.Spec{Channels: 3, Height: 9, Width: 10, Classes: classes}, 1); err == nil || !strings.Contains(err.Error(), "the encoder takes 3×9×9, the classifier 3×9×10") {
		t.Errorf("an encoder of other pictures: error %v", err)
	}
	m := models(t)["small"]
	if err := m.Write(t.Context(), &bytes.Buffer{}, []string{"none.png"}); err == nil || !strings.Contains(err.Error(), "none.png") {
		t.Errorf("no file: %v", err)
	}
}
