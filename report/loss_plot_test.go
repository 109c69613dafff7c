package report

import (
	"bytes"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLossPlot: pictures are written by their names' ends, with their words, and without
// what is not finite.
func TestLossPlot(t *testing.T) {
	c := LossCurve{Name: "y = 1"}
	for i := range 50 {
		x := float64(i) / 10
		c.X, c.Value, c.Slope = append(c.X, x), append(c.Value, -math.Log(x)), append(c.Slope, -1/x)
	}
	p := LossPlot{Title: "−log x", X: "probability", Curves: []LossCurve{c}, Marks: []LossMark{{At: 1, Name: "certain"}}, Width: 400, Height: 300}
	dir := t.TempDir()
	svg, raster := filepath.Join(dir, "a.svg"), filepath.Join(dir, "a.png")
	for _, path := range []string{svg, raster} {
		if err := p.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"−log x", "probability", "y = 1", "certain"} {
		if !strings.Contains(string(text), word) {
			t.Errorf("the picture does not say %q", word)
		}
	}
	if strings.Contains(string(text), "Inf") || strings.Contains(string(text), "NaN") {
		t.Error("the picture holds what is not finite")
	}
	data, err := os.ReadFile(raster)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
	if err := p.Write(filepath.Join(dir, "a.gif")); err == nil {
		t.Error("a name that ends in .gif is taken")
	}
	if err := (LossPlot{}).Write(svg); err == nil {
		t.Error("nothing is drawn")
	}
	if err := LossGeometry(svg, "t", "n", []Arrow{{"a", 0, 0, 0, 0}, {"b", 1, 0, 2, 1}}, 300, 300); err != nil {
		t.Error(err)
	}
	if err := LossGeometry(svg, "t", "n", nil, 300, 300); err == nil {
		t.Error("no points are drawn")
	}
}
