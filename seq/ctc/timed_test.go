package ctc

import (
	"math"
	"slices"
	"testing"
)

// timeline says "ab c", with a wildcard behind it.
func timeline() *Timeline {
	spans := []Span{
		{Token: 1, Start: 0, End: 2, LogProb: -1, Confidence: 0.5},
		{Token: 2, Start: 2, End: 3, LogProb: -2, Confidence: 0.8},
		{Token: 3, Start: 4, End: 5, LogProb: -0.5, Confidence: 1},
		{Token: 4, Start: 6, End: 8, LogProb: -1, Confidence: 0.9},
		{Token: Wildcard, Start: 100, End: 150, LogProb: -3, Confidence: 1},
	}
	tokens := TimedTokens(spans, func(c int) string { return []string{"", "a", "b\"", " ", "c"}[c] }, 0.02, 0.01)
	return &Timeline{File: "my file.wav", Duration: 3.5, LogProb: -7.5, Total: -7, Tokens: tokens, Words: TimedWords(append(tokens[:4:4], Timed{Text: " "}, tokens[4]), " ")}
}

// TestTimedWords: words go from their first token to their last, and weigh their tokens by time.
func TestTimedWords(t *testing.T) {
	x := timeline()
	if len(x.Words) != 3 || x.Words[0].Text != `ab"` || x.Words[1].Text != "c" || x.Words[2].Text != WildcardText {
		t.Fatalf("%+v", x.Words)
	}
	w := x.Words[0]
	if math.Abs(w.Start-0.01) > 1e-12 || math.Abs(w.End-0.07) > 1e-12 || w.LogProb != -3 || math.Abs(w.Confidence-0.6) > 1e-12 {
		t.Errorf("%+v", w)
	}
	if math.Abs(w.Likelihood-math.Exp(-1)) > 1e-12 || !w.Doubtful(0.4) || w.Doubtful(0.3) || !w.Doubtful(0.61) || x.Words[2].Doubtful(1) {
		t.Errorf("the likelihood is %v; three frames have −3 nats: %+v", w.Likelihood, x.Words)
	}
	none := TimedTokens([]Span{{Token: 1, Start: 0, End: 1, LogProb: -1e9}, {Token: 1, Start: 1, End: 2, LogProb: 1e9}}, func(int) string { return "a" }, 0, 0)
	if got := TimedWords(none, " "); len(got) != 1 || none[0].Likelihood != 0 || none[1].Likelihood != 1 || !(got[0].Likelihood >= 0) {
		t.Errorf("likelihoods of scores far from 0: %+v", got)
	}
	if got := TimedWords(x.Tokens, ""); len(got) != len(x.Tokens) {
		t.Errorf("without a separator: %+v", got)
	}
	if got := JoinWords(TimedWords(x.Tokens, "")); got != `ab" c *` {
		t.Errorf("without a separator the text is %q", got)
	}
	if got := JoinWords(x.Words); got != `ab" c *` {
		t.Errorf("with a separator the text is %q", got)
	}
}

// TestTimedWordsOfPieces: a space in a token's text begins a word; tokens without a text are in none.
func TestTimedWordsOfPieces(t *testing.T) {
	tokens := []Timed{
		{Text: " he", Start: 0, End: 1, LogProb: -1, Confidence: 1},
		{Text: "llo", Start: 1, End: 2, LogProb: -1, Confidence: 0.5},
		{Text: "", Start: 2, End: 3, Confidence: 1},
		{Text: " a b", Start: 3, End: 5, LogProb: -2, Confidence: 1},
		{Text: "c", Start: 5, End: 6, LogProb: -1, Confidence: 1},
		{Text: WildcardText, Start: 6, End: 7, wildcard: true},
		{Text: "d ", Start: 7, End: 8, Confidence: 1},
		{Text: "e", Start: 8, End: 9, Confidence: 1},
	}
	want := []Timed{
		{Text: "hello", Start: 0, End: 2, LogProb: -2, Confidence: 0.75},
		{Text: "a", Start: 3, End: 4, LogProb: -1, Confidence: 1},
		{Text: "bc", Start: 4, End: 6, LogProb: -2, Confidence: 1},
		{Text: WildcardText, Start: 6, End: 7, wildcard: true},
		{Text: "d", Start: 7, End: 8, Confidence: 1},
		{Text: "e", Start: 8, End: 9, Confidence: 1},
	}
	if got := TimedWords(tokens, " "); !slices.Equal(got, want) {
		t.Errorf("%+v; they must be %+v", got, want)
	}
}
