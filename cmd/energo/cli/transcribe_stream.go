package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
)

// A settling decodes emissions that come in chunks.
type settling interface {
	Push(logProbs []float32) error
	Stable() []int // what will not change any more
	Finish() ([]ctc.Hypothesis, error)
}

// greedy takes the best class of each frame.
type greedy struct {
	*ctc.GreedyStream
	only func(ctc.Path) []ctc.Hypothesis
}

func (g greedy) Stable() []int { return g.Path().Tokens }

func (g greedy) Finish() ([]ctc.Hypothesis, error) { return g.only(g.Path()), nil }

// settling returns what decodes a recording in chunks.
func (t *transcribing) settling() (settling, error) {
	if t.dec != nil {
		return t.dec.Stream(), nil
	}
	g, err := ctc.NewGreedyStream(len(t.Classes), t.Blank)
	return greedy{g, t.only}, err
}

// soFar is a line of --stream --json: what has been read of a recording.
type soFar struct {
	File    string  `json:"file"`
	Channel int     `json:"channel,omitempty"`
	Seconds float64 `json:"seconds"`
	Stable  string  `json:"stable"`  // will not change
	Partial string  `json:"partial"` // the rest of the best hypothesis
}

// streamed reads a recording in chunks.
func (t *transcribing) streamed(f heard) ([]ctc.Hypothesis, read.Emissions, error) {
	x := read.Emissions{Frame: t.Frame, Offset: t.Offset, Length: f.sound.Duration().Seconds()}
	clip, err := f.sound.Resample(t.Reader.Rate())
	if err != nil {
		return nil, x, fmt.Errorf("%s: %w", f.name, err)
	}
	best, err := t.chunks(f, clip)
	return best, x, err
}

// chunks decodes a recording in chunks.
func (t *transcribing) chunks(f heard, clip audio.Clip) ([]ctc.Hypothesis, error) {
	sound, err := t.Reader.Stream()
	if err != nil {
		return nil, err
	}
	search, err := t.settling()
	if err != nil {
		return nil, err
	}
	last := soFar{File: f.path, Channel: f.channel()}
	size := max(1, int(t.chunk*float64(clip.Rate)))
	for lo := 0; lo < len(clip.Samples); lo += size {
		hi := min(lo+size, len(clip.Samples))
		x, err := sound.Push(clip.Samples[lo:hi])
		if err != nil {
			return nil, err
		}
		if err := search.Push(x); err != nil {
			return nil, err
		}
		if last, err = t.tell(last, search, float64(hi)/float64(clip.Rate)); err != nil {
			return nil, err
		}
	}
	x, err := sound.Finish()
	if err != nil {
		return nil, err
	}
	if err := search.Push(x); err != nil {
		return nil, err
	}
	return search.Finish()
}

// tell prints what has been read so far if that differs from the last line.
func (t *transcribing) tell(before soFar, search settling, seconds float64) (soFar, error) {
	now := soFar{File: before.File, Channel: before.Channel, Seconds: before.Seconds, Stable: t.text(search.Stable())}
	best, err := search.Finish()
	if err != nil && !errors.Is(err, ctc.ErrNoHypothesis) { // in the midst of a word of a lexicon
		return now, err
	}
	if len(best) > 0 {
		now.Partial = strings.TrimPrefix(t.text(best[0].Tokens), now.Stable)
	}
	if now == before {
		return before, nil
	}
	now.Seconds = seconds
	if t.json {
		return now, printJSON(t.out, now, true)
	}
	partial := ""
	if now.Partial != "" {
		partial = "[" + now.Partial + "]"
	}
	_, err = fmt.Fprintf(t.out, "%7.2f s  %s%s\n", seconds, now.Stable, partial)
	return now, err
}
