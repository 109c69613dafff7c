package audio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// ErrWAV is behind every error about the content of a WAV file.
var ErrWAV = errors.New("not a WAV file that can be read")

func badWAV(format string, args ...any) error {
	return fmt.Errorf("audio: %w: %s", ErrWAV, fmt.Sprintf(format, args...))
}

// Read reads the WAV file at path: see Decode.
func Read(path string) (Clip, error) {
	f, err := os.Open(path)
	if err != nil {
		return Clip{}, fmt.Errorf("audio: %w", err)
	}
	defer f.Close()
	known := int64(0)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		known = info.Size()
	}
	c, err := decode(f, known)
	if err != nil {
		return Clip{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Decode reads a WAV stream up to the end of its samples and mixes its channels down
// to their mean.
//
// It reads integers of 8 (unsigned), 16, 24 and 32 bits, which become numbers in
// [−1, 1), the highest of 32 bits 1, to which float32 rounds them, floats of 32 and 64 bits, both also behind WAVE_FORMAT_EXTENSIBLE, at any
// rate, and the 64-bit sizes of RF64. Chunks that it does not know are skipped, and
// what is left of the last frame where the samples are no whole number of frames. What
// the RIFF chunk has behind the samples must be chunks, or zeros: otherwise the size of
// the samples is damaged. What comes after the RIFF chunk is not looked at.
//
// Sizes in the header that a writer left open because it could not seek are taken as
// "up to the end": 0 (where the RIFF size leaves no room for further chunks), and
// those from 0x7ffff000 on. Any other size must be met: a file that ends before is an
// error, as are samples that are not finite. Memory grows with what arrives, never
// with what is declared.
// Source: [wave1991], [ebu3306].
func Decode(r io.Reader) (Clip, error) { return decode(r, 0) }

// decode is Decode of a stream of which known bytes are sure to come.
func decode(r io.Reader, known int64) (Clip, error) {
	d := decoder{r: bufio.NewReaderSize(r, 64<<10), known: known}
	if err := d.header(); err != nil {
		return Clip{}, err
	}
	for {
		id, size, err := d.chunk()
		if err != nil {
			return Clip{}, err
		}
		switch id {
		case "fmt ":
			err = d.format(size)
		case "ds64":
			err = d.sizes64(size)
		case "data":
			return d.data(size)
		default:
			err = d.skip(id, size+size&1)
		}
		if err != nil {
			return Clip{}, err
		}
	}
}

// openSize is the least size that stands for "not known"; writers to pipes put
// 0x7ffff000 (espeak-ng), 0x7fffffff or 0xffffffff there.
const openSize = 0x7ffff000

type decoder struct {
	r     *bufio.Reader
	known int64  // bytes that are sure to come, 0 if that is not known
	at    uint64 // bytes read
	riff  uint64 // the RIFF chunk's size
	long  uint64 // the data chunk's size by ds64, 0 if there is none

	rate, channels int
	coding         *coding // nil until the fmt chunk has been read
}

// read fills p or says what was cut short.
func (d *decoder) read(p []byte, what string) error {
	n, err := io.ReadFull(d.r, p)
	d.at += uint64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return badWAV("it ends at byte %d, within %s", d.at, what)
	}
	if err != nil {
		return fmt.Errorf("audio: reading %s: %w", what, err)
	}
	return nil
}

func (d *decoder) header() error {
	var h [12]byte
	if err := d.read(h[:], "the RIFF header"); err != nil {
		return err
	}
	switch id := string(h[:4]); id {
	case "RIFF", "RF64", "BW64":
	default:
		return badWAV("it begins with %q; that must be RIFF or RF64", id)
	}
	if form := string(h[8:]); form != "WAVE" {
		return badWAV("its RIFF form is %q; that must be WAVE", form)
	}
	d.riff = uint64(binary.LittleEndian.Uint32(h[4:]))
	return nil
}

func (d *decoder) chunk() (id string, size uint64, err error) {
	var h [8]byte
	if _, err := d.r.Peek(1); err == io.EOF {
		return "", 0, badWAV("it has no data chunk")
	}
	if err := d.read(h[:], "a chunk's header"); err != nil {
		return "", 0, err
	}
	return string(h[:4]), uint64(binary.LittleEndian.Uint32(h[4:])), nil
}

// skip passes over the n bytes that are left of a chunk and its pad byte.
func (d *decoder) skip(id string, n uint64) error {
	got, err := io.CopyN(io.Discard, d.r, int64(n))
	d.at += uint64(got)
	if err == io.EOF {
		return badWAV("it ends at byte %d, within the chunk %q", d.at, id)
	}
	if err != nil {
		return fmt.Errorf("audio: reading chunk %q: %w", id, err)
	}
	return nil
}

func (d *decoder) sizes64(size uint64) error {
	var b [16]byte
	if size < 28 {
		return badWAV("its ds64 chunk has %d bytes; it must have 28 or more", size)
	}
	if err := d.read(b[:], "the ds64 chunk"); err != nil {
		return err
	}
	d.long = binary.LittleEndian.Uint64(b[8:])
	return d.skip("ds64", size-16+size&1)
}

// data reads the samples.
func (d *decoder) data(size uint64) (Clip, error) {
	if d.coding == nil {
		return Clip{}, badWAV("its data chunk comes before any fmt chunk")
	}
	size, open := d.extent(size)
	frame := d.channels * d.coding.bytes
	c := Clip{Rate: d.rate, Samples: make([]float32, 0, min(size, uint64(d.known))/uint64(frame))}
	block := make([]byte, max(1, (64<<10)/frame)*frame)
	mixer := mixer{channels: d.channels, coding: d.coding}
	for left := size / uint64(frame) * uint64(frame); left > 0; {
		n, err := io.ReadFull(d.r, block[:min(left, uint64(len(block)))])
		left -= uint64(n)
		d.at += uint64(n)
		short := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !short {
			return Clip{}, fmt.Errorf("audio: reading samples: %w", err)
		}
		if short && !open {
			return Clip{}, badWAV("it ends at byte %d, %d bytes before the end of the %d bytes of samples that it declares", d.at, left, size)
		}
		if c.Samples, err = mixer.mix(c.Samples, block[:n/frame*frame]); err != nil {
			return Clip{}, err
		}
		if short {
			break
		}
	}
	if open {
		return c, nil
	}
	return c, d.rest(size)
}

// rest passes over what the RIFF chunk has behind a data chunk of that size, as far as it
// is there: the samples are whole.
func (d *decoder) rest(size uint64) error {
	end := d.riff + 8
	if d.riff >= openSize {
		return nil
	}
	skip := size % uint64(d.channels*d.coding.bytes) // of the last frame
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
			return badWAV("%d bytes of samples are declared, and what follows at byte %d, within the RIFF chunk, is not a chunk", size, from)
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
	case size == math.MaxUint32 && d.long > 0:
		return d.long, false
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
