package speech

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/serve/wire"
)

// Model is one of speech. Several goroutines may use it.
type Model struct {
	Places int // requests that use it or wait for it at most, more are refused with status 429; 0 is 64. Set it before the model is served

	about *read.Emitter      // for what does not run: tokens and spellings
	idle  chan *read.Emitter // those that no request uses
	runs  int

	mu       sync.Mutex
	decoders []keptDecoder // the latest last
}

// keptDecoder is a search that was made for some settings.
type keptDecoder struct {
	key string
	*ctc.Decoder
}

// Open opens a model: the folder of a run of speech, an ONNX model with a card, or a folder in the form of Hugging Face.
//
// Errors: those of read.OpenEmitter; a model that does not hear, as one of strips.
func Open(path string) (*Model, error) {
	e, err := read.OpenEmitter(path)
	if err != nil {
		return nil, err
	}
	m, err := NewModel(e)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// NewModel makes a model of an emitter, which nobody else uses from then on. As many requests use it at once as there are processors, where its
// network can be shared ([read.Emitter.Fork]) and does not take turns.
//
// Errors: an emitter that does not hear.
func NewModel(e *read.Emitter) (*Model, error) {
	if !e.Hears() {
		return nil, errors.New("the model does not read recordings; this service is for speech")
	}
	m := &Model{about: e, runs: 1, idle: make(chan *read.Emitter, runtime.GOMAXPROCS(0))}
	m.idle <- e
	for e.Reader != nil && m.runs < cap(m.idle) { // an ONNX model takes turns
		f, ok := e.Fork()
		if !ok {
			break
		}
		m.idle <- f
		m.runs++
	}
	return m, nil
}

// warm has each network read a second of silence.
func (m *Model) warm(ctx context.Context) error {
	for range m.runs {
		e, err := m.take(ctx)
		if err != nil {
			return err
		}
		defer m.give(e)
		if _, err = e.Hear("silence", audio.Clip{Rate: highRate, Samples: make([]float32, highRate)}); err != nil {
			return err
		}
	}
	return nil
}

// take gives a network, for a short time.
func (m *Model) take(ctx context.Context) (*read.Emitter, error) {
	select {
	case e := <-m.idle:
		return e, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *Model) give(e *read.Emitter) { m.idle <- e }

// memory is about what a recording takes with what is made of it, in bytes: the samples, those of the model's rate, features twice, emissions twice.
func (m *Model) memory(c audio.Clip) int64 {
	const features = 100 * 128 // a second, of most models
	seconds := float64(len(c.Samples)) / float64(c.Rate)
	perSecond := 2*features + 16000 + 2*float64(len(m.about.Classes))/m.about.Frame
	return 4 * (int64(len(c.Samples)) + int64(seconds*perSecond))
}

// maxDecoders bounds the searches that a model keeps.
const maxDecoders = 8

// decoder is the search of some settings, which key names: making one takes long where a language model is large.
func (m *Model) decoder(key string, beam func() (ctc.Beam, error)) (*ctc.Decoder, error) {
	m.mu.Lock()
	for i, d := range m.decoders {
		if d.key == key {
			m.decoders = append(append(m.decoders[:i:i], m.decoders[i+1:]...), d)
			m.mu.Unlock()
			return d.Decoder, nil
		}
	}
	m.mu.Unlock()
	b, err := beam()
	if err != nil {
		return nil, err
	}
	d, err := ctc.NewDecoder(b)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.decoders = append(m.decoders[max(0, len(m.decoders)-maxDecoders+1):], keptDecoder{key, d})
	return d, nil
}

// tooLong is a recording or a stream of which there is more than is allowed.
func tooLong(field, format string, args ...any) error {
	p := wire.Invalid(field, format, args...)
	p.Status, p.Code = http.StatusRequestEntityTooLarge, wire.CodeTooLarge
	return p
}

// ofFile is what a client is told of a file that cannot be decoded.
func (s *Service) ofFile(err error) error {
	switch {
	case errors.Is(err, audio.ErrTooLong):
		return tooLong("file", "%s; at most %v seconds are allowed, of samples that are not more than %d a second", plain(err), s.o.Seconds, highRate)
	default:
		return wire.Malformed("file", "file: %s", plain(err))
	}
}

// ofRun is what a client is told of a model that cannot run on its recording.
func ofRun(err error) error {
	if p := (*wire.Problem)(nil); err == nil || errors.As(err, &p) || errors.Is(err, onnx.ErrFault) {
		return err
	}
	return wire.Invalid("file", "%s", plain(err))
}
