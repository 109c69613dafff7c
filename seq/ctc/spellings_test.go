package ctc

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// everySpelling calls f with each row of tokens that makes up a text.
func everySpelling(text string, tokens []string, blank int, f func(spelled []int)) {
	var walk func(rest string, spelled []int)
	walk = func(rest string, spelled []int) {
		if rest == "" {
			f(spelled)
			return
		}
		for c, t := range tokens {
			if t != "" && c != blank && strings.HasPrefix(rest, t) {
				walk(rest[len(t):], append(spelled[:len(spelled):len(spelled)], c))
			}
		}
	}
	walk(text, nil)
}

// TestAlignSpellings: path and total are the greatest and the sum over each spelling by itself, and the path is one of them.
func TestAlignSpellings(t *testing.T) {
	tokens := []string{"a", "b", "<b>", "ab", "ba", "aab", "", "a", "bb", "é", "éa"} // two classes say a
	const blank = 2
	r := rand.New(rand.NewPCG(3, 18))
	several := 0
	for trial := range 400 {
		text := ""
		for range r.IntN(6) {
			text += []string{"a", "b", "é"}[r.IntN(3)]
		}
		var x []float32
		frames := 1 + r.IntN(9)
		for range frames * len(tokens) {
			x = append(x, float32(-4*r.ExpFloat64()))
			if r.IntN(20) == 0 {
				x[len(x)-1] = float32(math.Inf(-1))
			}
		}
		best, total, spellings := math.Inf(-1), math.Inf(-1), 0
		var likeliest []int
		everySpelling(text, tokens, blank, func(spelled []int) {
			spellings++
			one, err := (&Aligner{Blank: blank}).Align(x, len(tokens), spelled)
			if err != nil {
				return // too few frames, or −Inf
			}
			if one.LogProb > best {
				best, likeliest = one.LogProb, spelled
			}
			total = logAdd(total, one.Total)
		})
		s, err := AllSpellings(text, tokens, blank)
		if (err != nil) != (spellings == 0) {
			t.Fatalf("trial %d: %d spellings, error %v", trial, spellings, err)
		}
		if err != nil {
			continue
		}
		if spellings > 1 {
			several++
		}
		got, err := (&Aligner{Blank: blank}).AlignSpellings(x, len(tokens), s)
		if math.IsInf(best, -1) {
			if err == nil {
				t.Fatalf("trial %d: %q in %d frames has no path, but %+v", trial, text, frames, got)
			}
			continue
		}
		if err != nil || math.Abs(got.LogProb-best) > 1e-9 || math.Abs(got.Total-total) > 1e-9 {
			t.Fatalf("trial %d: %q: %+v, %v; path %v, all %v", trial, text, got, err, best, total)
		}
		var spelled []int
		said := ""
		for _, span := range got.Spans {
			spelled = append(spelled, span.Token)
			if span.From != len(said) || text[span.From:span.To] != tokens[span.Token] {
				t.Fatalf("trial %d: span %+v of %q stands behind %q", trial, span, text, said)
			}
			said += tokens[span.Token]
		}
		if said != text || !slices.Equal(spelled, likeliest) && math.Abs(got.LogProb-best) > 1e-12 {
			t.Fatalf("trial %d: %q is spelled %v; the likeliest is %v", trial, text, spelled, likeliest)
		}
	}
	if several < 100 {
		t.Errorf("only %d texts had several spellings", several)
	}
}

// TestSpellingsErrors: what is no whole spelling, no place or no token is refused.
func TestSpellingsErrors(t *testing.T) {
	if _, err := AllSpellings("abxa", []string{"", "a", "ab"}, 0); err == nil || !strings.Contains(err.Error(), `"xa" at byte 2`) {
		t.Errorf("a letter that no token has: %v", err)
	}
	for want, s := range map[string]Spellings{
		"pieces[1] is from place 1 to 1": {Places: 2, Pieces: []Piece{{1, 0, 2}, {1, 1, 1}}},
		"pieces[0] is from place 0 to 3": {Places: 2, Pieces: []Piece{{1, 0, 3}}},
		"no whole spelling":              {Places: 2, Pieces: []Piece{{1, 0, 1}}},
		"tokens[0] is 0":                 {Places: 1, Pieces: []Piece{{0, 0, 1}}},
		"300 pieces of the text end":     {Places: 1, Pieces: slices.Repeat([]Piece{{1, 0, 1}}, 300)},
		"shortest spelling has 3 tokens": {Places: 4, Pieces: []Piece{{1, 0, 1}, {1, 1, 2}, {1, 0, 2}, {1, 2, 3}, {1, 3, 4}}},
	} {
		if _, err := new(Aligner).AlignSpellings(make([]float32, 4), 2, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; it should say %q", err, want)
		}
	}
}

// TestSpellingsOptional: a piece that may be there or not adds up to both, before and behind.
func TestSpellingsOptional(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 18))
	x := make([]float32, 7*4)
	for i := range x {
		x[i] = float32(-3 * r.ExpFloat64())
	}
	s := OneSpelling([]int{1, 2})
	s.Optional(3)
	s.Append(OneSpelling([]int{1}))
	s.OptionalFirst(3)
	best, total := math.Inf(-1), math.Inf(-1)
	for _, tokens := range [][]int{{1, 2, 1}, {1, 2, 3, 1}, {3, 1, 2, 1}, {3, 1, 2, 3, 1}} {
		one, err := new(Aligner).Align(x, 4, tokens)
		if err != nil {
			t.Fatal(err)
		}
		best, total = max(best, one.LogProb), logAdd(total, one.Total)
	}
	got, err := new(Aligner).AlignSpellings(x, 4, s)
	if err != nil || math.Abs(got.LogProb-best) > 1e-9 || math.Abs(got.Total-total) > 1e-9 {
		t.Errorf("%+v, %v; path %v, all %v", got, err, best, total)
	}
}
