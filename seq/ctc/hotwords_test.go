package ctc

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The automaton knows what ends with a text and what it has begun, and what one more token brings, however tokens cut the text up.
func TestHotWordsIsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, tokens := range map[string][]string{
		"":       {"_", "a", "b", "c"},      // without a separator
		"letter": {"_", " ", "a", "b", "c"}, // one letter each
		"pieces": {"_", "a", " ", "b", " a", "ab", "ba", "b a", " b a", "a b a b "},
		"marked": {"_", "a", "b", " a", " ba", "ab", " ab"}, // no separator by itself
	} {
		b := Beam{Tokens: tokens, Classes: len(tokens)}
		if name != "" {
			b.Separator = " "
		}
		for trial := range 60 {
			least := -2 * (trial % 2) // of the boosts
			b.Hot = nil
			for range 1 + rng.IntN(8) {
				w := HotWord{draw(rng, 1+rng.IntN(4), len(tokens)-1), float64(least + rng.IntN(9))}
				for i := range w.Tokens {
					w.Tokens[i]++
				}
				if strings.TrimSpace(b.text(w.Tokens)) != "" {
					b.Hot = append(b.Hot, w)
				}
			}
			h := newHotWords(&b, b.alphabet(false))
			text, s := b.Separator, h.start
			for range 40 {
				lent, _ := begun(&b, text, 0)
				if !close64(h.lent[s], lent) {
					t.Fatalf("%s: after %q lent is %v; want %v", name, text, h.lent[s], lent)
				}
				for c := 1; c < len(tokens); c++ {
					n, boost := h.next(s, int32(c))
					lent, want := begun(&b, text+tokens[c], len(text))
					if !close64(boost, want) || !close64(h.lent[n], lent) {
						t.Fatalf("%s: after %q and %q the boost is %v, and lent is %v; want %v and %v", name, text, tokens[c], boost, h.lent[n], want, lent)
					}
					if gain, most := boost+h.lent[n], h.bounded(s, int32(c)); gain > most+1e-9 || h.alone[c] > h.most {
						t.Fatalf("%s: after %q and %q the gain is %v, at most %v", name, text, tokens[c], gain, most)
					}
				}
				c := 1 + rng.IntN(len(tokens)-1)
				n, _ := h.next(s, int32(c))
				text, s = text+tokens[c], n
			}
		}
	}
}

// bounded is what the search takes for the most that a token gains after a state.
func (h *hotWords) bounded(s, token int32) float64 {
	for n := s; n != 0; n = h.fail[n] {
		if c := h.child(n, h.symbols[token][0]); c >= 0 {
			return h.bound(c, token)
		}
	}
	return h.alone[token]
}

func (b *Beam) text(tokens []int) string {
	text := ""
	for _, c := range tokens {
		text += b.Tokens[c]
	}
	return text
}

// begun returns the most that is lent for a hot word that a text ends with the beginning
// of, and the boosts of those that end in it from a byte on.
func begun(b *Beam, text string, from int) (lent, boost float64) {
	for _, w := range b.Hot {
		pattern, around := b.text(w.Tokens), 0
		if b.Separator != "" {
			pattern, around = " "+strings.Join(strings.Fields(pattern), " ")+" ", 1
		}
		for end := from + 1; end <= len(text); end++ {
			if strings.HasSuffix(text[:end], pattern) {
				boost += w.Boost
			}
		}
		for n := 1; n < len(pattern); n++ {
			if strings.HasSuffix(text, pattern[:n]) {
				lent = max(lent, w.Boost*float64(n-around)/float64(len(pattern)-2*around))
			}
		}
	}
	return lent, boost
}

// A hot word of pieces counts however they spell it, at a text's start and end, too; with Tokenize by its own tokens alone.
func TestHotWordsOfPieces(t *testing.T) {
	tokens := []string{"_", " dig", " d", "ig", "it", " ", "s", " a", "dig"}
	b := Beam{Tokens: tokens, Separator: " ", Hot: []HotWord{{[]int{1}, 3}, {[]int{5, 1, 4, 5, 7, 5}, 0.5}}}
	for _, c := range []struct {
		classes []int
		boost   float64
	}{
		{[]int{1}, 3},
		{[]int{2, 3}, 3},
		{[]int{5, 8}, 3},
		{[]int{5, 5, 2, 3, 5}, 3},
		{[]int{8}, 3},
		{[]int{2, 3, 7, 1}, 6},
		{[]int{2, 3, 5, 5, 1, 5}, 6},
		{[]int{1, 4}, 0},
		{[]int{2, 3, 6}, 0},
		{[]int{2, 3, 4, 7}, 0.5},
		{[]int{1, 4, 7, 6}, 0},
	} {
		if h := decode(t, b, sure(c.classes, len(tokens), 0)); !slices.Equal(h[0].Tokens, c.classes) || h[0].Boost != c.boost {
			t.Errorf("%q: %+v; want the boost %v", b.text(c.classes), h[0], c.boost)
		}
	}
	b.Tokenize = func(string) ([]int, error) { return nil, nil }
	for _, c := range []struct {
		classes []int
		boost   float64
	}{{[]int{1}, 3}, {[]int{7, 1, 5}, 3}, {[]int{2, 3}, 0}, {[]int{8}, 0}, {[]int{1, 4, 7}, 0.5}} {
		if h := decode(t, b, sure(c.classes, len(tokens), 0)); !slices.Equal(h[0].Tokens, c.classes) || h[0].Boost != c.boost {
			t.Errorf("tokenized %q: %+v; want the boost %v", b.text(c.classes), h[0], c.boost)
		}
	}
}

// With Tokenize a lexicon has one spelling of each word.
func TestTokenizedLexicon(t *testing.T) {
	tokens := []string{"_", " dig", " d", "ig", "it", " "}
	spell := map[string][]int{"dig": {1}, "digit": {1, 4}, "d": {2}}
	b := Beam{Tokens: tokens, Separator: " ", Lexicon: []string{"dig", "digit"}, Width: 400, Best: 400}
	rng := rand.New(rand.NewPCG(7, 7))
	x := emit(rng, 5, len(tokens), 2, 0)
	ways := map[string]int{}
	for _, h := range decode(t, b, x) {
		ways[strings.TrimSpace(b.text(h.Tokens))]++
	}
	if ways["dig"] < 2 || ways["digit"] < 2 {
		t.Errorf("without Tokenize: %v", ways)
	}
	b.Tokenize = func(word string) ([]int, error) { return spell[word], nil }
	several := false
	for _, h := range decode(t, b, x) {
		words := strings.Fields(b.text(h.Tokens))
		var want []int
		for _, w := range words {
			want = append(want, spell[w]...)
		}
		if got := slices.DeleteFunc(slices.Clone(h.Tokens), func(c int) bool { return c == 5 }); !slices.Equal(got, want) {
			t.Errorf("%q is %v; want %v", words, got, want)
		}
		several = several || len(words) > 1
	}
	if !several {
		t.Error("there are no two words")
	}
	b.Hot = []HotWord{{[]int{1}, 1}}
	for want, bad := range map[string]func(*Beam){
		`Lexicon[0]: "dig" is spelled as "d" by Tokenize; it must be the same text`: func(b *Beam) { b.Tokenize = func(string) ([]int, error) { return []int{2}, nil } },
		`"dig" has the token 9 by Tokenize; it must be from 0 to 5`:                 func(b *Beam) { b.Tokenize = func(string) ([]int, error) { return []int{9}, nil } },
		"no such word":                               func(b *Beam) { b.Tokenize = func(string) ([]int, error) { return nil, errors.New("no such word") } },
		"Tokenize is set without a Separator":        func(b *Beam) { b.Separator, b.Lexicon = "", nil },
		"Tokenize is set without Lexicon and Hot":    func(b *Beam) { b.Lexicon, b.Hot = nil, nil },
		"Tokenize and Spellings are both set":        func(b *Beam) { b.Spellings = []string{"dig", "digit"} },
		"Hot[0].Tokens[0] is 2, which has no text":   func(b *Beam) { b.Tokens = []string{"_", " dig", "", "ig", "it", " "}; b.Hot[0].Tokens = []int{2} },
		"Hot[0].Tokens is [5]; it must have a token": func(b *Beam) { b.Hot = []HotWord{{[]int{5}, 1}} },
	} {
		wrong := b
		bad(&wrong)
		if _, err := NewDecoder(wrong); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
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
	b := Beam{Tokens: []string{"_", "<s>", "</s>", "zz", "a"}, Model: m, LMWeight: 1, Unknown: Zero, Best: 4}
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
