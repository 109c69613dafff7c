package audio

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// openAIFF opens an AIFF or AIFF-C file: big-endian integers of 1 to 32 bits, "sowt" little-endian ones, floats, G.711's laws.
// Source: [aiff1989].
func openAIFF(in input) (*stream, error) {
	d := decoder{input: in}
	var h [12]byte
	if err := d.read(h[:], "the FORM header"); err != nil {
		return nil, err
	}
	if form := string(h[8:]); form != "AIFF" && form != "AIFC" {
		return nil, bad("its FORM is %q; that must be AIFF or AIFC", form)
	}
	frames := int64(0)
	for {
		id, size, err := d.chunkBig()
		if err != nil {
			return nil, err
		}
		switch id {
		case "COMM":
			frames, err = d.common(size)
		case "SSND":
			return d.sound(size, frames)
		default:
			err = d.skip(id, size+size&1)
		}
		if err != nil {
			return nil, err
		}
	}
}

// chunkBig is chunk for big-endian sizes.
func (d *decoder) chunkBig() (id string, size uint64, err error) {
	var h [8]byte
	if _, err := d.r.Peek(1); err == io.EOF {
		return "", 0, bad("it has no SSND chunk")
	}
	err = d.read(h[:], "a chunk's header")
	return string(h[:4]), uint64(binary.BigEndian.Uint32(h[4:])), err
}

// common reads the COMM chunk: what the samples are.
func (d *decoder) common(size uint64) (frames int64, err error) {
	var b [22]byte
	n := min(size, uint64(len(b)))
	if n < 18 {
		return 0, bad("its COMM chunk has %d bytes; it must have 18 or more", size)
	}
	if err := d.read(b[:n], "the COMM chunk"); err != nil {
		return 0, err
	}
	be := binary.BigEndian
	channels, bits := int(be.Uint16(b[:])), int(be.Uint16(b[6:]))
	rate := math.Ldexp(float64(be.Uint64(b[10:])), int(be.Uint16(b[8:])&0x7fff)-16383-63) // a float of 80 bits
	kind := "NONE"
	if n == 22 {
		kind = string(b[18:])
	}
	if channels == 0 {
		return 0, bad("it has 0 channels; it must have 1 or more")
	}
	if !(rate >= 1 && rate <= maxRate) {
		return 0, bad("its rate is %v; it must be from 1 to %d samples a second", rate, maxRate)
	}
	if d.coding, err = bigEndian(kind, channels, bits); err != nil {
		return 0, err
	}
	d.channels, d.rate = channels, int(math.Round(rate))
	return int64(be.Uint32(b[2:])), d.skip("COMM", size-n+size&1)
}

// bigEndian is the coding of AIFF's and AU's samples of a kind, by AIFF's names.
func bigEndian(kind string, channels, bits int) (coding, error) {
	width, tag, turn := (bits+7)/8, tagPCM, true
	switch kind {
	case "NONE", "twos":
	case "sowt":
		turn = false
	case "raw ":
		if turn = false; bits != 8 {
			width = 0
		}
	case "fl32", "FL32":
		width, tag = 4, tagFloat
	case "fl64", "FL64":
		width, tag = 8, tagFloat
	case "alaw", "ALAW":
		width, tag = 1, tagALaw
	case "ulaw", "ULAW":
		width, tag = 1, tagMuLaw
	default:
		return nil, foreign("its samples are of the kind %q", kind)
	}
	little := encodings[[2]int{tag, width}]
	if little == nil {
		return nil, foreign("its samples of the kind %q have %d bits", kind, bits)
	}
	if tag == tagPCM && width == 1 && kind != "raw " { // bytes have signs
		return plain{channels, 1, func(dst []float32, src []byte) {
			for i := range dst {
				dst[i] = float32(int8(src[i])) / (1 << 7)
			}
		}}, nil
	}
	if !turn || width == 1 {
		return plain{channels, width, little}, nil
	}
	return plain{channels, width, func(dst []float32, src []byte) {
		for at := 0; at < len(dst)*width; at += width {
			slices.Reverse(src[at : at+width])
		}
		little(dst, src)
	}}, nil
}

// sound begins the samples.
func (d *decoder) sound(size uint64, frames int64) (*stream, error) {
	if d.coding == nil {
		return nil, bad("its SSND chunk comes before any COMM chunk")
	}
	var b [8]byte
	if err := d.read(b[:], "the SSND chunk"); err != nil {
		return nil, err
	}
	offset := uint64(binary.BigEndian.Uint32(b[:]))
	if err := d.skip("SSND", offset); err != nil {
		return nil, err
	}
	d.riff = math.MaxUint64 // what is behind is not looked at
	if size < 8+offset {    // a stream's, whose size was not known
		size = math.MaxUint64
	} else {
		size -= 8 + offset
	}
	s := d.samplesOf(size, size >= openSize)
	if frames > 0 && (s.frames < 0 || frames < s.frames) {
		s.end(frames)
	}
	return s, nil
}
