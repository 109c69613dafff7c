package encode

import (
	"cmp"
	"image"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	onnxformat "github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// small is the model of oracle/onnx_finetune.py, with a card.
func small(t *testing.T, card string) (path string) {
	t.Helper()
	m, err := onnxformat.ReadFile("../../engine/onnx/testdata/finetune.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return beside(t, m, card)
}

const smallCard = "channels: rgb\nmean: [0.5, 0.4, 0.3]\ndeviation: 0.25\n"

// speckled is a picture of the small model's size.
func speckled(seed int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 15, 15))
	for i := range m.Pix {
		m.Pix[i] = byte(i*i*(seed+3) + 31*i)
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return m
}

// vector is what a network gives for a picture of its size.
func vector(n *Network, p image.Image) []float32 {
	w := n.Worker()
	bytes := make([]byte, n.Channels*n.Height*n.Width)
	n.Fit(bytes, p)
	for i, x := 0, w.input(1); i < len(x); i++ {
		x[i] = float32(bytes[i]) / 255
	}
	return slices.Clone(w.run())
}

func closeTo(t *testing.T, what string, got, expected []float32, within float64) {
	t.Helper()
	if len(got) != len(expected) {
		t.Fatalf("%s: %d numbers, expected %d", what, len(got), len(expected))
	}
	for i := range got {
		if d := math.Abs(float64(got[i] - expected[i])); !(d <= within*(1+math.Abs(float64(expected[i])))) {
			t.Fatalf("%s: number %d is %v, expected %v", what, i, got[i], expected[i])
		}
	}
}

// TestBasePreparesPictures: a network that begins with a model gives it what the card says, as an index does.
func TestBasePreparesPictures(t *testing.T) {
	cards := map[string]string{
		"n,3,9,8": "channels: bgr\nmean: [0.1, 0.2, 0.3]\ndeviation: [0.5, 2, 4]\nmetric: euclidean\n",
		"n,9,8,3": "channels: rgb\nmean: 0.5\ndeviation: 0.5\nmetric: euclidean\n",
		"n,9,8,1": "mean: 7\ndeviation: 3\nscale: 1\nmetric: euclidean\noutput: negative\n",
	}
	for shape, card := range cards {
		path := beside(t, flat(shape), card)
		e, err := OpenImported(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := OpenBase(path, BaseInput{})
		if err != nil {
			t.Fatal(err)
		}
		o := b.Pictures()
		n, err := b.Network(Spec{Job: "search", Channels: o.C, Height: o.H, Width: o.W, Metric: distance.Euclidean}, BaseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, shape, vector(n, speckled(1)), encoded(t, e, speckled(1)), 1e-5)
	}
}

// TestBase trains a step, writes the network and opens it again.
func TestBase(t *testing.T) {
	for dim, unit := range map[int]bool{0: false, 10: true, 6: true} {
		b, err := OpenBase(small(t, smallCard), BaseInput{})
		if err != nil {
			t.Fatal(err)
		}
		if o := b.Pictures(); o.C != 3 || o.H != 15 || o.W != 15 {
			t.Fatalf("pictures of %d×%d×%d", o.C, o.H, o.W)
		}
		s := Spec{Job: "search", Channels: 3, Height: 15, Width: 15, Dim: dim, Unit: unit, Metric: distance.Cosine}
		n, err := b.Network(s, BaseOptions{Freeze: regexp.MustCompile("^layer1"), Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		head := slices.ContainsFunc(n.Module.Params(), func(p *autodiff.Param) bool { return p.Name == "energo.head.weight" })
		if head != (dim == 6) || n.Dim != cmp.Or(dim, 10) {
			t.Fatalf("dim %d: vectors of %d numbers, a head: %v", dim, n.Dim, head)
		}
		step(n)
		dir := t.TempDir()
		if err := n.Save(dir); err != nil {
			t.Fatal(err)
		}
		m, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		expected := vector(n, speckled(2))
		closeTo(t, "opened", vector(m.Network(), speckled(2)), expected, 0)
		out := make([]float32, n.Dim)
		if err := m.Encode(out, []image.Image{speckled(2)}); err != nil {
			t.Fatal(err)
		}
		closeTo(t, "encoded", out, expected, 1e-5)
		file, err := m.Network().Graph().Model()
		if err != nil {
			t.Fatal(err)
		}
		e, err := OpenImported(beside(t, file, ""))
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, "exported", encoded(t, e, speckled(2)), expected, 1e-5)
		if b, err = OpenBase(beside(t, file, ""), BaseInput{}); err != nil { // it can be trained further
			t.Fatal(err)
		}
		if n, err = b.Network(s, BaseOptions{}); err != nil {
			t.Fatal(err)
		}
		closeTo(t, "begun with again", vector(n, speckled(2)), expected, 1e-5)
	}
}

// step moves the weights along a gradient.
func step(n *Network) {
	x := tensor.New(tensor.Float32, 4, 3, 15, 15)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i*i%97) / 97
	}
	tape := autodiff.NewTape(tensor.Float32)
	tape.Training = true
	tape.Backward(autodiff.Sum(autodiff.Square(n.Vectors(n.Module.Forward(tape.Const(x))))))
	for _, p := range n.Module.Params() {
		if p.Grad == nil {
			continue
		}
		for i, g := range p.Grad.Float32s() {
			p.Value.Float32s()[i] -= 0.01 * g
		}
	}
}

func TestBaseRefuses(t *testing.T) {
	for part, path := range map[string]string{
		"takes one picture at a time": beside(t, flat("1,3,9,8"), "channels: rgb\nmean: 0\ndeviation: 1\n"),
		"mean":                        small(t, "channels: rgb\ndeviation: 1\n"),
		"no such file":                filepath.Join(t.TempDir(), "none.onnx"),
		"output is \"yy\"":            small(t, smallCard+"output: yy\n"),
	} {
		if _, err := OpenBase(path, BaseInput{Side: 64}); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v; it should say %q", err, part)
		}
	}
	b, err := OpenBase(small(t, smallCard), BaseInput{})
	if err != nil {
		t.Fatal(err)
	}
	s := Spec{Job: "search", Channels: 3, Height: 15, Width: 15, Metric: distance.Cosine}
	if _, err := b.Network(s, BaseOptions{Freeze: regexp.MustCompile("stem")}); err == nil || !strings.Contains(err.Error(), "stem") {
		t.Errorf("a pattern of no parameter: error %v", err)
	}
}

// TestImportedFileIsChecked: a run whose model is damaged does not open.
func TestImportedFileIsChecked(t *testing.T) {
	b, err := OpenBase(small(t, smallCard), BaseInput{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := b.Network(Spec{Job: "search", Channels: 3, Height: 15, Width: 15, Metric: distance.Cosine}, BaseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := n.Save(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, ImportedFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), ImportedFile) {
		t.Errorf("error %v; it should name %s", err, ImportedFile)
	}
}
