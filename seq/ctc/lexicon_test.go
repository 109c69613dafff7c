package ctc

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sure emits labels, a frame and a blank each, with little doubt.
func sure(labels []int, classes, blank int) (x []float32) {
	for _, c := range labels {
		for _, c := range []int{c, blank} {
			row := make([]float32, classes)
			for i := range row {
				row[i] = -12
			}
			row[c] = -0.01
			x = append(x, row...)
		}
	}
	return x
}

// Words are written as the lexicon has them, by any of their spellings; of words with one spelling the model's
// favourite is taken.
func TestSpellings(t *testing.T) {
	b := Beam{
		Tokens: letters, Blank: 1, Separator: " ",
		Lexicon:   []string{"A.", "Bob", "Bob", "two", "too"},
		Spellings: []string{"a", "bab", "bb", "ba", "ba"},
		Model:     languageModel(t, 2, "A. too\nBob two\ntwo two\n"), LMWeight: 1,
	}
	for text, want := range map[string]string{
		"a ba":     "A. too",
		"bab ba":   "Bob two",
		"bb  a ":   "Bob A.",
		" ba ba":   "two two",
		"a bab ba": "A. Bob two",
		"":         "",
	} {
		var labels []int
		for _, c := range text {
			labels = append(labels, slices.Index(letters, string(c)))
		}
		d := decoder(t, b)
		h, err := d.Decode(sure(labels, len(letters), 1))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Text(h[0].Tokens); got != want || h[0].Words != len(strings.Fields(want)) {
			t.Errorf("%q is %q, %d words; want %q", text, got, h[0].Words, want)
		}
		if lm := sentence(b.Model, strings.Fields(want)); !close64(h[0].LM, lm) {
			t.Errorf("%q: LM %v; want %v", text, h[0].LM, lm)
		}
	}
	for want, bad := range map[string]Beam{
		"Spellings has 1 elements":                    {Tokens: letters, Blank: 1, Separator: " ", Lexicon: []string{"a", "b"}, Spellings: []string{"a"}},
		"Spellings has 0 elements":                    {Tokens: letters, Blank: 1, Separator: " ", Spellings: []string{}},
		"Spellings[0] is empty; it must spell":        {Tokens: letters, Blank: 1, Separator: " ", Lexicon: []string{"a"}, Spellings: []string{""}},
		`Spellings[0] is "x"; it must be a word that`: {Tokens: letters, Blank: 1, Separator: " ", Lexicon: []string{"a"}, Spellings: []string{"x"}},
	} {
		if _, err := NewDecoder(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

// A word that a model without <unk> does not have is read where it is said, and --unk's weight makes it rarer.
func TestClosedModel(t *testing.T) {
	b := Beam{Tokens: letters, Blank: 1, Separator: " ", Model: beams(t)["no <unk>"].Model, LMWeight: 1}
	x := sure([]int{0, 3, 2, 2, 3, 0, 2}, len(letters), 1) // a bb ab
	for unknown, want := range map[float64]string{0: "a bb ab", Zero: "a bb ab", -3: "a bb ab", 2: "a bb ab", -40: "a ab ab"} {
		b.Unknown = unknown
		d := decoder(t, b)
		h, err := d.Decode(x)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(d.Text(h[0].Tokens)), " "); got != want {
			t.Errorf("with %v: %q; want %q", unknown, got, want)
		}
		if n := strings.Count(want, "bb"); h[0].Unknown != n {
			t.Errorf("with %v: %d unknown words; want %d", unknown, h[0].Unknown, n)
		}
	}
}

// No hypothesis is an error that says why.
func TestNoHypothesis(t *testing.T) {
	x := sure([]int{0, 2, 2}, len(letters), 1)
	for want, b := range map[string]Beam{
		"after 6 frames, nothing that the beam of 1 has ends with a whole word of the lexicon, which has 1": {Width: 1, Lexicon: []string{"abbabb"}},
		"the language model gives the probability 0 to all that the beam of 64 has":                         {Model: nothing{}, LMWeight: 1},
	} {
		b.Tokens, b.Blank, b.Separator = letters, 1, " "
		h, err := decoder(t, b).Decode(x)
		if !errors.Is(err, ErrNoHypothesis) || !strings.Contains(err.Error(), want) || h != nil {
			t.Errorf("%v, %v; want %q", h, err, want)
		}
	}
}

// nothing is a model that allows nothing.
type nothing struct{ counted }

func (nothing) Words() []string { return []string{"a", "</s>", "<unk>"} }

func (nothing) Score(state, _ int32) (logProb float64, next int32) { return math.Inf(-1), state }

// A stream of the best class of each frame is that of the whole, however it is cut.
func TestGreedyStream(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 8))
	for range 50 {
		x := emit(rng, rng.IntN(30), 4, 2, 0.1)
		want, err := Greedy(x, 4, 2)
		if err != nil {
			t.Fatal(err)
		}
		g, err := NewGreedyStream(4, 2)
		if err != nil {
			t.Fatal(err)
		}
		for len(x) > 0 {
			n := min(len(x), 4*(1+rng.IntN(5)))
			if err := g.Push(x[:n]); err != nil {
				t.Fatal(err)
			}
			x = x[n:]
		}
		if got := g.Path(); !slices.Equal(got.Tokens, want.Tokens) || !slices.Equal(got.Spans, want.Spans) || got.LogProb != want.LogProb {
			t.Fatalf("%+v; want %+v", got, want)
		}
	}
	g, _ := NewGreedyStream(2, 0)
	if err := g.Push([]float32{-1, -2}); err != nil {
		t.Fatal(err)
	}
	nan := float32(0)
	nan /= nan
	if err := g.Push([]float32{-1, -2, -1, nan}); err == nil || !strings.Contains(err.Error(), "frame 2, class 1 is NaN") {
		t.Error(err)
	}
	if _, err := NewGreedyStream(2, 2); err == nil {
		t.Error("a blank that is no class is taken")
	}
}
