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
	tagFloat      = 3
	tagExtensible = 0xfffe // the tag proper is in the sub-format
)

// subFormatTail ends the sub-formats that stand for a format tag.
var subFormatTail = []byte{0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71}

// coding is how a sample is stored.
type coding struct {
	bytes  int                             // of a sample
	decode func(dst []float32, src []byte) // len(dst) samples
}

var codings = map[[2]int]*coding{ // by format tag and bits
	{tagPCM, 8}:    {1, decode8},
	{tagPCM, 16}:   {2, decode16},
	{tagPCM, 24}:   {3, decode24},
	{tagPCM, 32}:   {4, decode32},
	{tagFloat, 32}: {4, decodeFloat32},
	{tagFloat, 64}: {8, decodeFloat64},
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

// format reads a fmt chunk.
func (d *decoder) format(size uint64) error {
	if size < 16 {
		return badWAV("its fmt chunk has %d bytes; it must have 16 or more", size)
	}
	var b [40]byte
	n := min(size, uint64(len(b)))
	if err := d.read(b[:n], "the fmt chunk"); err != nil {
		return err
	}
	field := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	tag, channels, align, bits := field(0), field(2), field(12), field(14)
	rate := binary.LittleEndian.Uint32(b[4:])
	if tag == tagExtensible {
		if n < 40 {
			return badWAV("its extensible fmt chunk has %d bytes; it must have 40 or more", size)
		}
		if tag = field(24); !bytes.Equal(b[26:40], subFormatTail) {
			return badWAV("its sub-format is %x; that must be PCM or IEEE float", b[24:40])
		}
	}
	c := codings[[2]int{tag, bits}]
	switch {
	case c == nil:
		return badWAV("format %d with %d bits is not one of PCM (1) with 8, 16, 24 or 32 bits, or float (3) with 32 or 64", tag, bits)
	case channels == 0:
		return badWAV("it has 0 channels; it must have 1 or more")
	case align != channels*c.bytes:
		return badWAV("its frames of %d channels of %d bits have %d bytes; they must have %d", channels, bits, align, channels*c.bytes)
	case rate < 1 || rate > maxRate:
		return badWAV("its rate is %d; it must be from 1 to %d samples a second", rate, maxRate)
	}
	d.coding, d.channels, d.rate = c, channels, int(rate)
	return d.skip("fmt ", size-n+size&1)
}

// mixer turns blocks of frames into samples of one channel.
type mixer struct {
	channels int
	coding   *coding
	all      []float32 // the block's samples of all channels
}

// mix appends the means over the channels of the frames in block.
func (m *mixer) mix(dst []float32, block []byte) ([]float32, error) {
	n := len(block) / m.coding.bytes
	m.all = scratch.Sized(m.all, n)
	all := m.all
	m.coding.decode(all, block)
	for i, v := range all {
		if v-v != 0 {
			return nil, badWAV("frame %d has the sample %v; it must be finite", len(dst)+i/m.channels, v)
		}
	}
	if m.channels == 1 {
		return append(dst, all...), nil
	}
	for ; len(all) > 0; all = all[m.channels:] {
		sum := 0.0
		for _, v := range all[:m.channels] {
			sum += float64(v)
		}
		dst = append(dst, float32(sum/float64(m.channels)))
	}
	return dst, nil
}
