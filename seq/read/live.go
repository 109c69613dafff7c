package read

import (
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/seq/ctc"
)

// A Live turns sound into text while it comes: samples to emissions by a [Stream], those to labels by a stream of the search. It is for one goroutine.
//
// Where a silence closes a segment, the search begins anew behind it. Where it does so depends on the sound alone, not on how it is cut into chunks.
type Live struct {
	t      *Transcriber
	sound  *Stream
	search settling
	quiet  int  // frames of silence that close a segment; 0 for never
	still  int  // frames since the last one that is not silent
	heard  bool // the segment has something other than silence
	first  int  // frame of the segment
	frames int  // of the segment
	said   int  // labels of the segment whose words were returned
}

// A settling decodes emissions that come in chunks.
type settling interface {
	Push(logProbs []float32) error
	Stable() []int // what will not change any more
	Spans() []ctc.Span
	Finish() ([]ctc.Hypothesis, error)
}

// greedy takes the best class of each frame.
type greedy struct {
	*ctc.GreedyStream
	only func(ctc.Path) []ctc.Hypothesis
}

func (g greedy) Stable() []int                     { return g.Path().Tokens }
func (g greedy) Spans() []ctc.Span                 { return g.Path().Spans }
func (g greedy) Finish() ([]ctc.Hypothesis, error) { return g.only(g.Path()), nil }

// A Segment is what is said between two silences.
type Segment struct {
	Best  []ctc.Hypothesis // as ctc.Stream.Finish has them; their spans count frames from the segment's first
	Rest  []ctc.Timed      // the words of the best that Live.Words has not returned
	First int              // frame of the segment in the stream
	End   int              // the frame behind its last
}

// Live begins a stream of sound at the rate of the reader. A silence of some seconds, frames whose likeliest class is the blank or the separator, closes a
// segment; 0 is for one segment.
//
// Errors: an emitter without a Reader of speech, or one that reads whole recordings (Reader.Stream); a silence that is below 0 or not a number.
func (t *Transcriber) Live(silence float64) (*Live, error) {
	if t.Reader == nil {
		return nil, fmt.Errorf("read: how far an ONNX model looks ahead is not known: it reads whole recordings, not streams")
	}
	if !(silence >= 0 && silence <= 1e6) {
		return nil, fmt.Errorf("read: silence is %v; it must be from 0 to a million seconds", silence)
	}
	sound, err := t.Reader.Stream()
	if err != nil {
		return nil, err
	}
	l := &Live{t: t, sound: sound, quiet: int(math.Ceil(silence / t.Frame))}
	return l, l.begin()
}

// begin begins a segment.
func (l *Live) begin() (err error) {
	l.first, l.frames, l.still, l.heard, l.said = l.first+l.frames, 0, 0, false, 0
	if l.t.Search == nil {
		var g *ctc.GreedyStream
		g, err = ctc.NewGreedyStream(len(l.t.Classes), l.t.Blank)
		l.search = greedy{g, l.t.only}
		return err
	}
	if s, ok := l.search.(*ctc.Stream); ok {
		s.Reset()
		return nil
	}
	l.search = l.t.Search.Stream()
	return nil
}

// On has the next calls run on the network of another emitter of the same model, a [Emitter.Fork]: streams of which few run at once share few networks.
func (l *Live) On(e *Emitter) { l.sound.r = e.Reader }

// Push adds samples; it returns the segments that a silence has closed.
//
// Errors: those of the search's Push.
func (l *Live) Push(samples []float32) (closed []Segment, err error) {
	x, err := l.sound.Push(samples)
	if err != nil {
		return nil, err
	}
	return l.decode(x)
}

// Finish ends the sound, and returns the last segments: the last one may be of silence alone.
func (l *Live) Finish() (closed []Segment, err error) {
	x, err := l.sound.Finish()
	if err != nil {
		return nil, err
	}
	if closed, err = l.decode(x); err != nil {
		return nil, err
	}
	last, err := l.close()
	return append(closed, last), err
}

// decode decodes emissions, and closes segments where it is silent.
func (l *Live) decode(x []float32) (closed []Segment, err error) {
	c := len(l.t.Classes)
	for len(x) > 0 {
		n := l.until(x, c)
		if err := l.search.Push(x[:n*c]); err != nil {
			return closed, err
		}
		l.frames += n
		if x = x[n*c:]; l.quiet == 0 || !l.heard || l.still < l.quiet {
			continue
		}
		s, err := l.close()
		if err == nil {
			err = l.begin()
		}
		if err != nil {
			return closed, err
		}
		closed = append(closed, s)
	}
	return closed, nil
}

// until is how many frames go to the segment: up to the one that closes it.
func (l *Live) until(x []float32, classes int) int {
	for t := range len(x) / classes {
		if l.silent(x[t*classes : (t+1)*classes]) {
			l.still++
		} else {
			l.still, l.heard = 0, true
		}
		if l.quiet > 0 && l.heard && l.still == l.quiet {
			return t + 1
		}
	}
	return len(x) / classes
}

// silent tells whether the likeliest class of a frame says nothing.
func (l *Live) silent(row []float32) bool {
	best := 0
	for c, v := range row {
		if v > row[best] {
			best = c
		}
	}
	return best == l.t.Blank || strings.Trim(l.t.Classes[best], l.t.Separator) == ""
}

func (l *Live) close() (Segment, error) {
	best, err := l.search.Finish()
	s := Segment{Best: best, First: l.first, End: l.first + l.frames}
	if err == nil {
		s.Rest = l.words(best[0].Spans)
	}
	return s, err
}

// Heard reports whether the segment has something other than silence.
func (l *Live) Heard() bool { return l.heard }

// Frames is how many frames have been decoded.
func (l *Live) Frames() int { return l.first + l.frames }

// Stable returns the labels of the segment that will not change any more.
func (l *Live) Stable() []int { return l.search.Stable() }

// Look returns the hypotheses for the segment if it ends here; more may be pushed.
func (l *Live) Look() ([]ctc.Hypothesis, error) { return l.search.Finish() }

// Words returns the words of the segment that will not change any more and were not returned before, and when they are said, in seconds of the
// stream. A search without ctc.Beam.Times has none.
func (l *Live) Words() []ctc.Timed {
	spans := l.search.Spans()
	n := max(l.said, min(len(spans), l.whole(l.search.Stable())))
	words := l.words(spans[:n])
	l.said = n
	return words
}

// Open returns the words that follow those of Words if the segment ends here; they may change.
//
// Errors: those of the search's Finish.
func (l *Live) Open() ([]ctc.Timed, error) {
	best, err := l.search.Finish()
	if err != nil {
		return nil, err
	}
	return l.words(best[0].Spans), nil
}

// words are those of spans of the segment, but for those that were returned.
func (l *Live) words(spans []ctc.Span) []ctc.Timed {
	if len(spans) <= l.said {
		return nil
	}
	x := Emissions{Frame: l.t.Frame, Offset: l.t.Offset + float64(float64(l.first)*l.t.Frame)}
	words := l.t.TimelineOf(x, spans[l.said:]).Words
	if len(words) > 0 && l.t.Separator == "" && l.said > 0 {
		words[0].Joined = true
	}
	return words
}

// whole is how many of the labels make whole words.
func (l *Live) whole(tokens []int) int {
	if l.t.Separator == "" {
		return max(len(tokens)-1, 0) // the last one may last longer
	}
	for i := len(tokens) - 1; i >= 0; i-- {
		switch text := l.t.Classes[tokens[i]]; {
		case strings.HasSuffix(text, l.t.Separator):
			return i + 1
		case strings.HasPrefix(text, l.t.Separator):
			return i
		}
	}
	return 0
}
