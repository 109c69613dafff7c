package speech

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/timedtext"
	"github.com/energo-ml/energo/serve/wire"
)

// The formats of answers, besides those of package timedtext.
const (
	formatJSON    = "json"
	formatText    = "text"
	formatVerbose = "verbose_json"
)

// transcriptionFormats are those that OpenAI's clients ask for.
var transcriptionFormats = []string{formatJSON, formatText, string(timedtext.SRT), string(timedtext.VTT), formatVerbose}

// transcription is a request for the text of a recording.
type transcription struct {
	fields
	decoding
	file          file
	name          string // of the model
	format        string
	granularities []string
	temperature   float64
	stream        bool
	channel       string
	channels      audio.Channels
}

// voidFields are those of OpenAI's that have no effect here.
var voidFields = map[string]string{
	"prompt":                   "a model of CTC takes none; hot_words are words that are likelier here, and language_model how words follow each other",
	"include":                  "verbose_json has the scores of words",
	"chunking_strategy":        "a recording is read as a whole",
	"known_speaker_names":      "speakers are not told apart",
	"known_speaker_references": "speakers are not told apart",
}

// readTranscription reads a request.
func (s *Service) readTranscription(r *http.Request) (*transcription, error) {
	q := &transcription{format: formatJSON, channel: "mix"}
	q.void = voidFields
	q.known = append([]field{
		{"model", &q.name},
		{"response_format", &q.format},
		{"timestamp_granularities", &q.granularities},
		{"temperature", &q.temperature},
		{"stream", &q.stream},
		{"channel", &q.channel},
	}, q.decoding.fields()...)
	var err error
	if q.file, err = q.form(r, s.o.HotWords); err != nil {
		return nil, err
	}
	if q.channels, err = channelOf(q.channel); err != nil {
		return nil, err
	}
	if err := oneFormat(q.format, transcriptionFormats); err != nil {
		return nil, err
	}
	for i, g := range q.granularities {
		if g != "word" && g != "segment" || slices.Contains(q.granularities[:i], g) {
			return nil, wire.Invalid("timestamp_granularities", "timestamp_granularities is %q; each must be word or segment, once", q.granularities)
		}
	}
	err = q.refuseVoid(
		needed{"temperature", q.temperature == 0, "the likeliest text is read, as at 0; nothing is drawn"},
		needed{"stream", !q.stream, "a recording's text is answered as a whole; /v1/audio/stream answers while sound comes"},
		needed{"timestamp_granularities", q.format == formatVerbose, "only a response_format of verbose_json has times of words and segments"},
	)
	if err != nil {
		return nil, err
	}
	return q, s.check(&q.decoding, &q.fields)
}

// channelOf reads which channel of a recording is read.
func channelOf(name string) (audio.Channels, error) {
	c, err := audio.ParseChannels(name)
	if err != nil || c == audio.Each {
		return c, wire.Invalid("channel", "channel is %q; it must be mix, left, right, or a number from 1", excerpt.Of(name))
	}
	return c, nil
}

func oneFormat(format string, all []string) error {
	if !slices.Contains(all, format) {
		return wire.Invalid("response_format", "response_format is %q; it must be one of %s", excerpt.Of(format), strings.Join(all, ", "))
	}
	return nil
}

// transcribed is what a recording says.
type transcribed struct {
	text     string
	warning  string
	line     *ctc.Timeline // nil where times do not matter
	silences []float64     // log-probabilities of saying nothing: of the frames before each frame
	frame    float64
	offset   float64
	classes  map[string]int // of texts of tokens
}

// transcribe answers with the text of a recording.
func (s *Service) transcribe(w http.ResponseWriter, r *http.Request) error {
	q, err := s.readTranscription(r)
	if err != nil {
		return err
	}
	held, err := s.take(q.name)
	if err != nil {
		return err
	}
	defer held.Done()
	if err := held.Enter(r.Context()); err != nil {
		return err
	}
	said, err := s.text(r.Context(), held.Model, q)
	if err != nil {
		return err
	}
	held.Leave() // the answer may be taken slowly
	return q.answer(w, said)
}

// text reads a recording.
func (s *Service) text(ctx context.Context, m *Model, q *transcription) (*transcribed, error) {
	sound, free, err := s.recording(ctx, m, q.file.content, q.channels)
	if err != nil {
		return nil, err
	}
	defer free()
	q.file.content = nil // it is decoded
	t, err := s.transcriber(m, &q.decoding, false)
	if err != nil {
		return nil, ofSearch(err)
	}
	if t.Emitter, err = m.take(ctx); err != nil {
		return nil, err
	}
	defer m.give(t.Emitter)
	defer s.metrics.ran(kindTranscription, sound.Duration())()
	x, err := t.Hear("file", sound.Clip)
	if err != nil {
		return nil, ofRun(err)
	}
	best, err := t.Decode(x)
	if err != nil {
		return nil, ofSearch(err)
	}
	said := &transcribed{text: t.Spaced(t.Text(best[0].Tokens)), warning: sound.Warning}
	if q.format == formatJSON || q.format == formatText {
		return said, nil
	}
	if said.line, err = t.Timeline(x, best[0]); err != nil {
		return nil, err
	}
	said.line.File = q.file.name
	if q.format == formatVerbose {
		said.measure(t.Emitter, x)
	}
	return said, nil
}

// ofSearch is what a client is told of a search that finds nothing.
func ofSearch(err error) error {
	if errors.Is(err, ctc.ErrNoHypothesis) {
		return wire.Invalid("file", "%v", err)
	}
	return err
}

// measure keeps what segments say of the emissions: how likely it is that nothing is said in them.
func (a *transcribed) measure(e *read.Emitter, x read.Emissions) {
	a.frame, a.offset = x.Frame, x.Offset
	a.silences = silences(e, x.LogProbs)
	a.classes = make(map[string]int, len(e.Classes))
	for class, text := range e.Classes {
		if _, twice := a.classes[text]; !twice {
			a.classes[text] = class
		}
	}
}
