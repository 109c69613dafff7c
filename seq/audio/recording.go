package audio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrContent is behind every error about the content of a recording.
var ErrContent = errors.New("not a recording that can be read")

// errForeign is behind the errors of recordings that are whole, and of a kind that is not read here.
var errForeign = fmt.Errorf("%w", ErrContent)

// errCut ends a stream that ends before it should.
var errCut = errors.New("cut off")

func bad(format string, args ...any) error {
	return fmt.Errorf("audio: %w: %s", ErrContent, fmt.Sprintf(format, args...))
}

func foreign(format string, args ...any) error {
	return fmt.Errorf("audio: %w: %s", errForeign, fmt.Sprintf(format, args...))
}

// maxSamples bounds what is kept of one file: 18 hours of 16,000 samples a second.
const maxSamples = 1 << 30

// Read reads the recording at path as [Decode] does.
func Read(path string) (Recording, error) {
	all, err := ReadChannels(path, Mix)
	if err != nil {
		return Recording{}, err
	}
	return all[0], nil
}

// ReadChannels reads channels of the recording at path, each by itself, as [Channels] has them.
//
// Errors: those of [Decode], with the path; a recording without the channel.
func ReadChannels(path string, c Channels) ([]Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	defer f.Close()
	in := input{r: bufio.NewReaderSize(f, 64<<10)}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		in.known, in.at = info.Size(), f
	}
	all, err := in.clips(c)
	if err == nil {
		return all, nil
	}
	hint := ""
	if errors.Is(err, errForeign) {
		hint = fmt.Sprintf("; ffmpeg makes it a WAV file: ffmpeg -i %s -f wav - | energo transcribe RUN -", path)
	}
	return nil, fmt.Errorf("%s: %w%s", path, err, hint)
}

// Decode reads a recording up to the end of its samples, and mixes its channels down to their mean. It knows the kind by the content:
// WAV (of which [encodings] has the encodings), Wave64, AIFF, AU, FLAC, MP3, and Vorbis and Opus in Ogg. Samples are at the file's own rate, Opus at 48,000
// a second. The silence that an encoder puts before and behind the samples is left out where the file says how long it is.
//
// A recording that ends before it should is read up to there: see [Recording]. Memory grows with what arrives, never with what is declared.
//
// Errors: content of another kind, or of a damaged file; samples that are not finite; more than 2³⁰ of them.
func Decode(r io.Reader) (Recording, error) {
	all, err := DecodeChannels(r, Mix)
	if err != nil {
		return Recording{}, err
	}
	return all[0], nil
}

// DecodeChannels is [ReadChannels] of a stream.
func DecodeChannels(r io.Reader, c Channels) ([]Recording, error) {
	return DecodeWithin(r, c, Limits{})
}

// ErrTooLong is behind the errors of recordings beyond their [Limits].
var ErrTooLong = errors.New("too long")

// Limits bound what is read of a recording; 0 is without a bound of its own.
type Limits struct {
	Seconds float64
	Samples int // of all channels that are read
}

// DecodeWithin is [DecodeChannels] of recordings that others send: it stops where there is more than the limits allow.
//
// Errors: those of [Decode]; a recording that is longer, [ErrTooLong].
func DecodeWithin(r io.Reader, c Channels, l Limits) ([]Recording, error) {
	return input{r: bufio.NewReaderSize(r, 64<<10), limits: l}.clips(c)
}

// check refuses what has gone beyond the limits: n samples of all channels, of some seconds.
func (l Limits) check(n int, seconds float64) error {
	switch {
	case l.Seconds > 0 && seconds > l.Seconds:
		return fmt.Errorf("audio: the recording is %w: it has more than %v seconds", ErrTooLong, l.Seconds)
	case l.Samples > 0 && n > l.Samples:
		return fmt.Errorf("audio: the recording is %w: it has more than %d samples", ErrTooLong, l.Samples)
	case n > maxSamples:
		return bad("it has more than %d samples", maxSamples)
	}
	return nil
}

// An input is a file or a stream that is read.
type input struct {
	r     *bufio.Reader
	known int64       // bytes that are sure to come, 0 if that is not known
	at    io.ReaderAt // the file, nil for a stream

	limits Limits
}

// A stream is a recording that is being decoded.
type stream struct {
	rate, channels int
	frames         int64 // that the file announces, −1 where it does not
	room           int64 // frames that are likely to come, for memory to keep them

	// next returns the next frames, their channels side by side, good until the next call. It ends with io.EOF, or with errCut.
	next func() ([]float32, error)
}

// end makes n frames all of a stream: what comes behind is padding.
func (s *stream) end(n int64) {
	s.frames = n
	next := s.next
	s.next = func() ([]float32, error) {
		block, err := next()
		block = block[:min(int64(len(block)), n*int64(s.channels))]
		n -= int64(len(block) / s.channels)
		return block, err
	}
}

// begin leaves out the first n frames of a stream.
func (s *stream) begin(n int) {
	next := s.next
	s.next = func() ([]float32, error) {
		block, err := next()
		skip := min(len(block)/s.channels, n)
		n -= skip
		return block[skip*s.channels:], err
	}
}

// kinds are those of recordings, by how they begin.
var kinds = []struct {
	at    int
	begin string
	open  func(in input) (*stream, error)
}{
	{0, "RIFF", openRIFF},
	{0, "RF64", openRIFF},
	{0, "BW64", openRIFF},
	{0, "riff", openRIFF},
	{0, "FORM", openAIFF},
	{0, ".snd", openAU},
	{0, "fLaC", openFLAC},
	{0, "OggS", openOgg},
	{0, "ID3", openTagged},
	{0, "RIFX", refuse("big-endian WAV")},
	{0, "caff", refuse("Apple's CAF")},
	{0, "NIST_1A", refuse("NIST SPHERE")},
	{0, "#!AMR", refuse("AMR")},
	{0, "\x1aE\xdf\xa3", refuse("Matroska or WebM")},
	{0, "0&\xb2u\x8ef\xcf\x11", refuse("Windows Media")},
	{4, "ftyp", refuse("MPEG-4 (m4a, mp4)")},
	{0, "\xff\xf1", refuse("AAC")},
	{0, "\xff\xf9", refuse("AAC")},
}

func refuse(what string) func(input) (*stream, error) {
	return func(input) (*stream, error) { return nil, foreign("its content is %s", what) }
}

// open finds the kind of a recording.
func (in input) open() (*stream, error) {
	head, err := in.r.Peek(12)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("audio: reading the beginning: %w", err)
	}
	for _, k := range kinds {
		if len(head) >= k.at && bytes.HasPrefix(head[k.at:], []byte(k.begin)) {
			return k.open(in)
		}
	}
	if len(head) >= 4 && mp3Header(head).valid() {
		return openMP3(in)
	}
	return nil, bad("it begins with %q; WAV, Wave64, AIFF, AU, FLAC, MP3, and Ogg with Vorbis or Opus are read", head)
}

// clips reads channels of a recording.
func (in input) clips(c Channels) ([]Recording, error) {
	s, err := in.open()
	if err != nil {
		return nil, err
	}
	picks, err := c.of(s.channels)
	if err != nil {
		return nil, err
	}
	all := make([]Recording, len(picks))
	for i, p := range picks {
		all[i] = Recording{Channel: int(p), Clip: Clip{Rate: s.rate, Samples: make([]float32, 0, min(max(s.room, 0), int64(maxSamples/len(picks))))}}
	}
	n := 0 // frames
	for {
		block, err := s.next()
		if i := firstOdd(block); i >= 0 {
			return nil, bad("frame %d has the sample %v; it must be finite", n+i/s.channels, block[i])
		}
		n += len(block) / s.channels
		if err := in.limits.check(n*len(picks), float64(n)/float64(s.rate)); err != nil {
			return nil, err
		}
		for i, p := range picks {
			all[i].Samples = p.pick(all[i].Samples, block, s.channels)
		}
		if err == io.EOF && s.frames > int64(n) {
			err = errCut
		}
		switch {
		case err == io.EOF:
			return all, nil
		case err == errCut:
			return all, s.warn(all, n)
		case err != nil:
			return nil, err
		}
	}
}

// warn says of clips that they end before they should, after n frames; without a frame that is an error.
func (s *stream) warn(all []Recording, n int) error {
	if n == 0 {
		return bad("it ends before its first sample")
	}
	text := fmt.Sprintf("it is cut off: it ends after %.2f seconds", float64(n)/float64(s.rate))
	if s.frames > int64(n) {
		text += fmt.Sprintf(" of the %.2f that it announces", float64(s.frames)/float64(s.rate))
	}
	for i := range all {
		all[i].Warning = text
	}
	return nil
}

// firstOdd is the place of the first sample that is not finite, or −1.
func firstOdd(block []float32) int {
	for i, v := range block {
		if v-v != 0 {
			return i
		}
	}
	return -1
}

// guarded calls code of a library on what a file holds: where damage makes the library panic, that is an error.
func guarded[T any](what string, call func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = bad("%s is damaged: %v", what, p)
		}
	}()
	return call()
}
