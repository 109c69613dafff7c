package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"slices"
	"testing"
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

// plain is a picture as bytes of red, green, blue and alpha, not multiplied.
func plain(m image.Image) []byte {
	b := m.Bounds()
	pix := make([]byte, 0, 4*b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			switch c := m.At(x, y).(type) {
			case color.NRGBA64: // the upper bytes, as they are stored
				pix = append(pix, byte(c.R>>8), byte(c.G>>8), byte(c.B>>8), byte(c.A>>8))
			default:
				c8 := color.NRGBAModel.Convert(c).(color.NRGBA)
				pix = append(pix, c8.R, c8.G, c8.B, c8.A)
			}
		}
	}
	return pix
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
			var got []byte
			p, err := Open(damaged)
			if err == nil && (p.W < 1 || p.H < 1 || p.H > 1<<10/p.W) {
				continue
			}
			if err == nil {
				got, err = whole(p, 1)
			}
			if c, err := png.DecodeConfig(bytes.NewReader(damaged)); err == nil && (c.Width < 1 || c.Height < 1 || c.Height > 1<<10/c.Width) {
				continue
			}
			other, wantErr := png.Decode(bytes.NewReader(damaged))
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%s: error %v, of image/png %v", name, err, wantErr)
			}
			if err != nil || wantErr != nil {
				refused++
				continue
			}
			taken++
			want := plain(other)
			few := damaged[25] == pngGrey && damaged[24] < 8 // image/png reads bits of its tRNS beyond the pixels' depth
			if most, _ := off(got, want); most > 1 && !few {
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
