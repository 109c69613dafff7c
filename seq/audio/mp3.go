package audio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/hajimehoshi/go-mp3"
)

// An mp3Header is the first four bytes of a frame.
type mp3Header []byte

// valid reports whether the bytes begin a frame of MPEG 1, 2 or 2.5 of any layer.
func (h mp3Header) valid() bool {
	return h[0] == 0xff && h[1]&0xe0 == 0xe0 && h.version() != 1 && h.layer() != 0 && h[2]>>4 != 15 && h[2]>>2&3 != 3 && h[3]&3 != 2
}

func (h mp3Header) version() int { return int(h[1] >> 3 & 3) } // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
func (h mp3Header) layer() int   { return int(h[1] >> 1 & 3) } // 1 is layer III
func (h mp3Header) mono() bool   { return h[3]>>6 == 3 }

func (h mp3Header) free() bool { return h[2]>>4 == 0 }

// like reports whether two frames can be of one stream.
func (h mp3Header) like(o mp3Header) bool {
	return h.valid() && h.version() == o.version() && h.layer() == o.layer() && h[2]>>2&3 == o[2]>>2&3 && h.mono() == o.mono()
}

// odd reports whether the decoder takes the frame for a byte shorter than it is: it halves the padding of MPEG 2 with the rest.
func (h mp3Header) odd() bool {
	return h.old() == 1 && h[2]>>1&1 == 1 && 144*1000*mp3Bits[1][h[2]>>4]/mp3Rates[1][h[2]>>2&3]%2 == 0
}

// frames is how many frames of samples one has.
func (h mp3Header) frames() int64 {
	if h.version() == 3 {
		return 1152
	}
	return 576
}

// mp3Rates and mp3Bits are samples and thousands of bits a second, of MPEG 1 and 2.
var (
	mp3Rates = [2][3]int{{44100, 48000, 32000}, {22050, 24000, 16000}}
	mp3Bits  = [2][15]int{
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	}
)

// old is 0 for MPEG 1 and 1 for MPEG 2.
func (h mp3Header) old() int { return (3 - h.version()) & 1 }

// bytes is the length of the frame.
func (h mp3Header) bytes() int {
	return int(h.frames())/8*1000*mp3Bits[h.old()][h[2]>>4]/mp3Rates[h.old()][h[2]>>2&3] + int(h[2]>>1&1)
}

// openTagged skips ID3v2 tags, and opens what is behind.
func openTagged(in input) (*stream, error) {
	d := decoder{input: in}
	for {
		head, _ := in.r.Peek(4)
		switch {
		case len(head) == 4 && string(head[:3]) == "ID3":
			var h [10]byte
			if err := d.read(h[:], "the ID3 tag"); err != nil {
				return nil, err
			}
			size := uint64(h[6]&0x7f)<<21 | uint64(h[7]&0x7f)<<14 | uint64(h[8]&0x7f)<<7 | uint64(h[9]&0x7f)
			if h[5]&0x10 != 0 {
				size += 10 // the footer
			}
			if err := d.skip("ID3", size); err != nil {
				return nil, err
			}
		case string(head) == "fLaC":
			return openFLAC(in)
		case len(head) == 4 && mp3Header(head).valid():
			return openMP3(in)
		case len(head) > 0 && head[0] == 0 && d.at > 0: // padding behind a tag
			if err := d.skip("ID3", 1); err != nil {
				return nil, err
			}
		default:
			return nil, bad("behind its ID3 tag, at byte %d, is %q; that must be MP3 or FLAC", d.at, head)
		}
	}
}

// decoderDelay is the number of samples by which decoders of MP3 are late.
const decoderDelay = 529

// openMP3 opens MPEG 1 or 2 layer III, 16,000 to 48,000 samples a second. Where the first frame tells, as LAME and FFmpeg write it, the encoder's
// delay and its padding at the end are left out, and the length is known.
func openMP3(in input) (*stream, error) {
	head, err := in.r.Peek(4)
	if err != nil {
		return nil, bad("it ends within the first frame of MP3")
	}
	h := mp3Header(head)
	switch {
	case h.layer() != 1:
		return nil, foreign("its content is MPEG audio layer %d", 4-h.layer())
	case h.version() == 0:
		return nil, foreign("its content is MPEG 2.5, of rates below 16000")
	case h.free():
		return nil, foreign("its MP3 has frames of a free size")
	}
	s := &stream{rate: mp3Rates[h.old()][h[2]>>2&3], channels: 2, frames: -1}
	if h.mono() {
		s.channels = 1
	}
	tag, err := readMP3Tag(in, h)
	if err != nil {
		return nil, err
	}
	if tag.frames > 0 {
		s.frames = tag.frames
		s.room = min(s.frames, 32*in.known)
	}
	frames := &mp3Frames{in: in}
	d, err := guarded("MP3", func() (*mp3.Decoder, error) { return mp3.NewDecoder(frames) })
	switch {
	case frames.err != nil && frames.err != errCut:
		return nil, frames.err
	case err == io.EOF:
		return nil, bad("it ends within the first frame of MP3")
	case err != nil:
		return nil, bad("its MP3 is damaged: %v", err)
	}
	s.next = s.mp3Blocks(d, frames)
	if tag.gapless {
		skip := tag.delay + decoderDelay
		all := s.frames
		s.begin(skip)
		s.end(max(0, min(all-int64(tag.delay+tag.padding), all-int64(skip))))
	}
	return s, nil
}

// mp3Blocks gives the samples of a decoder, which always has two channels of 16 bits.
func (s *stream) mp3Blocks(d *mp3.Decoder, frames *mp3Frames) func() ([]float32, error) {
	raw := make([]byte, 1152*4*8)
	var block []float32
	done := int64(0)
	return func() ([]float32, error) {
		n, err := guarded("MP3", func() (int, error) { return io.ReadFull(d, raw) })
		got := n / 4
		block = scratch.Sized(block, got*s.channels)
		for i := range got {
			for c := range s.channels {
				block[i*s.channels+c] = float32(int16(binary.LittleEndian.Uint16(raw[4*i+2*c:]))) / (1 << 15)
			}
		}
		done += int64(got)
		switch {
		case err == nil:
			return block, nil
		case frames.err != nil:
			return block, frames.err
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return block, io.EOF
		}
		return nil, bad("its MP3 is damaged after %.2f seconds: %v", float64(done)/float64(s.rate), err)
	}
}

// mp3Frames reads the frames of a stream, and leaves out what is between and behind them: tags.
type mp3Frames struct {
	in   input
	head [4]byte // of the first frame; the others have its version and its rate
	rest []byte  // of the frame that is being read
	err  error   // why no more come, where that is not the end
}

// Read implements io.Reader. It ends with io.EOF, whatever the reason.
func (m *mp3Frames) Read(p []byte) (int, error) {
	if len(m.rest) == 0 && m.err == nil {
		m.err = m.next()
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// next reads a frame. A frame is one where another, or the end, is behind it.
func (m *mp3Frames) next() error {
	for {
		b, err := m.in.r.Peek(4)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("audio: reading MP3: %w", err)
		}
		h := mp3Header(b)
		if !h.valid() || h.layer() != 1 || h.version() == 0 || h.free() || m.head[0] != 0 && !h.like(m.head[:]) {
			_, _ = m.in.r.Discard(1)
			continue
		}
		size := h.bytes()
		b, err = m.in.r.Peek(size + 4)
		switch {
		case err == io.EOF && len(b) < size:
			return errCut
		case err == nil && m.head[0] != 0 && !mp3Header(b[size:]).like(m.head[:]) && !mp3Tail(b[size:]):
			_, _ = m.in.r.Discard(1)
			continue
		}
		if h.odd() {
			return foreign("its MP3 of %d samples a second has padded frames, which the decoder here does not read exactly", mp3Rates[1][h[2]>>2&3])
		}
		if m.head[0] == 0 {
			copy(m.head[:], h)
		}
		m.rest = append(m.rest[:0:0], b[:size]...)
		_, err = m.in.r.Discard(size)
		return err
	}
}

// mp3Tail reports whether bytes behind a frame begin a tag.
func mp3Tail(b []byte) bool {
	return bytes.HasPrefix(b, []byte("TAG")) || bytes.HasPrefix(b, []byte("APET")) || bytes.HasPrefix(b, []byte("ID3")) || bytes.HasPrefix(b, []byte("LYRI"))
}

// An mp3Tag is what a first frame says that has no sound.
type mp3Tag struct {
	frames         int64 // of samples, 0 if it does not say
	delay, padding int   // samples before and behind the sound
	gapless        bool  // delay and padding are known
}

// readMP3Tag reads and skips the first frame, if it is a tag: Xing's, with LAME's or FFmpeg's extension, or Fraunhofer's.
func readMP3Tag(in input, h mp3Header) (t mp3Tag, err error) {
	size := h.bytes()
	b, err := in.r.Peek(size)
	if err != nil {
		return t, bad("it ends within the first frame of MP3")
	}
	at := 4 + [2][2]int{{32, 17}, {17, 9}}[h.old()][map[bool]int{true: 1}[h.mono()]]
	be := binary.BigEndian
	spf := h.frames()
	switch {
	case size >= at+8 && (string(b[at:at+4]) == "Xing" || string(b[at:at+4]) == "Info"):
		flags := be.Uint32(b[at+4:])
		at += 8
		for i, n := range []int{4, 4, 100, 4} {
			if flags>>i&1 == 0 {
				continue
			}
			if size < at+n {
				break
			}
			if i == 0 {
				t.frames = int64(be.Uint32(b[at:])) * spf
			}
			at += n
		}
		if size >= at+24 && t.frames > 0 && (string(b[at:at+4]) == "LAME" || string(b[at:at+3]) == "Lav") {
			gap := int(b[at+21])<<16 | int(b[at+22])<<8 | int(b[at+23])
			t.delay, t.padding, t.gapless = gap>>12, gap&0xfff, true
		}
	case size >= 36+18 && string(b[36:40]) == "VBRI":
		t.frames = int64(be.Uint32(b[36+14:])) * spf
	default:
		return t, nil
	}
	_, err = in.r.Discard(size)
	return t, err
}
