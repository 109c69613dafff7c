package encode

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/export"
	onnxformat "github.com/energo-ml/energo/engine/onnx/format"
)

// flat is a model that gives what it takes, as a vector: shape is that of its input.
func flat(shape string) *onnxformat.Model {
	port := func(name, shape string) *onnxformat.ValueInfo {
		t := &onnxformat.Type{Elem: onnxformat.Float, HasShape: true}
		for _, d := range strings.Split(shape, ",") {
			dim := onnxformat.Dim{Size: -1, Name: d}
			if _, err := fmt.Sscan(d, &dim.Size); err == nil {
				dim.Name = ""
			}
			t.Shape = append(t.Shape, dim)
		}
		return &onnxformat.ValueInfo{Name: name, Type: t}
	}
	return &onnxformat.Model{IRVersion: 8, Opsets: []onnxformat.Opset{{Version: 17}}, Graph: &onnxformat.Graph{
		Name:    "flat",
		Nodes:   []*onnxformat.Node{{Op: "Flatten", Inputs: []string{"x"}, Outputs: []string{"y"}}, {Op: "Neg", Inputs: []string{"y"}, Outputs: []string{"negative"}}},
		Inputs:  []*onnxformat.ValueInfo{port("x", shape)},
		Outputs: []*onnxformat.ValueInfo{port("y", "n,d"), port("negative", "n,d")},
	}}
}

// beside writes a model and its card, none where it is "", and returns the model's path.
func beside(t *testing.T, m *onnxformat.Model, card string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "net.onnx")
	if err := onnxformat.WriteFile(path, m); err != nil {
		t.Fatal(err)
	}
	if card != "" {
		if err := os.WriteFile(strings.TrimSuffix(path, ".onnx")+".energo.yaml", []byte(card), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// corners is a picture of 2×2 colours.
func corners() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 2, 2))
	for i, c := range []color.RGBA{{0, 51, 102, 255}, {255, 0, 51, 255}, {153, 204, 0, 255}, {51, 51, 255, 255}} {
		m.SetRGBA(i%2, i/2, c)
	}
	return m
}

// greys is a grey picture of 2×2 pixels.
func greys(pixels ...byte) image.Image {
	m := image.NewGray(image.Rect(0, 0, 2, 2))
	copy(m.Pix, pixels)
	return m
}

// encoded gives the vectors of pictures.
func encoded(t *testing.T, e *Imported, pictures ...image.Image) []float32 {
	t.Helper()
	out := make([]float32, len(pictures)*e.Dim())
	if err := e.Encode(out, pictures); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestImported: what the model takes for a picture, by the card.
func TestImported(t *testing.T) {
	const plain = "\nmean: 0\ndeviation: 1\nmetric: dot\n"
	grey := greys(0, 51, 102, 255)
	for _, c := range []struct {
		name, shape, card string
		picture           image.Image
		want              []float64
	}{
		{"rgb", "n,3,2,2", "channels: rgb" + plain, corners(), []float64{0, 1, .6, .2, .2, 0, .8, .2, .4, .2, 0, 1}},
		{"bgr", "n,3,2,2", "channels: bgr" + plain, corners(), []float64{.4, .2, 0, 1, .2, 0, .8, .2, 0, 1, .6, .2}},
		{"nhwc", "n,2,2,3", "channels: rgb" + plain, corners(), []float64{0, .2, .4, 1, 0, .2, .6, .8, 0, .2, .2, 1}},
		{"nhwc bgr", "n,2,2,3", "channels: bgr" + plain, corners(), []float64{.4, .2, 0, .2, 0, 1, 0, .8, .6, 1, .2, .2}},
		{"layout", "n,c,h,w", "channels: rgb\nlayout: nhwc\nsize: [2, 2]" + plain, corners(), []float64{0, .2, .4, 1, 0, .2, .6, .8, 0, .2, .2, 1}},
		{"one channel is grey", "n,1,2,2", plain, grey, []float64{0, .2, .4, 1}},
		{"grey in colours", "n,3,2,2", "channels: rgb" + plain, grey, []float64{0, .2, .4, 1, 0, .2, .4, 1, 0, .2, .4, 1}},
		{"scale", "n,1,2,2", "scale: 1" + plain, grey, []float64{0, 51, 102, 255}},
		{"mean and deviation", "n,1,2,2", "mean: 0.5\ndeviation: 0.25\nmetric: dot", grey, []float64{-2, -1.2, -.4, 2}},
		{"in units after scale", "n,1,2,2", "scale: 1\nmean: 51\ndeviation: 2\nmetric: dot", grey, []float64{-25.5, 0, 25.5, 102}},
		{
			"by channel of the model", "n,3,2,2", "channels: bgr\nmean: [0, 1, 2]\ndeviation: [1, 0.5, 0.25]\nmetric: dot", corners(),
			[]float64{.4, .2, 0, 1, -1.6, -2, -.4, -1.6, -8, -4, -5.6, -7.2},
		},
		{"output", "n,1,2,2", "output: negative" + plain, grey, []float64{0, -.2, -.4, -1}},
		{"normalise", "n,1,2,2", "normalise: true" + plain, grey, []float64{0, .2 / math.Sqrt(1.2), .4 / math.Sqrt(1.2), 1 / math.Sqrt(1.2)}},
		{"dark background", "n,1,2,2", "dark_background: true" + plain, greys(255, 255, 204, 255), []float64{0, 0, .2, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := OpenImported(beside(t, flat(c.shape), c.card))
			if err != nil {
				t.Fatal(err)
			}
			got := encoded(t, e, c.picture)
			for i, want := range c.want {
				if got[i] != float32(want) {
					t.Errorf("the vector is %v, want %v", got, c.want)
					break
				}
			}
			if e.Dim() != len(c.want) || e.Size() != image.Pt(2, 2) || e.Metric() != "dot" {
				t.Errorf("dim %d, size %v, metric %s", e.Dim(), e.Size(), e.Metric())
			}
		})
	}
}

// TestImportedNarrow: a model of halves takes pixels that are rounded to halves.
func TestImportedNarrow(t *testing.T) {
	m := flat("n,1,2,2")
	for _, v := range append(m.Graph.Inputs, m.Graph.Outputs...) {
		v.Type.Elem = onnxformat.Float16
	}
	e, err := OpenImported(beside(t, m, "mean: 0\ndeviation: 1\nmetric: dot"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := encoded(t, e, greys(0, 51, 102, 255)), []float32{0, 0x1.998p-3, 0x1.998p-2, 1}; !slices.Equal(got, want) {
		t.Errorf("the vector is %v, want %v", got, want)
	}
}

// TestImportedBatches: pictures of several batches, and one at a time, have the vectors that each has alone.
func TestImportedBatches(t *testing.T) {
	for _, shape := range []string{"n,1,1,2", "1,1,1,2"} {
		e, err := OpenImported(beside(t, flat(shape), "scale: 1\nmean: 0\ndeviation: 1\nmetric: euclidean"))
		if err != nil {
			t.Fatal(err)
		}
		var pictures []image.Image
		for i := range 2*importedBatch + 3 {
			m := image.NewGray(image.Rect(0, 0, 2, 1))
			m.Pix = []byte{byte(i), byte(100 + i)}
			pictures = append(pictures, m)
		}
		for i, v := range encoded(t, e, pictures...) {
			if want := float32(i/2 + i%2*100); v != want {
				t.Fatalf("%s: coordinate %d of picture %d is %v, want %v", shape, i%2, i/2, v, want)
			}
		}
		if err := e.Encode(make([]float32, 3), pictures[:1]); err == nil || !strings.Contains(err.Error(), "it must have 2") {
			t.Errorf("dst of 3 elements: %v", err)
		}
	}
}

// TestImportedFingerprint: another model or another setting is another encoder; the same ones in other words are not.
func TestImportedFingerprint(t *testing.T) {
	const card = "channels: rgb\nmean: 0\ndeviation: 1\nmetric: dot\n"
	of := func(m *onnxformat.Model, card string) string {
		e, err := OpenImported(beside(t, m, card))
		if err != nil {
			t.Fatal(err)
		}
		return e.Fingerprint()
	}
	other := flat("n,3,2,2")
	other.Graph.Nodes[1].Op = "Abs"
	first := of(flat("n,3,2,2"), card)
	if of(flat("n,3,2,2"), card+"layout: nchw # as the shape says\n") != first {
		t.Error("the same settings have another fingerprint")
	}
	for _, f := range []string{of(other, card), of(flat("n,3,2,2"), strings.Replace(card, "rgb", "bgr", 1)), of(flat("n,3,2,2"), card+"normalise: true\n")} {
		if f == first || !strings.HasPrefix(f, "onnx-") {
			t.Errorf("the fingerprint is %s, the first one %s", f, first)
		}
	}
}

// TestImportedMetadata: a model that energo wrote needs no card and has the network's vectors; a card counts before the metadata, and the
// metadata of others say nothing.
func TestImportedMetadata(t *testing.T) {
	s := specOf(3, 8, 10)
	n, err := NewNetwork(s, 3)
	if err != nil {
		t.Fatal(err)
	}
	model, err := n.Graph().Model()
	if err != nil {
		t.Fatal(err)
	}
	e, err := OpenAny(beside(t, model, ""))
	if err != nil {
		t.Fatal(err)
	}
	folder, err := OpenAny(saved(t, s, 3))
	if err != nil {
		t.Fatal(err)
	}
	if e.Dim() != folder.Dim() || e.Metric() != folder.Metric() || e.Size() != folder.Size() {
		t.Errorf("dim %d, metric %s, size %v", e.Dim(), e.Metric(), e.Size())
	}
	got, want := make([]float32, 5), make([]float32, 5)
	if err := e.Encode(got, []image.Image{corners()}); err != nil {
		t.Fatal(err)
	}
	if err := folder.Encode(want, []image.Image{corners()}); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-5 {
			t.Errorf("the vector is %v, the network's %v", got, want)
			break
		}
	}
	if e, err = OpenAny(beside(t, model, "metric: dot")); err != nil || e.Metric() != "dot" {
		t.Errorf("a card that says dot: %v", err)
	}
	model.Producer = "another"
	if _, err := OpenAny(beside(t, model, "")); err == nil || !strings.Contains(err.Error(), "says channels") {
		t.Errorf("the metadata of another: %v", err)
	}
	model.Producer, model.Metadata = export.Producer, []onnxformat.Entry{{Key: "deviation", Value: "[0]"}}
	if _, err := OpenAny(beside(t, model, "")); err == nil || !strings.Contains(err.Error(), `net.onnx: metadata: deviation is "[0]"; it must be`) {
		t.Errorf("a deviation of 0: %v", err)
	}
}

func TestImportedRefuses(t *testing.T) {
	const plain = "mean: 0\ndeviation: 1\nmetric: dot\n"
	for _, c := range []struct{ shape, card, want string }{
		{"n,3,2,2", "", "neither the model nor the card says channels (rgb or bgr or grey), mean (a number, or a list of one for each channel), deviation (a number above 0, or a list of one for each channel), metric (euclidean, cosine or dot): write it into "},
		{"n,3,h,w", plain + "channels: rgb", "says size ([height, width] in pixels, each from 1 to 4096): write it into "},
		{"n,c,h,w", plain + "channels: rgb\nsize: [2, 2]", "says layout (nchw or nhwc)"},
		{"n,3,2,2", plain + "chanels: rgb", `net.energo.yaml: line 4: there is no key "chanels", did you mean channels?`},
		{"n,3,2,2", plain + "mean: 1", "net.energo.yaml: line 4: mean comes twice"},
		{"n,3,2,2", plain + "channels: cmyk", `net.energo.yaml: line 4: channels is "cmyk"; it must be rgb or bgr or grey`},
		{"n,3,2,2", "mean: [1, 2]", `net.energo.yaml: line 1: mean is "[1, 2]"; it must be a number, or a list`},
		{"n,3,2,2", "mean: .nan", `mean is ".nan"`},
		{"n,3,2,2", "mean:", "it must be a number"},
		{"n,3,2,2", "deviation: 0", `deviation is "0"; it must be a number above 0`},
		{"n,3,2,2", "scale: -1", `scale is "-1"; it must be a number above 0`},
		{"n,3,2,2", "size: [2]", `size is "[2]"; it must be [height, width]`},
		{"n,3,2,2", "size: [0, 2]", `size is "[0, 2]"; it must be [height, width]`},
		{"n,3,2,2", "metric: far", `metric is "far"; it must be euclidean, cosine or dot`},
		{"n,3,2,2", "normalise: perhaps", `normalise is "perhaps"; it must be true or false`},
		{"n,3,2,2", "- rgb", "net.energo.yaml: line 1: it must be a map"},
		{"n,3,2,2", "a: [", "net.energo.yaml: "},
		{"n,3,2,2", plain + "channels: rgb\nsize: [2, 3]", "size is [2 3]; the model's is [2 2]"},
		{"n,3,2,2", plain + "channels: grey\nlayout: nchw", "by the layout nchw, the model takes 3 channels; that must be 1"},
		{"n,4,2,2", plain + "layout: nchw", "takes 4 channels; that must be 1 or 3"},
		{"n,1,2,2", plain + "mean: 0\n", "twice"},
		{"n,1,2,2", "mean: [1, 2, 3]\ndeviation: 1\nmetric: dot", "mean has 3 numbers; for grey pictures it must have 1"},
		{"n,3,2,2", plain + "channels: rgb\ndark_background: true", "it must be false for rgb pictures"},
		{"n,1,2,9999", plain, "9999 pixels; it must have from 1 to 4096"},
		{"2,3,2,2", plain, "takes 2 pictures at a time; the first dimension must be open or 1"},
		{"n,4", plain, "has 2 dimensions; pictures have 4"},
		{"n,3,2,2", plain + "input: z", `net.energo.yaml: input is "z"; the model has x`},
		{"n,3,2,2", plain + "output: z", `net.energo.yaml: output is "z"; the model has y, negative`},
	} {
		e, err := OpenImported(beside(t, flat(c.shape), c.card))
		if e != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %q: error %v; it should say %q", c.shape, c.card, err, c.want)
		} else if !strings.Contains(err.Error(), "net.") {
			t.Errorf("%q: %v names no file", c.card, err)
		}
	}

	two := flat("n,1,2,2")
	two.Graph.Inputs = append(two.Graph.Inputs, &onnxformat.ValueInfo{Name: "z", Type: two.Graph.Inputs[0].Type})
	whole := flat("n,1,2,2")
	whole.Graph.Inputs[0].Type.Elem = onnxformat.Int64
	sums := flat("n,1,2,2")
	sums.Graph.Nodes[0] = &onnxformat.Node{Op: "ReduceMean", Inputs: []string{"x"}, Outputs: []string{"y"}}
	infinite := flat("n,1,2,2")
	infinite.Graph.Nodes[0] = &onnxformat.Node{Op: "Reciprocal", Inputs: []string{"x"}, Outputs: []string{"y"}}
	for _, c := range []struct {
		model *onnxformat.Model
		card  string
		want  string
	}{
		{two, plain, "the model has the inputs x, z; it must have one"},
		{two, plain + "input: x", "the model also needs the inputs z"},
		{whole, plain, `input "x" is int64; pictures are given as floats`},
		{sums, plain + "output: y\nscale: 2", "[1 1 1 1]"},
	} {
		e, err := OpenImported(beside(t, c.model, c.card))
		if err == nil { // the shape of one picture alone may be right
			err = e.Encode(make([]float32, 2), []image.Image{corners(), corners()})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v; it should say %q", c.card, err, c.want)
		}
	}
	e, err := OpenImported(beside(t, infinite, plain))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Encode(make([]float32, 4), []image.Image{image.NewGray(image.Rect(0, 0, 2, 2))}); err == nil || !strings.Contains(err.Error(), "pictures 0 to 0: a vector is not finite") {
		t.Errorf("infinite coordinates: %v", err)
	}
}
