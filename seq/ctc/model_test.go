package ctc

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// counted is a language model without the special words. A word's probability depends on its number and
// on how many words were before.
type counted struct{}

func (counted) Words() []string { return []string{"ab", "a", "b"} }
func (counted) Start() int32    { return 0 }
func (counted) Bound() float64  { return -0.2 }

func (counted) Score(state, word int32) (logProb float64, next int32) {
	return -0.2 - 0.3*float64(word) - 0.1*float64(state%4), state + 1
}

// Sentence is the definition.
func (m counted) Sentence(words ...string) (sum float64) {
	known := 0
	for _, w := range words {
		n := slices.Index(m.Words(), w)
		if n < 0 {
			sum += -0.2 - 0.3*2 // as the least likely word at the start
			continue
		}
		sum += -0.2 - 0.3*float64(n) - 0.1*float64(known%4)
		known++
	}
	return sum
}

// oddModel is counted with one thing that may not be.
type oddModel struct {
	counted
	words []string
	bound float64
	score func(word int32) float64
}

func (m oddModel) Words() []string { return m.words }
func (m oddModel) Bound() float64  { return m.bound }

func (m oddModel) Score(_, word int32) (logProb float64, next int32) { return m.score(word), 7 }

// TestModelErrors: what a language model may not do is an error that names it, in Push, in Finish and from then on.
func TestModelErrors(t *testing.T) {
	minus := func(int32) float64 { return -1 }
	at := func(word int32, p float64) func(int32) float64 {
		return func(w int32) float64 {
			if w == word {
				return p
			}
			return -1
		}
	}
	words := []string{"a", "b", "</s>"}
	beam := func(m LanguageModel) Beam {
		return Beam{Tokens: letters, Blank: 1, Separator: " ", Model: m, LMWeight: 0.5}
	}
	for want, m := range map[string]oddModel{
		`Model.Words()[2] is "b", and so is Words()[1]`: {words: []string{"a", "b", "b"}, score: minus},
		"Model.Bound() is NaN":                          {words: words, bound: math.NaN(), score: minus},
		"Model.Bound() is +Inf":                         {words: words, bound: math.Inf(1), score: minus},
	} {
		if _, err := NewDecoder(beam(m)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	x := []float32{-0.1, -2, -3, -4, -9, -9, -0.1, -3, -4, -9, -4, -3, -4, -0.1, -9} // "a "
	for want, m := range map[string]oddModel{
		`Model.Score(0, 0) is NaN for the word "a"; it must be at most Bound(), which is 0`:       {words: words, score: at(0, math.NaN())},
		`Model.Score(0, 0) is 0.25 for the word "a"; it must be at most Bound(), which is 0`:      {words: words, score: at(0, 0.25)},
		`Model.Score(0, 0) is -1 for the word "a"; it must be at most Bound(), which is -Inf`:     {words: words, bound: math.Inf(-1), score: at(1, math.Inf(-1))},
		`Model.Score(7, 2) is -1 for the word "</s>"; it must be at most Bound(), which is -1.25`: {words: words, bound: -1.25, score: func(w int32) float64 { return -2 + float64(w/2) }},
	} {
		s := decoder(t, beam(m)).Stream()
		err := s.Push(x)
		if strings.Contains(want, "</s>") {
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Finish()
		} else if _, again := s.Finish(); again != err || s.Push(nil) != err {
			t.Errorf("after %v, Finish has %v", err, again)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
		s.Reset()
		if err := s.Push(nil); err != nil {
			t.Error("after Reset: ", err)
		}
	}
}
