package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
)

// A transcript is what a file was read as: a line of --json.
type transcript struct {
	File      string       `json:"file"`
	Name      string       `json:"name,omitempty"`    // of the utterance, where the manifest has one
	Channel   int          `json:"channel,omitempty"` // that was read, where that is one of several
	Text      string       `json:"text"`
	Reference *string      `json:"reference,omitempty"`
	Best      []hypothesis `json:"best"`
}

type hypothesis struct {
	Text     string         `json:"text"`
	Acoustic measure.Number `json:"acoustic"`       // logarithms
	LM       measure.Number `json:"lm"`             // −Inf for words that cannot be
	More     measure.Number `json:"more,omitempty"` // of further language models, weighted
	Words    int            `json:"words"`
	Unknown  int            `json:"unknown,omitempty"` // of the words, those that no language model has
	Boost    float64        `json:"boost"`
	Total    measure.Number `json:"total"`
	Times    []ctc.Timed    `json:"times,omitempty"` // of the words
}

// file reads one file, and all recordings of one of emissions.
func (t *transcribing) file(f spokenFile) error {
	return t.each(t.Emitter, f, t.heard)
}

// heard reads a recording, or one channel of it.
func (t *transcribing) heard(f heard) error {
	t.named = t.named || f.several
	best, x, err := t.hypotheses(f)
	if err != nil {
		return err
	}
	one := transcript{File: f.path, Channel: f.channel(), Best: []hypothesis{}}
	if f.part != nil {
		one.Name = f.part.Name
	}
	var first *ctc.Timeline
	for _, h := range best {
		text := t.Spaced(t.Text(h.Tokens))
		if len(one.Best) == max(t.best, 1) || slices.ContainsFunc(one.Best, func(b hypothesis) bool { return b.Text == text }) {
			continue
		}
		shown := hypothesis{text, measure.Number(h.Acoustic), measure.Number(h.LM), measure.Number(h.More), h.Words, h.Unknown, h.Boost, measure.Number(h.Total), nil}
		if t.times || first == nil && t.timed() {
			line, err := t.timeline(f.name, x, h)
			if err != nil {
				return err
			}
			if shown.Times = line.Words; !t.times {
				shown.Times = nil
			}
			if first == nil {
				first = line
			}
		}
		one.Best = append(one.Best, shown)
	}
	if len(one.Best) > 0 {
		one.Text = one.Best[0].Text
	}
	if t.timed() {
		if first == nil {
			first = &ctc.Timeline{File: f.name, Unit: t.Unit, Duration: x.Length}
		}
		wrote, err := t.outs.write(f, first, nil)
		if err == nil {
			err = t.journal.note(f, first, &one, wrote)
		}
		if err != nil {
			return err
		}
	}
	return t.show(f, one)
}

// again says what was said of a recording that is read already.
func (t *transcribing) again(f spokenFile, w wasHeard) error {
	h := w.of(f)
	t.named = t.named || h.several
	t.outs.again(h, w.Timeline)
	return t.show(h, *w.Transcript)
}

// show prints what a recording says.
func (t *transcribing) show(f heard, one transcript) (err error) {
	shown := false
	if f.text != nil {
		reference := t.Normal(*f.text)
		one.Reference = &reference
		if shown, err = t.count(f.name, reference, one.Text); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	switch {
	case t.json:
		return printJSON(t.out, one, true)
	case shown:
	case t.named:
		fmt.Fprintf(t.out, "%s: %s\n", f.name, one.Text)
	default:
		fmt.Fprintln(t.out, one.Text)
	}
	if t.best > 1 {
		for _, h := range one.Best {
			fmt.Fprintf(t.out, "  total %.3f  acoustic %.3f  language model %.3f  %s\n", h.Total, h.Acoustic, h.LM, h.Text)
		}
	}
	return nil
}

// hypotheses decodes a file. Of a stream, there are no emissions but what their frames are.
func (t *transcribing) hypotheses(f heard) (best []ctc.Hypothesis, x read.Emissions, err error) {
	if t.stream {
		best, x, err = t.streamed(f)
	} else {
		best, x, err = t.whole(f)
	}
	if errors.Is(err, ctc.ErrNoHypothesis) {
		err = fmt.Errorf("%s: %w", f.name, err)
	}
	return best, x, err
}

// whole decodes all of a file at once.
func (t *transcribing) whole(f heard) ([]ctc.Hypothesis, read.Emissions, error) {
	x, err := f.emissions(t.Emitter)
	if err != nil {
		return nil, x, err
	}
	best, err := t.Decode(x)
	if err != nil && t.Search == nil {
		err = fmt.Errorf("%s: %w", f.name, err)
	}
	return best, x, err
}

// timeline says when a hypothesis is said.
func (t *transcribing) timeline(name string, x read.Emissions, h ctc.Hypothesis) (*ctc.Timeline, error) {
	if t.stream {
		line := t.TimelineOfSpans(x, h)
		line.File = name
		return line, nil
	}
	line, err := t.Timeline(x, h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	line.File = name
	return line, nil
}
