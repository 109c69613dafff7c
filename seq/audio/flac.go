package audio

import (
	"errors"
	"fmt"
	"io"

	"github.com/energo-ml/energo/internal/scratch"
)

// A flacStream decodes the frames of a FLAC file. Frames have checksums: damage is an error.
// Source: [rfc9639].
type flacStream struct {
	flacBits
	rate, channels, depth int // of the whole file; depth is the bits of a sample

	subframes [8][]int64
	block     []float32
}

// openFLAC opens a FLAC file.
func openFLAC(in input) (*stream, error) {
	d := decoder{input: in}
	info, err := d.flacInfo()
	if err != nil {
		return nil, err
	}
	f := &flacStream{flacBits: flacBits{r: in.r, sums: flacCRC()}}
	head := flacHeader(info[10:])
	f.rate, f.channels, f.depth = int(head>>44), int(head>>41&7)+1, int(head>>36&31)+1
	if f.rate < 1 || f.rate > maxRate || f.depth < 4 {
		return nil, bad("its FLAC header has %d channels of %d bits at %d samples a second", f.channels, f.depth, f.rate)
	}
	s := &stream{rate: f.rate, channels: f.channels, frames: -1}
	if n := int64(head & (1<<36 - 1)); n > 0 {
		s.frames = n
		s.room = min(n, 16*in.known) // silence is smaller
	}
	done := int64(0)
	s.next = func() ([]float32, error) {
		if s.frames >= 0 && done >= s.frames {
			return nil, io.EOF
		}
		block, err := f.frame()
		switch {
		case err == io.EOF || err == errCut:
			return nil, err
		case f.err != nil:
			return nil, fmt.Errorf("audio: reading FLAC: %w", err)
		case err != nil:
			return nil, bad("its FLAC is damaged after %.2f seconds: %v", float64(done)/float64(f.rate), err)
		}
		done += int64(len(block) / f.channels)
		return block, nil
	}
	return s, nil
}

// flacHeader is the number of 8 bytes with the rate, the channels, the depth and the number of samples.
func flacHeader(b []byte) (v uint64) {
	for _, c := range b[:8] {
		v = v<<8 | uint64(c)
	}
	return v
}

// flacInfo reads the blocks before the first frame, and returns the first of them, which says what the file holds.
func (d *decoder) flacInfo() (info [34]byte, err error) {
	var head [4]byte
	if err := d.read(head[:], "the FLAC header"); err != nil {
		return info, err
	}
	for first := true; ; first = false {
		if err := d.read(head[:], "the FLAC header"); err != nil {
			return info, err
		}
		kind, size := head[0]&0x7f, uint64(head[1])<<16|uint64(head[2])<<8|uint64(head[3])
		if isInfo := kind == 0; first != isInfo || isInfo && size != uint64(len(info)) {
			return info, bad("its FLAC header has a block of kind %d and %d bytes; the first, and no other, must be of kind 0 and %d", kind, size, len(info))
		}
		if first {
			err = d.read(info[:], "the FLAC header")
		} else {
			err = d.skip("the FLAC header", size)
		}
		if last := head[0]&0x80 != 0; err != nil || last {
			return info, err
		}
	}
}

// A flacFrame is what the header of a frame says.
type flacFrame struct {
	size     int // samples of a channel
	channels int
	pair     int // how two channels are kept: as they are, or one of the following
	depth    int
}

// How two channels are kept.
const (
	leftSide = 1 + iota
	sideRight
	midSide
)

// frame decodes a frame. It returns io.EOF before one, and errCut within.
func (f *flacStream) frame() ([]float32, error) {
	h, err := f.header()
	if err != nil {
		return nil, err
	}
	for c := range f.channels {
		depth := h.depth
		if h.pair == sideRight && c == 0 || (h.pair == leftSide || h.pair == midSide) && c == 1 {
			depth++ // a difference
		}
		f.subframes[c] = scratch.Sized(f.subframes[c], h.size)
		if err := f.subframe(f.subframes[c], depth); err != nil {
			return nil, err
		}
	}
	f.left = 0 // up to the next whole byte
	sum := f.crc16
	if kept := uint16(f.bits(16)); f.err != nil {
		return nil, f.err
	} else if kept != sum {
		return nil, fmt.Errorf("the checksum of a frame is %04x; it must be %04x", sum, kept)
	}
	leftRight(h.pair, f.subframes[0], f.subframes[1])
	f.block = scratch.Sized(f.block, h.size*f.channels)
	scale := 1 / float64(int64(1)<<(f.depth-1))
	for c := range f.channels {
		for i, v := range f.subframes[c] {
			f.block[i*f.channels+c] = float32(float64(v) * scale)
		}
	}
	return f.block, nil
}

// leftRight makes a pair of channels left and right.
func leftRight(pair int, a, b []int64) {
	switch pair {
	case leftSide:
		for i, side := range b {
			b[i] = a[i] - side
		}
	case sideRight:
		for i, side := range a {
			a[i] = side + b[i]
		}
	case midSide:
		for i, side := range b {
			mid := a[i]<<1 | side&1
			a[i], b[i] = (mid+side)>>1, (mid-side)>>1
		}
	}
}

var (
	flacRates  = [...]int{0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000} // by code; 0 is the file's
	flacDepths = [...]int{0, 8, 12, -1, 16, 20, 24, 32}                                                    // alike; −1 is reserved
)

// header reads the header of a frame, whose rate, channels and depth must be the file's.
func (f *flacStream) header() (h flacFrame, err error) {
	if _, err := f.r.Peek(1); err == io.EOF {
		return h, io.EOF
	}
	f.restart()
	sync := f.bits(15)
	f.bits(1) // whether all frames are of one size, which theirs tell
	size, rate, channels, depth, reserved := f.bits(4), f.bits(4), int(f.bits(4)), f.bits(3), f.bits(1)
	if f.err == nil && (sync != 0x7ffc || size == 0 || rate == 15 || channels > 10 || flacDepths[depth] < 0 || reserved != 0) {
		return h, errors.New("a frame does not begin as one")
	}
	f.number()
	h = flacFrame{size: f.blockSize(int(size)), channels: channels + 1, depth: flacDepths[depth]}
	if channels > 7 {
		h.channels, h.pair = 2, channels-7
	}
	if h.depth == 0 {
		h.depth = f.depth
	}
	hz := f.sampleRate(int(rate))
	sum := f.crc8
	kept := byte(f.bits(8))
	switch {
	case f.err != nil:
		return h, f.err
	case kept != sum:
		return h, fmt.Errorf("the checksum of a frame's header is %02x; it must be %02x", sum, kept)
	case h.channels != f.channels || h.depth != f.depth || hz != f.rate:
		return h, fmt.Errorf("a frame has %d channels of %d bits at %d samples a second; the file has %d of %d at %d", h.channels, h.depth, hz, f.channels, f.depth, f.rate)
	}
	return h, nil
}

// number passes over the number of a frame, in the form of UTF-8: as many bytes as the first begins with ones.
func (f *flacStream) number() {
	for first := f.bits(8) << 1; first&0x180 == 0x180; first <<= 1 {
		f.bits(8)
	}
}

func (f *flacStream) blockSize(code int) int {
	switch {
	case code == 1:
		return 192
	case code < 6:
		return 144 << code
	case code < 8:
		return int(f.bits(8*(code-5))) + 1
	}
	return 1 << code
}

func (f *flacStream) sampleRate(code int) int {
	switch code {
	case 0:
		return f.rate
	case 12:
		return int(f.bits(8)) * 1000
	case 13:
		return int(f.bits(16))
	case 14:
		return int(f.bits(16)) * 10
	}
	return flacRates[code]
}
