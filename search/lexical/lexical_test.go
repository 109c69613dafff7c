package lexical

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestWords cuts texts of several scripts.
func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"Red BUS":                   "red bus",
		"photos/2020/red_bus-7.JPG": "photos 2020 red bus 7 jpg",
		"can't 3.14":                "can t 3 14",
		"Straße STRASSE Ä a\u0308":  "strasse strasse ä ä",
		"日本 カタカナ":                   "日 本 カタカナ",
		"\x00 \xff !?":              "",
		"नमस्ते":                    "नमस्ते",
	} {
		if got := strings.Join(slices.Collect(Words(text)), " "); got != want {
			t.Errorf("%q has the words %q, want %q", text, got, want)
		}
	}
}

func build(t *testing.T, docs []string) *Index {
	t.Helper()
	x, err := Build(t.Context(), len(docs), func(doc int) iter.Seq[string] { return Words(docs[doc]) })
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestBuildStops ends with its context.
func TestBuildStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	read := 0
	x, err := Build(ctx, 10*stopEvery, func(int) iter.Seq[string] {
		if read++; read == stopEvery+1 {
			cancel()
		}
		return Words("a")
	})
	if x != nil || !errors.Is(err, context.Canceled) || read > 2*stopEvery {
		t.Errorf("%v, %v, after %d documents", x, err, read)
	}
}

// TestFind has each document once, and how often.
func TestFind(t *testing.T) {
	x := build(t, []string{"a b a", "", "b", "a " + strings.Repeat("c ", 300)})
	for word, want := range map[string]struct {
		docs   []uint32
		counts []uint8
	}{"a": {[]uint32{0, 3}, []uint8{2, 1}}, "b": {[]uint32{0, 2}, []uint8{1, 1}}, "c": {[]uint32{3}, []uint8{255}}, "d": {}} {
		docs, counts := x.Find(word)
		if !slices.Equal(docs, want.docs) || !slices.Equal(counts, want.counts) {
			t.Errorf("%q is in %v, %v times; want %v, %v", word, docs, counts, want.docs, want.counts)
		}
	}
	if x.Len(0) != 3 || x.Len(1) != 0 || x.Len(3) != 301 {
		t.Errorf("lengths are %d, %d, %d", x.Len(0), x.Len(1), x.Len(3))
	}
}

// TestBM25 compares with the package bm25s: oracle/bm25.py wrote the file.
func TestBM25(t *testing.T) {
	text, err := os.ReadFile("testdata/bm25.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Docs    []string
		Queries []struct {
			Text   string
			Scores []float64
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil || len(golden.Queries) == 0 {
		t.Fatalf("%d queries, %v", len(golden.Queries), err)
	}
	x := build(t, golden.Docs)
	m := BM25{Docs: len(golden.Docs)}
	for doc := range golden.Docs {
		m.Mean += float64(x.Len(doc)) / float64(m.Docs)
	}
	for _, q := range golden.Queries {
		scores := make([]float64, m.Docs)
		for word := range Words(q.Text) {
			docs, counts := x.Find(word)
			for i, doc := range docs {
				scores[doc] += m.Rarity(len(docs)) * m.Frequency(int(counts[i]), x.Len(int(doc)))
			}
		}
		for doc, got := range scores {
			if want := q.Scores[doc]; math.Abs(got-want) > 1e-5*(1+want) { // the oracle has float32
				t.Errorf("%q: document %d has %v, want %v", q.Text, doc, got, want)
			}
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("A red_bus-7.JPG can't 3.14 a1b2\r\n")
	f.Add("Red_BUS ß ı İ 日本\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for word := range Words(text) {
			if word == "" || strings.ContainsFunc(word, between) {
				t.Errorf("%q has the word %q", text, word)
			}
		}
		if isASCII(text) {
			if got, want := slices.Collect(Words(text)), slices.Collect(segmented(strings.ToLower(text))); !slices.Equal(got, want) {
				t.Errorf("%q has the words %q, by boundaries %q", text, got, want)
			}
		}
	})
}
