package ctc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Wildcard, among the tokens to be aligned, stands for anything: one frame or more of
// sound that is not transcribed. In each frame it scores as the best class does, less
// a thousandth of a nat, so that tokens and blanks beside it keep their frames.
const Wildcard = -1

const wildcardCost = 1e-3

// A Span is where a token is.
type Span struct {
	Token      int     // Wildcard too
	From, To   int     // the places of the text that it spells
	Start, End int     // its frames: Start to End − 1
	LogProb    float64 // of the path in these frames
	Confidence float64 // posterior probability of being at a token that spells some of the same text, the mean over its frames; less beside wildcards, which may be at the same place
}

// An Alignment is the likeliest path that spells a text. Frames between spans are
// blanks.
type Alignment struct {
	Spans   []Span
	LogProb float64 // of the path
	Total   float64 // of all paths that spell the text, in all its spellings; at least LogProb. With wildcards, paths count for each way to read them, and it can be above 0
}

// An Aligner aligns emissions to a text that is known (forced alignment). It keeps its memory
// for the next call; copies must not share one.
type Aligner struct {
	Blank int

	logProbs        []float32
	frames, classes int
	g, back         *graph
	used            []int32   // the classes of the pieces, and the blank
	stars           []float32 // each frame's best score, where there is a wildcard
	path            pathPass
	sums            [2]sumPass // from the beginning, and from the end
	record          record
}

// errNoPath is where frames cannot spell tokens.
var errNoPath = errors.New("no path")

// Align returns the likeliest path through T frames of classes that spells the tokens,
// with ties broken for staying. Its time is T·S for S tokens, and no beam cuts it.
//
// Scores below −1e12 count as −Inf.
//
// Errors: NaN, +Inf and scores above 1e12; a token that is no class, or the blank; tokens that no path spells,
// since there are too few frames (a repeated token needs a blank between) or by −Inf.
// Source: [graves2006]; the Viterbi form of its forward recursion.
func (a *Aligner) Align(logProbs []float32, classes int, tokens []int) (*Alignment, error) {
	return a.AlignSpellings(logProbs, classes, OneSpelling(tokens))
}

// AlignSpellings is [Aligner.Align] over all spellings of a text: the path is the likeliest of them all, and
// the total is over all. Its time is T·S for S pieces.
func (a *Aligner) AlignSpellings(logProbs []float32, classes int, s Spellings) (*Alignment, error) {
	if err := a.set(logProbs, classes, &s); err != nil {
		return nil, err
	}
	defer a.forget()
	out := &Alignment{LogProb: math.Inf(-1)}
	if a.g.least <= a.frames {
		a.path.run(a)
		out.LogProb = a.path.logProb
	}
	if math.IsInf(out.LogProb, -1) {
		return nil, a.noPath(&s)
	}
	out.Spans = a.path.trace()
	a.back = a.g.reversed()
	a.record.set(a, out.Spans)
	simd.Run(2, (*sumPasses)(a))
	out.Total = max(a.sums[0].total, out.LogProb)
	a.record.confide(a, out.Spans)
	for i := range out.Spans {
		p := &out.Spans[i]
		p.From, p.To = s.Pieces[p.From].From, s.Pieces[p.From].To
	}
	return out, nil
}

// sumPasses is the passes that sum over paths, which know nothing of each other.
type sumPasses Aligner

// Do implements simd.Job.
func (p *sumPasses) Do(task, _ int) {
	a := (*Aligner)(p)
	a.sums[task].run(a, task == 1)
}

func (a *Aligner) noPath(s *Spellings) error {
	switch {
	case a.g.least == far:
		return fmt.Errorf("ctc: %w: the %d pieces make up no whole spelling of the text", errNoPath, len(s.Pieces))
	case a.g.chain:
		return fmt.Errorf("ctc: %w through the %d frames spells the %d tokens: they need at least %d frames, and scores above −Inf", errNoPath, a.frames, a.g.places, a.least())
	}
	return fmt.Errorf("ctc: %w through the %d frames spells the text: its shortest spelling has %d tokens; it needs as many frames, one more between equal tokens, and scores above −Inf", errNoPath, a.frames, a.g.least)
}

// least is the number of frames that the tokens of a chain need.
func (a *Aligner) least() int {
	n := a.g.places
	for _, repeat := range a.g.repeat {
		if repeat {
			n++
		}
	}
	return n
}

func (a *Aligner) set(logProbs []float32, classes int, s *Spellings) error {
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
	for i, v := range logProbs {
		if v > simd.CTCFar {
			return fmt.Errorf("ctc: logProbs of frame %d, class %d is %v; it must be at most %v", i/classes, i%classes, v, simd.CTCFar)
		}
	}
	if err := s.check(classes, a.Blank); err != nil {
		return err
	}
	a.logProbs, a.frames, a.classes = logProbs, n, classes
	a.g = newGraph(s, classes)
	if a.g.crowd > maxEnding {
		return fmt.Errorf("ctc: %d pieces of the text end at one place; there may be %d", a.g.crowd, maxEnding)
	}
	a.used = append(append(a.used[:0], a.g.ids...), int32(a.Blank))
	slices.Sort(a.used)
	a.used = slices.Compact(a.used)
	a.findStars()
	return nil
}

// forget drops what belongs to the caller, and what depends on the text.
func (a *Aligner) forget() { a.logProbs, a.g, a.back = nil, nil, nil }

// findStars finds what a wildcard scores in each frame, where there is one.
func (a *Aligner) findStars() {
	a.stars = a.stars[:0]
	if a.used[len(a.used)-1] != int32(a.classes) {
		return
	}
	for t := range a.frames {
		a.stars = append(a.stars, slices.Max(a.logProbs[t*a.classes:(t+1)*a.classes])-wildcardCost)
	}
}

// columns is how many scores a frame has: the classes, the wildcard, and −Inf for what is no token.
func (a *Aligner) columns() int { return a.classes + 2 }

// scores writes the scores of frame t that are used.
func (a *Aligner) scores(dst []float32, t int) {
	row := a.logProbs[t*a.classes : (t+1)*a.classes]
	dst[a.classes+1] = float32(math.Inf(-1))
	for _, k := range a.used {
		v := float32(0)
		if int(k) < a.classes {
			v = row[k]
		} else {
			v = a.stars[t]
		}
		if v < -simd.CTCFar {
			v = float32(math.Inf(-1))
		}
		dst[k] = v
	}
}

// score is the score of a piece, or of the blank, in frame t.
func (a *Aligner) score(t int, id int32) float32 {
	v := float32(0)
	if int(id) < a.classes {
		v = a.logProbs[t*a.classes+int(id)]
	} else {
		v = a.stars[t]
	}
	if v < -simd.CTCFar {
		return float32(math.Inf(-1))
	}
	return v
}

// paddedIDs are the classes of the pieces, and one that is no token for whole blocks of a chain.
func paddedIDs(dst []int32, g *graph, classes int) []int32 {
	n := max(len(g.pieces), g.places+1)
	n = (n + simd.CTCPathBlock - 1) / simd.CTCPathBlock * simd.CTCPathBlock
	dst = scratch.Sized(dst, n)
	for i := copy(dst, g.ids); i < n; i++ {
		dst[i] = int32(classes + 1)
	}
	return dst
}
