package ctc

import "errors"

// spanKeeper finds where labels are while they are decoded: it keeps the frames of those that are not settled.
type spanKeeper struct {
	d       *Decoder
	aligner Aligner
	kept    []float32 // the frames from the first on
	first   int
	settled []Span // of the first labels
}

func (k *spanKeeper) reset() { k.kept, k.first, k.settled = k.kept[:0], 0, k.settled[:0] }

// fill gives hypotheses their spans.
func (k *spanKeeper) fill(all []Hypothesis) (err error) {
	for i := range all {
		if all[i].Spans, err = k.spans(all[i].Tokens); err != nil {
			return err
		}
	}
	return nil
}

// spans returns where labels are, of which the first have been settled. Where no path leads through the frames that are kept, since the
// settled labels have taken some that these labels need, the labels share them evenly.
func (k *spanKeeper) spans(tokens []int) ([]Span, error) {
	spans := append([]Span(nil), k.settled...)
	rest := tokens[len(spans):]
	if len(rest) == 0 {
		return spans, nil
	}
	a, err := k.aligner.Align(k.kept, k.d.beam.Classes, rest)
	if errors.Is(err, errNoPath) {
		frames := len(k.kept) / k.d.beam.Classes
		for i, c := range rest {
			spans = append(spans, Span{Token: c, Start: k.first + i*frames/len(rest), End: k.first + (i+1)*frames/len(rest)})
		}
		return spans, nil
	}
	if err != nil {
		return nil, err
	}
	for _, s := range a.Spans {
		s.Start, s.End = s.Start+k.first, s.End+k.first
		spans = append(spans, s)
	}
	return spans, nil
}

// longest is how many frames are kept, as a multiple of the delay, before those that no label can take are dropped within a word or
// a silence, too.
const longest = 8

// settle settles the spans of words that are stable with what follows them, and drops their frames. With a delay, frames that are older are dropped
// where a silence is long.
func (s *Stream) settle() error {
	k, delay := s.times, s.d.beam.Delay
	frames := len(k.kept) / s.d.beam.Classes
	long := delay > 0 && frames >= longest*delay && frames%delay == 0
	ready := s.ready()
	if ready <= len(k.settled) && !long || len(s.beam) == 0 {
		return nil
	}
	spans, err := k.spans(s.labels(s.stable, s.beam[0].prefix))
	if err != nil {
		return err
	}
	old := s.now - delay
	cut := k.first
	for i := len(k.settled); i < len(s.stable) && (i < ready || long && spans[i].End <= old); i++ {
		k.settled = append(k.settled, spans[i])
		cut = spans[i].End
	}
	if long {
		if n := len(k.settled); n < len(spans) {
			old = min(old, spans[n].Start)
		}
		cut = max(cut, old)
	}
	k.kept = k.kept[:copy(k.kept, k.kept[(cut-k.first)*s.d.beam.Classes:])]
	k.first = cut
	return nil
}

// ready is how many of the stable labels have times that may be settled: those up to a separator, or without one, all but the last.
func (s *Stream) ready() int {
	if s.d.separator == none {
		return len(s.stable) - 1
	}
	for i := len(s.stable); i > len(s.times.settled); i-- {
		if s.stable[i-1] == int(s.d.separator) {
			return i
		}
	}
	return 0
}
