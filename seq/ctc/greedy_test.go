package ctc

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Greedy's alignment is the likeliest of all.
func TestGreedyIsBestAlignment(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for frames := range 6 {
		for classes := 1; classes <= 4; classes++ {
			for blank := range classes {
				x := emit(rng, frames, classes, 1, 0.1)
				best, labels := math.Inf(-1), []int(nil)
				var alignment []int
				alignments(x, classes, func(a []int, p float64) {
					if p > best {
						best, labels, alignment = p, collapse(a, blank), slices.Clone(a)
					}
				})
				got, err := Greedy(x, classes, blank)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.Tokens, labels) || !close64(got.LogProb, best) {
					t.Fatalf("%+v; want %v with %v", got, labels, best)
				}
				aligner := Aligner{Blank: blank}
				a, err := aligner.Align(x, classes, labels)
				if err != nil {
					t.Fatal(err)
				}
				for i, s := range got.Spans {
					want := a.Spans[i]
					if s.Token != labels[i] || s.Start != want.Start || s.End != want.End || !close64(s.LogProb, want.LogProb) || !(s.Confidence > 0 && s.Confidence <= 1) {
						t.Errorf("label %d is at %+v of %v; aligned, at %+v", i, s, alignment, want)
					}
				}
			}
		}
	}
}

func TestGreedyTiesAndErrors(t *testing.T) {
	p, err := Greedy([]float32{-1, -1, -1, -3, -1, -1}, 3, 2)
	if err != nil || !slices.Equal(p.Tokens, []int{0, 1}) || !slices.Equal(places(p.Spans), [][3]int{{0, 0, 1}, {1, 1, 2}}) || p.LogProb != -2 {
		t.Errorf("%+v, %v", p, err)
	}
	zero := float32(math.Inf(-1))
	if p, err := Greedy([]float32{zero, zero}, 2, 0); err != nil || len(p.Tokens) != 0 || !math.IsInf(p.LogProb, -1) {
		t.Errorf("all impossible: %+v, %v", p, err)
	}
	for _, c := range []struct {
		classes, blank int
		want           string
	}{{0, 0, "classes is 0"}, {2, 2, "blank is 2"}, {2, -1, "blank is -1"}, {4, 0, "must have a multiple of the 4 classes"}} {
		if _, err := Greedy(make([]float32, 6), c.classes, c.blank); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
	}
}
