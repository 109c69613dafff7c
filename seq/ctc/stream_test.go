package ctc

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/energo-ml/energo/seq/ngram"
)

// However the emissions are cut, the result is that of the whole, bit for bit, and stable
// labels stay.
func TestStreamIsDecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for name, b := range beams(t) {
		b.Width, b.Best, b.Threshold, b.Delay = 12, 12, 9, rng.IntN(2)*30
		d := decoder(t, b)
		s := d.Stream()
		for range 10 {
			frames := rng.IntN(120)
			x := emit(rng, frames, d.beam.Classes, 3, 0.05)
			want, err := d.Decode(x)
			if err != nil && !errors.Is(err, ErrNoHypothesis) {
				t.Fatal(err)
			}
			s.Reset()
			var stable []int
			for at := 0; at < frames; {
				n := min(rng.IntN(4)*rng.IntN(20), frames-at)
				if err := s.Push(x[at*d.beam.Classes : (at+n)*d.beam.Classes]); err != nil {
					t.Fatal(err)
				}
				at += n
				if got := s.Stable(); len(got) < len(stable) || !slices.Equal(got[:len(stable)], stable) {
					t.Fatalf("%s: stable %v became %v", name, stable, got)
				}
				stable = slices.Clone(s.Stable())
				for _, h := range finish(t, s) {
					if !slices.Equal(h.Tokens[:len(stable)], stable) {
						t.Fatalf("%s: %v after stable %v", name, h.Tokens, stable)
					}
				}
			}
			if s.Frames() != frames {
				t.Errorf("%d frames; want %d", s.Frames(), frames)
			}
			if got := finish(t, s); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s, %d frames: in chunks %+v; whole %+v", name, frames, got, want)
			}
		}
	}
}

// With a Delay, labels are stable by then, and memory is bounded.
func TestDelay(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	const delay = 25
	d := decoder(t, Beam{Classes: 20, Width: 16, Delay: delay})
	s := d.Stream()
	x := emit(rng, 3000, 20, 4, 0)
	for at := 0; at < len(x); at += 20 {
		if err := s.Push(x[at : at+20]); err != nil {
			t.Fatal(err)
		}
		if behind := len(finish(t, s)[0].Tokens) - len(s.Stable()); behind > delay {
			t.Fatalf("frame %d: %d labels are not stable", s.Frames(), behind)
		}
		for i, h := range s.beam {
			if got := s.forest.at[h.prefix].slot; got != int32(i) {
				t.Fatalf("place %d in the beam is %d", i, got)
			}
		}
	}
	if n := len(s.forest.at); n > 16*delay {
		t.Errorf("%d prefixes are held", n)
	}
	if len(s.Stable()) < 2000 {
		t.Errorf("%d labels are no trial", len(s.Stable()))
	}
	// Longer than the emissions, it makes no difference.
	d = decoder(t, Beam{Classes: 20, Width: 16, Delay: 1000, Threshold: 3})
	without := decoder(t, Beam{Classes: 20, Width: 16, Threshold: 3})
	got, err := d.Decode(x[:20*900])
	if err != nil {
		t.Fatal(err)
	}
	want, err := without.Decode(x[:20*900])
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("a Delay longer than the emissions makes a difference")
	}
}

// Prefixes that lead nowhere are given back.
func TestPrefixesAreGivenBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 13))
	s := decoder(t, Beam{Classes: 9, Width: 30}).Stream()
	for range 300 {
		if err := s.Push(emit(rng, 1, 9, 2, 0.2)); err != nil {
			t.Fatal(err)
		}
		used := map[int32]bool{s.root: true}
		for _, h := range s.beam {
			for n := h.prefix; n != s.root; n = s.forest.at[n].parent {
				used[n] = true
			}
		}
		if got := len(s.forest.at) - len(s.forest.free); got != len(used) {
			t.Fatalf("frame %d: %d prefixes are held; %d are needed", s.Frames(), got, len(used))
		}
	}
}

func finish(t testing.TB, s *Stream) []Hypothesis {
	t.Helper()
	best, err := s.Finish()
	if err != nil && !errors.Is(err, ErrNoHypothesis) { // as in the midst of a word of a lexicon
		t.Fatal(err)
	}
	return best
}

func TestPushErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	d := decoder(t, Beam{Classes: 3})
	s := d.Stream()
	if err := s.Push([]float32{-1, -2, -3, -1, -2, -3}); err != nil {
		t.Fatal(err)
	}
	before := finish(t, s)
	for _, c := range []struct {
		x    []float32
		want string
	}{
		{[]float32{-1, -1, -1, -1, nan, -1}, "frame 3, class 1 is NaN"},
		{[]float32{-1, -1, inf}, "frame 2, class 2 is +Inf"},
		{[]float32{-1, -1}, "has 2 elements; it must have a multiple of the 3 classes"},
	} {
		if err := s.Push(c.x); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
		if s.Frames() != 2 || !reflect.DeepEqual(finish(t, s), before) {
			t.Error("a refused chunk has changed the stream")
		}
		if _, err := d.Decode(c.x); err == nil {
			t.Error("Decode takes it")
		}
		if _, err := Greedy(c.x, 3, 0); err == nil {
			t.Error("Greedy takes it")
		}
	}
}

func TestBeamErrors(t *testing.T) {
	model := languageModel(t, 2, "a b\n")
	for _, c := range []struct {
		b    Beam
		want string
	}{
		{Beam{}, "classes is 0"},
		{Beam{Classes: 3, Blank: 3}, "blank is 3"},
		{Beam{Classes: 3, Blank: -1}, "blank is -1"},
		{Beam{Classes: 3, Tokens: []string{"a"}}, "Tokens has 1 elements"},
		{Beam{Classes: 3, Model: model}, "Tokens is nil"},
		{Beam{Classes: 3, Lexicon: []string{"a"}}, "Tokens is nil"},
		{Beam{Classes: 3, Separator: " "}, `Separator is " "`},
		{Beam{Tokens: []string{" ", "a"}, Separator: " "}, `Separator is " "`},
		{Beam{Tokens: letters, Lexicon: []string{"a"}}, "Lexicon is set without"},
		{Beam{Tokens: letters, Blank: 1, Separator: " ", Lexicon: []string{"a", ""}}, `Lexicon[1] is ""`},
		{Beam{Tokens: letters, Blank: 1, Separator: " ", Lexicon: []string{"a", "a b"}}, `Lexicon[1] is "a b"; it must be one word, without the separator " "`},
		{Beam{Tokens: letters, Blank: 1, Separator: " ", Lexicon: []string{"a", "ac"}}, `Lexicon[1] is "ac"; it must be a word that the tokens spell`},
		{Beam{Tokens: letters, Blank: 1, Separator: " ", Lexicon: []string{"a_"}}, `Lexicon[0] is "a_"`},
		{Beam{Tokens: letters, Blank: 1, Separator: " ", Lexicon: []string{"a", "AB"}}, `Lexicon[1] is "AB"; it must be a word that the tokens spell; they spell "ab": mind the case`},
		{Beam{Tokens: []string{"", " ", "A"}, Separator: " ", Lexicon: []string{"aa"}}, `they spell "AA"`},
		{Beam{Tokens: []string{"", " ", "A", "B"}, Separator: " ", Model: model}, `Model has 2 words, of which the tokens spell 0, not "a"; in the other case of letters they spell 2 more`},
		{Beam{Tokens: []string{"", "A", "ab"}, Model: model}, `Model has 2 words, of which the tokens spell 0, not "a"; in the other case of letters they spell 1 more`},
		{Beam{Tokens: []string{"", " ", "c"}, Separator: " ", Model: model}, "spell 0 more"},
		{Beam{Tokens: alphabet(28), Separator: " ", Model: languageModel(t, 1, "THE CAT SAT ON A MAT a IN MY OLD NEW HAT\n")}, "of which the tokens spell 1, "},
		{Beam{Classes: 3, Width: -1}, "Width is -1"},
		{Beam{Classes: 3, TopTokens: -1}, "TopTokens is -1"},
		{Beam{Classes: 3, Best: -1}, "Best is -1"},
		{Beam{Classes: 3, Delay: -1}, "Delay is -1"},
		{Beam{Classes: 3, Threshold: -1}, "Threshold is -1"},
		{Beam{Classes: 3, LMWeight: math.NaN()}, "LMWeight is NaN"},
		{Beam{Classes: 3, LMWeight: -1}, "LMWeight is -1"},
		{Beam{Classes: 3, LMWeight: 2e6}, "LMWeight is 2e+06; it must be from 0 to 1e+06"},
		{Beam{Classes: 3, Threshold: math.Inf(1)}, "Threshold is +Inf"},
		{Beam{Classes: 3, WordBonus: math.Inf(-1)}, "WordBonus is -Inf"},
		{Beam{Classes: 3, WordBonus: 1e7}, "WordBonus is 1e+07; it must be from -1e+06 to 1e+06"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1}, -1e308}}}, "Hot[0].Boost is -1e+308; it must be from -1e+06 to 1e+06"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1}, 1}, {nil, 1}}}, "Hot[1].Tokens is []; it must have a token"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1, 0}, 1}}}, "Hot[0].Tokens[1] is 0"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1, 3}, 1}}}, "Hot[0].Tokens[1] is 3"},
		{Beam{Classes: 3, Hot: []HotWord{{[]int{1}, math.NaN()}}}, "Hot[0].Boost is NaN"},
		{Beam{Tokens: []string{"", "a", " "}, Separator: " ", Hot: []HotWord{{[]int{1, 2}, 1}, {[]int{2, 2}, 1}}}, "Hot[1].Tokens is [2 2]; it must have a token other than separators"},
	} {
		if _, err := NewDecoder(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %q", c.b, err, c.want)
		}
	}
}

// Words that the tokens cannot spell are fine in a model that has others.
func TestModelsOfOtherWords(t *testing.T) {
	for _, text := range []string{"a zero\n", "THE CAT a b ab\n", "zero one\nb\n"} {
		if _, err := NewDecoder(Beam{Tokens: letters, Blank: 1, Separator: " ", Model: languageModel(t, 1, text)}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	marks, err := ngram.Read(strings.NewReader("\\data\\\nngram 1=3\n\\1-grams:\n-99 <s>\n-0.5 </s>\n-0.4 <UNK>\n\\end\\"))
	if err != nil {
		t.Fatal(err)
	}
	b := Beam{Tokens: letters, Blank: 1, Separator: " ", Model: marks, LMWeight: 1, Unknown: Zero}
	if h := decode(t, b, []float32{-0.1, -9, -9, -9, -9}); len(h) != 1 || len(h[0].Tokens) != 1 || !close64(h[0].LM, -0.9*math.Ln10) {
		t.Errorf("a model of marks alone: %+v", h)
	}
}

// Labels have a text, long ones soon, and none where tokens have none.
func TestText(t *testing.T) {
	long := make([]int, 1<<20)
	if got := decoder(t, Beam{Tokens: []string{"a", "b"}, Blank: 1}).Text(long); got != strings.Repeat("a", len(long)) {
		t.Errorf("%.20q", got)
	}
	if got := decoder(t, Beam{Classes: 2}).Text([]int{1}); got != "" {
		t.Errorf("%q without tokens", got)
	}
}

// A decoder does not change with what it was made of, and tells what that was.
func TestDecoderKeepsItsOptions(t *testing.T) {
	tokens := []string{"", "a"}
	d := decoder(t, Beam{Tokens: tokens})
	tokens[1] = "b"
	if b := d.Beam(); d.Text([]int{1}) != "a" || b.Classes != 2 || b.Width != 64 || b.Best != 1 {
		t.Errorf("%q, %+v", d.Text([]int{1}), b)
	}
}

// A decoder serves several goroutines at once.
func TestDecoderIsShared(t *testing.T) {
	d := decoder(t, beams(t)["all"])
	x := emit(rand.New(rand.NewPCG(14, 14)), 200, d.beam.Classes, 2, 0)
	want, err := d.Decode(x)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if got, err := d.Decode(x); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		})
	}
	wait.Wait()
}

func TestWarmPushDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for name, b := range beams(t) {
		s := decoder(t, b).Stream()
		x := emit(rng, 200, len(letters), 3, 0)
		push := func() {
			s.Reset()
			if err := s.Push(x); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(2, push); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
