package encode

import (
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

func specOf(c, h, w int) Spec {
	return Spec{Job: "search", Channels: c, Height: h, Width: w, Dim: 5, Unit: true, Metric: "cosine"}
}

// saved is a folder with an untrained encoder.
func saved(t *testing.T, s Spec, seed uint64) (dir string) {
	t.Helper()
	n, err := NewNetwork(s, seed)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := n.Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSizes builds the network for pictures of many sizes.
func TestSizes(t *testing.T) {
	for _, size := range [][3]int{{1, 8, 8}, {3, 9, 8}, {1, 28, 28}, {3, 40, 33}, {1, 41, 8}, {3, 64, 64}, {3, 97, 200}, {1, 256, 256}, {3, 8, 256}} {
		n, err := NewNetwork(specOf(size[0], size[1], size[2]), 1)
		if err != nil {
			t.Errorf("%v: %v", size, err)
			continue
		}
		w := n.Worker()
		x := w.input(2)
		for i := range x {
			x[i] = float32(i%7) / 7
		}
		y := w.run()
		if len(y) != 10 || simd.HasNonFinite(y) {
			t.Errorf("%v: the vectors are %v", size, y)
		}
		for _, row := range [][]float32{y[:5], y[5:]} {
			if n := simd.Dot(row, row); math.Abs(n-1) > 1e-5 {
				t.Errorf("%v: a squared length of %v", size, n)
			}
		}
	}
	for _, size := range [][3]int{{1, 7, 8}, {1, 257, 8}, {2, 28, 28}} {
		if _, err := NewNetwork(specOf(size[0], size[1], size[2]), 1); err == nil {
			t.Errorf("%v is taken", size)
		}
	}
}

// TestUnitVectors: a row of zeros stays so.
func TestUnitVectors(t *testing.T) {
	tape := autodiff.NewTape(tensor.Float64)
	x := tensor.New(tensor.Float64, 2, 3)
	x.Set(3, 1, 0)
	x.Set(-4, 1, 2)
	y := (&Network{Spec: Spec{Dim: 3, Unit: true}}).Vectors(tape.Const(x)).Value
	for i, want := range []float64{0, 0, 0, 0.6, 0, -0.8} {
		if got := y.At(i/3, i%3); math.Abs(got-want) > 1e-9 {
			t.Errorf("element %d is %v, want %v", i, got, want)
		}
	}
}

// TestOpen: a model that was saved gives the vectors of the network, and says what its card does.
func TestOpen(t *testing.T) {
	s := specOf(1, 8, 10)
	dir := saved(t, s, 3)
	m, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m.Network().Spec != s || m.Dim() != 5 || m.Metric() != "cosine" || m.Size() != image.Pt(10, 8) || !strings.HasPrefix(m.Fingerprint(), "search-") {
		t.Errorf("the model is %+v, %s", m.Network().Spec, m.Fingerprint())
	}
	n, err := NewNetwork(s, 3)
	if err != nil {
		t.Fatal(err)
	}
	w := n.Worker()
	grey := image.NewGray(image.Rect(0, 0, 10, 8))
	x := w.input(1)
	for i := range x {
		grey.Pix[i] = byte(3 * i)
		x[i] = float32(grey.Pix[i]) / 255
	}
	got := make([]float32, 5)
	if err := m.Encode(got, []image.Image{grey}); err != nil {
		t.Fatal(err)
	}
	if want := w.run(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the vector is %v, the network's %v", got, want)
	}
	other, err := Open(saved(t, s, 4))
	if err != nil || other.Fingerprint() == m.Fingerprint() {
		t.Errorf("other weights have the same fingerprint, %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := saved(t, specOf(1, 10, 8), 1)
	path := filepath.Join(dir, CardFile)
	refuse := func(what, want, file string) {
		t.Helper()
		if m, err := Open(dir); m != nil || err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, error %v; it should say %q and name %s", what, m, err, want, file)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want, file string }{
		{string(whole), "{", "cut off", path},
		{string(whole), "{}", "is missing", path},
		{`"format": 1`, `"format": 2`, "format is 2; this version reads 1", path},
		{`"dim": 5`, `"dim": 6`, "weight", WeightsFile},
		{`"dim": 5`, `"dim": 1099511627776`, "dim is", path},
		{`"channels": 1`, `"channels": 2`, "2 channels", path},
		{`"width": 8`, `"width": 100000`, "sides must be", path},
		{`"cosine"`, `"far"`, `metric is "far"`, path},
	} {
		text := strings.Replace(string(whole), c.old, c.new, 1)
		if text == string(whole) {
			t.Fatalf("the card has no %s", c.old)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		refuse(text, c.want, c.file)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refuse("a folder without a card", "--resume", dir)
}

// TestSaveWritesWeightsFirst: where there is a card, there are weights.
func TestSaveWritesWeightsFirst(t *testing.T) {
	n, err := NewNetwork(specOf(1, 8, 8), 1)
	if err != nil {
		t.Fatal(err)
	}
	blocked := t.TempDir()
	if err := os.Mkdir(filepath.Join(blocked, WeightsFile), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := n.Save(blocked); err == nil {
		t.Error("weights are written over a folder")
	} else if _, err := os.Stat(filepath.Join(blocked, CardFile)); err == nil {
		t.Error("there is a card without weights")
	}
}
