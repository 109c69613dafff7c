package jpeg

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"strings"
	"testing"
)

// waves is a picture of smooth colours.
func waves(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		x, y := i%w, i/w
		m.Pix[4*i], m.Pix[4*i+1], m.Pix[4*i+2], m.Pix[4*i+3] = byte(3*x), byte(2*y+x), byte(255-x-y), 255
	}
	return m
}

func file(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// decode returns the pixels at 1/shrink.
func decode(f []byte, shrink int) (pix []byte, w, h int, err error) {
	p, err := Open(f)
	if err != nil {
		return nil, 0, 0, err
	}
	w, h = p.Size(shrink)
	err = p.Rows(shrink, func(y int, row []byte) {
		if len(row) != 4*w || len(pix) != 4*w*y {
			panic(fmt.Sprintf("row %d has %d bytes behind %d", y, len(row), len(pix)))
		}
		pix = append(pix, row...)
	})
	return pix, w, h, err
}

// TestRefusals: kinds that are not read are named.
func TestRefusals(t *testing.T) {
	good := file(t, waves(20, 10))
	frame := bytes.Index(good, []byte{0xff, sof0})
	patched := func(at int, v ...byte) []byte {
		f := bytes.Clone(good)
		copy(f[at:], v)
		return f
	}
	for want, f := range map[string][]byte{
		"“lossless” (SOF3)":                  patched(frame+1, 0xc3),
		"“hierarchical” (SOF5)":              patched(frame+1, 0xc5),
		"“arithmetic coding” (SOF9)":         patched(frame+1, 0xc9),
		"“arithmetic coding” (SOF10)":        patched(frame+1, 0xca),
		"12 bits a sample; 8 are read":       patched(frame+4, 12),
		"declares 20×0 pixels":               patched(frame+5, 0, 0),
		"too few for 65535×65535 pixels":     patched(frame+5, 255, 255, 255, 255),
		"sampling factors 5×2":               patched(frame+11, 0x52),
		"two components":                     patched(frame+13, good[frame+10]),
		"does not begin as a JPEG":           good[1:],
		"it ends early":                      good[:len(good)-2],
		"has no scan":                        {0xff, soi, 0xff, eoi},
		"scan comes before the frame":        {0xff, soi, 0xff, sos, 0, 2},
		"no table of codes":                  bytes.Replace(good, []byte{0xff, dht}, []byte{0xff, 0xfe}, 1),
		"no table of quantisers":             bytes.Replace(good, []byte{0xff, dqt}, []byte{0xff, 0xfe}, 1),
		"a length of 1 bytes":                patched(3, dqt, 0, 1),
		"it has 2 components; 1, 3 and 4":    append(append(bytes.Clone(good[:frame]), 0xff, sof0, 0, 14, 8, 0, 10, 0, 20, 2, 1, 0x11, 0, 2, 0x11, 0), good[frame:]...),
		"it has two frames":                  append(append(bytes.Clone(good[:frame]), good[frame:frame+19]...), good[frame:]...),
		"it has 201 JPEG scans; at most 200": append(bytes.Clone(good), bytes.Repeat([]byte{0xff, sos}, 200)...),
	} {
		if _, _, _, err := decode(f, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	for cut := range good {
		for _, shrink := range []int{1, 8} {
			if _, _, _, err := decode(good[:cut], shrink); err == nil {
				t.Errorf("cut to %d of %d bytes it is read at 1/%d", cut, len(good), shrink)
			}
		}
	}
}

// TestShrink: at 1/2, 1/4 and 1/8 a pixel is nearly the mean of those that it stands for.
func TestShrink(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 77, 61))
	for i := range 77 * 61 { // a slope
		copy(m.Pix[4*i:], []byte{byte(i % 77 * 2), byte(i / 77 * 3), byte(i%77 + i/77), 255})
	}
	for name, of := range map[string]image.Image{"colour": m, "grey": grayOf(m)} {
		f := file(t, of)
		whole, w, h, err := decode(f, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, shrink := range []int{2, 4, 8} {
			small, sw, sh, err := decode(f, shrink)
			if err != nil || sw != (w+shrink-1)/shrink || sh != (h+shrink-1)/shrink || len(small) != 4*sw*sh {
				t.Fatalf("%s at 1/%d: %d×%d pixels, %d bytes, %v", name, shrink, sw, sh, len(small), err)
			}
			for i := range sw * sh {
				x, y := i%sw*shrink, i/sw*shrink
				if x+shrink > w || y+shrink > h { // blocks that the edge cuts
					continue
				}
				for c := range 3 {
					sum := 0
					for k := range shrink * shrink {
						sum += int(whole[4*((y+k/shrink)*w+x+k%shrink)+c])
					}
					if d := sum/(shrink*shrink) - int(small[4*i+c]); d < -4 || d > 4 {
						t.Fatalf("%s at 1/%d: channel %d of %d, %d is off by %d", name, shrink, c, i%sw, i/sw, d)
					}
				}
			}
		}
	}
}

func grayOf(m *image.NRGBA) *image.Gray {
	g := image.NewGray(m.Rect)
	for i := range g.Pix {
		g.Pix[i] = m.Pix[4*i+1]
	}
	return g
}

// FuzzRows: no file makes it panic, and what it declares it gives.
func FuzzRows(f *testing.F) {
	f.Add(file(f, waves(20, 10)), byte(0))
	f.Add(file(f, grayOf(waves(9, 9).(*image.NRGBA))), byte(3))
	f.Add([]byte{0xff, soi, 0xff, sof2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0, 0xff, sos, 0, 8, 1, 1, 0, 0, 0, 0, 0, 0xff, eoi}, byte(1))
	f.Fuzz(func(t *testing.T, file []byte, log byte) {
		p, err := Open(file)
		if err != nil || p.Width > 1<<14/p.Height {
			return
		}
		shrink := 1 << (log % 4)
		pix, w, h, err := decode(file, shrink)
		if err == nil && len(pix) != 4*w*h {
			t.Errorf("%d bytes of %d×%d pixels", len(pix), w, h)
		}
	})
}

func ExampleOpen() {
	m := image.NewGray(image.Rect(0, 0, 16, 8))
	for i := range m.Pix {
		m.Pix[i] = 200
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, nil)
	p, err := Open(b.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = p.Rows(8, func(y int, pix []byte) { fmt.Println(y, pix) })
	fmt.Println(p.Width, p.Height, err)
	// Output:
	// 0 [200 200 200 255 200 200 200 255]
	// 16 8 <nil>
}
