package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/bulk"
	"github.com/energo-ml/energo/search/encode"
)

// width is an encoder that gives a picture's width, and refuses white ones.
type width struct{}

func (width) Dim() int              { return 1 }
func (width) Fingerprint() string   { return "width" }
func (width) Metric() distance.Kind { return distance.Euclidean }
func (width) Size() image.Point     { return image.Pt(1, 1) }
func (width) Channels() int         { return 1 }

func (width) Encode(dst []float32, pictures []image.Image) error {
	for i, m := range pictures {
		if r, _, _, _ := m.At(m.Bounds().Min.X, m.Bounds().Min.Y).RGBA(); r > 0xf000 {
			return errors.New("too bright for this encoder")
		}
		dst[i] = float32(m.Bounds().Dx())
	}
	return nil
}

// plan makes a job of n pictures, and its run known to this process.
func plan(t *testing.T, n int) *bulk.Plan {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		var b bytes.Buffer
		m := image.NewGray(image.Rect(0, 0, i+1, 1))
		if i >= 90 {
			draw.Draw(m, m.Bounds(), image.White, image.Point{}, draw.Src)
		}
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, "shots", "a", fmt.Sprintf("%03d.png", i))
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	pictures, _, err := bulk.List(filepath.Join(dir, "shots"), "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := bulk.NewPlan(t.Context(), filepath.Join(dir, "work"), filepath.Join(dir, "run"), width{}, pictures, 4)
	if err != nil {
		t.Fatal(err)
	}
	encoders.Lock()
	defer encoders.Unlock()
	encoders.of = map[string]encode.Encoder{p.Run: width{}}
	return p
}

// TestNoRunner names a runner that is nowhere. It comes first: once prism runs in a process, Beam takes its
// endpoint for all.
func TestNoRunner(t *testing.T) {
	if err := Run(t.Context(), "flink", plan(t, 1).Dir()); err == nil || !strings.Contains(err.Error(), "endpoint") {
		t.Errorf("flink without an endpoint: %v", err)
	}
}

// TestPrism has a job done by the runner in this process: all of it, and what is missing of it.
func TestPrism(t *testing.T) {
	p := plan(t, 30)
	for _, again := range []string{"", "shard-0000003.json"} {
		if again != "" {
			if err := os.Remove(filepath.Join(p.Dir(), again)); err != nil {
				t.Fatal(err)
			}
		}
		if err := Run(t.Context(), "prism", p.Dir()); err != nil {
			t.Fatal(err)
		}
		if missing, err := p.Missing(); err != nil || len(missing) != 0 {
			t.Errorf("shards %v are missing, %v", missing, err)
		}
		if skipped, n, err := p.Skipped(); err != nil || n != 30 || len(skipped) != 0 {
			t.Errorf("%d are embedded, %v skipped, %v", n, skipped, err)
		}
	}
}

// TestFailure ends a job whose encoder fails, with its words.
func TestFailure(t *testing.T) {
	p := plan(t, 92)
	err := Run(t.Context(), "prism", p.Dir())
	if err == nil || !strings.Contains(err.Error(), "too bright for this encoder") {
		t.Errorf("the job ends with %v", err)
	}
}
