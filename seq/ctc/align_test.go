package ctc

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
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
		a := Aligner{Blank: blank, Memory: trial % 2} // every other with chunks
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

// TestAlignChunks: with little memory, long input has the same alignment.
func TestAlignChunks(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	for _, frames := range []int{1, 2, 100, 777, 2000} {
		logProbs, spelled := drawnLine(r, frames, 9, min(frames/3, 150), 3, false)
		for i, v := range logProbs {
			logProbs[i] = max(v, -20)
		}
		whole, err := (&Aligner{Blank: 3}).Align(logProbs, 9, spelled)
		if err != nil {
			t.Fatal(err)
		}
		thrifty, err := (&Aligner{Blank: 3, Memory: 1}).Align(logProbs, 9, spelled)
		if err != nil {
			t.Fatal(err)
		}
		if whole.LogProb != thrifty.LogProb || whole.Total != thrifty.Total || !slices.Equal(whole.Spans, thrifty.Spans) {
			t.Errorf("%d frames: two alignments", frames)
		}
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
