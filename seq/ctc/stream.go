package ctc

// Stream decodes emissions that come in chunks. How they are cut makes no difference to
// the result, not in a bit. It keeps its memory, and warm, Push does not allocate. With a
// Delay, all but the stable labels take memory that does not grow with the frames. It is not for
// several goroutines at once.
//
// With Beam.Times, a word's spans are settled once what follows it is stable, too: they are those of the likeliest alignment of the
// best prefix at that frame, and its frames are then forgotten. Push then allocates.
type Stream struct {
	search
	stable []int
	times  *spanKeeper // nil without Times
}

// Stream returns a stream of the decoder's.
func (d *Decoder) Stream() *Stream {
	s := &Stream{search: search{d: d, seen: make([]int64, d.beam.Classes)}}
	if d.beam.Times {
		s.times = &spanKeeper{d: d, aligner: Aligner{Blank: d.beam.Blank}}
	}
	s.Reset()
	return s
}

// Reset starts anew.
func (s *Stream) Reset() {
	s.reset()
	s.stable = s.stable[:0]
	if s.times != nil {
		s.times.reset()
	}
}

// Push adds frames, any number of them.
//
// Errors: NaN and +Inf, with the frame's number in the stream; a length that is no multiple of
// the classes; the stream is then as it was before. A score of the beam's Model that is NaN or above its
// bound, and with Times a log-probability above 1e12, which every Push and Finish reports until Reset.
func (s *Stream) Push(logProbs []float32) error {
	if s.err != nil {
		return s.err
	}
	classes := s.d.beam.Classes
	n, err := frames(logProbs, classes)
	if err != nil {
		return err
	}
	if err := checkLogProbs(logProbs, classes, s.now); err != nil {
		return err
	}
	for t := range n {
		s.frame(logProbs[t*classes : (t+1)*classes])
		s.stable = s.advance(s.stable)
		if s.err == nil && s.times != nil {
			s.times.kept = append(s.times.kept, logProbs[t*classes:(t+1)*classes]...)
			s.err = s.settle()
		}
		if s.err != nil {
			return s.err
		}
	}
	return nil
}

// Stable returns the labels that all prefixes in the beam begin with: whatever comes, every
// result begins with them. They are valid until Reset, and more may follow after Push. An old
// doubt can hold them up for long where there is no Delay.
func (s *Stream) Stable() []int { return s.stable }

// Frames returns how many frames have been pushed.
func (s *Stream) Frames() int { return s.now }

// Finish returns the best hypotheses if the emissions end here, as [Decoder.Decode] does. It does not
// change the stream: more may be pushed, so it is also a look at how things stand.
//
// Errors: a score of the beam's Model that is NaN or above its bound.
func (s *Stream) Finish() ([]Hypothesis, error) {
	if s.err != nil {
		return nil, s.err
	}
	best, err := s.hypotheses(s.stable)
	if err != nil || s.times == nil {
		return best, err
	}
	return best, s.times.fill(best)
}

// Spans returns where the first of the stable labels are: those whose times are settled. Every later result has them. They are valid
// until Reset. Without Beam.Times there are none.
func (s *Stream) Spans() []Span {
	if s.times == nil {
		return nil
	}
	return s.times.settled
}
