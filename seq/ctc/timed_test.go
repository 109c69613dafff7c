package ctc

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
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

func text(t *testing.T, write func(w *strings.Builder) error) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
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
}

// TestTimelineFormats holds the formats against what their readers want to see.
func TestTimelineFormats(t *testing.T) {
	x := timeline()
	ctm := text(t, func(w *strings.Builder) error { return x.WriteCTM(w) })
	if want := "my_file.wav 1 0.010 0.060 ab\" 0.600\nmy_file.wav 1 0.130 0.040 c 0.900\nmy_file.wav 1 2.010 1.000 * 1.000\n"; ctm != want {
		t.Errorf("CTM:\n%s", ctm)
	}
	srt := text(t, func(w *strings.Builder) error { return x.WriteSRT(w) })
	if want := "1\n00:00:00,010 --> 00:00:00,170\nab\" c\n\n2\n00:00:02,010 --> 00:00:03,010\n*\n\n"; srt != want {
		t.Errorf("SRT:\n%s", srt)
	}
	grid := text(t, func(w *strings.Builder) error { return x.WriteTextGrid(w) })
	for _, want := range []string{"xmax = 3.5000", "size = 2", `name = "words"`, `text = "ab"""`, "intervals: size = 7", `name = "tokens"`} {
		if !strings.Contains(grid, want) {
			t.Errorf("the TextGrid has no %q:\n%s", want, grid)
		}
	}
	contiguous(t, grid)
	var back Timeline
	if err := json.Unmarshal([]byte(text(t, func(w *strings.Builder) error { return x.WriteJSON(w) })), &back); err != nil || len(back.Tokens) != 5 || back.Words[1] != x.Words[1] {
		t.Errorf("JSON: %+v, %v", back, err)
	}
}

// contiguous checks that every interval of a tier begins where the one before ended.
func contiguous(t *testing.T, grid string) {
	t.Helper()
	last := ""
	lines := strings.Split(grid, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "        intervals: size") {
			last = "0.0000"
		}
		if !strings.HasPrefix(line, "        intervals [") {
			continue
		}
		from, to := strings.Fields(lines[i+1])[2], strings.Fields(lines[i+2])[2]
		if from != last || from == to {
			t.Errorf("an interval from %s to %s behind %s", from, to, last)
		}
		last = to
	}
}

// TestTimelineEmpty: nothing said is a timeline, too.
func TestTimelineEmpty(t *testing.T) {
	x := &Timeline{File: "f", Duration: 1}
	grid := text(t, func(w *strings.Builder) error { return x.WriteTextGrid(w) })
	contiguous(t, grid)
	if strings.Count(grid, "intervals [1]") != 2 {
		t.Errorf("the tiers are not filled:\n%s", grid)
	}
	if s := text(t, func(w *strings.Builder) error { return x.WriteSRT(w) }); s != "" {
		t.Errorf("SRT: %q", s)
	}
	x = &Timeline{Words: []Timed{{Text: "", Start: 0.5, End: 1}}}
	if s := text(t, func(w *strings.Builder) error { return x.WriteCTM(w) }); s != "- 1 0.500 0.500 <eps> 0.000\n" {
		t.Errorf("CTM of what has no names: %q", s)
	}
	if got := stamp(3661.0625); got != "01:01:01,063" {
		t.Errorf("a stamp is %s", got)
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
