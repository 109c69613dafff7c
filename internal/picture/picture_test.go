package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"
)

// TestRefusals: what is not read is named, and what is cut off or broken never passes for a picture of other pixels.
func TestRefusals(t *testing.T) {
	for want, file := range map[string]string{
		"it is AVIF, which is not read":        "\x00\x00\x00\x20ftypavif",
		"it is HEIC, which is not read":        "\x00\x00\x00\x18ftypheic",
		"it is JPEG XL":                        "\xff\x0a\x00",
		"it is JPEG 2000":                      "\x00\x00\x00\x0cjP  \r\n",
		"it is BigTIFF":                        "II+\x00",
		"it is PDF":                            "%PDF-1.7",
		"it is SVG":                            "<svg xmlns",
		"no PNG, JPEG, GIF, WebP, BMP or TIFF": "text",
		"BMP: it ends early":                   "BM",
		"TIFF: it ends early":                  "MM\x00*\x00\x00\x00\xff",
		"WebP: it ends early":                  "RIFF\x04\x00\x00\x00WEBP",
		"PNG: it ends early":                   "\x89PNG\r\n\x1a\n",
		"JPEG: it ends early":                  "\xff\xd8\xff",
	} {
		if _, err := Open([]byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}

// TestCut: of a file that is cut off, what can be missing without harm is at its end.
func TestCut(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range oracleCases(t) {
		kind := strings.Join(strings.Fields(c.Name)[:1], " ") + fmt.Sprint(len(c.File)>>9)
		if seen[kind] {
			continue
		}
		seen[kind] = true
		for cut := 0; cut < len(c.File); cut += 1 + len(c.File)/100 {
			p, err := Open(c.File[:cut])
			if err != nil {
				continue
			}
			if p.W != c.W || p.H != c.H {
				continue // of a TIFF or BMP whose header is cut
			}
			if got, err := whole(p, 1); err == nil && !bytes.Equal(got, c.RGBA) {
				if most, _ := off(got, c.RGBA); most > 1 {
					t.Errorf("%s: cut to %d of %d bytes it is another picture", c.Name, cut, len(c.File))
				}
			}
		}
	}
}

// TestNames knows files by the ends of their names.
func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"a.PNG": true, "b.jpeg": true, "c.tiff": true, "d.bmp": true, "e.webp": true, "f.heic": false, "png": false, "g.txt": false} {
		if Names(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// FuzzOpen: no file makes a decoder panic, and every pixel comes once.
func FuzzOpen(f *testing.F) {
	seen := map[string]bool{}
	for _, c := range oracleCases(f) {
		if kind := strings.Join(strings.Fields(c.Name)[:2], " "); !seen[kind] && len(c.File) < 2000 {
			seen[kind] = true
			f.Add(c.File)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := Open(file)
		if err != nil || p.W < 1 || p.H < 1 || p.W > 1<<14/p.H || p.Memory(1) > 1<<26 {
			return
		}
		n := 0
		err = p.Rows(1, func(r Row) {
			n += len(r.Pix) / 4
			if last := r.X + (len(r.Pix)/4-1)*r.Step; r.Y < 0 || r.Y >= p.H || r.X < 0 || last >= p.W {
				t.Errorf("a row of %d pixels at %d, %d in steps of %d, of %d×%d", len(r.Pix)/4, r.X, r.Y, r.Step, p.W, p.H)
			}
		})
		if err == nil && n != p.W*p.H {
			t.Errorf("%d pixels of %d×%d", n, p.W, p.H)
		}
	})
}

func ExampleOpen() {
	m := image.NewGray(image.Rect(0, 0, 2, 2))
	m.Pix = []byte{0, 50, 100, 255}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	p, err := Open(b.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Format, p.W, p.H)
	if err := p.Rows(1, func(r Row) { fmt.Println(r.Y, r.Pix) }); err != nil {
		fmt.Println(err)
	}
	// Output:
	// PNG 2 2
	// 0 [0 0 0 255 50 50 50 255]
	// 1 [100 100 100 255 255 255 255 255]
}
