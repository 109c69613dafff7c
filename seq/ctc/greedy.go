package ctc

import "math"

// Path is an alignment's labels.
type Path struct {
	Tokens  []int   // the labels
	Spans   []Span  // where they are; the confidence is the mean probability of the label in its frames
	LogProb float64 // of the alignment alone
}

// Greedy returns the labels of the likeliest alignment: the likeliest class of each
// frame, the first of equals, repeats merged, blanks removed. Its labels are not always the likeliest
// labels, which may have many alignments.
//
// Shapes: logProbs is T frames of classes; T = 0 has no labels and LogProb 0.
// Errors: NaN and +Inf; a length that is no multiple of classes; a blank that is no class.
// Source: [graves2006], best path decoding.
func Greedy(logProbs []float32, classes, blank int) (Path, error) {
	if err := checkClasses(classes, blank); err != nil {
		return Path{}, err
	}
	g := GreedyStream{classes: classes, blank: blank, last: blank}
	err := g.Push(logProbs)
	return g.path, err
}

// GreedyStream is [Greedy] of emissions that come in chunks. How they are cut makes no difference. It is
// not for several goroutines at once.
type GreedyStream struct {
	classes, blank int
	last           int // class of the last frame
	frames         int
	sure           float64 // sum of the probabilities of the last label in its frames
	path           Path
}

// NewGreedyStream returns a stream. Errors: a blank that is no class.
func NewGreedyStream(classes, blank int) (*GreedyStream, error) {
	if err := checkClasses(classes, blank); err != nil {
		return nil, err
	}
	return &GreedyStream{classes: classes, blank: blank, last: blank}, nil
}

// Push adds frames, any number of them.
//
// Errors: NaN and +Inf, with the frame's number in the stream; a length that is no multiple of
// the classes; the stream is then as it was before.
func (g *GreedyStream) Push(logProbs []float32) error {
	n, err := frames(logProbs, g.classes)
	if err != nil {
		return err
	}
	if err := checkLogProbs(logProbs, g.classes, g.frames); err != nil {
		return err
	}
	for t := range n {
		row := logProbs[t*g.classes : (t+1)*g.classes]
		best := 0
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		if best != g.last && best != g.blank {
			g.path.Tokens = append(g.path.Tokens, best)
			g.path.Spans = append(g.path.Spans, Span{Token: best, Start: g.frames + t})
			g.sure = 0
		}
		if best != g.blank {
			g.extend(g.frames+t+1, float64(row[best]))
		}
		g.path.LogProb += float64(row[best])
		g.last = best
	}
	g.frames += n
	return nil
}

// extend has the last label up to a frame.
func (g *GreedyStream) extend(end int, logProb float64) {
	s := &g.path.Spans[len(g.path.Spans)-1]
	g.sure += math.Exp(logProb)
	s.End, s.LogProb = end, s.LogProb+logProb
	s.Confidence = min(g.sure/float64(end-s.Start), 1)
}

// Path returns the path of the frames so far; its labels do not change any more. It is good until the next Push.
func (g *GreedyStream) Path() Path { return g.path }
