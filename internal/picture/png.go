package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The types of a PNG's pixels.
const (
	pngGrey      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGreyAlpha = 4
	pngRGBA      = 6
)

// pngFile is a PNG whose chunks were found. The package image/png decodes all of its pixels at once, up to eight bytes
// each; this one has a row at a time.
type pngFile struct {
	file              []byte
	chunks            int
	w, h, depth, kind int
	interlaced        bool
	palette           [256][4]byte
	coloured          bool   // there is a palette
	transparent       []byte // of tRNS, where kind is pngGrey or pngRGB
	data              chunkReader
}

func openPNG(file []byte) (*File, error) {
	p := &pngFile{file: file}
	turned := 1
	for name, body := range pngChunks(file) {
		switch {
		case p.w == 0 && name != "IHDR":
			return nil, fmt.Errorf("its chunk %q is out of order", name)
		case name == "IHDR":
			if err := p.header(body); err != nil {
				return nil, err
			}
		case name == "eXIf":
			turned = orientation(body)
		}
		p.chunks++
	}
	if p.chunks == 0 {
		return nil, errEnds
	}
	return &File{W: p.w, H: p.h, Orientation: turned, decoder: p}, nil
}

// pngChunks goes through chunks, up to one that is cut.
func pngChunks(file []byte) func(yield func(name string, body []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for rest := file[8:]; len(rest) >= 12; {
			n := uint64(binary.BigEndian.Uint32(rest))
			if n > uint64(len(rest)-12) || !yield(string(rest[4:8]), rest[8:8+n]) {
				return
			}
			rest = rest[12+n:]
		}
	}
}

// Memory is the bytes that Rows takes at most: rows of sixteen bits, as they come, twice, and as bytes.
func (p *pngFile) Memory(int) int64 { return 1<<17 + (2*8+4)*int64(p.w) + chunkBytes*int64(p.chunks) }

// chunkBytes is what noting a chunk takes, while the list of them grows.
const chunkBytes = 3 * 24

// chunkReader reads the content of chunks, one behind the other.
type chunkReader [][]byte

func (c *chunkReader) Read(p []byte) (int, error) {
	for len(*c) > 0 && len((*c)[0]) == 0 {
		*c = (*c)[1:]
	}
	if len(*c) == 0 {
		return 0, io.EOF
	}
	n := copy(p, (*c)[0])
	(*c)[0] = (*c)[0][n:]
	return n, nil
}

// parsePNG reads the chunks of a file that has a PNG's first bytes.
func parsePNG(file []byte) (*pngFile, error) {
	p := &pngFile{}
	for i := range p.palette {
		p.palette[i][3] = 255
	}
	rest, before := file[8:], ""
	for {
		if len(rest) < 12 || uint64(binary.BigEndian.Uint32(rest)) > uint64(len(rest)-12) {
			return nil, errEnds
		}
		n := int(binary.BigEndian.Uint32(rest))
		name, body := string(rest[4:8]), rest[8:8+n]
		if crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			return nil, fmt.Errorf("the checksum of its chunk %q is wrong", name)
		}
		if (before == "") != (name == "IHDR") {
			return nil, fmt.Errorf("its chunk %q is out of order", name)
		}
		var err error
		switch name {
		case "IHDR":
			err = p.header(body)
		case "PLTE":
			err = p.colours(body)
		case "tRNS":
			err = p.alphas(body)
		case "IDAT":
			if before == "IDAT" || p.data == nil {
				p.data = append(p.data, body)
			}
		case "IEND":
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		rest, before = rest[12+n:], name
	}
}

func (p *pngFile) header(b []byte) error {
	if len(b) != 13 {
		return fmt.Errorf("its header has %d bytes, not 13", len(b))
	}
	p.w, p.h, p.depth, p.kind = int(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint32(b[4:])), int(b[8]), int(b[9])
	if b[10] != 0 || b[11] != 0 || b[12] > 1 {
		return errors.New("its compression, filter or interlacing is unknown")
	}
	p.interlaced = b[12] == 1
	depths := map[int]string{pngGrey: "\x01\x02\x04\x08\x10", pngRGB: "\x08\x10", pngPalette: "\x01\x02\x04\x08", pngGreyAlpha: "\x08\x10", pngRGBA: "\x08\x10"}
	if !bytes.Contains([]byte(depths[p.kind]), b[8:9]) {
		return fmt.Errorf("it has pixels of type %d with %d bits", p.kind, p.depth)
	}
	return nil
}

func (p *pngFile) colours(b []byte) error {
	if len(b)%3 != 0 || len(b) == 0 || len(b) > 3*256 {
		return fmt.Errorf("its palette has %d bytes", len(b))
	}
	p.coloured = true
	for i := range len(b) / 3 {
		copy(p.palette[i][:3], b[3*i:])
	}
	return nil
}

func (p *pngFile) alphas(b []byte) error {
	most := map[int]int{pngGrey: 2, pngRGB: 6, pngPalette: 256}[p.kind]
	if len(b) > most || p.kind != pngPalette && len(b) != most {
		return fmt.Errorf("its transparency has %d bytes", len(b))
	}
	if p.kind != pngPalette {
		p.transparent = b
		return nil
	}
	for i, a := range b {
		p.palette[i][3] = a
	}
	return nil
}

// pngPass is one of the pictures that make up an interlaced one: every step-th pixel.
type pngPass struct{ x, y, stepX, stepY int }

var adam7 = []pngPass{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}

// channels is the samples of a pixel.
func (p *pngFile) channels() int {
	return [...]int{pngGrey: 1, pngRGB: 3, pngPalette: 1, pngGreyAlpha: 2, pngRGBA: 4}[p.kind]
}

// Rows has samples of 16 bits lose the lower eight.
func (p *pngFile) Rows(_ int, use func(Row)) error {
	p, err := parsePNG(p.file)
	if err != nil {
		return err
	}
	if p.data == nil || p.kind == pngPalette && !p.coloured {
		return errors.New("it has no pixels, or no palette for them")
	}
	pixels, err := zlib.NewReader(&p.data)
	if err != nil {
		return err
	}
	passes := []pngPass{{0, 0, 1, 1}}
	if p.interlaced {
		passes = adam7
	}
	for _, s := range passes {
		w, h := (p.w-s.x+s.stepX-1)/s.stepX, (p.h-s.y+s.stepY-1)/s.stepY
		if w <= 0 || h <= 0 {
			continue
		}
		if err := p.pass(pixels, w, h, func(pix []byte, y int) { use(Row{Pix: pix, X: s.x, Y: s.y + y*s.stepY, Step: s.stepX}) }); err != nil {
			return err
		}
	}
	switch n, err := io.ReadFull(pixels, make([]byte, 1)); { // the end has a checksum
	case n > 0:
		return errors.New("it has more pixels than its header says")
	case err != io.EOF:
		return pngEnd(err)
	}
	return nil
}

// pngEnd says that what ends early does.
func pngEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errEnds
	}
	return err
}

func (p *pngFile) pass(pixels io.Reader, w, h int, use func(pix []byte, y int)) error {
	bits := p.depth * p.channels()
	size := (bits*w + 7) / 8
	now, before := make([]byte, 1+size), make([]byte, 1+size)
	pix := make([]byte, 4*w)
	for y := range h {
		if _, err := io.ReadFull(pixels, now); err != nil {
			return pngEnd(err)
		}
		if err := unfilter(now[0], now[1:], before[1:], (bits+7)/8); err != nil {
			return err
		}
		p.expand(pix, now[1:])
		use(pix, y)
		now, before = before, now
	}
	return nil
}

// unfilter undoes a row's filter: what is left is its difference from the pixel before, n bytes back, from the row
// before, or from both.
func unfilter(filter byte, row, up []byte, n int) error {
	n = min(n, len(row))
	switch filter {
	case 0:
	case 1:
		for i := n; i < len(row); i++ {
			row[i] += row[i-n]
		}
	case 2:
		for i := range row {
			row[i] += up[i]
		}
	case 3:
		for i := range n {
			row[i] += up[i] / 2
		}
		for i := n; i < len(row); i++ {
			row[i] += byte((int(row[i-n]) + int(up[i])) / 2)
		}
	case 4:
		for i := range n {
			row[i] += up[i]
		}
		for i := n; i < len(row); i++ {
			row[i] += paeth(row[i-n], up[i], up[i-n])
		}
	default:
		return fmt.Errorf("a row has the filter %d", filter)
	}
	return nil
}

// paeth is that of left, up and the one between which is nearest to left + up − between.
func paeth(left, up, between byte) byte {
	a, b, c := int(left), int(up), int(between)
	da, db, dc := abs(b-c), abs(a-c), abs(a+b-2*c)
	switch {
	case da <= db && da <= dc:
		return left
	case db <= dc:
		return up
	}
	return between
}

func abs(n int) int { return max(n, -n) }

// expand writes a row's pixels as red, green, blue and alpha.
func (p *pngFile) expand(dst, src []byte) {
	n, c := len(dst)/4, p.channels()
	bytes := max(p.depth/8, 1)
	for i := range n {
		px := dst[4*i:][:4:4]
		px[3] = 255
		if p.depth < 8 {
			at := i * p.depth
			v := src[at/8] >> (8 - p.depth - at%8) & (1<<p.depth - 1)
			if p.kind == pngPalette {
				copy(px, p.palette[v][:])
				continue
			}
			if p.transparent != nil && p.transparent[1]&(1<<p.depth-1) == v {
				px[3] = 0
			}
			v *= 255 / (1<<p.depth - 1)
			px[0], px[1], px[2] = v, v, v
			continue
		}
		s := src[i*c*bytes:][: c*bytes : c*bytes]
		switch p.kind {
		case pngPalette:
			copy(px, p.palette[s[0]][:])
			continue
		case pngGrey, pngGreyAlpha:
			px[0], px[1], px[2] = s[0], s[0], s[0]
		default:
			px[0], px[1], px[2] = s[0], s[bytes], s[2*bytes]
		}
		if p.kind == pngGreyAlpha || p.kind == pngRGBA {
			px[3] = s[(c-1)*bytes]
		} else if p.transparent != nil && p.isTransparent(s) {
			px[3] = 0
		}
	}
}

// isTransparent tells whether a pixel's samples are those of tRNS, which has two bytes for each.
func (p *pngFile) isTransparent(s []byte) bool {
	if p.depth == 16 {
		return string(s) == string(p.transparent)
	}
	for i, v := range s {
		if p.transparent[2*i+1] != v {
			return false
		}
	}
	return true
}
