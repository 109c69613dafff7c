package ngram

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func train(t testing.TB, text string, order int) *Model {
	t.Helper()
	m, err := Train(strings.NewReader(text), Options{Order: order, Fallback: DefaultFallback()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// text makes sentences whose words have a law like that of language: few are frequent.
func text(sentences int) string {
	rng := rand.New(rand.NewPCG(7, 8))
	var b strings.Builder
	for range sentences {
		last := 0
		for range 1 + rng.IntN(9) {
			last = (3*last + int(math.Exp(5*rng.Float64()))) % 200
			fmt.Fprintf(&b, "w%d ", last)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// After every history the probabilities add up to 1.
func TestTrainedSumsToOne(t *testing.T) {
	for _, s := range []string{"a\n", "a b\nb a <unk>\n\n", text(5), text(300)} {
		for order := 1; order <= 5; order++ {
			m := train(t, s, order)
			rng := rand.New(rand.NewPCG(9, 10))
			state := m.Start()
			for range 200 {
				sum := 0.0
				for w := range m.Words() {
					p, _ := m.Score(state, Word(w))
					sum += math.Exp(p)
				}
				if math.Abs(sum-1) > 1e-12 {
					t.Fatalf("order %d, state %d: the sum is 1%+g", order, state, sum-1)
				}
				_, state = m.Score(state, Word(rng.IntN(len(m.Words()))))
				if rng.IntN(5) == 0 {
					state = m.Start()
				}
			}
		}
	}
}

// kneserNey works from the formulas over maps of strings.
type kneserNey struct {
	order     int
	a         map[string]float64 // by n-gram
	discounts [][4]float64       // by order
	words     []string
	seen      map[string]float64 // by n-gram: how often it is there
	last      []string           // n-gram of the full order
}

func newKneserNey(sentences [][]string, order int) *kneserNey {
	k := &kneserNey{order, map[string]float64{}, make([][4]float64, order+1), []string{"</s>", "<unk>"}, map[string]float64{}, nil}
	before := map[string]map[string]bool{}
	for _, s := range sentences {
		s = slices.Concat([]string{"<s>"}, s, []string{"</s>"})
		for i := range s {
			if !slices.Contains(k.words, s[i]) && i > 0 {
				k.words = append(k.words, s[i])
			}
			for j := i + 1; j <= min(len(s), i+order); j++ {
				key := strings.Join(s[i:j], " ")
				k.seen[key]++
				if j-i == order || i == 0 {
					k.a[key]++
				} else if before[key] == nil {
					before[key] = map[string]bool{s[i-1]: true}
				} else {
					before[key][s[i-1]] = true
				}
			}
		}
	}
	for key, left := range before {
		k.a[key] = float64(len(left))
	}
	delete(k.a, "<s>")
	for _, s := range sentences {
		s = slices.Concat([]string{"<s>"}, s, []string{"</s>"})
		for j := 2; j <= len(s); j++ {
			if gram := s[max(0, j-order):j]; k.last == nil || k.later(gram, k.last) > 0 {
				k.last = gram
			}
		}
	}
	for o := 1; o <= order; o++ {
		k.discounts[o] = k.discount(o)
	}
	return k
}

func (k *kneserNey) discount(order int) [4]float64 {
	var n [5]float64
	for key, a := range k.a {
		if last := strings.Join(k.last, " "); order < k.order && strings.HasSuffix(" "+last, " "+key) {
			a = k.seen[key] // as lmplz does
		}
		if strings.Count(key, " ") == order-1 && a < 5 {
			n[int(a)]++
		}
	}
	y := n[1] / (n[1] + 2*n[2])
	d := [4]float64{0, 1 - 2*y*n[2]/n[1], 2 - 3*y*n[3]/n[2], 3 - 4*y*n[4]/n[3]}
	for i := 1; i <= 3; i++ {
		if !(n[i] > 0 && d[i] >= 0 && d[i] <= float64(i)) {
			return [4]float64{0, 0.5, 1, 1.5}
		}
	}
	return d
}

// later compares n-grams of the full order by their last words, then those before, by where the text first has them; <s> and </s> come first.
func (k *kneserNey) later(a, b []string) int {
	rank := func(s string) int { return slices.Index(slices.Concat([]string{"<s>"}, k.words), s) }
	for i := 1; i <= min(len(a), len(b)); i++ {
		if c := rank(a[len(a)-i]) - rank(b[len(b)-i]); c != 0 {
			return c
		}
	}
	return 0
}

func (k *kneserNey) prob(history []string, w string) float64 {
	order := len(history) + 1
	lower := 1 / float64(len(k.words))
	if order > 1 {
		lower = k.prob(history[1:], w)
	}
	d := func(a float64) float64 { return k.discounts[order][int(min(a, 3))] }
	var sum, freed float64
	for _, x := range k.words {
		a := k.a[strings.Join(append(slices.Clone(history), x), " ")]
		sum += a
		freed += d(a)
	}
	if sum == 0 {
		return lower
	}
	a := k.a[strings.Join(append(slices.Clone(history), w), " ")]
	return (a-d(a))/sum + freed/sum*lower
}

func TestTrainIsFormula(t *testing.T) {
	fell := map[bool]bool{} // back to fixed discounts, or not
	for _, size := range []int{1, 4, 60} {
		for order := 1; order <= 4; order++ {
			s := text(size)
			var sentences [][]string
			for line := range strings.Lines(s) {
				sentences = append(sentences, strings.Fields(line))
			}
			m, k := train(t, s, order), newKneserNey(sentences, order)
			for _, d := range k.discounts[1:] {
				fell[d[1] == 0.5] = true
			}
			rng := rand.New(rand.NewPCG(11, 12))
			for range 200 {
				history := []string{"<s>"}
				state := m.Start()
				for range rng.IntN(5) {
					w := sentences[rng.IntN(len(sentences))]
					history = append(history, w[rng.IntN(len(w))])
					_, state = m.Score(state, m.Word(history[len(history)-1]))
				}
				w := k.words[rng.IntN(len(k.words))]
				got, _ := m.Score(state, m.Word(w))
				want := math.Log(k.prob(history[max(0, len(history)-order+1):], w))
				if math.Abs(got-want) > 1e-6 { // discounts are in single precision
					t.Fatalf("size %d, order %d: P(%s | %v) = %v; want %v", size, order, w, history, got, want)
				}
			}
		}
	}
	if len(fell) != 2 {
		t.Errorf("only one of fixed and counted discounts has been tried: %v", fell)
	}
}

// A file that has been written gives the same probabilities, to the decimals written.
func TestWriteAndRead(t *testing.T) {
	for order := 1; order <= 4; order++ {
		m := train(t, text(200), order)
		path := t.TempDir() + "/m.arpa"
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		back, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Words(), back.Words()) {
			t.Fatal("the words differ")
		}
		rng := rand.New(rand.NewPCG(13, 14))
		s, b := m.Start(), back.Start()
		for range 1000 {
			var p, q float64
			w := Word(1 + rng.IntN(len(m.Words())-1))
			p, s = m.Score(s, w)
			q, b = back.Score(b, w)
			if math.Abs(p-q) > 1e-6 {
				t.Fatalf("%v became %v", p, q)
			}
		}
		var first, second bytes.Buffer
		if err := m.Write(&first); err != nil {
			t.Fatal(err)
		}
		if err := back.Write(&second); err != nil {
			t.Fatal(err)
		}
		if first.String() != second.String() {
			t.Error("written again, the file differs")
		}
	}
}

func TestTrainErrors(t *testing.T) {
	for _, c := range []struct {
		text  string
		order int
		want  string
	}{
		{"a", 0, "the order is 0"},
		{"a", 17, "the order is 17"},
		{" \n\n", 2, "no words"},
		{"a\n\n<s> b", 2, "line 3: <s>"},
		{"a </s>", 2, "line 1: </s>"},
		{"a\n" + strings.Repeat("b ", maxLine), 2, "line 2: the line has more"},
	} {
		if _, err := Train(strings.NewReader(c.text), Options{Order: c.order}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q, order %d: %v; want %q", c.text, c.order, err, c.want)
		}
	}
}

func TestFallbackRefuses(t *testing.T) {
	for _, c := range []struct {
		fallback []float64
		want     string
	}{
		{nil, "order 1: no n-gram has the count 2"},
		{[]float64{1}, "there are 1 fallback discounts; there must be 3"},
		{[]float64{1, 2.5, 3}, "the fallback discount of count 2 is 2.5; it must be from 0 to 2"},
		{[]float64{math.NaN(), 2, 3}, "count 1 is NaN"},
	} {
		if _, err := Train(strings.NewReader("a b\n"), Options{Order: 2, Fallback: c.fallback}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v; want %q", c.fallback, err, c.want)
		}
	}
}

func TestEvaluate(t *testing.T) {
	m := train(t, "a b\na c\n", 2)
	e, err := Evaluate(m, strings.NewReader("a b\n\na zz\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Sentences != 2 || e.Words != 4 || e.Unknown != 1 {
		t.Errorf("%+v", e)
	}
	if want := m.Sentence("a", "b") + m.Sentence("a", "zz"); !near(e.LogProb, want) {
		t.Errorf("LogProb = %v; want %v", e.LogProb, want)
	}
	_, s := m.Score(m.Start(), m.Word("a"))
	zz, _ := m.Score(s, m.Word("zz"))
	if !near(e.Known, e.LogProb-zz) {
		t.Errorf("Known = %v; want %v", e.Known, e.LogProb-zz)
	}
	if got, want := e.Perplexity(), math.Exp(-e.LogProb/6); !near(got, want) {
		t.Errorf("perplexity %v; want %v", got, want)
	}
	if got, want := e.KnownPerplexity(), math.Exp(-e.Known/5); !near(got, want) {
		t.Errorf("perplexity of known words %v; want %v", got, want)
	}
	for _, w := range []string{"<s>", "</s>"} {
		if _, err := Evaluate(m, strings.NewReader("a\na "+w+"\n"), nil); err == nil || !strings.Contains(err.Error(), "line 2: "+w+" may not stand in a sentence") {
			t.Errorf("%s in a text: %v", w, err)
		}
	}
	// A model of one order more fits its own text better.
	own := text(300)
	before := math.Inf(1)
	for order := 1; order <= 4; order++ {
		e, err := Evaluate(train(t, own, order), strings.NewReader(own), nil)
		if err != nil {
			t.Fatal(err)
		}
		if p := e.Perplexity(); p >= before {
			t.Errorf("order %d: perplexity %v, after %v", order, p, before)
		} else {
			before = p
		}
	}
}
