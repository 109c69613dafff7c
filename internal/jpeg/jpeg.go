// Package jpeg decodes JPEG pictures row by row, whole or at 1/2, 1/4 or 1/8 of their size. Its pixels are those of
// libjpeg: the inverse transform in integers, and chroma upsampled by a triangle (“fancy upsampling”). The standard
// library's decoder repeats chroma samples, knows few sampling ratios, and holds the picture whole.
//
// Baseline, extended and progressive files by Huffman codes with 8 bits a sample are read: grey, YCbCr, RGB, CMYK and
// YCCK, with any sampling factors and restart markers.
package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Markers.
const (
	sof0 = 0xc0 // baseline
	sof2 = 0xc2 // progressive
	dht  = 0xc4
	rst0 = 0xd0
	rst7 = 0xd7
	soi  = 0xd8
	eoi  = 0xd9
	sos  = 0xda
	dqt  = 0xdb
	dri  = 0xdd
	app0 = 0xe0
	app1 = 0xe1
	appE = 0xee
)

// maxScans bounds the scans of a file: each goes through all pixels. Progressive files have about ten.
const maxScans = 200

var errEnds = errors.New("it ends early")

// Picture is a JPEG file whose header has been read.
type Picture struct {
	Width, Height int
	Exif          []byte // what the first EXIF segment holds behind its mark; nil where there is none

	file        []byte
	at          int // of the first scan's marker
	progressive bool
	adobe       int // the colour transform that an Adobe segment names; -1 where there is none
	jfif        bool
	components  []component
	hMax, vMax  int
	tables      // up to the first scan
}

// component is a plane of samples.
type component struct {
	id         byte
	h, v       int // sampling factors
	quantiser  byte
	w, rows    int // samples that count
	mcuW, mcuH int // blocks of whole MCUs
}

// tables are those that a file sets and may change between scans.
type tables struct {
	quant    [4]*[64]uint16 // in zigzag order
	dc, ac   [4]*huffman
	interval int // MCUs between restart markers; 0: none
}

// Open reads a file's header, up to the first scan.
func Open(file []byte) (*Picture, error) {
	p := &Picture{file: file, adobe: -1}
	if len(file) < 2 || file[0] != 0xff || file[1] != soi {
		return nil, errors.New("it does not begin as a JPEG does")
	}
	for at := 2; ; {
		marker, body, next, err := segment(file, at)
		if err != nil {
			return nil, err
		}
		switch {
		case marker == sos:
			if p.components == nil {
				return nil, errors.New("a scan comes before the frame's header")
			}
			if n := bytes.Count(file[at:], []byte{0xff, sos}); n > maxScans { // a scan's data never have the two
				return nil, fmt.Errorf("it has %d JPEG scans; at most %d are taken", n, maxScans)
			}
			p.at = at
			return p, p.enough()
		case marker == eoi:
			return nil, errors.New("it has no scan")
		default:
			if err := p.header(marker, body); err != nil {
				return nil, err
			}
		}
		at = next
	}
}

// enough refuses a file that is too short for its blocks, each of which takes a bit or more: a few bytes must not claim the
// memory of many.
func (p *Picture) enough() error {
	blocks := 0
	for _, c := range p.components {
		blocks += c.mcuW * c.mcuH
	}
	if blocks/8 > len(p.file) {
		return fmt.Errorf("its %d bytes are too few for %d×%d pixels: %w", len(p.file), p.Width, p.Height, errEnds)
	}
	return nil
}

// segment returns the marker at a place, or behind noise there, what belongs to it, and where the next one is. A marker
// without a length has no body.
func segment(file []byte, at int) (marker byte, body []byte, next int, err error) {
	for {
		for at < len(file) && file[at] != 0xff {
			at++
		}
		for at < len(file) && file[at] == 0xff {
			at++
		}
		if at >= len(file) {
			return 0, nil, 0, errEnds
		}
		marker = file[at]
		at++
		if marker != 0 && marker != 1 && (marker < rst0 || marker > rst7) {
			break
		}
	}
	if marker == eoi || marker == soi {
		return marker, nil, at, nil
	}
	if at+2 > len(file) {
		return 0, nil, 0, errEnds
	}
	size := int(binary.BigEndian.Uint16(file[at:]))
	if size < 2 {
		return 0, nil, 0, fmt.Errorf("its segment %#x has a length of %d bytes", marker, size)
	}
	if at+size > len(file) {
		return 0, nil, 0, errEnds
	}
	return marker, file[at+2 : at+size], at + size, nil
}

// header reads a segment before the first scan.
func (p *Picture) header(marker byte, body []byte) error {
	switch {
	case marker == app0 && len(body) >= 5 && string(body[:5]) == "JFIF\x00":
		p.jfif = true
	case marker == app1 && p.Exif == nil && len(body) > 6 && string(body[:6]) == "Exif\x00\x00":
		p.Exif = body[6:]
	case marker == appE && len(body) >= 12 && string(body[:5]) == "Adobe":
		p.adobe = int(body[11])
	case marker >= sof0 && marker <= 0xcf && marker != dht && marker != 0xc8 && marker != 0xcc:
		return p.frame(marker, body)
	default:
		return p.set(marker, body)
	}
	return nil
}

// frame reads the frame's header.
func (p *Picture) frame(marker byte, b []byte) error {
	switch {
	case p.components != nil:
		return errors.New("it has two frames")
	case marker > sof2:
		kind := "hierarchical"
		switch {
		case marker >= 0xc9:
			kind = "arithmetic coding"
		case marker == 0xc3:
			kind = "lossless"
		}
		return fmt.Errorf("it is of the kind “%s” (SOF%d), which is not read; baseline and progressive are", kind, marker-sof0)
	case len(b) < 6 || len(b) != 6+3*int(b[5]):
		return fmt.Errorf("its frame's header has %d bytes", len(b))
	case b[0] != 8:
		return fmt.Errorf("it has %d bits a sample; 8 are read", b[0])
	case b[5] != 1 && b[5] != 3 && b[5] != 4:
		return fmt.Errorf("it has %d components; 1, 3 and 4 are read", b[5])
	}
	p.progressive = marker == sof2
	p.Height, p.Width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if p.Width == 0 || p.Height == 0 {
		return fmt.Errorf("it declares %d×%d pixels", p.Width, p.Height)
	}
	for c := b[6:]; len(c) > 0; c = c[3:] {
		k := component{id: c[0], h: int(c[1] >> 4), v: int(c[1] & 15), quantiser: c[2]}
		if k.h < 1 || k.h > 4 || k.v < 1 || k.v > 4 || k.quantiser > 3 {
			return fmt.Errorf("its component %d has sampling factors %d×%d and the quantiser %d", c[0], k.h, k.v, k.quantiser)
		}
		for _, other := range p.components {
			if other.id == k.id {
				return fmt.Errorf("it has two components %d", k.id)
			}
		}
		p.components = append(p.components, k)
	}
	if len(p.components) == 1 { // a scan of one component has no MCUs of several blocks
		p.components[0].h, p.components[0].v = 1, 1
	}
	for _, c := range p.components {
		p.hMax, p.vMax = max(p.hMax, c.h), max(p.vMax, c.v)
	}
	across, down := p.mcus()
	for i := range p.components {
		c := &p.components[i]
		c.w, c.rows = ceil(p.Width*c.h, p.hMax), ceil(p.Height*c.v, p.vMax)
		c.mcuW, c.mcuH = across*c.h, down*c.v
	}
	return nil
}

// mcus is how many MCUs of all components the picture has.
func (p *Picture) mcus() (across, down int) {
	return ceil(p.Width, 8*p.hMax), ceil(p.Height, 8*p.vMax)
}

func ceil(a, b int) int { return (a + b - 1) / b }

// set reads a segment that sets tables.
func (t *tables) set(marker byte, b []byte) error {
	switch marker {
	case dqt:
		return t.quantisers(b)
	case dht:
		return t.codes(b)
	case dri:
		if len(b) != 2 {
			return fmt.Errorf("its restart interval has %d bytes", len(b))
		}
		t.interval = int(binary.BigEndian.Uint16(b))
	}
	return nil
}

func (t *tables) quantisers(b []byte) error {
	for len(b) > 0 {
		wide, n := int(b[0]>>4), int(b[0]&15)
		if wide > 1 || n > 3 || len(b) < 1+64<<wide {
			return errors.New("a table of quantisers is broken")
		}
		t.quant[n] = new([64]uint16)
		for i := range 64 {
			if wide == 1 {
				t.quant[n][i] = binary.BigEndian.Uint16(b[1+2*i:])
			} else {
				t.quant[n][i] = uint16(b[1+i])
			}
		}
		b = b[1+64<<wide:]
	}
	return nil
}

func (t *tables) codes(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return errors.New("a table of codes is broken")
		}
		class, n := b[0]>>4, b[0]&15
		if class > 1 || n > 3 {
			return fmt.Errorf("a table of codes is for class %d, place %d", class, n)
		}
		h, size, err := newHuffman(b[1:], class == 1)
		if err != nil {
			return err
		}
		if class == 0 {
			t.dc[n] = h
		} else {
			t.ac[n] = h
		}
		b = b[1+size:]
	}
	return nil
}
