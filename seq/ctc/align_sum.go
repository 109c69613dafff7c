package ctc

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// A sumPass sums the probabilities of all paths to each state, frame by frame, forwards; on a graph that is reversed, with the
// frames from the last on, those of all paths from it. It keeps no frame but the last, and writes into the record what
// states of the likeliest path are worth.
//
// A state is m·2ᵉ, so that nothing underflows. Through a run of frames the exponents stay as they are, so that a frame costs
// a few products (a fast run), wherever that is exact: no number leaves the range of float64, even if each frame of
// the run were the worst for it. Where it is not, mantissas are normalised in each frame (a careful run). Scores are taken
// relative to the greatest of their frame.
type sumPass struct {
	a       *Aligner
	g       *graph
	back    bool // from the end
	ids     []int32
	follows []float64 // of a chain: 1 where piece i may follow piece i−1 at once, else 0
	blanks  states
	labels  states    // of piece i − 1
	into    []float64 // of a chain: a blank's factor for the label before; else of each of g.ending, for the blank where it ends
	enter   []float64 // of each piece: the factor for the blank where it begins

	topBlanks, topLabels []int64 // exponents on trial: see graphRise

	raw   []float32 // a frame's scores
	exact states    // the exponentials of a run's scores, less the greatest of the frame
	probs []float64 // the same as numbers
	row   []float64 // those of a frame's labels
	cuts  []sumRun  // all frames
	edges [2]sumEdge
	shift float64 // the sum of the frames' greatest scores
	total float64 // the logarithm of the sum over all paths
	end   state   // the same without shift
}

// A state is m·2ᵉ. m is 0, or in [1, 2) when it is normalised.
type state struct {
	m float64
	e int64
}

// states are columns of those.
type states struct {
	m []float64
	e []int64
}

func (s *states) resize(n int) {
	s.m, s.e = scratch.Sized(s.m, n), scratch.Sized(s.e, n)
	clear(s.m)
	clear(s.e)
}

func (s *states) at(i int) state     { return state{s.m[i], s.e[i]} }
func (s *states) set(i int, x state) { s.m[i], s.e[i] = x.m, x.e }

// nowhere is the exponent of a state that no other leads to, as long as it is 0.
const nowhere = math.MinInt64 / 4

// normal returns x with a mantissa in [1, 2), or 0 as it is.
func normal(x state) state {
	if x.m == 0 {
		return x
	}
	b := math.Float64bits(x.m)
	if b>>52 == 0 { // a number below 2^−1022
		return normal(state{x.m * (1 << 60), x.e - 60})
	}
	return state{math.Float64frombits(b&(1<<52-1) | 1023<<52), x.e + int64(b>>52) - 1023}
}

// scale returns 2ᵈ; 0 far below 1. d must be below 1024.
func scale(d int64) float64 {
	if d < -1000 {
		return 0
	}
	return math.Float64frombits(uint64(1023+d) << 52)
}

// plus returns the sum of two states.
func plus(x, y state) state {
	switch {
	case x.m == 0:
		return y
	case y.m == 0:
		return x
	case x.e < y.e:
		x, y = y, x
	}
	return state{x.m + y.m*scale(y.e-x.e), x.e}
}

// A sumRun is frames that are done together.
type sumRun struct {
	from, to int
	fall     float64 // the sum of how far the frames' scores are apart, in powers of two
	holes    bool    // some are −Inf
}

const (
	// runRange is how far exponents may move in a fast run, of the 1022 that float64 has; the rest is
	// for sums of several states.
	runRange = 700

	// edgeRange is how far the exponents of a left edge may move beside that.
	edgeRange = 200

	// holeFrames is how many frames a run with scores of −Inf has at most, so that states may be as far apart.
	holeFrames = 4
)

// cut makes runs of all frames.
func (s *sumPass) cut() {
	s.cuts = s.cuts[:0]
	var r sumRun
	for t := range s.a.frames {
		top, low, holes := s.a.span(t)
		fall := (float64(top) - float64(low)) * math.Log2E
		if n := r.to - r.from; n > 0 && (n == blockFrames || r.fall+fall > runRange || (holes || r.holes) && n >= holeFrames) {
			s.cuts = append(s.cuts, r)
			r = sumRun{from: t}
		}
		r.to, r.fall, r.holes = t+1, r.fall+fall, r.holes || holes
	}
	if r.to > r.from {
		s.cuts = append(s.cuts, r)
	}
}

// span returns the greatest and the least score of a frame that are used and not −Inf, and whether some are −Inf.
func (a *Aligner) span(t int) (top, low float32, holes bool) {
	top, low = float32(math.Inf(-1)), float32(math.Inf(1))
	for _, k := range a.used {
		v := a.score(t, k)
		if math.IsInf(float64(v), -1) {
			holes = true
			continue
		}
		top, low = max(top, v), min(low, v)
	}
	return top, low, holes
}

// run sums over all paths.
func (s *sumPass) run(a *Aligner, back bool) {
	s.set(a, back)
	for i := range s.cuts {
		r := s.cuts[i]
		if back {
			r = s.cuts[len(s.cuts)-1-i]
		}
		s.frames(r)
	}
	last := s.g.places
	s.end = normal(s.blanks.at(last))
	for _, k := range s.g.endingAt(last) {
		s.end = normal(plus(s.end, normal(s.labels.at(int(k)+1))))
	}
	s.total = math.Log(s.end.m) + float64(s.end.e)*math.Ln2 + s.shift
}

func (s *sumPass) set(a *Aligner, back bool) {
	s.a, s.g, s.back, s.shift = a, a.g, back, 0
	if back {
		s.g = a.back
	}
	s.ids = paddedIDs(s.ids, s.g, a.classes)
	n := len(s.ids)
	s.blanks.resize(n)
	s.labels.resize(n + 1)
	s.blanks.m[0] = 1 // before any frame
	s.follows, s.enter, s.row = scratch.Sized(s.follows, n), scratch.Sized(s.enter, n), scratch.Sized(s.row, n)
	s.into = scratch.Sized(s.into, n)
	s.topBlanks, s.topLabels = scratch.Sized(s.topBlanks, n), scratch.Sized(s.topLabels, n+1)
	for i := range s.follows {
		s.follows[i] = 0
		if s.g.chain && i > 0 && i < len(s.g.pieces) && !s.g.repeat[i] {
			s.follows[i] = 1
		}
	}
	n = a.columns()
	s.raw, s.probs = scratch.Sized(s.raw, n), scratch.Sized(s.probs, blockFrames*n)
	s.exact.resize(blockFrames * n)
	s.cut()
}

// frame is the frame that is i-th of a run as the pass goes.
func (s *sumPass) frame(r sumRun, i int) int {
	if s.back {
		return r.to - 1 - i
	}
	return r.from + i
}

// frames takes all states through a run.
func (s *sumPass) frames(r sumRun) {
	for i := range r.to - r.from {
		s.exponentials(i, s.frame(r, i))
	}
	first, end := r.from, r.to
	if s.back {
		first, end = s.a.frames-r.to, s.a.frames-r.from
	}
	lo, _ := s.g.band(first, s.a.frames)
	_, hi := s.g.band(end-1, s.a.frames)
	if s.g.chain {
		lo = lo / simd.CTCPathBlock * simd.CTCPathBlock
	}
	var left *sumEdge
	for i, at := 0, lo; at < hi; i++ {
		b := sumBlock{sumPass: s, run: r, lo: at, hi: blockEnd(at, hi, s.g.reach), left: left}
		if b.hi < hi {
			b.right = &s.edges[i%2]
		}
		b.do()
		at, left = b.hi, b.right
	}
}

// exponentials makes row i of exact and probs, of frame t.
func (s *sumPass) exponentials(i, t int) {
	at := i * s.a.columns()
	s.a.scores(s.raw, t)
	top, _, _ := s.a.span(t)
	s.shift += float64(top)
	for _, k := range s.a.used {
		x := exponential(float64(s.raw[k]) - float64(top))
		s.exact.set(at+int(k), x)
		s.probs[at+int(k)] = x.m * scale(x.e)
	}
	s.probs[at+s.a.classes+1] = 0
}
