package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/jfreymuth/vorbis"
)

// vorbis opens a stream of Vorbis, whose first packet is head.
// Source: [vorbis1].
func (o *ogg) vorbis(head []byte) (*stream, error) {
	if len(head) < 30 {
		return nil, bad("its Vorbis header has %d bytes; it must have 30", len(head))
	}
	channels, rate := int(head[11]), binary.LittleEndian.Uint32(head[12:])
	short, long := head[28]&0xf, head[28]>>4
	switch {
	case channels < 1 || channels > 8:
		return nil, bad("its Vorbis has %d channels; it must have from 1 to 8", channels)
	case rate < 1 || rate > maxRate:
		return nil, bad("its rate is %d; it must be from 1 to %d samples a second", rate, maxRate)
	case short < 6 || short > long || long > 13:
		return nil, bad("its Vorbis has blocks of 2^%d and 2^%d samples; they must be from 2^6 to 2^13, the first not above the second", short, long)
	}
	packets, err := o.headers(2) // the comments are not needed
	if err != nil {
		return nil, err
	}
	if err := checkVorbisSetup(packets[1]); err != nil {
		return nil, err
	}
	d := &vorbis.Decoder{}
	for _, p := range [][]byte{head, packets[1]} {
		if _, err := guarded("the Vorbis header", func() (bool, error) { return true, d.ReadHeader(p) }); err != nil {
			return nil, bad("its Vorbis header is damaged: %v", err)
		}
	}
	return o.sound(int(rate), channels, 0, func(dst []float32, packet []byte) ([]float32, error) {
		from, room := len(dst), d.BufferSize()
		dst = slices.Grow(dst, room)[:from+room]
		out, err := guarded("Vorbis", func() ([]float32, error) { return d.DecodeInto(packet, dst[from:]) })
		return dst[:from+len(out)], err
	}), nil
}

// What a codebook of Vorbis may have. Encoders have books of some thousand entries; the decoder keeps memory for what a header declares.
const (
	maxSetup   = 1 << 17 // bytes of all codebooks
	maxEntries = 1 << 14
	maxValues  = 1 << 18
)

// checkVorbisSetup refuses a packet of codebooks that would make the decoder keep more than such a packet can have, or search without end.
func checkVorbisSetup(packet []byte) error {
	if len(packet) < 8 || string(packet[:7]) != "\x05vorbis" || len(packet) > maxSetup {
		return bad("its Vorbis has no packet of codebooks of up to %d bytes", maxSetup)
	}
	b := bitReader{data: packet[7:]}
	for i := range b.bits(8) + 1 {
		if err := b.codebook(); err != nil {
			return bad("its Vorbis codebook %d: %v", i, err)
		}
	}
	for range b.bits(6) + 1 {
		b.at += 16 // a transform
	}
	for range b.bits(6) + 1 {
		b.floor()
	}
	for i := range b.bits(6) + 1 {
		if err := b.residue(); err != nil {
			return bad("its Vorbis residue %d: %v", i, err)
		}
	}
	return nil
}

// floor passes over a floor, of the kind 0 or 1.
func (b *bitReader) floor() {
	if kind := b.bits(16); kind == 0 {
		b.at += 8 + 16 + 16 + 6 + 8
		b.at += 8 * (b.bits(4) + 1)
		return
	}
	classes := make([]int, b.bits(5)) // of partitions
	most := -1
	for i := range classes {
		classes[i] = b.bits(4)
		most = max(most, classes[i])
	}
	dimensions := make([]int, most+1)
	for i := range dimensions {
		dimensions[i] = b.bits(3) + 1
		sub := b.bits(2)
		if sub > 0 {
			b.at += 8
		}
		b.at += 8 << sub
	}
	b.at += 2
	width := b.bits(4)
	for _, c := range classes {
		b.at += dimensions[c] * width
	}
}

// residue passes over a residue, and refuses one that ends before it begins: the decoder would take it for one of 2³² values.
func (b *bitReader) residue() error {
	b.at += 16
	begin, end := b.bits(24), b.bits(24)
	if begin > end {
		return fmt.Errorf("it begins at %d and ends at %d", begin, end)
	}
	b.at += 24
	cascade := make([]int, b.bits(6)+1)
	b.at += 8
	for i := range cascade {
		cascade[i] = b.bits(3)
		if b.bits(1) == 1 {
			cascade[i] |= b.bits(5) << 3
		}
	}
	for _, c := range cascade {
		b.at += 8 * bits.OnesCount(uint(c))
	}
	return nil
}

// A bitReader reads bits as Vorbis packs them, the lowest first.
type bitReader struct {
	data []byte
	at   int // in bits
}

// bits reads n bits; those behind the end are 0.
func (b *bitReader) bits(n int) (v int) {
	for i := range n {
		if b.at/8 < len(b.data) {
			v |= int(b.data[b.at/8]>>(b.at%8)&1) << i
		}
		b.at++
	}
	return v
}

// codebook passes over a codebook, and refuses one that the decoder must not see.
func (b *bitReader) codebook() error {
	if b.bits(24) != 0x564342 {
		return errors.New("it does not begin as one")
	}
	dimensions, entries := b.bits(16), b.bits(24)
	if dimensions < 1 || entries < 1 || entries > maxEntries {
		return fmt.Errorf("it has %d entries of %d dimensions; there must be from 1 to %d, of 1 or more", entries, dimensions, maxEntries)
	}
	used := 0
	if ordered := b.bits(1) == 1; ordered {
		for length := b.bits(5) + 1; used < entries; length++ {
			if length > 32 {
				return errors.New("it has code words of more than 32 bits")
			}
			used += b.bits(bits.Len(uint(entries - used)))
		}
	} else {
		sparse := b.bits(1) == 1
		for range entries {
			if !sparse || b.bits(1) == 1 {
				b.at += 5
				used++
			}
		}
	}
	if used < 1 || used > entries || b.at > 8*len(b.data) {
		return fmt.Errorf("it has code words for %d of %d entries", used, entries)
	}
	lookup := b.bits(4)
	if lookup == 0 {
		return nil
	}
	b.at += 64
	width := b.bits(4) + 1
	b.at++
	values := entries * dimensions
	if lookup > 2 || values > maxValues {
		return fmt.Errorf("it has %d values of the kind %d; there must be up to %d, of the kinds 1 and 2", values, lookup, maxValues)
	}
	if lookup == 1 {
		values = int(math.Floor(math.Pow(float64(entries), 1/float64(dimensions))))
	}
	if b.at += values * width; b.at > 8*len(b.data) {
		return errors.New("it is cut off")
	}
	return nil
}
