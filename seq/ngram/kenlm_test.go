package ngram

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// golden reads a file of testdata; oracle/kenlm_files.py writes them.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// unpacked is a path with the text of a file of testdata.
func unpacked(t testing.TB, name string) string {
	t.Helper()
	return written(t, golden(t, name))
}

func written(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// judged is a word as KenLM scores it: log10 of the probability, the length of the n-gram, whether it is unknown.
type judged struct {
	logProb float64
	order   int
	unknown bool
}

func (j *judged) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&j.logProb, &j.order, &j.unknown})
}

type goldenScores struct {
	Tests  []string
	Scores map[string][][]judged
}

func scoresOfKenLM(t testing.TB) (s goldenScores) {
	t.Helper()
	if err := json.Unmarshal(golden(t, "scores.json.gz"), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// Binary files score in every bit as KenLM does, and ARPA files to single precision.
func TestKenLMScores(t *testing.T) {
	s := scoresOfKenLM(t)
	if len(s.Scores) != 36 || len(s.Tests) < 40 {
		t.Fatalf("%d models, %d sentences", len(s.Scores), len(s.Tests))
	}
	for name, want := range s.Scores {
		arpa := !strings.Contains(name, ".")
		file := name + ".bin.gz"
		if arpa {
			file = name + ".arpa.gz"
		}
		m, err := Open(unpacked(t, file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b, ok := m.(*Binary); ok == arpa {
			t.Fatalf("%s is %T", name, m)
		} else if ok {
			defer b.Close()
		}
		if order := int(name[1] - '0'); m.Order() != order {
			t.Errorf("%s: order %d", name, m.Order())
		}
		for i, sentence := range s.Tests {
			state := m.Start()
			for k, w := range append(strings.Fields(sentence), end) {
				p, next, order := m.Match(state, m.Word(w))
				state = next
				j := want[i][k]
				if got := p / math.Ln10; arpa && math.Abs(got-j.logProb) > 1e-5 || !arpa && float32(got) != float32(j.logProb) {
					t.Fatalf("%s: P(%s) in %q is %v; want %v", name, w, sentence, got, j.logProb)
				}
				if order != j.order || (m.Word(w) == m.Word(unknown)) != j.unknown {
					t.Fatalf("%s: %s in %q: length %d; want %+v", name, w, sentence, order, j)
				}
				if p > m.Bound()+1e-9 {
					t.Fatalf("%s: %v is above the bound %v", name, p, m.Bound())
				}
			}
		}
	}
}

// Models that are trained here are lmplz's, which adds up in single precision; pruned ones, too.
func TestTrainIsLmplz(t *testing.T) {
	text := golden(t, "text.txt.gz")
	for name, c := range map[string]struct {
		order int
		prune []int
	}{"o2": {2, nil}, "o3": {3, nil}, "o3p": {3, []int{0, 0, 1}}} {
		want, err := Read(bytes.NewReader(golden(t, name+".arpa.gz")))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Train(bytes.NewReader(text), Options{Order: c.order, Prune: c.prune, Fallback: DefaultFallback()})
		if err != nil {
			t.Fatal(err)
		}
		if compared := holdAgainst(t, name, got, want); compared < 300 {
			t.Errorf("%s: only %d n-grams are compared", name, compared)
		}
	}
	for want, prune := range map[string][]int{
		"prune[0] is 1; it must be 0":   {1},
		"prune[2] is 0 and prune[1] is": {0, 1, 0},
		"prune has 4 thresholds":        {0, 0, 0, 0},
	} {
		if _, err := Train(bytes.NewReader(text), Options{Order: 3, Prune: prune}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

// holdAgainst compares a model with lmplz's, n-gram by n-gram, and returns how many there are.
func holdAgainst(t *testing.T, name string, got, want *Model) (compared int) {
	t.Helper()
	for order := 1; order <= want.order; order++ {
		if a, b := got.count(order), want.count(order); a != b {
			t.Fatalf("%s: %d n-grams of order %d; want %d", name, a, order, b)
		}
	}
	const near = 2e-6 // of natural logarithms; the files have 7 digits of those to the base 10
	var walk func(n, to int32)
	walk = func(n, to int32) {
		for w, s := range want.words {
			c, d := want.child(n, Word(w)), got.child(to, got.Word(s))
			if c == 0 {
				continue
			}
			if compared++; d == 0 && n != 0 {
				t.Fatalf("%s: an n-gram that ends with %q is missing", name, s)
			}
			a, b := &want.nodes[c], &got.nodes[d]
			if s != start && math.Abs(a.logProb-b.logProb) > near*(1+math.Abs(a.logProb)) || math.Abs(a.backoff-b.backoff) > near*(1+math.Abs(a.backoff)) {
				t.Fatalf("%s: %q, depth %d: %v and %v; want %v and %v", name, s, a.depth, b.logProb, b.backoff, a.logProb, a.backoff)
			}
			walk(c, d)
		}
	}
	walk(0, 0)
	return compared
}

// Small texts give the models that they give lmplz, or are refused as by lmplz; oracle/kenlm_discounts.py writes them.
func TestSmallTextsAreLmplz(t *testing.T) {
	refused, fell := 0, 0
	lines := json.NewDecoder(bytes.NewReader(golden(t, "small.jsonl.gz")))
	for i := 0; lines.More(); i++ {
		var c struct {
			Text, Arpa string
			Order      int
			Prune      []int
			Fallback   bool
		}
		if err := lines.Decode(&c); err != nil {
			t.Fatal(err)
		}
		o := Options{Order: c.Order, Prune: c.Prune, FellBack: func(*DiscountError) { fell++ }}
		if c.Fallback {
			o.Fallback = DefaultFallback()
		}
		got, err := Train(strings.NewReader(c.Text), o)
		if c.Arpa == "" {
			var bad *DiscountError
			if refused++; !errors.As(err, &bad) {
				t.Errorf("case %d: %v; lmplz refuses it", i, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("case %d: %v", i, err)
			continue
		}
		want, err := Read(strings.NewReader(c.Arpa))
		if err != nil {
			t.Fatal(err)
		}
		holdAgainst(t, fmt.Sprint("case ", i), got, want)
	}
	if refused < 10 || fell < 10 {
		t.Errorf("%d texts are refused, %d orders fall back", refused, fell)
	}
}

// After every history the probabilities of a pruned model add up to 1.
func TestPrunedSumsToOne(t *testing.T) {
	m, err := Train(strings.NewReader(text(300)), Options{Order: 4, Prune: []int{0, 1, 1, 2}, Fallback: DefaultFallback()})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 10))
	s := m.Start()
	for range 200 {
		sum := 0.0
		for w := range m.Words() {
			p, _ := m.Score(s, Word(w))
			sum += math.Exp(p)
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("state %d: the sum is 1%+g", s, sum-1)
		}
		if _, s = m.Score(s, Word(rng.IntN(len(m.Words())))); rng.IntN(5) == 0 {
			s = m.Start()
		}
	}
}

// What is damaged is refused or scores something, and never stops the program.
func TestDamagedBinaries(t *testing.T) {
	rng := rand.New(rand.NewPCG(18, 7))
	for _, name := range []string{"o3.probing", "o4p.both", "o4p.trie", "o3.quant", "o4p.array"} {
		whole := golden(t, name+".bin.gz")
		for trial := range 300 {
			data := bytes.Clone(whole)
			switch trial % 3 {
			case 0:
				data = data[:rng.IntN(len(data))]
			case 1: // in the head and what follows it, where sizes are
				data[rng.IntN(300)] ^= 1 << rng.IntN(8)
			default:
				for range 1 + rng.IntN(200) {
					data[rng.IntN(len(data))] = byte(rng.Uint32())
				}
			}
			m, err := OpenBinary(written(t, data))
			if err != nil {
				continue
			}
			if trial%3 == 0 {
				t.Errorf("%s: a file that is cut off at %d of %d bytes is read", name, len(data), len(whole))
			}
			s := m.Start()
			for range 200 {
				_, s = m.Score(s, Word(rng.IntN(len(m.Words()))))
			}
			m.Close()
		}
	}
	head := golden(t, "o2.trie.bin.gz")
	for want, damage := range map[string]func([]byte){
		"format 5 of a 64-bit":    func(b []byte) { b[len(binaryHead)-4] = '4' },
		"the order is 9":          func(b []byte) { b[len(sanity)] = 9 },
		"without its words":       func(b []byte) { b[len(sanity)+12] = 0 },
		"of kind 2 in version 2":  func(b []byte) { b[len(sanity)+16] = 2 },
		"the multiplier of hash":  func(b []byte) { b[len(sanity)+7] = 0xff },
		"4294967296 1-grams":      func(b []byte) { binary.LittleEndian.PutUint64(b[len(sanity)+20:], 1<<32) },
		"the file is cut off":     func(b []byte) { binary.LittleEndian.PutUint64(b[len(sanity)+28:], 1<<30) },
		"the first word must be ": func(b []byte) { copy(b[bytes.Index(b, []byte("<unk>\x00")):], "<kun>") },
	} {
		b := bytes.Clone(head)
		damage(b)
		if _, err := OpenBinary(written(t, b)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

// Several goroutines share a model, and get what one alone gets.
func TestBinaryIsShared(t *testing.T) {
	path := unpacked(t, "o3.quant.bin.gz")
	alone, err := OpenBinary(path)
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	shared, err := OpenBinary(path)
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	tests := scoresOfKenLM(t).Tests
	score := func(m *Binary, sentence string) (sum float64) {
		s := m.Start()
		for _, w := range strings.Fields(sentence) {
			var p float64
			p, s = m.Score(s, m.Word(w))
			sum += p
		}
		return sum
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range tests {
				sentence := tests[(i*7+g)%len(tests)]
				if got, want := score(shared, sentence), score(alone, sentence); got != want {
					t.Errorf("%q: %v; want %v", sentence, got, want)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkBinaryScore(b *testing.B) {
	m, err := OpenBinary(unpacked(b, "o3.probing.bin.gz"))
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	s, i := m.Start(), 0
	for b.Loop() {
		_, s = m.Score(s, Word(i%len(m.words)))
		i += 7
	}
	b.ReportAllocs()
}
