package read

import (
	"fmt"
	"strings"

	"github.com/energo-ml/energo/seq/ctc"
)

// A Transcriber reads texts in an emitter's emissions: by the best class of each frame, or by a search.
type Transcriber struct {
	*Emitter
	Search *ctc.Decoder // nil for the best class of each frame
}

// Beam is a beam search over the emitter's classes, without a language model and hot words.
func (e *Emitter) Beam() ctc.Beam {
	return ctc.Beam{Tokens: e.Classes, Blank: e.Blank, Separator: e.Separator}
}

// Decode returns the hypotheses for emissions, the best first: of the best class of each frame, the one with its spans.
//
// Errors: those of ctc.Greedy and ctc.Decoder.Decode.
func (t *Transcriber) Decode(x Emissions) ([]ctc.Hypothesis, error) {
	if t.Search != nil {
		return t.Search.Decode(x.LogProbs)
	}
	p, err := ctc.Greedy(x.LogProbs, len(t.Classes), t.Blank)
	if err != nil {
		return nil, err
	}
	return t.only(p), nil
}

// only is the one hypothesis of the best class of each frame.
func (t *Transcriber) only(p ctc.Path) []ctc.Hypothesis {
	return []ctc.Hypothesis{{Tokens: p.Tokens, Acoustic: p.LogProb, Words: len(ctc.Words(t.Text(p.Tokens))), Total: p.LogProb, Spans: p.Spans}}
}

// Text writes classes out; words of a lexicon as they are meant.
func (t *Transcriber) Text(tokens []int) string {
	if t.Search != nil {
		return t.Search.Text(tokens)
	}
	return t.Emitter.Text(tokens)
}

// Spellable are the texts of the tokens that a text is spelled by, which are not the blank and other special ones.
func (e *Emitter) Spellable() []string {
	texts := []string{}
	for class, s := range e.Classes {
		if class != e.Blank && !e.Tokens.Special(class) {
			texts = append(texts, s)
		}
	}
	return texts
}

// Spaced returns a text whose words have single spaces between, if there is a separator of words.
func (e *Emitter) Spaced(text string) string {
	if e.Separator == "" {
		return text
	}
	return strings.Join(strings.Fields(text), e.Separator)
}

// Timeline says when a hypothesis for emissions is said: by its likeliest alignment, and the reader's model of times where there is one.
//
// Errors: those of Emitter.Align.
func (t *Transcriber) Timeline(x Emissions, h ctc.Hypothesis) (*ctc.Timeline, error) {
	line, err := t.AlignClasses(x, h.Tokens, true)
	if err != nil {
		return nil, err
	}
	t.meant(line, h.Tokens)
	return line, nil
}

// TimelineOfSpans says when a hypothesis is said by its spans in emissions, which need not have the numbers any more.
func (t *Transcriber) TimelineOfSpans(x Emissions, h ctc.Hypothesis) *ctc.Timeline {
	line := t.TimelineOf(x, h.Spans)
	t.meant(line, h.Tokens)
	return line
}

// meant gives the words of a timeline the texts of a lexicon's, which tokens only spell.
func (t *Transcriber) meant(line *ctc.Timeline, tokens []int) {
	words := strings.Fields(t.Text(tokens))
	if t.Separator == "" || len(words) != len(line.Words) {
		return
	}
	for i := range words {
		line.Words[i].Text = words[i]
	}
}

// Fork returns an emitter of the same model for another goroutine, which shares the weights. ok is false where there can be none: of a model of
// another system whose network has memory of its own, and of files of emissions.
func (e *Emitter) Fork() (f *Emitter, ok bool) {
	if e.TakesEmissions() || e.Reader != nil && e.Reader.r.Imported != nil {
		return nil, false
	}
	other := *e
	other.aligner = ctc.Aligner{Blank: e.Blank}
	if e.Reader == nil {
		return &other, true // a model that takes turns
	}
	r := *e.Reader
	n, err := newNetwork(r.r.Spec, r.r.Module)
	if err != nil {
		panic(fmt.Errorf("read: a network that was checked: %w", err))
	}
	n.atOnce = r.r.atOnce
	r.r, other.Reader = n, &r
	return &other, true
}
