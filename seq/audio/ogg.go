package audio

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// An ogg reads the pages of one stream of an Ogg file. Pages have checksums: damage is an error.
// Source: [rfc3533].
type ogg struct {
	input
	serial  uint32
	partial []byte // of a packet that continues on the next page
}

// An oggPage has the packets that end on it.
type oggPage struct {
	packets [][]byte
	granule int64 // the place of the last of them
	last    bool  // of the stream
}

// maxPacket bounds a packet, in bytes: comments hold pictures.
const maxPacket = 1 << 25

// The flags of a page.
const (
	oggContinued = 1
	oggFirst     = 2
	oggLast      = 4
)

// oggCRC is the table of Ogg's checksum, a CRC-32 that takes the high bit first.
var oggCRC = sync.OnceValue(func() (t [256]uint32) {
	for i := range t {
		r := uint32(i) << 24
		for range 8 {
			r = r<<1 ^ r>>31*0x04c11db7
		}
		t[i] = r
	}
	return t
})

// raw reads a page: its header with the table of segments, and its body. It returns io.EOF before a page and errCut within.
func (o *ogg) raw() (head, body []byte, err error) {
	head = make([]byte, 27, 27+255)
	n, err := io.ReadFull(o.r, head)
	switch {
	case err == io.EOF:
		return nil, nil, io.EOF
	case string(head[:min(4, n)]) != "OggS"[:min(4, n)]:
		return nil, nil, bad("its Ogg is damaged: %q begins a page", head[:min(4, n)])
	case err == nil:
		head = head[:27+int(head[26])]
		_, err = io.ReadFull(o.r, head[27:])
	}
	if err == nil {
		size := 0
		for _, s := range head[27:] {
			size += int(s)
		}
		body = make([]byte, size)
		_, err = io.ReadFull(o.r, body)
	}
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return nil, nil, errCut
	case err != nil:
		return nil, nil, fmt.Errorf("audio: reading a page: %w", err)
	}
	sum, table := uint32(0), oggCRC()
	want := binary.LittleEndian.Uint32(head[22:])
	copy(head[22:26], "\x00\x00\x00\x00")
	for _, part := range [][]byte{head, body} {
		for _, b := range part {
			sum = sum<<8 ^ table[byte(sum>>24)^b]
		}
	}
	if sum != want {
		return nil, nil, bad("its Ogg is damaged: a page has the checksum %08x and says %08x", sum, want)
	}
	return head, body, nil
}

// page reads the stream's next page.
func (o *ogg) page() (p oggPage, err error) {
	for {
		head, body, err := o.raw()
		if err != nil {
			return p, err
		}
		if binary.LittleEndian.Uint32(head[14:]) != o.serial {
			continue // of another stream
		}
		if head[5]&oggContinued == 0 {
			o.partial = nil
		}
		for _, s := range head[27:] {
			if len(o.partial)+int(s) > maxPacket {
				return p, bad("its Ogg has a packet of more than %d bytes", maxPacket)
			}
			o.partial, body = append(o.partial, body[:s]...), body[s:]
			if s < 255 {
				p.packets, o.partial = append(p.packets, o.partial), nil
			}
		}
		p.granule, p.last = int64(binary.LittleEndian.Uint64(head[6:])), head[5]&oggLast != 0
		return p, nil
	}
}

// openOgg opens the first stream of an Ogg file that is of Vorbis or Opus.
func openOgg(in input) (*stream, error) {
	o := &ogg{input: in}
	for {
		head, body, err := o.raw()
		if err == io.EOF || err == errCut {
			return nil, bad("it ends before its first sample")
		}
		if err != nil {
			return nil, err
		}
		if head[5]&oggFirst == 0 {
			return nil, foreign("its Ogg has no Vorbis or Opus")
		}
		o.serial = binary.LittleEndian.Uint32(head[14:])
		switch {
		case len(body) >= 7 && string(body[:7]) == "\x01vorbis":
			return o.vorbis(body)
		case len(body) >= 8 && string(body[:8]) == "OpusHead":
			return o.opus(body)
		}
	}
}

// headers reads n packets that come before the sound, which begins on a page of its own.
func (o *ogg) headers(n int) (all [][]byte, err error) {
	for len(all) < n {
		p, err := o.page()
		if err == io.EOF || err == errCut {
			return nil, bad("it ends before its first sample")
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p.packets...)
	}
	if len(all) > n {
		return nil, bad("its Ogg has %d packets where its %d of headers must be", len(all), n)
	}
	return all, nil
}

// sound makes a stream of the pages to come: decode appends the frames of a packet. The frames before the first page's place do not count, nor
// those behind the last one's.
func (o *ogg) sound(rate, channels, skip int, decode func(dst []float32, packet []byte) ([]float32, error)) *stream {
	s := &stream{rate: rate, channels: channels, frames: -1}
	if all := o.lastGranule(); all > 0 {
		s.room = min(all, 64*o.known)
	}
	at, first := int64(0), true
	var block []float32
	s.next = func() ([]float32, error) {
		p, err := o.page()
		if err == io.EOF {
			err = errCut // the last page says that it is
		}
		if err != nil {
			return nil, err
		}
		block = block[:0]
		for _, packet := range p.packets {
			if block, err = decode(block, packet); err != nil {
				return nil, bad("it is damaged after %.2f seconds: %v", float64(at)/float64(rate), err)
			}
		}
		out, n := block, int64(len(block)/channels)
		if first && len(p.packets) > 0 {
			if early := n - p.granule; p.granule >= 0 && early > 0 && !p.last {
				out, n = out[early*int64(channels):], p.granule
			}
			at, first = p.granule-n, p.granule < 0
			if p.last || first {
				at = 0
			}
		}
		if at += n; p.last && p.granule >= 0 && at > p.granule {
			out = out[:max(0, n-(at-p.granule))*int64(channels)]
		}
		if !p.last {
			return out, nil
		}
		if more, _ := o.r.Peek(6); len(more) == 6 && string(more[:4]) == "OggS" && more[5]&oggFirst != 0 {
			return nil, foreign("its Ogg has several recordings, one behind the other")
		}
		return out, io.EOF
	}
	s.begin(skip)
	return s
}

// lastGranule is the place of the last page of a file, 0 where that is not known.
func (o *ogg) lastGranule() int64 {
	if o.at == nil {
		return 0
	}
	b := make([]byte, min(o.known, 1<<16))
	if _, err := o.at.ReadAt(b, o.known-int64(len(b))); err != nil {
		return 0
	}
	for i := len(b) - 27; i >= 0; i-- {
		if string(b[i:i+4]) == "OggS" {
			return int64(binary.LittleEndian.Uint64(b[i+6:]))
		}
	}
	return 0
}
