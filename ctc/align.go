package ctc

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/trellis"
)

// Wildcard, among the tokens to be aligned, stands for anything: one frame or more of
// sound that is not transcribed. In each frame it scores as the best class does.
const Wildcard = -1

// A Span is where a token is.
type Span struct {
	Token      int     // Wildcard too
	Start, End int     // its frames: Start to End − 1
	LogProb    float64 // of the path in these frames
	Confidence float64 // posterior probability of being at this token, the mean over its frames
}

// An Alignment is the likeliest path that spells given tokens. Frames between spans are
// blanks.
type Alignment struct {
	Spans   []Span
	LogProb float64 // of the path
	Total   float64 // of all paths that spell the tokens; at least LogProb
}

// An Aligner aligns emissions to tokens that are known (forced alignment). It keeps its memory
// for the next call; copies must not share one.
type Aligner struct {
	Blank int

	// Memory is how many bytes the steps of all paths may take; 0 means 256 MiB. Beyond it,
	// states are kept every some hundred frames, and steps computed again on the way back:
	// an hour of speech takes some hundred MiB. The results are the same.
	Memory int

	logProbs        []float32
	frames, classes int
	tokens          []int
	skip            []float64 // 0 where token i may follow token i−1 at once, else −Inf
	star            []float32 // each frame's best score, where there is a wildcard
	blanks, labels  []float64 // the states of a frame: blank i stands before label i
	row             []float64
	steps           []byte // of a chunk's frames
	saved           []float64

	narrow trellis.CTC[float32]
	wide   trellis.CTC[float64]
	share  confidences
}

// How a state was reached, in a byte for label i and the blank before it.
const (
	fromBlank  = 1 // the label
	fromBefore = 2 // … from the label before
	blankLeft  = 4 // the blank, from the label before; else it stayed
	labelBits  = 3
)

// Align returns the likeliest path through T frames of classes that spells the tokens,
// with ties broken for staying. Its time is T·S for S tokens, and no beam cuts it.
//
// Errors: NaN and +Inf; a token that is no class, or the blank; tokens that no path spells,
// since there are too few frames (a repeated token needs a blank between) or by −Inf.
// Source: [graves2006]; the Viterbi form of its forward recursion.
func (a *Aligner) Align(logProbs []float32, classes int, tokens []int) (*Alignment, error) {
	if err := a.set(logProbs, classes, tokens); err != nil {
		return nil, err
	}
	out := &Alignment{LogProb: a.best()}
	if math.IsInf(out.LogProb, -1) {
		return nil, fmt.Errorf("ctc: no path through the %d frames spells the %d tokens: they need at least %d frames, and scores above −Inf", a.frames, len(tokens), a.least())
	}
	a.trace(out)
	total, status := a.narrow.Forward(tokens, a.frames, (*emissions[float32])(a))
	if status == trellis.Range {
		total, status = a.wide.Forward(tokens, a.frames, (*emissions[float64])(a))
		a.confide(out, status, func() { a.wide.Backward((*shares[float64])(&a.share)) })
	} else {
		a.confide(out, status, func() { a.narrow.Backward((*shares[float32])(&a.share)) })
	}
	out.Total = max(total, out.LogProb)
	a.logProbs, a.tokens = nil, nil
	return out, nil
}

func (a *Aligner) set(logProbs []float32, classes int, tokens []int) error {
	if err := checkClasses(classes, a.Blank); err != nil {
		return err
	}
	n, err := frames(logProbs, classes)
	if err != nil {
		return err
	}
	if err := checkLogProbs(logProbs, classes, 0); err != nil {
		return err
	}
	a.logProbs, a.frames, a.classes, a.tokens = logProbs, n, classes, tokens
	a.skip, a.star = sized(a.skip, len(tokens)), a.star[:0]
	for i, k := range tokens {
		if k != Wildcard && (k < 0 || k >= classes || k == a.Blank) {
			return fmt.Errorf("ctc: tokens[%d] is %d; it must be a class from 0 to %d other than the blank, %d, or the wildcard, %d", i, k, classes-1, a.Blank, Wildcard)
		}
		a.skip[i] = 0
		if i == 0 || tokens[i-1] == k {
			a.skip[i] = math.Inf(-1)
		}
		if k == Wildcard && len(a.star) == 0 {
			a.stars()
		}
	}
	return nil
}

// stars finds the best score of each frame.
func (a *Aligner) stars() {
	for t := range a.frames {
		best := float32(math.Inf(-1))
		for _, v := range a.logProbs[t*a.classes : (t+1)*a.classes] {
			best = max(best, v)
		}
		a.star = append(a.star, best)
	}
}

// least is the number of frames that the tokens need.
func (a *Aligner) least() int {
	n := len(a.tokens)
	for i := 1; i < len(a.tokens); i++ {
		if a.tokens[i] == a.tokens[i-1] {
			n++
		}
	}
	return n
}

// sized returns s with n elements.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// score is token i's in frame t.
func (a *Aligner) score(t, i int) float32 {
	if k := a.tokens[i]; k != Wildcard {
		return a.logProbs[t*a.classes+k]
	}
	return a.star[t]
}

// chunk is how many frames' steps are kept at once.
func (a *Aligner) chunk() int {
	memory := a.Memory
	if memory == 0 {
		memory = 256 << 20
	}
	if width := len(a.tokens) + 1; a.frames*width > memory {
		return int(math.Sqrt(float64(16 * a.frames))) // states take 16 times the memory of steps
	}
	return max(a.frames, 1)
}

// best runs all frames, keeps the states at the beginning of each chunk and the steps of
// the last, and returns the logarithm of the likeliest path's probability.
func (a *Aligner) best() float64 {
	n, chunk := len(a.tokens)+1, a.chunk()
	a.blanks, a.labels = sized(a.blanks, n), sized(a.labels, n) // the last label is none
	a.row = sized(a.row, n)
	a.steps = sized(a.steps, min(chunk, a.frames)*n)
	for i := range n {
		a.blanks[i], a.labels[i] = math.Inf(-1), math.Inf(-1)
	}
	a.blanks[0] = 0 // before any frame
	a.saved = a.saved[:0]
	for t := range a.frames {
		if t%chunk == 0 {
			a.saved = append(append(a.saved, a.blanks...), a.labels...)
		}
		a.step(t, a.steps[t%chunk*n:][:n])
	}
	end := a.blanks[n-1]
	if n > 1 {
		end = max(end, a.labels[n-2])
	}
	return end
}

// step takes the states to frame t, and notes how each was reached. States that the
// first frame cannot reach, or that cannot reach the last, are left out.
func (a *Aligner) step(t int, steps []byte) {
	n := len(a.tokens)
	lo, hi := max(0, n-(a.frames-t)), min(n, t+1)
	row, blank := a.row[:n+1], float64(a.logProbs[t*a.classes+a.Blank])
	frame := a.logProbs[t*a.classes:][:a.classes]
	for i, k := range a.tokens[lo:min(hi+1, n)] {
		if k == Wildcard {
			row[lo+i] = float64(a.star[t])
		} else {
			row[lo+i] = float64(frame[k])
		}
	}
	row[n] = math.Inf(-1) // no label behind the last blank
	before := math.Inf(-1)
	if lo > 0 {
		before = a.labels[lo-1]
	}
	blanks, labels, skip := a.blanks[:n+1], a.labels[:n+1], a.skip
	for i := lo; i <= hi; i++ {
		b, l := blanks[i], labels[i]
		var how byte
		stay := b
		if before > stay {
			stay, how = before, blankLeft
		}
		best := l
		if b > best {
			best = b
			how |= fromBlank
		}
		if i < n && before+skip[i] > best {
			best = before
			how = how&^labelBits | fromBefore
		}
		blanks[i], labels[i] = stay+blank, best+row[i]
		steps[i] = how
		before = l
	}
}

// trace walks back from the end and fills the spans.
func (a *Aligner) trace(out *Alignment) {
	n, chunk := len(a.tokens), a.chunk()
	width := n + 1
	out.Spans = make([]Span, n)
	for i, k := range a.tokens {
		out.Spans[i].Token = k
	}
	state, label := n, false // blank n, or a label
	if n > 0 && a.labels[n-1] >= a.blanks[n] {
		state, label = n-1, true
	}
	for t := a.frames - 1; t >= 0; t-- {
		if k := t / chunk; t%chunk == chunk-1 && t < a.frames-1 {
			a.again(k, chunk)
		}
		how := a.steps[t%chunk*width+state]
		if !label {
			if how&blankLeft != 0 {
				state, label = state-1, true
			}
			continue
		}
		s := &out.Spans[state]
		if s.End == 0 {
			s.End = t + 1
		}
		s.Start = t
		s.LogProb += float64(a.score(t, state))
		switch how & labelBits {
		case fromBlank:
			label = false
		case fromBefore:
			state--
		}
	}
}

// again computes the steps of chunk k once more.
func (a *Aligner) again(k, chunk int) {
	width := len(a.tokens) + 1
	from := a.saved[k*2*width:]
	copy(a.blanks, from[:width])
	copy(a.labels, from[width:2*width])
	for t := k * chunk; t < (k+1)*chunk; t++ {
		a.step(t, a.steps[t%chunk*width:][:width])
	}
}

// confide fills in how sure the spans are.
func (a *Aligner) confide(out *Alignment, status trellis.Status, backward func()) {
	if status != trellis.OK {
		return // beyond what float32 holds, such as scores below −1e29
	}
	a.share = confidences{spans: out.Spans, last: len(out.Spans) - 1}
	backward()
	a.share = confidences{}
	for i := range out.Spans {
		s := &out.Spans[i]
		s.Confidence = min(s.Confidence/float64(s.End-s.Start), 1)
	}
}

// emissions is the aligner as a trellis's source.
type emissions[F float32 | float64] Aligner

// Frame implements trellis.Source.
func (e *emissions[F]) Frame(scores []F, t int) bool {
	frame := e.logProbs[t*e.classes:][:e.classes]
	for i, k := range e.tokens {
		if k == Wildcard {
			scores[i] = F(e.star[t])
		} else {
			scores[i] = F(frame[k])
		}
	}
	scores[len(e.tokens)] = F(frame[e.Blank])
	return true
}

// confidences adds up the shares of spans, from the last frame on.
type confidences struct {
	spans []Span
	last  int // the span to come
}

// shares is confidences as a trellis's sink.
type shares[F float32 | float64] confidences

// Share implements trellis.Sink.
func (c *shares[F]) Share(t int, labels []F, _, sum F) {
	for c.last >= 0 && c.spans[c.last].Start > t {
		c.last--
	}
	if c.last >= 0 && t < c.spans[c.last].End {
		c.spans[c.last].Confidence += float64(labels[c.last]) / float64(sum)
	}
}
