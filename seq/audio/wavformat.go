package audio

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// The format tags of a fmt chunk.
const (
	tagPCM        = 1
	tagMS         = 2
	tagFloat      = 3
	tagALaw       = 6
	tagMuLaw      = 7
	tagIMA        = 0x11
	tagExtensible = 0xfffe // the tag proper is in the sub-format
)

// foreignTags are formats that are not read.
var foreignTags = map[int]string{
	0x22: "TrueSpeech", 0x31: "GSM 6.10", 0x40: "G.721", 0x45: "G.726", 0x50: "MPEG", 0x55: "MP3", 0x64: "G.726", 0xff: "AAC", 0x161: "Windows Media", 0x2000: "AC-3",
}

// subFormatTail ends the sub-formats that stand for a format tag.
var subFormatTail = []byte{0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71}

// coding is how samples are stored, in units of some bytes.
type coding interface {
	unit() int                                  // bytes of a frame, or of a block of several
	whole(size uint64) (bytes, frames uint64)   // how much of size bytes holds frames
	decode(dst []float32, src []byte) []float32 // of units, the last of which may be short; dst is overwritten
}

// plain is a coding of single samples.
type plain struct {
	channels, width int
	samples         func(dst []float32, src []byte) // len(dst) samples
}

func (p plain) unit() int { return p.channels * p.width }

func (p plain) whole(size uint64) (bytes, frames uint64) {
	frames = size / uint64(p.unit())
	return frames * uint64(p.unit()), frames
}

func (p plain) decode(dst []float32, src []byte) []float32 {
	dst = scratch.Sized(dst, len(src)/p.unit()*p.channels)
	p.samples(dst, src)
	return dst
}

// encodings are those of single samples, by format tag and bytes: integers of 8 (unsigned), 16, 24 and 32 bits become numbers in
// [−1, 1), the highest of 32 bits 1, to which float32 rounds them; floats of 16, 32 and 64 bits stay; G.711's laws give integers of 16 bits.
// Integers of other widths fill their bytes from the highest bit on.
var encodings = map[[2]int]func(dst []float32, src []byte){
	{tagPCM, 1}:   decode8,
	{tagPCM, 2}:   decode16,
	{tagPCM, 3}:   decode24,
	{tagPCM, 4}:   decode32,
	{tagFloat, 2}: decodeFloat16,
	{tagFloat, 4}: decodeFloat32,
	{tagFloat, 8}: decodeFloat64,
	{tagALaw, 1}:  tableOf(aLaw).decode,
	{tagMuLaw, 1}: tableOf(muLaw).decode,
}

func decode8(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int(src[i])-128) / (1 << 7)
	}
}

func decode16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int16(binary.LittleEndian.Uint16(src[2*i:]))) / (1 << 15)
	}
}

func decode24(dst []float32, src []byte) {
	for i := range dst {
		b := src[3*i : 3*i+3]
		v := int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24) >> 8
		dst[i] = float32(v) / (1 << 23)
	}
}

func decode32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int32(binary.LittleEndian.Uint32(src[4*i:]))) / (1 << 31)
	}
}

func decodeFloat16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = half(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// half is a float of 16 bits: sign, 5 bits of exponent, 10 of mantissa.
func half(b uint16) float32 {
	m, e := float64(b&0x3ff), int(b>>10&0x1f)
	v := math.Ldexp(m+0x400, e-25)
	switch e {
	case 0:
		v = math.Ldexp(m, -24)
	case 0x1f:
		v = math.Inf(1)
		if m != 0 {
			v = math.NaN()
		}
	}
	if b>>15 == 1 {
		v = -v
	}
	return float32(v)
}

func decodeFloat32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func decodeFloat64(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
	}
}

// A lawTable has the samples of a law of companding.
type lawTable [256]float32

func (t *lawTable) decode(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = t[src[i]]
	}
}

// tableOf fills the table of a law whose values are integers of 16 bits.
func tableOf(law func(b byte) int) *lawTable {
	t := &lawTable{}
	for b := range t {
		t[b] = float32(law(byte(b))) / (1 << 15)
	}
	return t
}

// muLaw is G.711's µ-law: all bits are inverted; sign, 3 bits of exponent, 4 of mantissa.
// Source: [g711].
func muLaw(b byte) int {
	b = ^b
	v := (int(b&0xf)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		return -v
	}
	return v
}

// aLaw is G.711's A-law: every other bit is inverted; sign, 3 bits of exponent, 4 of mantissa.
// Source: [g711].
func aLaw(b byte) int {
	b ^= 0x55
	v := int(b&0xf)<<4 + 8
	if e := b >> 4 & 7; e > 0 {
		v = (v + 0x100) << (e - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}

// maxFormat bounds the bytes of a fmt chunk that are looked at.
const maxFormat = 1 << 10

// format reads a fmt chunk.
func (d *decoder) format(size uint64) error {
	if size < 16 {
		return bad("its fmt chunk has %d bytes; it must have 16 or more", size)
	}
	b := make([]byte, min(size, maxFormat))
	if err := d.read(b, "the fmt chunk"); err != nil {
		return err
	}
	field := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	tag, channels, align, bits := field(0), field(2), field(12), field(14)
	rate := binary.LittleEndian.Uint32(b[4:])
	if tag == tagExtensible {
		if len(b) < 40 {
			return bad("its extensible fmt chunk has %d bytes; it must have 40 or more", size)
		}
		if tag = field(24); !bytes.Equal(b[26:40], subFormatTail) {
			return foreign("its sub-format is %x", b[24:40])
		}
	}
	switch {
	case channels == 0:
		return bad("it has 0 channels; it must have 1 or more")
	case rate < 1 || rate > maxRate:
		return bad("its rate is %d; it must be from 1 to %d samples a second", rate, maxRate)
	}
	var err error
	if tag == tagMS || tag == tagIMA {
		d.coding, err = newADPCM(tag, channels, align, bits, b[16:])
	} else {
		d.coding, err = newPlain(tag, channels, align, bits)
	}
	if err != nil {
		return err
	}
	d.channels, d.rate = channels, int(rate)
	return d.skip("fmt ", size-uint64(len(b))+d.pad(size))
}

// newPlain returns the coding of single samples that a fmt chunk tells.
func newPlain(tag, channels, align, bits int) (coding, error) {
	width := (bits + 7) / 8
	samples := encodings[[2]int{tag, width}]
	name, known := foreignTags[tag]
	switch {
	case known:
		return nil, foreign("its samples are %s (format %d)", name, tag)
	case samples == nil || tag != tagPCM && bits%8 != 0:
		return nil, foreign("format %d with %d bits is not one of PCM (1) with 8 to 32 bits, float (3) with 16, 32 or 64, A-law (6), µ-law (7) or ADPCM (2, 17)", tag, bits)
	case align != channels*width:
		return nil, bad("its frames of %d channels of %d bits have %d bytes; they must have %d", channels, bits, align, channels*width)
	}
	return plain{channels, width, samples}, nil
}
