package ctc

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// utterance is emissions that say tokens, each for some frames, with blanks between, and where each is.
func utterance(rng *rand.Rand, classes, blank int, tokens []int, sure float64) (x []float32, spans []Span) {
	say := func(class, frames int) {
		for range frames {
			row := make([]float64, classes)
			sum := 0.0
			for c := range row {
				row[c] = rng.Float64() * (1 - sure) / float64(classes)
				if c == class {
					row[c] += sure
				}
				sum += row[c]
			}
			for _, v := range row {
				x = append(x, float32(math.Log(v/sum)))
			}
		}
	}
	for _, c := range tokens {
		say(blank, 1+rng.IntN(4))
		at := len(x) / classes
		say(c, 1+rng.IntN(3))
		spans = append(spans, Span{Token: c, Start: at, End: len(x) / classes})
	}
	say(blank, 3)
	return x, spans
}

func places(spans []Span) (all [][3]int) {
	for _, s := range spans {
		all = append(all, [3]int{s.Token, s.Start, s.End})
	}
	return all
}

// TestHypothesisSpans: with Times, every hypothesis has the spans of its own likeliest alignment, and is otherwise as without.
func TestHypothesisSpans(t *testing.T) {
	rng := rand.New(rand.NewPCG(18, 1))
	for name, b := range beams(t) {
		b.Width, b.Best = 12, 12
		plain := decoder(t, b)
		b.Times = true
		d := decoder(t, b)
		aligner := Aligner{Blank: d.beam.Blank}
		for range 5 {
			x := emit(rng, 10+rng.IntN(60), d.beam.Classes, 3, 0.05)
			got, err := d.Decode(x)
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range got {
				want, err := aligner.Align(x, d.beam.Classes, h.Tokens)
				if err != nil || len(h.Spans) != len(h.Tokens) || len(h.Spans) > 0 && !reflect.DeepEqual(h.Spans, want.Spans) {
					t.Fatalf("%s: hypothesis %d has the spans %+v; want %+v, %v", name, i, h.Spans, want, err)
				}
				got[i].Spans = nil
			}
			if bare, err := plain.Decode(x); err != nil || !reflect.DeepEqual(bare, got) {
				t.Fatalf("%s: with times %+v, without %+v, %v", name, got, bare, err)
			}
		}
	}
}

// TestStreamSpans: words are where they are said, and what is settled stays; how emissions are cut makes no
// difference. With a delay, words are settled while more is said, and few frames are kept, in a silence, too.
func TestStreamSpans(t *testing.T) {
	rng := rand.New(rand.NewPCG(18, 2))
	const blank, separator = 0, 1
	for _, words := range []bool{true, false} {
		for _, delay := range []int{0, 12} {
			b := Beam{Tokens: []string{"", " ", "a", "b", "c"}, Blank: blank, Separator: " ", Width: 8, Delay: delay, Times: true}
			if !words {
				b.Separator = ""
			}
			d := decoder(t, b)
			var tokens []int
			for i := range 120 {
				tokens = append(tokens, 2+rng.IntN(3))
				if i%3 == 2 {
					tokens = append(tokens, separator)
				}
			}
			x, want := utterance(rng, d.beam.Classes, blank, tokens, 0.9)
			silence, _ := utterance(rng, d.beam.Classes, blank, nil, 0.99)
			for range 10 {
				silence = append(silence, silence...)
			}
			last, _ := utterance(rng, d.beam.Classes, blank, []int{separator, 2}, 0.9)
			x = append(append(x, silence...), last...)
			var whole []Span
			for _, chunk := range []int{1, 7, len(x) / d.beam.Classes} {
				s := d.Stream()
				var settled []Span
				most := 0
				for lo := 0; lo < len(x); lo += chunk * d.beam.Classes {
					if err := s.Push(x[lo:min(lo+chunk*d.beam.Classes, len(x))]); err != nil {
						t.Fatal(err)
					}
					now := s.Spans()
					if len(now) < len(settled) || !slices.Equal(now[:len(settled)], settled) {
						t.Fatalf("settled spans %+v became %+v", settled, now)
					}
					settled = slices.Clone(now)
					most = max(most, len(s.times.kept)/d.beam.Classes)
				}
				if delay > 0 && len(settled) < len(tokens)-4 {
					t.Errorf("words %v, delay %d: %d of %d spans are settled", words, delay, len(settled), len(tokens))
				}
				if delay > 0 && chunk == 1 && most > (longest+1)*delay {
					t.Errorf("words %v: %d frames are kept", words, most)
				}
				h := finish(t, s)[0]
				if !slices.Equal(places(h.Spans)[:len(want)], places(want)) {
					t.Errorf("words %v, delay %d, chunks of %d: the spans are %v; want %v", words, delay, chunk, places(h.Spans), places(want))
				}
				if whole != nil && !slices.Equal(h.Spans, whole) {
					t.Errorf("words %v, delay %d, chunks of %d: the spans are %+v; in other chunks %+v", words, delay, chunk, h.Spans, whole)
				}
				whole = h.Spans
			}
		}
	}
}

// TestSpansWithoutPath: labels whose frames the settled ones have taken share what is left.
func TestSpansWithoutPath(t *testing.T) {
	d := decoder(t, Beam{Classes: 2, Times: true})
	k := spanKeeper{d: d, kept: make([]float32, 4), first: 7, settled: []Span{{Token: 1, Start: 3, End: 6}}}
	got, err := k.spans([]int{1, 1, 1})
	if err != nil || !slices.Equal(places(got), [][3]int{{1, 3, 6}, {1, 7, 8}, {1, 8, 9}}) {
		t.Errorf("%+v, %v", got, err)
	}
}
