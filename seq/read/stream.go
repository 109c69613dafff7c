package read

import (
	"errors"

	"github.com/energo-ml/energo/seq/audio"
)

// A Stream reads sound as it comes. Its emissions are those of the whole recording, up to
// rounding: a frame is given as soon as all that the network looks at for it is there.
type Stream struct {
	r        *Reader
	features *audio.Stream
	columns  []float32 // normalised features [frames][mels], from column first on
	first    int
	done     int // frames of emissions given
	out      []float32
}

// Stream begins a stream of sound at the model's own rate; readers of pictures have none.
func (r *Reader) Stream() (*Stream, error) {
	if r.speech == nil {
		return nil, errors.New("only models of speech read streams")
	}
	if r.r.Imported != nil {
		return nil, errors.New("the network began with a model of another system, and how far that looks ahead is not known: it reads whole recordings, not streams")
	}
	return &Stream{r: r, features: r.speech.extract.Stream()}, nil
}

// Rate is the samples a second that streams have.
func (r *Reader) Rate() int { return r.speech.rate() }

// Push adds samples and returns the emissions that are new, good until the next call.
func (s *Stream) Push(samples []float32) ([]float32, error) {
	from := len(s.columns)
	s.columns = s.features.Append(s.columns, samples)
	s.r.speech.Normalise(s.columns[from:])
	return s.emit((s.end() - s.r.r.context()) / stride)
}

// Finish returns the emissions of what is left.
func (s *Stream) Finish() ([]float32, error) { return s.emit(s.r.r.Frames(s.end())) }

// end is how many columns there have been.
func (s *Stream) end() int { return s.first + len(s.columns)/s.r.speech.Options.Mels }

// emit gives the frames up to frame end.
func (s *Stream) emit(end int) ([]float32, error) {
	if end <= s.done {
		return nil, nil
	}
	mels, context := s.r.speech.Options.Mels, s.r.r.context()
	lo := max(0, s.done*stride-context)
	hi := min(s.end(), end*stride+context)
	all, err := s.r.r.Emissions(s.r.speech.Line(s.columns[(lo-s.first)*mels:(hi-s.first)*mels], nil))
	if err != nil {
		return nil, err
	}
	c := s.r.r.Classes()
	at := lo / stride
	s.out = append(s.out[:0], all[(s.done-at)*c:(end-at)*c]...)
	s.done = end
	if keep := max(0, end*stride-context); keep > s.first {
		s.columns = append(s.columns[:0], s.columns[(keep-s.first)*mels:]...)
		s.first = keep
	}
	return s.out, nil
}
