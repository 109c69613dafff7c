package audio

import (
	"errors"
	"io"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
)

// openFLAC opens a FLAC file. Its frames have checksums: damage is an error. The library writes a line of log for each frame of 24,000 or 176,400
// samples a second.
func openFLAC(in input) (*stream, error) {
	f, err := guarded("the FLAC header", func() (*flac.Stream, error) { return flac.New(in.r) })
	if err != nil {
		return nil, bad("the FLAC header: %v", err)
	}
	info := f.Info
	bits, channels := int(info.BitsPerSample), int(info.NChannels)
	if info.SampleRate < 1 || info.SampleRate > maxRate || channels < 1 || bits < 1 || bits > 32 {
		return nil, bad("its FLAC header has %d channels of %d bits at %d samples a second", channels, bits, info.SampleRate)
	}
	s := &stream{rate: int(info.SampleRate), channels: channels, frames: -1}
	if info.NSamples > 0 {
		s.frames = int64(info.NSamples)
		s.room = min(s.frames, 16*in.known) // silence is smaller
	}
	done, scale := int64(0), 1/float64(int64(1)<<(bits-1))
	var block []float32
	s.next = func() ([]float32, error) {
		if s.frames >= 0 && done >= s.frames {
			return nil, io.EOF
		}
		b, err := guarded("FLAC", func() (*frame.Frame, error) { return f.ParseNext() })
		switch {
		case err == io.EOF:
			return nil, io.EOF
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errCut
		case err != nil:
			return nil, bad("its FLAC is damaged after %.2f seconds: %v", float64(done)/float64(s.rate), err)
		case len(b.Subframes) != channels:
			return nil, bad("its FLAC has %d channels after %.2f seconds, and %d before", len(b.Subframes), float64(done)/float64(s.rate), channels)
		}
		n := len(b.Subframes[0].Samples)
		block = scratch.Sized(block, n*channels)
		for c, sub := range b.Subframes {
			if len(sub.Samples) != n {
				return nil, bad("its FLAC has channels of different lengths after %.2f seconds", float64(done)/float64(s.rate))
			}
			for i, v := range sub.Samples {
				block[i*channels+c] = float32(float64(v) * scale)
			}
		}
		done += int64(n)
		return block, nil
	}
	return s, nil
}
