package ctc

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The automaton knows what ends with a text and what it has begun, and what one more token brings.
func TestHotWordsIsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, separator := range []int{-1, 0} {
		for trial := range 60 {
			least := -2 * (trial % 2) // of the boosts
			var words []HotWord
			for range 1 + rng.IntN(8) {
				w := HotWord{draw(rng, 1+rng.IntN(4), 2), float64(least + rng.IntN(9))}
				for i := range w.Tokens {
					w.Tokens[i]++
				}
				words = append(words, w)
			}
			h := newHotWords(words, 3, separator)
			text, s := []int{}, h.start
			if separator >= 0 {
				text = append(text, separator)
			}
			for range 40 {
				lent, _ := begun(words, text, separator)
				if !close64(h.lent[s], lent) {
					t.Fatalf("after %v lent is %v; want %v", text, h.lent[s], lent)
				}
				for c := range 3 {
					next, boost := begun(words, append(slices.Clone(text), c), separator)
					if n := h.next(s, int32(c)); !close64(h.boost[n], boost) {
						t.Fatalf("after %v and %d the boost is %v; want %v", text, c, h.boost[n], boost)
					}
					if n := h.next(s, int32(c)); !close64(h.gain[n], next+boost) || h.gain[h.root[c]] > h.most {
						t.Fatalf("after %v and %d the gain is %v, the most of a beginning %v; want %v", text, c, h.gain[n], h.most, next+boost)
					}
				}
				c := rng.IntN(3)
				text, s = append(text, c), h.next(s, int32(c))
			}
		}
	}
}

// begun returns the most that is lent for a hot word that a text ends with the beginning
// of, and the boosts of those that it ends with.
func begun(words []HotWord, text []int, separator int) (lent, boost float64) {
	for _, w := range words {
		letters := len(w.Tokens)
		tokens, around := w.Tokens, 0
		if separator >= 0 {
			tokens, around = slices.Concat([]int{separator}, tokens, []int{separator}), 1
		}
		for n := 1; n <= min(len(tokens), len(text)); n++ {
			if !slices.Equal(text[len(text)-n:], tokens[:n]) {
				continue
			}
			if n == len(tokens) {
				boost += w.Boost
			} else {
				lent = max(lent, w.Boost*float64(n-around)/float64(letters))
			}
		}
	}
	return lent, boost
}

// A hot word turns the balance, and only as a whole word.
func TestHotWordsTurnTheBalance(t *testing.T) {
	tokens := []string{"_", " ", "a", "b", "c"}
	x := []float32{ // a, then b or c, and again
		-9, -9, -0.1, -9, -9,
		-9, -9, -9, -1, -0.8,
		-9, -0.1, -9, -9, -9,
		-9, -9, -0.1, -9, -9,
		-9, -9, -9, -1, -0.8,
		-9, -9, -0.1, -9, -9,
	}
	b := Beam{Tokens: tokens, Separator: " "}
	text := func() string {
		d := decoder(t, b)
		return d.Text(decode(t, b, x)[0].Tokens)
	}
	if got := text(); got != "ac aca" {
		t.Errorf("without hot words %q", got)
	}
	b.Hot = []HotWord{{[]int{2, 3}, 1}}
	if got := text(); got != "ab aca" {
		t.Errorf("with a hot word %q", got)
	}
	b.Hot = []HotWord{{[]int{2, 3, 1, 2, 3, 2}, 1}}
	if got := text(); got != "ab aba" {
		t.Errorf("with a hot phrase %q", got)
	}
}

// The marks of a sentence's start and end are no words when a token is spelled like them.
func TestMarksAreNoWords(t *testing.T) {
	m := languageModel(t, 2, "a a\n")
	b := Beam{Tokens: []string{"_", "<s>", "</s>", "zz", "a"}, Model: m, LMWeight: 1, Best: 4}
	x := []float32{-9, -1, -1, -1, -99}
	h := decode(t, b, x)
	if len(h) != 4 || h[0].LM != h[1].LM || h[1].LM != h[2].LM || len(h[2].Tokens) != 1 {
		t.Errorf("%+v", h)
	}
	b.Separator, b.Tokens = " ", []string{"_", " ", "<s>", "zz", "a"}
	if h := decode(t, b, x); h[1].LM != h[2].LM || h[1].Words != 1 || h[2].Words != 1 {
		t.Errorf("spelled: %+v", h)
	}
}
