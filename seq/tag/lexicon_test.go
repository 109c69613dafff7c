package tag

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/energo-ml/energo/data"
)

func TestDictionary(t *testing.T) {
	var sentences []data.Sentence
	for i := range 6 {
		sentences = append(sentences, data.Sentence{Words: []string{"the", fmt.Sprint("w", i)}, Tags: []string{"at", "nn"}})
	}
	sentences = append(sentences, data.Sentence{Words: []string{"odd"}, Tags: []string{"uh"}})
	x, err := NewLexicon(sentences, 8)
	if err != nil {
		t.Fatal(err)
	}
	open := []int32{x.tagOf["nn"], x.tagOf["uh"]}
	for word, want := range map[string][]int32{"the": {x.tagOf["at"]}, "w1": open, "odd": open, "never": open} {
		if got := x.words[x.word(word)].tags; !slices.Equal(got, want) {
			t.Errorf("%s may be %v, want %v", word, got, want)
		}
	}
	if s := x.Encode([]data.Sentence{{Words: []string{"the"}, Tags: []string{"new"}}}); s[0].Tags[0] != -1 {
		t.Errorf("a tag that training had not is %d", s[0].Tags[0])
	}
}

func TestShapes(t *testing.T) {
	for word, want := range map[string]string{"": "", "McDonald's": "AaAaa'a", "1,234.5": "0,00.0", "USA": "AA", "étés": "aa"} {
		if got := shapeOf(word); got != want {
			t.Errorf("%q has the shape %q, want %q", word, got, want)
		}
	}
}

func FuzzLexicon(f *testing.F) {
	f.Add([]byte(`{"tags":["a","b"],"open":[0],"words":[{"word":"x","count":1,"tags":[0,1]}]}`))
	f.Add([]byte(`{"tags":[""],"open":[0],"words":[{"word":"\ud800","count":1,"tags":[0]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s storedLexicon
		if json.Unmarshal(text, &s) != nil {
			return
		}
		x, err := s.lexicon(modelCard{Bits: 8})
		if err != nil {
			return
		}
		for _, w := range append(x.words, x.describe("never")) {
			for _, r := range w.own {
				if r >= 1<<8 {
					t.Fatalf("%q has a feature in row %d", w.text, r)
				}
			}
		}
	})
}
