package ctc

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/ngram"
)

// emit draws log probabilities of frames, peaked as networks' are; some are −Inf.
func emit(rng *rand.Rand, frames, classes int, peak, impossible float64) []float32 {
	x := make([]float32, 0, frames*classes)
	for range frames {
		row := make([]float64, classes)
		sum := 0.0
		for c := range row {
			if rng.Float64() >= impossible {
				row[c] = math.Exp(peak * rng.NormFloat64())
			}
			sum += row[c]
		}
		if sum == 0 {
			row[rng.IntN(classes)], sum = 1, 1
		}
		for _, v := range row {
			x = append(x, float32(math.Log(v/sum)))
		}
	}
	return x
}

// collapse returns an alignment's labels.
func collapse(alignment []int, blank int) (labels []int) {
	last := blank
	for _, c := range alignment {
		if c != last && c != blank {
			labels = append(labels, c)
		}
		last = c
	}
	return labels
}

// alignments calls f for every alignment.
func alignments(x []float32, classes int, f func(alignment []int, logProb float64)) {
	frames := len(x) / classes
	a := make([]int, frames)
	var from func(t int, sum float64)
	from = func(t int, sum float64) {
		if t == frames {
			f(a, sum)
			return
		}
		for c := range classes {
			a[t] = c
			from(t+1, sum+float64(x[t*classes+c]))
		}
	}
	from(0, 0)
}

// enumerate returns the log probability of all labels by adding up all alignments.
func enumerate(x []float32, classes, blank int) map[string]float64 {
	sums := map[string]float64{}
	alignments(x, classes, func(a []int, p float64) {
		sums[fmt.Sprint(collapse(a, blank))] += math.Exp(p)
	})
	for k, v := range sums {
		if v == 0 {
			delete(sums, k)
		} else {
			sums[k] = math.Log(v)
		}
	}
	return sums
}

func decoder(t testing.TB, b Beam) *Decoder {
	t.Helper()
	d, err := NewDecoder(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decode(t testing.TB, b Beam, x []float32) []Hypothesis {
	t.Helper()
	h, err := decoder(t, b).Decode(x)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func close64(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-9*(1+math.Abs(b)) }

// wide never loses a prefix.
const wide = 1 << 20

// A wide beam finds all labels that are possible, each with the sum over its alignments.
func TestBeamIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for frames := range 7 {
		for classes := 1; classes <= 4; classes++ {
			for blank := range classes {
				for _, impossible := range []float64{0, 0.4} {
					x := emit(rng, frames, classes, 2, impossible)
					want := enumerate(x, classes, blank)
					got := decode(t, Beam{Classes: classes, Blank: blank, Width: wide, Best: wide}, x)
					if len(got) != len(want) {
						t.Fatalf("%d frames of %d classes: %d hypotheses; want %d", frames, classes, len(got), len(want))
					}
					for i, h := range got {
						p, ok := want[fmt.Sprint(h.Tokens)]
						if !ok || !close64(h.Acoustic, p) || h.Total != h.Acoustic || h.Words != len(h.Tokens) {
							t.Errorf("%d frames of %d classes: %+v; want ln P %v", frames, classes, h, p)
						}
						if i > 0 && got[i-1].Total < h.Total {
							t.Errorf("hypothesis %d is better than the one before", i)
						}
					}
				}
			}
		}
	}
}

// letters is a small alphabet with one token of two letters.
var letters = []string{"a", "_", "b", " ", "ab"}

func languageModel(t testing.TB, order int, text string) *ngram.Model {
	t.Helper()
	m, err := ngram.Train(strings.NewReader(text), ngram.Options{Order: order, Fallback: ngram.DefaultFallback()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sentence is ln P_LM of words by a model's own definition; in one without <unk> of package ngram unknown words count as the
// least likely one does at the start.
func sentence(m LanguageModel, words []string) float64 {
	lm := m.(interface{ Sentence(words ...string) float64 }).Sentence(words...)
	n, ok := m.(*ngram.Model)
	if !ok {
		return lm
	}
	own := n.Words()
	p, _ := n.Score(n.Start(), n.Word("<unk>"))
	if p > -99*math.Ln10 {
		return lm
	}
	least := 0.0
	for _, w := range own {
		if s, _ := n.Score(n.Start(), n.Word(w)); !strings.HasPrefix(w, "<") && !strings.HasPrefix(w, "</") {
			least = min(least, s)
		}
	}
	for _, w := range words {
		if !slices.Contains(own, w) {
			lm += least - p
		}
	}
	return lm
}

// prior is what Beam's doc comment adds to ln P(y | x), from the labels alone, but for Total.
func prior(b *Beam, labels []int) (h Hypothesis, allowed bool) {
	var list []string
	if b.Separator == "" {
		for _, c := range labels {
			list = append(list, b.Tokens[c])
		}
	} else {
		text := ""
		for _, c := range labels {
			text += b.Tokens[c]
		}
		list = strings.Fields(text)
	}
	allowed = true
	for _, w := range list {
		allowed = allowed && (b.Lexicon == nil || slices.Contains(b.Lexicon, w))
		known := b.Model == nil
		for _, m := range b.models() {
			known = known || slices.Contains(m.Model.Words(), w)
		}
		if !known {
			h.Unknown++
		}
	}
	h.Tokens, h.Words = labels, len(list)
	if b.Model != nil {
		h.LM = sentence(b.Model, list)
	}
	for _, m := range b.More {
		h.More += m.Weight * sentence(m.Model, list)
	}
	for _, hot := range b.Hot {
		in, pattern := fmt.Sprint(labels)+" ", fmt.Sprint(hot.Tokens)
		in, pattern = " "+in[1:len(in)-2]+" ", " "+pattern[1:len(pattern)-1]+" "
		if b.Separator != "" {
			in, pattern = " "+b.text(labels)+" ", " "+strings.TrimSpace(b.text(hot.Tokens))+" "
		}
		for i := range in {
			if strings.HasPrefix(in[i:], pattern) {
				h.Boost += hot.Boost
			}
		}
	}
	return h, allowed
}

func beams(t testing.TB) map[string]Beam {
	model := languageModel(t, 3, "a b ab\nab a\nbb a a\nb\n")
	noUnknown, err := ngram.Read(strings.NewReader("\\data\\\nngram 1=4\n\\1-grams:\n-99 <s>\n-0.5 </s>\n-0.4 a\n-0.3 ab\n\\end\\"))
	if err != nil {
		t.Fatal(err)
	}
	above, err := ngram.Read(strings.NewReader("\\data\\\nngram 1=5\nngram 2=2\n\\1-grams:\n-99 <s> 1.5\n-0.5 </s>\n-0.4 a 0.9\n-0.3 ab 0.8\n-1 <unk>\n\\2-grams:\n-3 <s> ab\n-2 a a\n\\end\\"))
	if err != nil {
		t.Fatal(err)
	}
	hot := []HotWord{{[]int{0, 2}, 1.5}, {[]int{0}, 0.5}, {[]int{2, 3, 0}, 2}, {[]int{2, 2}, -1}, {[]int{0, 2}, 0.25}, {[]int{2}, -0.5}}
	words := Beam{Tokens: letters, Blank: 1, Separator: " "}
	tokens := Beam{Tokens: letters, Blank: 1}
	with := func(b Beam, f func(*Beam)) Beam {
		f(&b)
		return b
	}
	return map[string]Beam{
		"model":           with(words, func(b *Beam) { b.Model, b.LMWeight, b.WordBonus = model, 0.7, 0.4 }),
		"own":             with(words, func(b *Beam) { b.Model, b.LMWeight, b.WordBonus = counted{}, 0.8, 0.3 }),
		"own, of tokens":  with(tokens, func(b *Beam) { b.Model, b.LMWeight, b.WordBonus = counted{}, 0.8, 0.3 }),
		"no <unk>":        with(words, func(b *Beam) { b.Model, b.LMWeight, b.WordBonus = noUnknown, 1.2, -0.4 }),
		"above 1":         with(words, func(b *Beam) { b.Model, b.LMWeight = above, 2 }),
		"tokens, above 1": with(tokens, func(b *Beam) { b.Model, b.LMWeight, b.WordBonus = above, 1.5, -0.5 }),
		"tokens":          with(tokens, func(b *Beam) { b.Model, b.LMWeight, b.WordBonus = model, 1, 1 }),
		"unknown":         with(words, func(b *Beam) { b.Model, b.LMWeight, b.Unknown = counted{}, 0.5, -1.5 }),
		"unknown, 0":      with(words, func(b *Beam) { b.Model, b.LMWeight, b.Unknown = counted{}, 0.5, Zero }),
		"unknown bonus":   with(words, func(b *Beam) { b.Model, b.LMWeight, b.Unknown = model, 0.5, 2 }),
		"several": with(words, func(b *Beam) {
			b.Model, b.LMWeight, b.WordBonus, b.Unknown = noUnknown, 0.7, 0.5, -0.5
			b.More = []WeightedModel{{counted{}, 0.4}, {above, 0.3}, {model, 0}}
		}),
		"several, of tokens": with(tokens, func(b *Beam) {
			b.Model, b.LMWeight, b.More = model, 0.7, []WeightedModel{{counted{}, 0.4}, {noUnknown, 0.3}}
		}),
		"pieces": with(words, func(b *Beam) {
			b.Tokens, b.Model, b.LMWeight, b.WordBonus = []string{"a", "_", " b", " ", " ab"}, model, 0.7, 0.4
		}),
		"pieces alone": with(words, func(b *Beam) {
			b.Tokens, b.Model, b.LMWeight, b.WordBonus = []string{"a", "_", " b", "b", " a b"}, above, 0.7, 0.4
		}),
		"lexicon of pieces": with(words, func(b *Beam) {
			b.Tokens, b.Lexicon, b.WordBonus = []string{"a", "_", " b", "b", " ab"}, []string{"ab", "b", "abb"}, 1
		}),
		"lexicon": with(words, func(b *Beam) { b.Lexicon, b.WordBonus = []string{"ab", "b", "abb"}, 1 }),
		"hot":     with(words, func(b *Beam) { b.Hot = hot }),
		"hot pieces": with(words, func(b *Beam) {
			b.Tokens, b.Hot = []string{"a", "_", " b", "b", " ab"}, []HotWord{{[]int{4}, 1.5}, {[]int{2}, 1}, {[]int{3, 0, 2}, 2}, {[]int{0}, -0.5}}
		}),
		"hot tokens": with(tokens, func(b *Beam) { b.Hot = []HotWord{{[]int{0, 2, 0}, 2}, {[]int{2, 0}, 1}, {[]int{3}, 0.5}} }),
		"all": with(words, func(b *Beam) {
			b.Model, b.LMWeight, b.WordBonus, b.Hot, b.Lexicon = model, 0.9, 0.3, hot, []string{"a", "b", "aba", "ab", "ba"}
		}),
	}
}

// With language model, lexicon and hot words a wide beam gives the totals of the definition.
func TestTotalsAreDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for name, b := range beams(t) {
		b.Width, b.Best = wide, wide
		var boosted, words int
		for frames := range 6 {
			x := emit(rng, frames, len(letters), 1, 0.1)
			acoustic := enumerate(x, len(letters), b.Blank)
			left := len(acoustic)
			for key := range acoustic {
				if p, allowed := prior(&b, parse(key)); !allowed || b.LMWeight > 0 && math.IsInf(p.LM, -1) {
					left--
				}
			}
			got := decode(t, b, x)
			if len(got) != left {
				t.Fatalf("%s: %d hypotheses; want %d", name, len(got), left)
			}
			for _, h := range got {
				want, allowed := prior(&b, h.Tokens)
				want.Acoustic = acoustic[fmt.Sprint(h.Tokens)]
				want.Total = want.Acoustic + b.LMWeight*want.LM + want.More + b.WordBonus*float64(want.Words) + b.unknown()*float64(want.Unknown) + want.Boost
				if !allowed || !close64(h.Acoustic, want.Acoustic) || !close64(h.LM, want.LM) || !close64(h.More, want.More) || h.Words != want.Words ||
					h.Unknown != want.Unknown || !close64(h.Boost, want.Boost) || !close64(h.Total, want.Total) {
					t.Fatalf("%s: %+v; want %+v", name, h, want)
				}
				words += h.Words
				if h.Boost != 0 {
					boosted++
				}
			}
		}
		if words == 0 || (boosted == 0) != (b.Hot == nil) {
			t.Errorf("%s: %d words and %d boosted hypotheses are no trial", name, words, boosted)
		}
	}
}

// parse reads what fmt.Sprint has made of labels.
func parse(key string) (labels []int) {
	for _, f := range strings.Fields(strings.Trim(key, "[]")) {
		labels = append(labels, int(f[0]-'0'))
	}
	return labels
}

// A language model with weight 0 changes nothing but its own report.
func TestWeight0IsNoModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, separator := range []string{"", " "} {
		for _, model := range []LanguageModel{beams(t)["model"].Model, beams(t)["no <unk>"].Model} {
			b := Beam{Tokens: letters, Blank: 1, Separator: separator, Width: 10, Best: 10, WordBonus: 0.5, Hot: []HotWord{{[]int{0, 2}, 1}}}
			x := emit(rng, 50, len(letters), 2, 0)
			without := decode(t, b, x)
			b.Model = model
			for i, h := range decode(t, b, x) {
				w := without[i]
				if !slices.Equal(h.Tokens, w.Tokens) || h.Acoustic != w.Acoustic || h.Total != w.Total || h.Boost != w.Boost || h.Words != w.Words {
					t.Errorf("%+v; without a model %+v", h, w)
				}
				if p, _ := prior(&b, h.Tokens); !close64(h.LM, p.LM) {
					t.Errorf("LM is %v; want %v", h.LM, p.LM)
				}
			}
		}
	}
}

// Nothing is left where nothing is possible.
func TestImpossible(t *testing.T) {
	zero := float32(math.Inf(-1))
	b := Beam{Classes: 2}
	s := decoder(t, b).Stream()
	for _, row := range [][]float32{{-1, -0.5}, {zero, zero}, {-1, -0.5}} {
		if err := s.Push(row); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Finish(); !errors.Is(err, ErrNoHypothesis) || !strings.Contains(err.Error(), "all classes of frame 1 are −Inf") {
		t.Error(err)
	}
	s.Reset()
	if h := finish(t, s); len(h) != 1 || len(h[0].Tokens) != 0 || h[0].Total != 0 {
		t.Errorf("no frames: %+v", h)
	}
}

// Equal totals come in the order of their labels.
func TestTies(t *testing.T) {
	x := []float32{-1, -1, -1}
	got := decode(t, Beam{Classes: 3, Blank: 1, Best: 9}, x)
	if len(got) != 3 || len(got[0].Tokens) != 0 || got[1].Tokens[0] != 0 || got[2].Tokens[0] != 2 {
		t.Errorf("%+v", got)
	}
	if got := decode(t, Beam{Classes: 3, Blank: 1, Best: 9, Width: 2}, x); len(got) != 2 || got[1].Tokens[0] != 0 {
		t.Errorf("width 2: %+v", got)
	}
}
