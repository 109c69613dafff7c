package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	xdraw "golang.org/x/image/draw"
)

// pngWriter writes every kind of PNG, of pixels at random, which image/png does not.
type pngWriter struct {
	w, h, depth, kind int
	interlaced        bool
	palette, alphas   []byte // of PLTE and tRNS; nil: without that chunk
	rng               *rand.Rand
}

func (p pngWriter) file() []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(p.w)), uint32(p.h))
	head = append(head, byte(p.depth), byte(p.kind), 0, 0, 0)
	if p.interlaced {
		head[12] = 1
	}
	pngChunk(&b, "IHDR", head)
	for _, c := range []struct {
		name string
		body []byte
	}{{"PLTE", p.palette}, {"tRNS", p.alphas}} {
		if c.body != nil {
			pngChunk(&b, c.name, c.body)
		}
	}
	var rows bytes.Buffer
	z := zlib.NewWriter(&rows)
	passes := []pngPass{{0, 0, 1, 1}}
	if p.interlaced {
		passes = adam7
	}
	for _, s := range passes {
		w, h := (p.w-s.x+s.stepX-1)/s.stepX, (p.h-s.y+s.stepY-1)/s.stepY
		for range max(h, 0) * min(max(w, 0), 1) {
			row := make([]byte, 1+(p.depth*(&pngFile{kind: p.kind}).channels()*w+7)/8)
			for i := range row {
				row[i] = byte(p.rng.Uint32())
			}
			row[0] %= 5
			z.Write(row)
		}
	}
	z.Close()
	for part := range slices.Chunk(rows.Bytes(), 100) {
		pngChunk(&b, "IDAT", part)
	}
	pngChunk(&b, "IEND", nil)
	return b.Bytes()
}

func pngChunk(b *bytes.Buffer, name string, body []byte) {
	text := append([]byte(name), body...)
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body))))
	b.Write(text)
	b.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(text)))
}

// pngKinds are files of every kind.
func pngKinds(rng *rand.Rand, w, h int) map[string][]byte {
	files := map[string][]byte{}
	for kind, depths := range map[int][]int{pngGrey: {1, 2, 4, 8, 16}, pngRGB: {8, 16}, pngPalette: {1, 2, 4, 8}, pngGreyAlpha: {8, 16}, pngRGBA: {8, 16}} {
		for _, depth := range depths {
			for i := range 4 {
				p := pngWriter{w: w, h: h, depth: depth, kind: kind, interlaced: i&1 == 1, rng: rng}
				if kind == pngPalette {
					p.palette = make([]byte, 3*(1<<depth))
					for j := range p.palette {
						p.palette[j] = byte(rng.Uint32())
					}
				}
				if i&2 == 2 {
					p.alphas = map[int][]byte{pngGrey: {0, 1}, pngRGB: {0, 1, 0, 2, 0, 3}, pngPalette: {0, 100}}[kind]
				}
				files[fmt.Sprintf("kind %d, %d bits, interlaced %v, transparency %v", kind, depth, p.interlaced, p.alphas)] = p.file()
			}
		}
	}
	return files
}

// near tells by how much two pictures of one size differ, at most, in a byte.
func near(a, b []byte) (most int) {
	for i := range a {
		most = max(most, abs(int(a[i])-int(b[i])))
	}
	return most
}

// TestFitted: a picture that is scaled while it is decoded is what Fit makes of the whole one.
func TestFitted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	files := map[string][]byte{}
	for _, size := range []image.Point{{37, 23}, {5, 90}, {1, 1}, {9, 3}, {64, 64}} {
		for name, file := range pngKinds(rng, size.X, size.Y) {
			files[fmt.Sprint(size, " PNG ", name)] = file
		}
	}
	m := image.NewRGBA(image.Rect(0, 0, 53, 31))
	for i := range m.Pix {
		m.Pix[i] = byte(rng.Uint32()) | 255*byte((i&3+1)/4)
	}
	files["JPEG"], files["GIF"], files["WebP"] = jpegOf(t, m), gifOf(t, m), webpFile(t)
	for o := range byte(9) {
		files[fmt.Sprint("JPEG turned ", o)] = withOrientation(jpegOf(t, m), "MM", o)
	}
	for name, file := range files {
		whole, err := DecodePicture(bytes.NewReader(file), 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, to := range []image.Point{{7, 5}, {16, 16}, {30, 40}, {1, 1}} {
			p, err := ReadPicture(bytes.NewReader(file), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Fitted(to.X, to.Y)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want, flat := make([]byte, 3*to.X*to.Y), make([]byte, 3*to.X*to.Y)
			Fit(want, whole, 3, to.Y, to.X)
			planes(flat, got, 3)
			if n := near(flat, want); n > 2 { // transparency of 16 bits is multiplied in 8
				t.Errorf("%s to %v: off by %d", name, to, n)
			}
		}
		p, _ := ReadPicture(bytes.NewReader(file), 1<<20)
		small, err := p.Within(20)
		if err != nil {
			t.Fatal(err)
		}
		want := image.NewRGBA(small.Bounds())
		draw.Draw(want, want.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(want, want.Rect, Within(whole, 20), Within(whole, 20).Bounds().Min, draw.Over)
		if n := near(small.(*image.RGBA).Pix, want.Pix); n > 2 {
			t.Errorf("%s within 20: %v is off by %d", name, small.Bounds(), n)
		}
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
		planes(want, to, 3)
		if n := near(got, want); n > 2 { // it rounds twice, down
			t.Errorf("%v to %v: off by %d", c.from, c.to, n)
		}
	}
}

// TestPNGDamaged: what image/png refuses is refused, and of what it takes the pixels are the same.
func TestPNGDamaged(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	refused, taken := 0, 0
	for name, file := range pngKinds(rng, 9, 7) {
		for i := range 60 {
			damaged := slices.Clone(file)
			if i%3 == 0 {
				damaged = damaged[:rng.IntN(len(damaged))]
			} else {
				damaged[rng.IntN(len(damaged))] ^= 1 << rng.IntN(8)
			}
			if i%2 == 0 {
				pngMend(damaged)
			}
			p, err := ReadPicture(bytes.NewReader(damaged), 1<<10)
			if err != nil {
				continue
			}
			got, err := p.Fitted(9, 7)
			whole, wantErr := png.Decode(bytes.NewReader(damaged))
			if (err == nil) != (wantErr == nil) || err != nil && !errors.Is(err, ErrPicture) {
				t.Errorf("%s: error %v, of image/png %v", name, err, wantErr)
			}
			if err != nil || wantErr != nil {
				refused++
				continue
			}
			taken++
			want, flat := make([]byte, 3*63), make([]byte, 3*63)
			Fit(want, whole, 3, 7, 9)
			few := p.name == "PNG" && damaged[25] == pngGrey && damaged[24] < 8 // image/png reads bits of its tRNS beyond the pixels' depth
			if planes(flat, got, 3); near(flat, want) > 2 && !few {
				t.Errorf("%s: other pixels than those of image/png", name)
			}
		}
	}
	if refused < 100 || taken < 100 {
		t.Errorf("%d are refused and %d taken; the test shows little", refused, taken)
	}
}

// pngMend makes the checksums of chunks right, so that what is behind them is reached.
func pngMend(file []byte) {
	for at := 8; at+12 <= len(file); {
		n := int(binary.BigEndian.Uint32(file[at:]))
		if n > len(file)-at-12 {
			return
		}
		binary.BigEndian.PutUint32(file[at+8+n:], crc32.ChecksumIEEE(file[at+4:at+8+n]))
		at += 12 + n
	}
}

// TestPictureMemory: decoding takes no more than is said.
func TestPictureMemory(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 640, 480))
	for i := range 640 * 480 {
		m.SetNRGBA64(i%640, i/640, color.NRGBA64{uint16(i), uint16(i * 7), uint16(i / 640), 65535})
	}
	scans := manyScans(1024, 2)
	for name, file := range map[string][]byte{"PNG": pngOf(t, m), "JPEG": jpegOf(t, m), "GIF": gifOf(t, m), "progressive JPEG": scans} {
		p, err := ReadPicture(bytes.NewReader(file), 1<<24)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := p.Fitted(32, 32); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		used := int64(after.TotalAlloc - before.TotalAlloc)
		if bound := p.Memory() + FitMemory(32, 32); used > bound || name == "PNG" && used > 1<<20 {
			t.Errorf("%s takes %d bytes; at most %d are said", name, used, bound)
		}
	}
}
