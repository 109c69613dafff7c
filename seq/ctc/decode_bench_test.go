package ctc

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// spoken emits what a network would of random text: each letter for a few frames, blanks
// between, and one frame of six in doubt.
func spoken(rng *rand.Rand, frames, classes int) []float32 {
	x := emit(rng, frames, classes, 2, 0)
	sure := func(t, c int) {
		row := x[t*classes : (t+1)*classes]
		if rng.IntN(6) > 0 {
			for i := range row {
				row[i] -= 5
			}
		}
		row[c] = -0.05
	}
	for t := 0; t < frames; {
		c, letter := rng.IntN(classes), 1+rng.IntN(3)
		for end := min(frames, t+letter+rng.IntN(4)); t < end; t++ {
			if letter--; letter >= 0 {
				sure(t, c)
			} else {
				sure(t, 0)
			}
		}
	}
	return x
}

func alphabet(classes int) []string {
	tokens := []string{"_", " "}
	for i := len(tokens); i < classes; i++ {
		tokens = append(tokens, string(rune('a'-2+i)))
	}
	return tokens
}

// words draws words that look alike, so that hot words share beginnings and ends.
func words(rng *rand.Rand, n, letters int) []string {
	all := make([]string, n)
	for i := range all {
		var b strings.Builder
		for range 3 + rng.IntN(6) {
			b.WriteRune(rune('a' + rng.IntN(letters)))
		}
		all[i] = b.String()
	}
	return all
}

func benchmarkBeam(b *testing.B, beam Beam, x []float32) {
	b.Helper()
	s := decoder(b, beam).Stream()
	for b.Loop() {
		s.Reset()
		if err := s.Push(x); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)/beam.Classes), "ns/frame")
	b.ReportAllocs()
}

// spell returns the labels of letters of alphabet.
func spell(word string) (labels []int) {
	for _, c := range word {
		labels = append(labels, int(c-'a')+2)
	}
	return labels
}

// spokenWords emits what a network would of words, as spoken does.
func spokenWords(rng *rand.Rand, frames int, vocabulary []string) []float32 {
	const classes = 28
	x := emit(rng, frames, classes, 2, 0)
	t := 0
	say := func(c int) {
		if t == frames {
			return
		}
		row := x[t*classes : (t+1)*classes]
		if rng.IntN(6) > 0 {
			for i := range row {
				row[i] -= 5
			}
		}
		row[c] = -0.05
		t++
	}
	for t < frames {
		for _, c := range spell(vocabulary[rng.IntN(len(vocabulary))]) {
			for range 1 + rng.IntN(2) {
				say(c)
			}
			say(0)
		}
		say(1)
		say(0)
	}
	return x
}

// The cost grows by about a tenth from no hot words to a thousand that are not said, and by more than half where what is
// said is made of them and they count for much.
func BenchmarkHotWords(b *testing.B) {
	vocabulary := words(rand.New(rand.NewPCG(9, 9)), 1000, 26)
	for _, c := range []struct {
		name  string
		boost float64
		x     []float32
	}{
		{"letters/boost4", 4, spoken(rand.New(rand.NewPCG(10, 10)), 1000, 28)},
		{"words/boost4", 4, spokenWords(rand.New(rand.NewPCG(10, 10)), 1000, vocabulary)},
		{"words/boost15", 15, spokenWords(rand.New(rand.NewPCG(10, 10)), 1000, vocabulary)},
	} {
		for _, n := range []int{0, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				beam := Beam{Classes: 28, Tokens: alphabet(28), Separator: " "}
				for _, w := range vocabulary[:n] {
					beam.Hot = append(beam.Hot, HotWord{spell(w), c.boost})
				}
				benchmarkBeam(b, beam, c.x)
			})
		}
	}
}

func BenchmarkBeam(b *testing.B) {
	rng := rand.New(rand.NewPCG(11, 11))
	vocabulary := words(rng, 2000, 26)
	var text strings.Builder
	for range 4000 {
		for range 8 {
			text.WriteString(vocabulary[rng.IntN(len(vocabulary))] + " ")
		}
		text.WriteString("\n")
	}
	model := languageModel(b, 3, text.String())
	spelling := languageModel(b, 3, strings.Join(strings.Split(text.String(), ""), " "))
	for _, c := range []struct {
		name string
		beam Beam
	}{
		{"C28/W16", Beam{Classes: 28, Width: 16}},
		{"C28/W64", Beam{Classes: 28}},
		{"C28/W64/threshold15", Beam{Classes: 28, Threshold: 15}},
		{"C28/W256", Beam{Classes: 28, Width: 256}},
		{"C28/W64/words", Beam{Classes: 28, Tokens: alphabet(28), Separator: " ", Model: model, LMWeight: 1, WordBonus: 1}},
		{"C28/W64/lexicon", Beam{Classes: 28, Tokens: alphabet(28), Separator: " ", Model: model, LMWeight: 1, WordBonus: 1, Lexicon: vocabulary}},
		{"C28/W64/tokens", Beam{Classes: 28, Tokens: alphabet(28), Model: spelling, LMWeight: 1, WordBonus: 1}},
		{"C1000/W64", Beam{Classes: 1000}},
		{"C5000/W64/top40", Beam{Classes: 5000, TopTokens: 40}},
	} {
		b.Run(c.name, func(b *testing.B) {
			frames := 400
			benchmarkBeam(b, c.beam, spoken(rand.New(rand.NewPCG(12, 12)), frames, c.beam.Classes))
		})
	}
}

// Hot words of pieces are read byte by byte, whatever pieces spell them.
func BenchmarkHotWordsOfPieces(b *testing.B) {
	rng := rand.New(rand.NewPCG(13, 13))
	tokens := []string{"_", " "}
	for _, mark := range []string{"", " "} {
		for c := 'a'; c <= 'z'; c++ {
			tokens = append(tokens, mark+string(c))
		}
		for _, w := range words(rng, 200, 26) {
			tokens = append(tokens, mark+w[:2+rng.IntN(2)])
		}
	}
	seen := map[string]bool{}
	for i, s := range tokens {
		if seen[s] {
			tokens[i] = fmt.Sprintf("%sx%d", s, i)
		}
		seen[s] = true
	}
	x := spoken(rng, 400, len(tokens))
	for _, n := range []int{0, 100, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			beam := Beam{Tokens: tokens, Classes: len(tokens), Separator: " "}
			for _, w := range words(rand.New(rand.NewPCG(14, 14)), n, 26) {
				labels, err := beam.Spell(" " + w)
				if err != nil {
					b.Fatal(err)
				}
				beam.Hot = append(beam.Hot, HotWord{labels, 4})
			}
			benchmarkBeam(b, beam, x)
		})
	}
}
