package audio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// openRIFF opens a WAV file: RIFF, RF64 or BW64, or Sony's Wave64.
//
// Chunks that it does not know are skipped, and what is left of the last frame where the samples are no whole number of frames. What
// a RIFF chunk has behind the samples must be chunks, or zeros: otherwise the size of
// the samples is damaged. What comes after the RIFF chunk is not looked at.
//
// Sizes in the header that a writer left open because it could not seek are taken as
// "up to the end": 0 (where the RIFF size leaves no room for further chunks), and
// those from 0x7ffff000 on.
// Source: [wave1991], [ebu3306].
func openRIFF(in input) (*stream, error) {
	d := decoder{input: in}
	if err := d.header(); err != nil {
		return nil, err
	}
	for {
		id, size, err := d.chunk()
		if err != nil {
			return nil, err
		}
		switch id {
		case "fmt ":
			err = d.format(size)
		case "ds64":
			err = d.sizes64(size)
		case "data":
			return d.data(size)
		default:
			err = d.skip(id, size+d.pad(size))
		}
		if err != nil {
			return nil, err
		}
	}
}

// openSize is the least size that stands for "not known"; writers to pipes put
// 0x7ffff000 (espeak-ng), 0x7fffffff or 0xffffffff there.
const openSize = 0x7ffff000

type decoder struct {
	input
	at     uint64 // bytes read
	riff   uint64 // the RIFF chunk's size
	long   uint64 // the data chunk's size by ds64, 0 if there is none
	wave64 bool   // chunks have names of 16 bytes and sizes of 8

	rate, channels int
	coding         coding // nil until the fmt chunk has been read

	// of the samples
	size, left uint64 // bytes in all, and to come
	open       bool   // the stream may end before
	block      []byte
	samples    []float32
}

// read fills p or says what was cut short.
func (d *decoder) read(p []byte, what string) error {
	n, err := io.ReadFull(d.r, p)
	d.at += uint64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return bad("it ends at byte %d, within %s", d.at, what)
	}
	if err != nil {
		return fmt.Errorf("audio: reading %s: %w", what, err)
	}
	return nil
}

// The names that Wave64 has for chunks: four letters and one of two tails.
const (
	wave64Outer = "\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
	wave64Inner = "\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
)

func (d *decoder) header() error {
	var h [40]byte
	if err := d.read(h[:12], "the RIFF header"); err != nil {
		return err
	}
	if string(h[:4]) == "riff" {
		d.wave64 = true
		if err := d.read(h[12:], "the RIFF header"); err != nil {
			return err
		}
		if string(h[4:16]) != wave64Outer || string(h[24:]) != "wave"+wave64Inner {
			return bad("it begins as Wave64 does, and its form is %x; that must be wave", h[24:])
		}
		return nil
	}
	if form := string(h[8:12]); form != "WAVE" {
		return bad("its RIFF form is %q; that must be WAVE", form)
	}
	d.riff = uint64(binary.LittleEndian.Uint32(h[4:]))
	return nil
}

// chunk reads a chunk's header, and returns the size of what follows.
func (d *decoder) chunk() (id string, size uint64, err error) {
	h := make([]byte, 24)
	if !d.wave64 {
		h = h[:8]
	}
	if _, err := d.r.Peek(1); err == io.EOF {
		return "", 0, bad("it has no data chunk")
	}
	if err := d.read(h, "a chunk's header"); err != nil {
		return "", 0, err
	}
	id = string(h[:4])
	if !d.wave64 {
		return id, uint64(binary.LittleEndian.Uint32(h[4:])), nil
	}
	size = binary.LittleEndian.Uint64(h[16:])
	if size == 0 && id == "data" {
		size = math.MaxUint64 // it is open
	}
	if size < 24 || size > math.MaxInt64 && id != "data" {
		return "", 0, bad("its chunk %q says that it has %d bytes, 24 of which are its header", id, size)
	}
	return id, size - 24, nil
}

// pad is the number of bytes behind a chunk of a size, up to the next one.
func (d *decoder) pad(size uint64) uint64 {
	if d.wave64 {
		return -size & 7
	}
	return size & 1
}

// skip passes over the n bytes that are left of a chunk and its padding.
func (d *decoder) skip(id string, n uint64) error {
	got, err := io.CopyN(io.Discard, d.r, int64(n))
	d.at += uint64(got)
	if err == io.EOF {
		return bad("it ends at byte %d, within the chunk %q", d.at, id)
	}
	if err != nil {
		return fmt.Errorf("audio: reading chunk %q: %w", id, err)
	}
	return nil
}

func (d *decoder) sizes64(size uint64) error {
	var b [16]byte
	if size < 28 {
		return bad("its ds64 chunk has %d bytes; it must have 28 or more", size)
	}
	if err := d.read(b[:], "the ds64 chunk"); err != nil {
		return err
	}
	d.long = binary.LittleEndian.Uint64(b[8:])
	return d.skip("ds64", size-16+d.pad(size))
}

// data begins the samples.
func (d *decoder) data(size uint64) (*stream, error) {
	if d.coding == nil {
		return nil, bad("its data chunk comes before any fmt chunk")
	}
	return d.samplesOf(d.extent(size)), nil
}

// samplesOf begins size bytes of samples; open says that the file may end before.
func (d *decoder) samplesOf(size uint64, open bool) *stream {
	unit := d.coding.unit()
	bytes, frames := d.coding.whole(size)
	d.size, d.left, d.open = size, bytes, open
	d.block = make([]byte, max(1, (64<<10)/unit)*unit)
	s := &stream{rate: d.rate, channels: d.channels, frames: -1, next: d.next}
	_, room := d.coding.whole(min(size, uint64(d.known)))
	s.room = int64(room)
	if !open {
		s.frames = int64(frames)
	}
	return s
}

// next reads a block of samples.
func (d *decoder) next() ([]float32, error) {
	n, err := io.ReadFull(d.r, d.block[:min(d.left, uint64(len(d.block)))])
	d.left -= uint64(n)
	d.at += uint64(n)
	short := err == io.EOF || err == io.ErrUnexpectedEOF
	switch {
	case err != nil && !short:
		return nil, fmt.Errorf("audio: reading samples: %w", err)
	case short && d.open:
		err = io.EOF
	case short && d.left > 0:
		err = errCut
	case d.left == 0:
		if err = d.rest(); err == nil {
			err = io.EOF
		}
	}
	d.samples = d.coding.decode(d.samples, d.block[:n])
	return d.samples, err
}

// rest passes over what the RIFF chunk has behind a data chunk, as far as it
// is there: the samples are whole.
func (d *decoder) rest() error {
	end := d.riff + 8
	if d.open || d.wave64 || d.riff >= openSize {
		return nil
	}
	bytes, _ := d.coding.whole(d.size)
	skip := d.size - bytes // of the last frame
	for {
		n, err := io.CopyN(io.Discard, d.r, int64(skip))
		d.at += uint64(n)
		if pad, _ := d.r.Peek(1); err == nil && d.at%2 == 1 && len(pad) == 1 && pad[0] == 0 {
			_, _ = d.r.Discard(1)
			d.at++
		}
		if err == io.EOF || d.at >= end {
			return nil
		}
		if err != nil {
			return fmt.Errorf("audio: behind the samples: %w", err)
		}
		var h [8]byte
		read, err := io.ReadFull(d.r, h[:min(8, end-d.at)])
		if read == 0 && err == io.EOF {
			return nil
		}
		if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
			return fmt.Errorf("audio: behind the samples: %w", err)
		}
		from := d.at
		d.at += uint64(read)
		skip = uint64(binary.LittleEndian.Uint32(h[4:]))
		switch zero := h == [8]byte{}; {
		case zero:
			skip = 0
		case read < 8 || !isID(h[:4]) || d.at+skip > end:
			return bad("%d bytes of samples are declared, and what follows at byte %d, within the RIFF chunk, is not a chunk", d.size, from)
		}
	}
}

// isID reports whether four bytes can name a chunk: they are printable ASCII.
func isID(id []byte) bool {
	return !slices.ContainsFunc(id, func(b byte) bool { return b < ' ' || b > '~' })
}

// extent returns how many bytes of samples the header's size stands for, and whether
// the stream may end before.
func (d *decoder) extent(size uint64) (bytes uint64, open bool) {
	switch {
	case d.wave64:
		return size, size > math.MaxInt64
	case size == math.MaxUint32 && d.long > 0:
		return d.long, d.long > math.MaxInt64
	case size == 0:
		room := d.riff < openSize && d.riff+8 >= d.at+8
		if room {
			return 0, false
		}
		return math.MaxUint64, true
	case size == math.MaxUint32:
		return math.MaxUint64, true
	}
	return size, size >= openSize
}
