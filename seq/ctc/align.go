package ctc

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/trellis"
)

// Wildcard, among the tokens to be aligned, stands for anything: one frame or more of
// sound that is not transcribed. In each frame it scores as the best class does, less
// a thousandth of a nat, so that tokens and blanks beside it keep their frames.
const Wildcard = -1

const wildcardCost = 1e-3

// A Span is where a token is.
type Span struct {
	Token      int     // Wildcard too
	Start, End int     // its frames: Start to End − 1
	LogProb    float64 // of the path in these frames
	Confidence float64 // posterior probability of being at this token, the mean over its frames; less beside wildcards, which may be at the same place
}

// An Alignment is the likeliest path that spells given tokens. Frames between spans are
// blanks.
type Alignment struct {
	Spans   []Span
	LogProb float64 // of the path
	Total   float64 // of all paths that spell the tokens; at least LogProb. With wildcards, paths count for each way to read them, and it can be above 0
}

// An Aligner aligns emissions to tokens that are known (forced alignment). It keeps its memory
// for the next call; copies must not share one.
type Aligner struct {
	Blank int

	// Memory is how many bytes the steps of all paths may take; 0 means 256 MiB. Beyond it,
	// states are kept every some thousand frames, and steps computed again on the way back. The
	// results are the same.
	Memory int

	logProbs        []float32
	frames, classes int
	tokens          []int
	ids             []int32   // the tokens, wildcards being one class more
	labels          []int     // the tokens, neighbouring wildcards being different classes
	row             []float32 // the tokens' scores in a frame, and −Inf behind them
	scores          []float32 // a frame's classes and the wildcard, where there is one
	stars           []float32 // each frame's best score, where there is a wildcard
	tiny            bool      // some scores count as −Inf
	skip            []float64 // 0 where token i may follow token i−1 at once, else −Inf
	blanks, before  []float64 // the states of a frame: blank i stands before label i, whose state is before[i+1]
	steps           []byte    // of a chunk's frames
	saved           []float64 // the states before each chunk

	narrow trellis.CTC[float32]
	wide   trellis.CTC[float64]
	share  confidences

	out    *Alignment // what is worked on
	total  float64
	status trellis.Status
}

// Align returns the likeliest path through T frames of classes that spells the tokens,
// with ties broken for staying. Its time is T·S for S tokens, and no beam cuts it.
//
// Scores below −1e12 count as −Inf.
//
// Errors: NaN, +Inf and scores above 1e12; a token that is no class, or the blank; tokens that no path spells,
// since there are too few frames (a repeated token needs a blank between) or by −Inf.
// Source: [graves2006]; the Viterbi form of its forward recursion.
func (a *Aligner) Align(logProbs []float32, classes int, tokens []int) (*Alignment, error) {
	if err := a.set(logProbs, classes, tokens); err != nil {
		return nil, err
	}
	out := &Alignment{LogProb: math.Inf(-1)}
	a.out = out
	if a.least() <= a.frames {
		simd.Run(2, (*alignPass)(a))
	}
	if math.IsInf(out.LogProb, -1) {
		return nil, fmt.Errorf("ctc: no path through the %d frames spells the %d tokens: they need at least %d frames, and scores above −Inf", a.frames, len(tokens), a.least())
	}
	if a.status == trellis.Range {
		a.total, a.status = a.wide.Forward(a.labels, a.frames, (*emissions[float64])(a))
		a.confide(func() { a.wide.Backward((*shares[float64])(&a.share)) })
	} else {
		a.confide(func() { a.narrow.Backward((*shares[float32])(&a.share)) })
	}
	out.Total = max(a.total, out.LogProb)
	a.logProbs, a.tokens, a.out = nil, nil, nil
	return out, nil
}

// alignPass is the two passes over the frames that know nothing of each other: the likeliest path,
// and the sum of all.
type alignPass Aligner

// Do implements simd.Job.
func (p *alignPass) Do(task, _ int) {
	a := (*Aligner)(p)
	if task == 1 {
		a.total, a.status = a.narrow.Forward(a.labels, a.frames, (*emissions[float32])(a))
		return
	}
	if a.out.LogProb = a.best(); !math.IsInf(a.out.LogProb, -1) {
		a.trace(a.out)
	}
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
	a.tiny = false
	for i, v := range logProbs {
		if v > simd.CTCFar {
			return fmt.Errorf("ctc: logProbs of frame %d, class %d is %v; it must be at most %v", i/classes, i%classes, v, simd.CTCFar)
		}
		a.tiny = a.tiny || v < -simd.CTCFar
	}
	a.logProbs, a.frames, a.classes, a.tokens = logProbs, n, classes, tokens
	a.scores = scratch.Sized(a.scores, classes+1)
	a.ids, a.labels, a.stars = scratch.Sized(a.ids, len(tokens)), scratch.Sized(a.labels, len(tokens)), a.stars[:0]
	for i, k := range tokens {
		if k != Wildcard && (k < 0 || k >= classes || k == a.Blank) {
			return fmt.Errorf("ctc: tokens[%d] is %d; it must be a class from 0 to %d other than the blank, %d, or the wildcard, %d", i, k, classes-1, a.Blank, Wildcard)
		}
		a.ids[i], a.labels[i] = int32(k), k
		if k == Wildcard {
			a.ids[i], a.labels[i] = int32(classes), classes+i%2
			a.findStars()
		}
	}
	a.setStates()
	return nil
}

// findStars finds what a wildcard scores in each frame, once.
func (a *Aligner) findStars() {
	if len(a.stars) == a.frames {
		return
	}
	for t := range a.frames {
		best := float32(math.Inf(-1))
		for _, v := range a.logProbs[t*a.classes : (t+1)*a.classes] {
			best = max(best, v)
		}
		a.stars = append(a.stars, best-wildcardCost)
	}
}

// setStates makes states for the tokens, whole blocks of them, that no frame has reached.
func (a *Aligner) setStates() {
	const block = simd.CTCPathBlock
	n := (len(a.tokens)/block + 1) * block
	none := math.Inf(-1)
	a.blanks, a.before, a.skip, a.row = scratch.Sized(a.blanks, n), scratch.Sized(a.before, n+1), scratch.Sized(a.skip, n), scratch.Sized(a.row, n)
	a.before[n] = none
	for i := range n {
		a.blanks[i], a.before[i], a.skip[i], a.row[i] = none, none, none, float32(none)
		if i > 0 && i < len(a.labels) && a.labels[i] != a.labels[i-1] {
			a.skip[i] = 0
		}
	}
	a.blanks[0] = 0 // before any frame
}

// least is the number of frames that the tokens need.
func (a *Aligner) least() int {
	n := len(a.tokens)
	for i := 1; i < len(a.tokens); i++ {
		if a.labels[i] == a.labels[i-1] {
			n++
		}
	}
	return n
}

// frame returns the scores of frame t by the ids of tokens.
func (a *Aligner) frame(scores []float32, t int) []float32 {
	row := a.logProbs[t*a.classes : (t+1)*a.classes]
	if len(a.stars) == 0 && !a.tiny {
		return row
	}
	for k, v := range row {
		if v < -simd.CTCFar {
			v = float32(math.Inf(-1))
		}
		scores[k] = v
	}
	if len(a.stars) > 0 {
		scores[a.classes] = a.stars[t]
	}
	return scores
}

// stride is how many bytes the steps of a frame take.
func (a *Aligner) stride() int { return len(a.blanks) / simd.CTCPathBlock * 3 }

// chunk is how many frames' steps are kept at once.
func (a *Aligner) chunk() int {
	memory := a.Memory
	if memory == 0 {
		memory = 256 << 20
	}
	if a.frames*a.stride() > memory {
		return int(math.Sqrt(float64(a.frames) * 16 * 8 / 3)) // a state takes 16 bytes, its steps ⅜: least of both together
	}
	return max(a.frames, 1)
}

// best runs all frames, keeps the states at the beginning of each chunk and the steps of
// the last, and returns the logarithm of the likeliest path's probability.
func (a *Aligner) best() float64 {
	n, chunk, stride := len(a.tokens), a.chunk(), a.stride()
	a.steps, a.saved = scratch.Sized(a.steps, min(chunk, a.frames)*stride), a.saved[:0]
	for t := range a.frames {
		if t%chunk == 0 {
			a.saved = append(append(a.saved, a.blanks...), a.before...)
		}
		a.step(t, a.steps[t%chunk*stride:][:stride])
	}
	return max(a.blanks[n], a.before[n]) // the last blank, the last label
}

// step takes the states to frame t, and notes how each was reached. Blocks that the
// first frame cannot reach, or that cannot reach the last, are left out.
func (a *Aligner) step(t int, steps []byte) {
	const block = simd.CTCPathBlock
	n := len(a.tokens)
	lo, hi := max(0, n-(a.frames-t)), min(n, t+1)
	frame := a.frame(a.scores, t)
	for i, k := range a.ids[lo:hi] {
		a.row[lo+i] = frame[k]
	}
	lo, hi = lo/block*block, (hi/block+1)*block
	simd.CTCPath(steps[lo/block*3:hi/block*3], a.blanks[lo:hi], a.before[lo:hi+1], a.row[lo:hi], a.skip[lo:hi], float64(frame[a.Blank]))
}

// How CTCPath says that a state was reached, by the byte of its block.
const (
	blankLeft  = iota // the blank, from the label before; else it stayed
	fromBlank         // the label, from the blank before
	fromBefore        // … from the label before
)

// trace walks back from the end and fills the spans.
func (a *Aligner) trace(out *Alignment) {
	n, chunk, stride := len(a.tokens), a.chunk(), a.stride()
	out.Spans = make([]Span, n)
	for i, k := range a.tokens {
		out.Spans[i].Token = k
	}
	state, label := n, false // blank n, or a label
	if n > 0 && a.before[n] >= a.blanks[n] {
		state, label = n-1, true
	}
	for t := a.frames - 1; t >= 0; t-- {
		if k := t / chunk; t%chunk == chunk-1 && t < a.frames-1 {
			a.again(k, chunk)
		}
		steps := a.steps[t%chunk*stride+state/simd.CTCPathBlock*3:][:3]
		came := func(how int) bool { return steps[how]>>(state%simd.CTCPathBlock)&1 != 0 }
		if !label {
			if came(blankLeft) {
				state, label = state-1, true
			}
			continue
		}
		s := &out.Spans[state]
		if s.End == 0 {
			s.End = t + 1
		}
		s.Start = t
		s.LogProb += float64(a.frame(a.scores, t)[a.ids[state]])
		switch {
		case came(fromBefore):
			state--
		case came(fromBlank):
			label = false
		}
	}
}

// again computes the steps of chunk k once more.
func (a *Aligner) again(k, chunk int) {
	n, stride := len(a.blanks), a.stride()
	from := a.saved[k*(2*n+1):]
	copy(a.blanks, from[:n])
	copy(a.before, from[n:2*n+1])
	for t := k * chunk; t < (k+1)*chunk; t++ {
		a.step(t, a.steps[t%chunk*stride:][:stride])
	}
}

// confide fills in how sure the spans are.
func (a *Aligner) confide(backward func()) {
	if a.status != trellis.OK {
		return
	}
	spans := a.out.Spans
	a.share = confidences{spans: spans, last: len(spans) - 1}
	backward()
	a.share = confidences{}
	for i := range spans {
		s := &spans[i]
		s.Confidence = min(s.Confidence/float64(s.End-s.Start), 1)
	}
}

// emissions is the aligner as a trellis's source.
type emissions[F float32 | float64] Aligner

// Frame implements trellis.Source.
func (e *emissions[F]) Frame(scores []F, t int) bool {
	frame := e.logProbs[t*e.classes:][:e.classes]
	if len(e.stars) == 0 {
		for i, k := range e.ids {
			scores[i] = F(frame[k])
		}
	} else {
		for i, k := range e.tokens {
			if k == Wildcard {
				scores[i] = F(e.stars[t])
			} else {
				scores[i] = F(frame[k])
			}
		}
	}
	scores[len(e.ids)] = F(frame[e.Blank])
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
