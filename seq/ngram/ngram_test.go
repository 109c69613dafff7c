package ngram

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// listed is a model as its definition has it: what each n-gram is listed with.
type listed struct {
	order            int
	words            []string
	logProb, backoff map[string]float64 // base 10
}

// score is the definition, word by word; history are the last words in full.
func (l *listed) score(history []string, w string) float64 {
	if p, ok := l.logProb[strings.Join(append(slices.Clone(history), w), " ")]; ok {
		return p
	}
	if len(history) == 0 {
		return math.Inf(-1)
	}
	return l.backoff[strings.Join(history, " ")] + l.score(history[1:], w)
}

// random lists n-grams of which some have no listed prefix and some no listed suffix.
func random(rng *rand.Rand, order int) *listed {
	l := &listed{
		order,
		[]string{"<s>", "</s>", "a", "b", "<unk>", "ç"},
		map[string]float64{},
		map[string]float64{},
	}
	var add func(prefix []string)
	add = func(prefix []string) {
		for _, w := range l.words {
			n := append(slices.Clone(prefix), w)
			if rng.Float64() < 0.5 || len(n) == 1 {
				key := strings.Join(n, " ")
				l.logProb[key] = -5 * rng.Float64()
				if len(n) < order && rng.Float64() < 0.7 {
					l.backoff[key] = 1 - 2*rng.Float64()
				}
			}
			if len(n) < order {
				add(n)
			}
		}
	}
	add(nil)
	return l
}

// arpa writes the file, n-grams of an order in random order.
func (l *listed) arpa(rng *rand.Rand) string {
	sections := make([][]string, l.order)
	for _, k := range slices.Sorted(maps.Keys(l.logProb)) {
		o := strings.Count(k, " ")
		line := fmt.Sprintf("%v\t%s", l.logProb[k], k)
		if b, ok := l.backoff[k]; ok {
			line += fmt.Sprintf("\t%v", b)
		}
		sections[o] = append(sections[o], line)
	}
	var b strings.Builder
	b.WriteString("made by a test\n\n\\data\\\n")
	for o, s := range sections {
		fmt.Fprintf(&b, "ngram %d=%d\n", o+1, len(s))
		rng.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	}
	for o, s := range sections {
		fmt.Fprintf(&b, "\n\\%d-grams:\n%s\n", o+1, strings.Join(s, "\n"))
	}
	b.WriteString("\n\\end\\\n")
	return b.String()
}

func near(a, b float64) bool { return a == b || math.Abs(a-b) < 1e-12*(1+math.Abs(b)) }

// All walks of some length through random models give what the definition does.
func TestScoreIsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, order := range []int{1, 2, 3, 4} {
		for range 20 {
			l := random(rng, order)
			m, err := Read(strings.NewReader(l.arpa(rng)))
			if err != nil {
				t.Fatal(err)
			}
			if m.Order() != order || len(m.Words()) != len(l.words) {
				t.Fatalf("order %d with %d words", m.Order(), len(m.Words()))
			}
			walk(t, l, m, nil, 0, 5)
			walk(t, l, m, []string{"<s>"}, m.Start(), 4)
		}
	}
}

// walk tries all words after a history, and all after those.
func walk(t *testing.T, l *listed, m *Model, history []string, s State, steps int) {
	t.Helper()
	for _, w := range l.words {
		got, next := m.Score(s, m.Word(w))
		// No n-gram is longer than order, so the definition needs no more history.
		if want := math.Ln10 * l.score(history[max(0, len(history)-l.order+1):], w); !near(got, want) {
			t.Fatalf("P(%s | %v) = %v; want %v", w, history, got, want)
		}
		if got > m.Bound()+1e-12 {
			t.Fatalf("P(%s | %v) = %v is above the bound %v", w, history, got, m.Bound())
		}
		if steps > 1 {
			walk(t, l, m, append(slices.Clone(history), w), next, steps-1)
		}
	}
}

// Histories that differ only where the model cannot tell share a state.
func TestStatesAreShared(t *testing.T) {
	m := train(t, "a b c\nd b c\n", 3)
	s := State(0)
	for _, w := range []string{"never", "seen"} {
		_, s = m.Score(s, m.Word(w))
	}
	if s != 0 {
		t.Errorf("after unknown words the state is %d; want 0", s)
	}
	_, end := m.Score(m.Start(), m.End())
	if end != 0 {
		t.Errorf("after </s> the state is %d; want 0", end)
	}
}

func TestUnknownWords(t *testing.T) {
	with := train(t, "a b\n", 2)
	if w := with.Word("zz"); w != with.Word("<unk>") {
		t.Errorf("unknown word is %d", w)
	}
	without, err := Read(strings.NewReader("\\data\\\nngram 1=3\n\\1-grams:\n-99 <s>\n-0.5 </s>\n-0.2 a\n\\end\\"))
	if err != nil {
		t.Fatal(err)
	}
	if p, s := without.Score(without.Start(), without.Word("zz")); p != -100*math.Ln10 || s != 0 {
		t.Errorf("unknown word without <unk>: %v, state %d", p, s)
	}
	if got := without.Sentence("a", "zz"); !near(got, -100.7*math.Ln10) {
		t.Errorf("sentence with it: %v", got)
	}
}

// The bound is that of what is listed and of backing off, and 0 at the most for trained models.
func TestBound(t *testing.T) {
	for text, want := range map[string]float64{
		small: -0.1,
		strings.ReplaceAll(small, "a	-0.2", "a	0.9"): 0.3, // b(a) P(</s>)
		strings.ReplaceAll(small, "-0.3", "0.7"):     0.1,
	} {
		m, err := Read(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Bound() / math.Ln10; !near(got, want) {
			t.Errorf("the bound is %v; want %v in\n%s", got, want, text)
		}
	}
	if b := train(t, text(200), 3).Bound(); b > 0 {
		t.Errorf("a trained model's bound is %v", b)
	}
}

func TestSentence(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	l := random(rng, 3)
	m, err := Read(strings.NewReader(l.arpa(rng)))
	if err != nil {
		t.Fatal(err)
	}
	want := math.Ln10 * (l.score([]string{"<s>"}, "a") + l.score([]string{"<s>", "a"}, "<unk>") + l.score([]string{"a", "<unk>"}, "b") + l.score([]string{"<unk>", "b"}, "</s>"))
	if got := m.Sentence("a", "new", "b"); !near(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	if got, want := m.Sentence(), math.Ln10*l.score([]string{"<s>"}, "</s>"); !near(got, want) {
		t.Errorf("no words: %v; want %v", got, want)
	}
}

func TestScoreDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	m := train(t, text(500), 3)
	words := m.Words()
	if n := testing.AllocsPerRun(10, func() {
		s := m.Start()
		for i := range words {
			_, s = m.Score(s, Word(i))
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkScore(b *testing.B) {
	m := train(b, text(20000), 3)
	rng := rand.New(rand.NewPCG(5, 6))
	words := make([]Word, 1<<12)
	for i := range words {
		words[i] = Word(rng.IntN(len(m.Words())))
	}
	s, i := m.Start(), 0
	for b.Loop() {
		_, s = m.Score(s, words[i&(len(words)-1)])
		i++
	}
}
