package report

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"image/gif"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/surface"
)

// bowl is a film of a bowl that gets flatter.
func bowl() surface.Film {
	f := surface.Film{Name: "bowl", Title: "Bowl", XLabel: "x", YLabel: "y", OverY: true, Margin: 0.5}
	for i := range 21 {
		f.X, f.Y = append(f.X, float64(i)/10-1), append(f.Y, float64(i)/10-1)
	}
	for k, scale := range []float64{1, 0.5, 0.01} {
		fr := surface.Frame{Step: 10 * k, Points: [][2]float64{{0, 0}}, Correct: []float32{0, 1}, Other: []float32{1, 1}}
		for _, x := range f.X {
			for _, y := range f.Y {
				fr.Energy = append(fr.Energy, float32(scale*(x*x+y*y)))
			}
		}
		f.Frames = append(f.Frames, fr)
	}
	f.Data = [][2]float64{{0, 0}, {0.5, 0.5}}
	return f
}

func TestWriteFilms(t *testing.T) {
	dir := t.TempDir()
	files, err := WriteFilms(dir, []surface.Film{bowl()}, FilmOptions{Step: -1})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(files, " "); got != "bowl.png bowl.svg bowl-scatter.png bowl-animation.png surface.html" {
		t.Errorf("wrote %s", got)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, name := range []string{"bowl.png", "bowl-scatter.png", "bowl-animation.png"} {
		if _, err := png.Decode(bytes.NewReader(read(name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	checkAPNG(t, read("bowl-animation.png"), 3)
	if err := xml.Unmarshal(read("bowl.svg"), new(struct{})); err != nil {
		t.Errorf("bowl.svg: %v", err)
	}
	page := string(read("surface.html"))
	for _, want := range []string{"The surface has gone flat", `"step":20`, `type="range"`, `max="2"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "http://") && !strings.Contains(page, "http://www.w3.org") || strings.Contains(page, "https://") {
		t.Error("the page reaches for the network")
	}
	if _, err := WriteFilms(dir, []surface.Film{bowl()}, FilmOptions{Step: 5, GIF: true, Cutoff: 1}); err != nil {
		t.Fatal(err)
	}
	if g, err := gif.DecodeAll(bytes.NewReader(read("bowl-animation.gif"))); err != nil || len(g.Image) != 3 {
		t.Errorf("the GIF: %v", err)
	}
}

// checkAPNG walks over the chunks: the number of frames that acTL declares, numbered without a gap.
func checkAPNG(t *testing.T, data []byte, frames int) {
	t.Helper()
	next, controls, declared := uint32(0), 0, 0
	for at := 8; at+12 <= len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		kind, body := string(data[at+4:at+8]), data[at+8:at+8+n]
		at += 12 + n
		switch kind {
		case "acTL":
			declared = int(binary.BigEndian.Uint32(body))
		case "fcTL", "fdAT":
			if got := binary.BigEndian.Uint32(body); got != next {
				t.Errorf("chunk %s has number %d, want %d", kind, got, next)
			}
			next++
			if kind == "fcTL" {
				controls++
			}
		}
	}
	if declared != frames || controls != frames {
		t.Errorf("%d frames declared, %d present, want %d", declared, controls, frames)
	}
}

func TestFrameAt(t *testing.T) {
	f := bowl()
	v := newFilmed(&f, 0)
	for step, want := range map[int]int{-1: 2, 0: 0, 9: 0, 10: 1, 15: 1, 1000: 2} {
		if got := v.frameAt(step); got != want {
			t.Errorf("at step %d frame %d, want %d", step, got, want)
		}
	}
}

// A contour of a bowl is a circle: every piece lies on it, and they go all the way round.
func TestContour(t *testing.T) {
	var x, values []float64
	for i := range 41 {
		x = append(x, float64(i)/10-2)
	}
	for _, a := range x {
		for _, b := range x {
			values = append(values, a*a+b*b)
		}
	}
	var length float64
	for _, s := range contour(x, x, values, 1) {
		for _, p := range s {
			if r := math.Hypot(p.x, p.y); math.Abs(r-1) > 0.01 {
				t.Errorf("a piece has an end at distance %v", r)
			}
		}
		length += math.Hypot(s[0].x-s[1].x, s[0].y-s[1].y)
	}
	if math.Abs(length-2*math.Pi) > 0.05 {
		t.Errorf("the pieces are %v long, want 2π", length)
	}
	saddle := contour([]float64{0, 1}, []float64{0, 1}, []float64{1, -1, -1, 1}, 0.1)
	if len(saddle) != 2 {
		t.Errorf("a saddle has %d pieces", len(saddle))
	}
	if n := len(contour([]float64{0, 1}, []float64{0, 1}, []float64{1, math.NaN(), -1, 1}, 0)); n != 0 {
		t.Errorf("a cell with a NaN has %d pieces", n)
	}
}

// A point beside infinite energy, but on a line of the grid, keeps its own.
func TestBetween(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct{ a, b, t, want float64 }{
		{3, 5, 0.25, 3.5}, {3, inf, 0, 3}, {inf, 3, 1, 3}, {3, inf, 0.5, inf}, {inf, inf, 0.5, inf}, {math.NaN(), 3, 1, 3},
	} {
		if got := between(c.a, c.b, c.t); got != c.want {
			t.Errorf("%v of the way from %v to %v is %v, want %v", c.t, c.a, c.b, got, c.want)
		}
	}
}
