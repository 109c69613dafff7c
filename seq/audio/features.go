package audio

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/simd"
	"gonum.org/v1/gonum/dsp/fourier"
)

// Frames returns how many frames n samples have.
func (x *Extractor) Frames(n int) int {
	if n < x.opt.Window {
		return 0
	}
	return (n-x.opt.Window)/x.opt.Hop + 1
}

// Features returns the clip's log-mel features, [frames][Mels] row by row.
func (x *Extractor) Features(c Clip) ([]float32, error) {
	if c.Rate != x.opt.Rate {
		return nil, fmt.Errorf("audio: the clip's rate is %d; it must be Rate = %d: resample it", c.Rate, x.opt.Rate)
	}
	return x.Append(nil, c.Samples), nil
}

// Append appends the features of the frames in samples to dst. It allocates nothing
// where dst has room.
func (x *Extractor) Append(dst, samples []float32) []float32 {
	frames, at := x.Frames(len(samples)), len(dst)
	if frames == 0 {
		return dst
	}
	dst = slices.Grow(dst, frames*x.opt.Mels)[:at+frames*x.opt.Mels]
	j := x.jobs.Get().(*job)
	j.x, j.dst, j.samples, j.frames = x, dst[at:], samples, frames
	simd.Run((frames+frameRun-1)/frameRun, j)
	*j = job{}
	x.jobs.Put(j)
	return dst
}

// frameRun is the number of frames that are one task.
const frameRun = 64

// job is one call of Append.
type job struct {
	x            *Extractor
	dst, samples []float32
	frames       int
}

// Do computes one run of frames.
func (j *job) Do(task, _ int) {
	s := j.x.scratch.Get().(*workspace)
	defer j.x.scratch.Put(s)
	mels, hop, window := j.x.opt.Mels, j.x.opt.Hop, j.x.opt.Window
	for t := task * frameRun; t < min((task+1)*frameRun, j.frames); t++ {
		j.x.row(j.dst[t*mels:][:mels], j.samples[t*hop:][:window], s)
	}
}

// workspace is what a frame needs to be computed in.
type workspace struct {
	fft   *fourier.FFT
	frame []float64 // FFT points, zero behind the window
	bins  []complex128
	power []float64
}

// row computes the features of one frame.
func (x *Extractor) row(dst, frame []float32, s *workspace) {
	in := s.frame[:len(frame)]
	for i, w := range x.window[:len(frame)] {
		in[i] = w * float64(frame[i])
	}
	s.fft.Coefficients(s.bins, s.frame)
	for k, c := range s.bins {
		s.power[k] = real(c)*real(c) + imag(c)*imag(c)
	}
	for m := range x.filters {
		f := &x.filters[m]
		sum := 0.0
		for k, p := range s.power[f.first:][:len(f.weights)] {
			sum += f.weights[k] * p
		}
		dst[m] = float32(x.factor * math.Log(max(sum+x.added, x.opt.Floor)))
	}
}

// Stream computes features of samples that come in chunks. Its frames are those that
// Append gives of all the samples at once, bit for bit.
type Stream struct {
	x    *Extractor
	rest []float32 // samples of frames to come
	skip int       // samples to come before the next frame begins, where Hop > Window
}

// Stream returns a stream before its first sample.
func (x *Extractor) Stream() *Stream { return &Stream{x: x} }

// Reset takes the stream back to before its first sample.
func (s *Stream) Reset() { s.rest, s.skip = s.rest[:0], 0 }

// Append takes the next samples and appends the features of the frames that they
// complete to dst. Less than a frame and the samples given is kept.
func (s *Stream) Append(dst, samples []float32) []float32 {
	n := min(s.skip, len(samples))
	s.skip -= n
	s.rest = append(s.rest, samples[n:]...)
	dst = s.x.Append(dst, s.rest)
	done := s.x.Frames(len(s.rest)) * s.x.opt.Hop
	if done > len(s.rest) {
		s.skip = done - len(s.rest)
		done = len(s.rest)
	}
	s.rest = s.rest[:copy(s.rest, s.rest[done:])]
	return dst
}
