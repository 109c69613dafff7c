package ctc

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// A drawnLine is log-probabilities and tokens, some of them wildcards.
func drawnLine(r *rand.Rand, frames, classes, tokens, blank int, stars bool) (logProbs []float32, spelled []int) {
	for range frames * classes {
		v := float32(3 * r.NormFloat64())
		if r.IntN(15) == 0 {
			v = float32(math.Inf(-1))
		}
		logProbs = append(logProbs, v)
	}
	for range tokens {
		k := r.IntN(classes - 1)
		if k >= blank {
			k++
		}
		if stars && r.IntN(3) == 0 {
			k = Wildcard
		}
		spelled = append(spelled, k)
	}
	return logProbs, spelled
}

// everyPath calls f with each path through the states, blank 0, token 0, …, blank n, that
// spells the tokens.
func everyPath(frames int, tokens []int, f func(states []int)) {
	states := make([]int, frames)
	var walk func(t int)
	walk = func(t int) {
		if t == frames {
			if frames == 0 && len(tokens) == 0 || frames > 0 && states[frames-1] >= 2*len(tokens)-1 {
				f(states)
			}
			return
		}
		lo, hi := 0, 1
		if t > 0 {
			lo = states[t-1]
			hi = lo + 1
			if lo%2 == 1 && lo+2 < 2*len(tokens) && (tokens[lo/2] != tokens[lo/2+1] || tokens[lo/2] == Wildcard) {
				hi = lo + 2
			}
		}
		for s := lo; s <= min(hi, 2*len(tokens)); s++ {
			states[t] = s
			walk(t + 1)
		}
	}
	walk(0)
}

// TestAlignEnumerated: path score, total, spans and confidences are those of all paths.
func TestAlignEnumerated(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	possible := 0
	for trial := range 1500 {
		frames, classes, tokens := r.IntN(8), 2+r.IntN(4), r.IntN(4)
		blank := r.IntN(classes)
		logProbs, spelled := drawnLine(r, frames, classes, tokens, blank, trial%3 == 0)
		score := func(t, s int) float64 {
			row := logProbs[t*classes : (t+1)*classes]
			switch {
			case s%2 == 0:
				return float64(row[blank])
			case spelled[s/2] == Wildcard:
				return float64(slices.Max(row) - wildcardCost)
			}
			return float64(row[spelled[s/2]])
		}
		best, total := math.Inf(-1), 0.0
		posterior := make([]float64, frames*(2*tokens+1))
		everyPath(frames, spelled, func(states []int) {
			sum := 0.0
			for t, s := range states {
				sum += score(t, s)
			}
			best = max(best, sum)
			total += math.Exp(sum)
			for t, s := range states {
				posterior[t*(2*tokens+1)+s] += math.Exp(sum)
			}
		})
		a := Aligner{Blank: blank}
		got, err := a.Align(logProbs, classes, spelled)
		if math.IsInf(best, -1) {
			if err == nil || !strings.Contains(err.Error(), "no path") {
				t.Fatalf("trial %d: no path, but %v, %v", trial, got, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("trial %d: %v", trial, err)
		}
		possible++
		if math.Abs(got.LogProb-best) > 1e-9 || math.Abs(got.Total-math.Log(total)) > 1e-5 {
			t.Fatalf("trial %d: path %v, all %v; they are %v, %v", trial, got.LogProb, got.Total, best, math.Log(total))
		}
		sum, at := 0.0, 0
		for i, s := range got.Spans {
			if s.Token != spelled[i] || s.Start < at || s.End <= s.Start || s.End > frames {
				t.Fatalf("trial %d: span %d is %+v behind frame %d", trial, i, s, at)
			}
			for ; at < s.Start; at++ {
				sum += score(at, 0)
			}
			inside, sure := 0.0, 0.0
			for ; at < s.End; at++ {
				inside += score(at, 2*i+1)
				sure += posterior[at*(2*tokens+1)+2*i+1] / total / float64(s.End-s.Start)
			}
			if math.Abs(inside-s.LogProb) > 1e-9 || math.Abs(sure-s.Confidence) > 1e-5 {
				t.Fatalf("trial %d: span %d is %+v; it has %v, confidence %v", trial, i, s, inside, sure)
			}
			sum += inside
		}
		for ; at < frames; at++ {
			sum += score(at, 0)
		}
		if math.Abs(sum-best) > 1e-9 {
			t.Fatalf("trial %d: the spans' path scores %v; the best %v", trial, sum, best)
		}
	}
	if possible < 500 {
		t.Errorf("only %d alignments were possible", possible)
	}
}

// A plainAligner is what Aligner computes, by the formulas: logarithms, all states of all frames kept.
type plainAligner struct {
	s       Spellings
	blank   int
	score   func(t, token int) float64
	frames  int
	ending  [][]int     // the pieces that end at each place
	best    [][]float64 // of frame t: places' blanks, then pieces
	forward [][]float64
}

// sources calls f with the states before one: of blanks their place, of pieces the number behind those.
func (p *plainAligner) sources(state int, f func(state int)) {
	f(state)
	n := p.s.Places + 1
	place, token := state, p.blank
	if state >= n {
		piece := p.s.Pieces[state-n]
		place, token = piece.From, piece.Token
		f(place)
	}
	for _, k := range p.ending[place] {
		if q := p.s.Pieces[k]; q.Token != token || q.Token == Wildcard {
			f(n + k)
		}
	}
}

func (p *plainAligner) token(state int) int {
	if n := p.s.Places + 1; state >= n {
		return p.s.Pieces[state-n].Token
	}
	return p.blank
}

func (p *plainAligner) run() {
	n := p.s.Places + 1 + len(p.s.Pieces)
	p.ending = make([][]int, p.s.Places+1)
	for k, q := range p.s.Pieces {
		p.ending[q.To] = append(p.ending[q.To], k)
	}
	row := func() []float64 { return slices.Repeat([]float64{math.Inf(-1)}, n) }
	best, sum := row(), row()
	best[0], sum[0] = 0, 0
	for t := range p.frames {
		nextBest, nextSum := row(), row()
		for x := range n {
			p.sources(x, func(from int) {
				nextBest[x], nextSum[x] = max(nextBest[x], best[from]), logAdd(nextSum[x], sum[from])
			})
			v := p.score(t, p.token(x))
			nextBest[x], nextSum[x] = nextBest[x]+v, nextSum[x]+v
		}
		best, sum = nextBest, nextSum
		p.best, p.forward = append(p.best, best), append(p.forward, sum)
	}
}

// ends calls f with the states in which paths end.
func (p *plainAligner) ends(f func(state int)) {
	f(p.s.Places)
	for k, q := range p.s.Pieces {
		if q.To == p.s.Places {
			f(p.s.Places + 1 + k)
		}
	}
}

// backward returns the logarithm of the sum over all paths behind a state of each frame.
func (p *plainAligner) backward() [][]float64 {
	n := p.s.Places + 1 + len(p.s.Pieces)
	all := make([][]float64, p.frames)
	for t := range all {
		all[t] = slices.Repeat([]float64{math.Inf(-1)}, n)
	}
	p.ends(func(x int) { all[p.frames-1][x] = 0 })
	for t := p.frames - 1; t > 0; t-- {
		for x := range n {
			v := p.score(t, p.token(x)) + all[t][x]
			p.sources(x, func(from int) { all[t-1][from] = logAdd(all[t-1][from], v) })
		}
	}
	return all
}

// drawnSpellings are pieces of a text of some letters, with several tokens for some and several letters in some.
func drawnSpellings(r *rand.Rand, places, classes, blank, longest int) (s Spellings) {
	s.Places = places
	token := func() int {
		k := r.IntN(classes - 1)
		if k >= blank {
			k++
		}
		return k
	}
	for from := range places {
		for length := 1; length <= min(longest, places-from); length++ {
			if length == 1 || r.IntN(3) == 0 {
				s.Pieces = append(s.Pieces, Piece{token(), from, from + length})
			}
		}
	}
	return s
}

// TestAlignPlain: paths, totals and confidences are those of the plain recursions, for single spellings and many, scores
// near each other and far apart, with and without −Inf, and texts of many blocks, at one and at two threads.
func TestAlignPlain(t *testing.T) {
	const classes, blank = 9, 3
	for _, c := range []struct {
		name                    string
		frames, places, longest int
		scale                   float64
		holes                   bool
	}{
		{"near", 300, 60, 1, 1, false},
		{"one frame", 1, 1, 1, 1, false},
		{"peaks", 400, 150, 1, 12, false},
		{"far", 200, 60, 1, 400, false},
		{"farther", 100, 20, 1, 1e5, false},
		{"holes", 300, 60, 1, 12, true},
		{"hurry", 152, 150, 1, 30, false},
		{"long", 1300, 1240, 1, 8, false},
		{"pieces", 200, 60, 4, 3, false},
		{"far pieces", 150, 60, 4, 300, false},
		{"holes in pieces", 200, 60, 4, 12, true},
		{"hurry in pieces", 40, 120, 4, 12, false},
		{"long pieces", 700, 1100, 3, 8, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, uint64(c.frames)))
			s := drawnSpellings(r, c.places, classes, blank, c.longest)
			var x []float32
			for i := range c.frames * classes {
				v := float32(-c.scale * r.ExpFloat64())
				if c.holes && i%classes != blank && r.IntN(4) == 0 {
					v = float32(math.Inf(-1))
				}
				x = append(x, v)
			}
			checkPlain(t, x, classes, blank, s)
		})
	}
}

func checkPlain(t *testing.T, x []float32, classes, blank int, s Spellings) {
	t.Helper()
	p := plainAligner{s: s, blank: blank, frames: len(x) / classes}
	p.score = func(t, token int) float64 { return float64(x[t*classes+token]) }
	p.run()
	best, total := math.Inf(-1), math.Inf(-1)
	p.ends(func(state int) {
		best, total = max(best, p.best[p.frames-1][state]), logAdd(total, p.forward[p.frames-1][state])
	})
	a := Aligner{Blank: blank}
	got, err := a.AlignSpellings(x, classes, s)
	if math.IsInf(best, -1) {
		if err == nil {
			t.Fatal("it has a path, but there is none")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.LogProb-best) > 1e-9*(1+math.Abs(best)) || math.Abs(got.Total-total) > 1e-9*(1+math.Abs(total)) {
		t.Errorf("path %v, all %v; they are %v, %v", got.LogProb, got.Total, best, total)
	}
	sum, at := 0.0, 0
	back := p.backward()
	place := 0
	for i, span := range got.Spans {
		if span.Start < at || span.End <= span.Start || span.From != place {
			t.Fatalf("span %d is %+v behind frame %d, place %d", i, span, at, place)
		}
		place = span.To
		for ; at < span.Start; at++ {
			sum += p.score(at, blank)
		}
		sure := 0.0
		for ; at < span.End; at++ {
			sum += p.score(at, span.Token)
			for k, q := range s.Pieces {
				if state := s.Places + 1 + k; q.From < span.To && q.To > span.From {
					sure += math.Exp(p.forward[at][state] + back[at][state] - total)
				}
			}
		}
		if sure /= float64(span.End - span.Start); math.Abs(sure-span.Confidence) > 1e-6+1e-12*math.Abs(total) {
			t.Errorf("span %d has confidence %v; it is %v", i, span.Confidence, sure)
		}
	}
	for ; at < p.frames; at++ {
		sum += p.score(at, blank)
	}
	if place != s.Places || math.Abs(sum-best) > 1e-9*(1+math.Abs(best)) {
		t.Errorf("the spans end at place %d and score %v; the best path scores %v", place, sum, best)
	}
	simd.SetThreads(1)
	defer simd.SetThreads(0)
	again, err := (&Aligner{Blank: blank}).AlignSpellings(x, classes, s)
	if err != nil || again.LogProb != got.LogProb || again.Total != got.Total || !slices.Equal(again.Spans, got.Spans) {
		t.Errorf("on one thread it is another alignment; error %v", err)
	}
}

// TestAlignWildcard: what is not transcribed goes to the wildcard, and tokens beside it keep their
// frames.
func TestAlignWildcard(t *testing.T) {
	const classes = 4
	said := []int{1, 1, 1, 0, 0, 2, 2, 3, 0, 1, 0, 3, 3}
	var logProbs []float32
	for _, k := range said {
		row := []float32{-9, -9, -9, -9}
		row[k] = -0.1
		logProbs = append(logProbs, row...)
	}
	for _, c := range []struct {
		tokens []int
		want   []int // where spans begin and end
	}{
		{[]int{1, Wildcard, 3}, []int{0, 3, 5, 10, 11, 13}},
		{[]int{Wildcard, 1, 3}, []int{0, 8, 9, 10, 11, 13}},
		{[]int{1, 2, Wildcard}, []int{0, 3, 5, 7, 7, 13}},
		{[]int{Wildcard, 3, 1, Wildcard}, []int{0, 7, 7, 8, 9, 10, 11, 13}},
	} {
		a, err := new(Aligner).Align(logProbs, classes, c.tokens)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, s := range a.Spans {
			got = append(got, s.Start, s.End)
		}
		if !slices.Equal(got, c.want) || math.Abs(a.LogProb+1.3) > 0.02 {
			t.Errorf("%v: spans %v, want %v; path %v", c.tokens, got, c.want, a.LogProb)
		}
	}
	if a, err := new(Aligner).Align(logProbs[:12], classes, []int{1, Wildcard, Wildcard}); err != nil || len(a.Spans) != 3 || a.LogProb < -1 {
		t.Errorf("two wildcards in two frames: %+v, %v", a, err)
	}
}

// TestAlignErrors: what cannot be is refused.
func TestAlignErrors(t *testing.T) {
	x := make([]float32, 8)
	for want, call := range map[string]func() (*Alignment, error){
		"tokens[1] is 2":      func() (*Alignment, error) { return new(Aligner).Align(x, 2, []int{1, 2}) },
		"tokens[0] is 0":      func() (*Alignment, error) { return new(Aligner).Align(x, 2, []int{0}) },
		"need at least 5":     func() (*Alignment, error) { return new(Aligner).Align(x, 2, []int{1, 1, 1}) },
		"blank is 2":          func() (*Alignment, error) { return (&Aligner{Blank: 2}).Align(x, 2, nil) },
		"a multiple of the 3": func() (*Alignment, error) { return new(Aligner).Align(x, 3, nil) },
		"class 0 is 2e+12; it must be at most 1e+12": func() (*Alignment, error) {
			return new(Aligner).Align([]float32{2e12, 0}, 2, []int{1})
		},
		"scores above −Inf": func() (*Alignment, error) {
			return new(Aligner).Align([]float32{0, -1e30, 0, -1e13}, 2, []int{1})
		},
		"of frame 1, class 1 is NaN": func() (*Alignment, error) {
			return new(Aligner).Align([]float32{0, 0, 0, float32(math.NaN())}, 2, nil)
		},
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; it should say %q", err, want)
		}
	}
	if a, err := new(Aligner).Align(nil, 2, nil); err != nil || a.LogProb != 0 || len(a.Spans) != 0 {
		t.Errorf("nothing to align: %+v, %v", a, err)
	}
}
