package speech

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/text"
	"github.com/energo-ml/energo/seq/timedtext"
	"github.com/energo-ml/energo/serve/wire"
)

// alignmentFormats are those of package timedtext.
func alignmentFormats() (all []string) {
	for _, f := range timedtext.Formats() {
		all = append(all, string(f))
	}
	return all
}

// unknowns are what may become of characters that no token spells.
var unknowns = []string{string(text.Refuse), string(text.Skip), string(text.Wildcard)}

// alignment is a request for when a text is said.
type alignment struct {
	fields
	file       file
	name       string // of the model
	text       string
	format     string
	normaliser string
	unknown    string
	channel    string
	channels   audio.Channels
	rules      timedtext.Rules
}

// maxText bounds a text to align, in bytes: what an hour of speech has many times.
const maxText = 1 << 20

// readAlignment reads a request.
func (s *Service) readAlignment(r *http.Request) (*alignment, error) {
	q := &alignment{format: formatJSON, normaliser: text.Basic, unknown: string(text.Refuse), channel: "mix"}
	q.known = []field{
		{"model", &q.name},
		{"text", &q.text},
		{"response_format", &q.format},
		{"normaliser", &q.normaliser},
		{"unknown", &q.unknown},
		{"keep_lines", &q.rules.KeepLines},
		{"channel", &q.channel},
	}
	var err error
	if q.file, err = q.form(r, 0); err != nil {
		return nil, err
	}
	if q.channels, err = channelOf(q.channel); err != nil {
		return nil, err
	}
	if err := oneFormat(q.format, alignmentFormats()); err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(q.text) == "":
		return nil, wire.Invalid("text", "there is no text to align; /v1/audio/transcriptions reads one")
	case len(q.text) > maxText:
		return nil, wire.Invalid("text", "text has %d bytes; at most %d are allowed", len(q.text), maxText)
	case !slices.Contains(text.Levels(), q.normaliser):
		return nil, wire.Invalid("normaliser", "normaliser is %q; it must be one of %s", excerpt.Of(q.normaliser), strings.Join(text.Levels(), ", "))
	case !slices.Contains(unknowns, q.unknown):
		return nil, wire.Invalid("unknown", "unknown is %q; it must be one of %s", excerpt.Of(q.unknown), strings.Join(unknowns, ", "))
	}
	return q, q.refuseVoid(needed{"keep_lines", timedtext.Format(q.format).Subtitles(), "it is of subtitles: srt, vtt and ass"})
}

// align answers with the times of a text's words.
func (s *Service) align(w http.ResponseWriter, r *http.Request) error {
	q, err := s.readAlignment(r)
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
	line, err := s.timeline(r.Context(), held.Model, q)
	if err != nil {
		return err
	}
	held.Leave()
	if q.format == formatJSON {
		wire.WriteJSON(w, http.StatusOK, line)
		return nil
	}
	return writeTimed(w, timedtext.Format(q.format), q.rules, line)
}

// timeline aligns a recording.
func (s *Service) timeline(ctx context.Context, m *Model, q *alignment) (*ctc.Timeline, error) {
	n, err := text.New(q.normaliser, m.about.Spellable())
	if err != nil {
		return nil, err
	}
	n.Unknown = text.Unknown(q.unknown)
	words, err := n.Words(q.text)
	if err != nil {
		return nil, wire.Invalid("text", "%s", strings.TrimPrefix(err.Error(), "text: "))
	}
	spelling := n.Spelling(words)
	if spelling == "" {
		return nil, wire.Invalid("text", "the text has nothing that is said")
	}
	sound, free, err := s.recording(ctx, m, q.file.content, q.channels)
	if err != nil {
		return nil, err
	}
	defer free()
	q.file.content = nil // it is decoded
	e, err := m.take(ctx)
	if err != nil {
		return nil, err
	}
	defer m.give(e)
	defer s.metrics.ran(kindAlignment, sound.Duration())()
	x, err := e.Hear("file", sound.Clip)
	if err != nil {
		return nil, ofRun(err)
	}
	line, err := e.Align(x, &spelling, true)
	if err != nil {
		return nil, wire.Invalid("text", "%s", strings.TrimPrefix(err.Error(), "ctc: "))
	}
	line.File = q.file.name
	line.Words, err = text.Times(line.Tokens, words)
	return line, err
}
