package encode

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
)

// A folder of Hugging Face is an encoder: what its preprocessor_config.json says of pictures stands for a card, and the vectors are those before the classes.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	if err := os.CopyFS(dir, os.DirFS("../../engine/onnx/huggingface/testdata/resnet-basic")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAny(dir); err == nil || !strings.Contains(err.Error(), "metric") {
		t.Errorf("without a card: %v; want an error that names the metric", err)
	}
	if err := os.WriteFile(dir+".energo.yaml", []byte("metric: cosine\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	e, err := OpenAny(dir + "/")
	if err != nil {
		t.Fatal(err)
	}
	if e.Size() != image.Pt(48, 48) || e.Dim() != 12 {
		t.Errorf("pictures of %v become vectors of %d; want 48×48 and 12", e.Size(), e.Dim())
	}
	colour := color.RGBA{200, 100, 50, 255}
	picture := image.NewRGBA(image.Rect(0, 0, 48, 48))
	draw.Draw(picture, picture.Rect, image.NewUniform(colour), image.Point{}, draw.Src)
	got := make([]float32, e.Dim())
	if err := e.Encode(got, []image.Image{picture}); err != nil {
		t.Fatal(err)
	}

	m, err := onnx.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := value.New(m.Inputs[0].Kind, 1, 3, 48, 48)
	if err != nil {
		t.Fatal(err)
	}
	mean, deviation := []float64{0.485, 0.456, 0.406}, []float64{0.229, 0.224, 0.225}
	for i, p := 0, value.Data[float32](x); i < len(p); i++ {
		c := i / (48 * 48)
		p[i] = float32((float64([]byte{colour.R, colour.G, colour.B}[c])/255 - mean[c]) / deviation[c])
	}
	y, err := m.Run(map[string]*value.Value{"pixel_values": x})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range value.Data[float32](y["pooler_output"]) {
		if math.Abs(float64(got[i]-want)) > 1e-5*(1+math.Abs(float64(want))) {
			t.Errorf("coordinate %d is %v, want %v", i, got[i], want)
		}
	}
}

// Such a folder is a network to train, too: its parameters have the names of its weights.
func TestFolderTrains(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	if err := os.CopyFS(dir, os.DirFS("../../engine/onnx/huggingface/testdata/vit-classes")); err != nil {
		t.Fatal(err)
	}
	base, err := OpenBase(dir, BaseInput{})
	if err != nil {
		t.Fatal(err)
	}
	if o := base.Pictures(); o.C != 3 || o.H != 16 || o.W != 16 {
		t.Errorf("pictures are %d×%d×%d; want 3×16×16", o.C, o.H, o.W)
	}
	n, err := base.Network(Spec{Job: "search", Channels: 3, Height: 16, Width: 16, Metric: distance.Cosine}, BaseOptions{Freeze: regexp.MustCompile(`^vit\.embeddings`)})
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(tensor.Float32, 2, 3, 16, 16)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i%11) / 11
	}
	tape := autodiff.NewTape(tensor.Float32)
	y := n.Module.Forward(tape.Input(x))
	tape.Backward(autodiff.Sum(y))
	moved := 0
	for _, p := range n.Module.Params() {
		frozen := strings.HasPrefix(p.Name, "vit.embeddings")
		if strings.HasPrefix(p.Name, "vit.") && p.Frozen != frozen {
			t.Errorf("%s: frozen is %v", p.Name, p.Frozen)
		}
		if p.Grad != nil && !frozen {
			moved++
		}
	}
	if y.Value.Dim(1) != 8 || moved < 30 {
		t.Errorf("vectors of shape %v, %d parameters with gradients; want 8 numbers and more than 30", y.Value.Shape(), moved)
	}
}
