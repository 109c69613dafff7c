package sentence_test

import (
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/sentence"
)

// A folder of sentence-transformers turns texts into vectors.
func Example() {
	e, err := sentence.Open("testdata/mean")
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := e.Tokens("The cat sees the dog.")
	if err != nil {
		log.Fatal(err)
	}
	vector := make([]float32, e.Dim())
	if err := e.Encode(vector, [][]int{tokens}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(tokens, len(vector))
	// Output: [2 5 6 8 27 5 7 34 3] 8
}

// row is what sentence-transformers gives for a text: no vector for one that it would cut.
type row struct {
	Text   string
	Tokens []int
	Vector []float32
}

func golden(t *testing.T, name string) (all []row) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all) < 5 {
		t.Fatal(len(all), err)
	}
	return all
}

// TestVectors: tokens and vectors are those of sentence-transformers (oracle/sentence.py), together and each by itself; what it cuts is refused.
func TestVectors(t *testing.T) {
	for _, name := range []string{"mean", "first"} {
		e, err := sentence.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var texts [][]int
		var want []float32
		for _, r := range golden(t, name) {
			tokens, err := e.Tokens(r.Text)
			if r.Vector == nil {
				if err == nil || !strings.Contains(err.Error(), "the model takes at most 16") {
					t.Errorf("%s: %q has %d tokens: %v", name, r.Text, len(r.Tokens), err)
				}
				continue
			}
			if err != nil || !slices.Equal(tokens, r.Tokens) {
				t.Errorf("%s: %q becomes %v, not %v: %v", name, r.Text, tokens, r.Tokens, err)
				continue
			}
			own := make([]float32, e.Dim())
			if err := e.Encode(own, [][]int{tokens}); err != nil {
				t.Fatal(err)
			}
			near(t, name+": "+r.Text, own, r.Vector)
			texts, want = append(texts, tokens), append(want, r.Vector...)
		}
		all := make([]float32, len(want))
		if err := e.Encode(all, texts); err != nil {
			t.Fatal(err)
		}
		near(t, name+": together", all, want)
	}
}

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i]-want[i])) < 2e-6) {
			t.Errorf("%s: coordinate %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func TestRefuses(t *testing.T) {
	e, err := sentence.Open("testdata/mean")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{e.Check(nil), "there are no tokens"},
		{e.Check([]int{1, 99}), "token 1 is 99; it must be from 0 to"},
		{e.Check([]int{-1}), "token 0 is -1"},
		{e.Encode(make([]float32, 3), [][]int{{1}}), "dst has 3 elements; it must have 8"},
		{e.Encode(make([]float32, 8), [][]int{{99}}), "text 0: token 0 is 99"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v; want %s", c.err, c.want)
		}
	}
	if _, err := e.Tokens("a [MASK]"); err == nil || !strings.Contains(err.Error(), "added token") {
		t.Errorf("an added token: %v", err)
	}
	if sentence.Is("testdata") || !sentence.Is("testdata/mean") {
		t.Error("Is")
	}
	if _, err := sentence.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "tokenizer.json") {
		t.Errorf("an empty folder: %v", err)
	}
}
