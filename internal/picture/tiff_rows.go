package picture

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/energo-ml/energo/internal/jpeg"
	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"
)

// Compressions of a TIFF.
const (
	tiffPlain    = 1
	tiffG3       = 3
	tiffG4       = 4
	tiffLZW      = 5
	tiffJPEG     = 7
	tiffDeflate  = 8
	tiffPackBits = 32773
	tiffOldZip   = 32946
)

// Rows decodes a strip, or a row of tiles, at a time.
func (t *tiffFile) Rows(_ int, use func(Row)) error {
	size := int(t.rowBytes()) * t.blockH
	planes := 1
	if t.planar {
		planes = t.samples
	}
	blocks := make([][]byte, planes*t.across)
	for i := range blocks {
		blocks[i] = make([]byte, size)
	}
	pix := make([]byte, 4*t.w)
	for by := range t.downBlocks {
		rows := min(t.blockH, t.h-by*t.blockH)
		needed := rows // of each block
		for i := range blocks {
			plane, bx := i/t.across, i%t.across
			at := (plane*t.downBlocks+by)*t.across + bx
			if err := t.block(blocks[i][:needed*int(t.rowBytes())], t.file[t.offsets[at]:][:t.counts[at]]); err != nil {
				return err
			}
		}
		for y := range rows {
			t.row(pix, blocks, y)
			use(Row{Pix: pix, Y: by*t.blockH + y, Step: 1})
		}
	}
	return nil
}

// block uncompresses a strip or a tile: as many of its rows as there is place for.
func (t *tiffFile) block(dst, src []byte) error {
	rows := len(dst) / int(t.rowBytes())
	var r io.Reader = bytes.NewReader(src)
	switch t.compression {
	case tiffPlain:
		if t.number(tagFillOrder, 1) == 2 && t.depth < 8 {
			r = bytes.NewReader(reversed(src))
		}
	case tiffG3, tiffG4:
		if t.depth != 1 {
			return errors.New("it has CCITT data of more than a bit")
		}
		order, kind := ccitt.MSB, ccitt.Group3
		if t.number(tagFillOrder, 1) == 2 {
			order = ccitt.LSB
		}
		if t.compression == tiffG4 {
			kind = ccitt.Group4
		}
		r = ccitt.NewReader(r, order, kind, t.blockW, rows, &ccitt.Options{Invert: true}) // white runs are 0, as libtiff has them
	case tiffLZW:
		z := lzw.NewReader(r, lzw.MSB, 8)
		defer z.Close()
		r = z
	case tiffDeflate, tiffOldZip:
		z, err := zlib.NewReader(r)
		if err != nil {
			return err
		}
		defer z.Close()
		r = z
	case tiffPackBits:
		return t.finish(dst, unpack(dst, src))
	case tiffJPEG:
		return t.jpeg(dst, src)
	default:
		return fmt.Errorf("it has the compression %d, which is not read; plain, CCITT, LZW, JPEG, Deflate and PackBits are", t.compression)
	}
	_, err := io.ReadFull(r, dst)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errEnds
	}
	return t.finish(dst, err)
}

// reversed is bytes with their bits from the last.
func reversed(src []byte) []byte {
	out := make([]byte, len(src))
	for i, v := range src {
		out[i] = bits.Reverse8(v)
	}
	return out
}

// unpack undoes runs of bytes.
func unpack(dst, src []byte) error {
	for len(dst) > 0 {
		if len(src) < 2 {
			return errEnds
		}
		n := int(int8(src[0]))
		switch {
		case n >= 0:
			if len(src) < n+2 {
				return errEnds
			}
			dst, src = dst[copy(dst, src[1:n+2]):], src[n+2:]
		case n == -128:
			src = src[1:]
		default:
			n = min(1-n, len(dst))
			for i := range n {
				dst[i] = src[1]
			}
			dst, src = dst[n:], src[2:]
		}
	}
	return nil
}

// finish undoes the prediction of each sample from that of the pixel before.
func (t *tiffFile) finish(dst []byte, err error) error {
	p := t.number(tagPredictor, 1)
	if err != nil || p == 1 {
		return err
	}
	if p != 2 || t.depth < 8 {
		return fmt.Errorf("it has the predictor %d for %d bits, which is not read", p, t.depth)
	}
	n, size := t.samples, int(t.rowBytes())
	if t.planar {
		n = 1
	}
	for ; len(dst) > 0; dst = dst[size:] {
		row := dst[:size]
		if t.depth == 8 {
			for i := n; i < size; i++ {
				row[i] += row[i-n]
			}
			continue
		}
		for i := 2 * n; i < size; i += 2 {
			t.order.PutUint16(row[i:], t.order.Uint16(row[i:])+t.order.Uint16(row[i-2*n:]))
		}
	}
	return nil
}

// jpeg decodes a block that is a JPEG, whose tables may stand in the directory.
func (t *tiffFile) jpeg(dst, src []byte) error {
	var b bytes.Buffer
	b.WriteString("\xff\xd8")
	// An Adobe segment says what the samples are.
	transform := byte(0)
	if t.photometric == tiffYCbCr {
		transform = 1
	}
	b.Write([]byte{0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform})
	if tables := t.tags[tagJPEGTables].data; len(tables) > 4 {
		b.Write(tables[2 : len(tables)-2])
	}
	if len(src) < 2 || t.depth != 8 {
		return errors.New("a block of it is not a JPEG of 8 bits")
	}
	b.Write(src[2:])
	p, err := jpeg.Open(b.Bytes())
	if err != nil {
		return err
	}
	rows := len(dst) / int(t.rowBytes())
	if p.Width < t.blockW || p.Height < rows {
		return fmt.Errorf("a block of it is a JPEG of %d×%d pixels, not %d×%d", p.Width, p.Height, t.blockW, rows)
	}
	n := int(t.rowBytes()) / t.blockW
	if n != 1 && n != 3 {
		return fmt.Errorf("it has JPEGs of %d samples a pixel, which are not read", n)
	}
	return p.Rows(1, func(y int, pix []byte) {
		for x := range t.blockW {
			if y < rows {
				copy(dst[(y*t.blockW+x)*n:][:n], pix[4*x:])
			}
		}
	})
}

// row makes pixels of row y of the blocks.
func (t *tiffFile) row(pix []byte, blocks [][]byte, y int) {
	size, step := int(t.rowBytes()), t.depth/8*t.samples
	if t.planar {
		step = t.depth / 8
	}
	high := 0 // the place of a sample's upper byte
	if t.depth == 16 && t.order.String() == "LittleEndian" {
		high = 1
	}
	var s [8]byte
	for x := range t.w {
		bx, in := x/t.blockW, x%t.blockW
		if t.depth < 8 {
			at := in * t.depth
			s[0] = blocks[bx][y*size+at/8] >> (8 - t.depth - at%8) & (1<<t.depth - 1)
		} else {
			for k := range t.samples {
				if t.planar {
					s[k] = blocks[k*t.across+bx][y*size+in*step+high]
				} else {
					s[k] = blocks[bx][y*size+in*step+k*t.depth/8+high]
				}
			}
		}
		t.pixel(pix[4*x:][:4:4], &s)
	}
}

// pixel makes one of its samples.
func (t *tiffFile) pixel(px []byte, s *[8]byte) {
	px[3] = 255
	colours := 3
	switch t.photometric {
	case tiffWhite, tiffBlack:
		v := s[0]
		if t.depth < 8 {
			v *= 255 / (1<<t.depth - 1)
		}
		if t.photometric == tiffWhite {
			v = 255 - v
		}
		px[0], px[1], px[2] = v, v, v
		colours = 1
	case tiffPalette:
		for c := range 3 {
			px[c] = byte(t.palette[c<<t.depth|int(s[0])] >> 8)
		}
		colours = 1
	case tiffInks:
		white := 255 - int(s[3])
		for c := range 3 {
			v := int(s[c])*white + 128
			px[c] = byte(max(white-(v>>8+v)>>8, 0))
		}
		colours = 4
	default:
		copy(px, s[:3])
	}
	if t.alpha == 0 {
		return
	}
	a := s[colours]
	px[3] = a
	if t.alpha == 1 && a > 0 {
		for c := range 3 {
			px[c] = byte(min(int(px[c])*255/int(a), 255))
		}
	}
}
