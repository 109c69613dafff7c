package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
)

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
	live, err := t.Live(0)
	if err != nil {
		return nil, err
	}
	last := soFar{File: f.path, Channel: f.channel()}
	size := max(1, int(t.chunk*float64(clip.Rate)))
	for lo := 0; lo < len(clip.Samples); lo += size {
		hi := min(lo+size, len(clip.Samples))
		if _, err := live.Push(clip.Samples[lo:hi]); err != nil {
			return nil, err
		}
		if last, err = t.tell(last, live, float64(hi)/float64(clip.Rate)); err != nil {
			return nil, err
		}
	}
	all, err := live.Finish()
	if err != nil {
		return nil, err
	}
	return all[0].Best, nil
}

// tell prints what has been read so far if that differs from the last line.
func (t *transcribing) tell(before soFar, live *read.Live, seconds float64) (soFar, error) {
	now := soFar{File: before.File, Channel: before.Channel, Seconds: before.Seconds, Stable: t.Text(live.Stable())}
	best, err := live.Look()
	if err != nil && !errors.Is(err, ctc.ErrNoHypothesis) { // in the midst of a word of a lexicon
		return now, err
	}
	if len(best) > 0 {
		now.Partial = strings.TrimPrefix(t.Text(best[0].Tokens), now.Stable)
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
