package data

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	xdraw "golang.org/x/image/draw"
)

// near tells by how much two pictures of one size differ, at most, in a byte.
func near(a, b []byte) (most int) {
	for i := range a {
		most = max(most, int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return most
}

// everyPicture is small files of every format and kind, by their names (oracle/pictures.py).
func everyPicture(t *testing.T) map[string][]byte {
	t.Helper()
	packed, err := os.Open("../internal/picture/testdata/pictures.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for d := json.NewDecoder(z); d.More(); {
		var c struct {
			Name string
			File []byte
		}
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		files[c.Name] = c.File
	}
	return files
}

// TestFitted: a picture that is scaled while it is decoded is what Fit makes of the whole one.
func TestFitted(t *testing.T) {
	files := everyPicture(t)
	for o := range byte(9) {
		files[fmt.Sprint("JPEG turned ", o)] = withOrientation(jpegOf(t, noise(53, 31, 1)), "MM", o)
	}
	for name, file := range files {
		whole, err := DecodePicture(bytes.NewReader(file), 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p, err := ReadPicture(bytes.NewReader(file), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []image.Point{{7, 5}, {16, 16}, {30, 40}, {1, 1}} {
			if p.Shrinks && min(p.W, p.H) >= 4*min(to.X, to.Y) { // decoded at a half: see TestShrunk
				continue
			}
			got, err := p.Fitted(to.X, to.Y)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want, flat := make([]byte, 3*to.X*to.Y), make([]byte, 3*to.X*to.Y)
			Fit(want, whole, 3, to.Y, to.X)
			planes(flat, got, 3)
			if n := near(flat, want); n > 1 {
				t.Errorf("%s to %v: off by %d", name, to, n)
			}
		}
		small, err := p.Within(20)
		if err != nil {
			t.Fatal(err)
		}
		want := image.NewNRGBA(small.Bounds())
		draw.Draw(want, want.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(want, want.Rect, Within(whole, 20), Within(whole, 20).Bounds().Min, draw.Over)
		if n := near(small.(*image.NRGBA).Pix, want.Pix); n > 2 {
			t.Errorf("%s within 20: %v is off by %d", name, small.Bounds(), n)
		}
	}
}

// TestShrunk: a JPEG that is decoded at a half, a quarter or an eighth is nearly what Fit makes of the whole one, and turned
// as that is.
func TestShrunk(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 403, 301))
	for y := range 301 {
		for x := range 403 {
			wave := func(a, b float64) byte { return byte(128 + 100*math.Sin(float64(x)/a+float64(y)/b)) }
			m.SetNRGBA(x, y, color.NRGBA{wave(31, 17), wave(-23, 40), wave(11, 90), 255})
		}
	}
	file := jpegOf(t, m)
	shrinks := map[int]bool{}
	for o := range byte(8) {
		turned := withOrientation(file, "II", o+1)
		for _, to := range []image.Point{{9, 8}, {24, 20}, {60, 50}, {90, 120}} {
			p, err := ParsePicture(turned, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			shrinks[p.shrink(image.Pt(403, 301), to)] = true
			got, err := p.Fitted(to.X, to.Y)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := p.Decode()
			if err != nil {
				t.Fatal(err)
			}
			want, flat := make([]byte, 3*to.X*to.Y), make([]byte, 3*to.X*to.Y)
			Fit(want, whole, 3, to.Y, to.X)
			planes(flat, got, 3)
			if n := near(flat, want); n > 4 {
				t.Errorf("orientation %d to %v: off by %d", o+1, to, n)
			}
		}
	}
	if len(shrinks) != 4 {
		t.Errorf("it was shrunk by %v only", shrinks)
	}
}

// TestWithin: what is small stays as it is, and no side gets lost.
func TestWithin(t *testing.T) {
	for size, want := range map[image.Point]image.Point{{28, 28}: {28, 28}, {1120, 560}: {112, 56}, {5000, 1}: {112, 1}} {
		if got := Within(image.NewGray(image.Rectangle{Max: size}), 112).Bounds().Size(); got != want {
			t.Errorf("%v becomes %v, want %v", size, got, want)
		}
	}
}

// TestFitIsBilinear compares with the kernel scaler of golang.org/x/image.
func TestFitIsBilinear(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct{ from, to image.Point }{{image.Pt(100, 80), image.Pt(10, 8)}, {image.Pt(7, 7), image.Pt(30, 30)}, {image.Pt(33, 33), image.Pt(32, 32)}, {image.Pt(500, 3), image.Pt(3, 3)}} {
		m := image.NewNRGBA(image.Rect(0, 0, c.from.X, c.from.Y))
		for i := range m.Pix {
			m.Pix[i] = byte(rng.Uint32())
		}
		got, want := make([]byte, 3*c.to.X*c.to.Y), make([]byte, 3*c.to.X*c.to.Y)
		Fit(got, m, 3, c.to.Y, c.to.X)
		to := image.NewRGBA(image.Rectangle{Max: c.to})
		draw.Draw(to, to.Bounds(), image.White, image.Point{}, draw.Src)
		xdraw.BiLinear.Scale(to, to.Bounds(), m, middle(m.Rect, c.to.Y, c.to.X), draw.Over, nil)
		planes(want, &image.NRGBA{Pix: to.Pix, Stride: to.Stride, Rect: to.Rect}, 3)
		if n := near(got, want); n > 2 { // it rounds twice, down
			t.Errorf("%v to %v: off by %d", c.from, c.to, n)
		}
	}
}

// TestPictureMemory: decoding takes no more than is said.
func TestPictureMemory(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 640, 480))
	for i := range 640 * 480 {
		m.SetNRGBA64(i%640, i/640, color.NRGBA64{uint16(i), uint16(i * 7), uint16(i / 640), 65535})
	}
	files := everyPicture(t)
	files["large PNG"], files["large JPEG"], files["large GIF"], files["large progressive JPEG"] = pngOf(t, m), jpegOf(t, m), gifOf(t, m), manyScans(1024, 2)
	for name, file := range files {
		sizes := []int{32}
		if len(file) > 1<<14 {
			sizes = []int{8, 32, 200}
		}
		for _, to := range sizes {
			p, err := ParsePicture(file, 1<<24)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := p.Fitted(to, to); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			used, bound := int64(after.TotalAlloc-before.TotalAlloc), p.Memory(to, to)
			if used > bound || to < 50 && p.W > 600 && (name == "large PNG" || p.Shrinks) && bound > 1<<20 {
				t.Errorf("%s to %d takes %d bytes; at most %d are said", name, to, used, bound)
			}
		}
	}
}
