package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/search/lexical"
)

// wordedItems have a few words each.
func wordedItems(r *rand.Rand, n int) []Item {
	words := []string{"red", "bus", "sea", "Beach", "dog", "cat", "night"}
	items := make([]Item, n)
	for i := range items {
		var some []string
		for range r.IntN(6) {
			some = append(some, words[r.IntN(len(words))])
		}
		items[i] = Item{
			ID: fmt.Sprintf("%d/%s.jpg", i, words[r.IntN(len(words))]), Label: words[r.IntN(3)],
			Vector: []float32{float32(r.NormFloat64()), float32(r.NormFloat64())},
			Fields: map[string]string{"note": strings.Join(some, " "), ThumbField: "red", PathField: "bus", "stamp": "sea", "root": "dog"},
		}
	}
	return items
}

// bruteWords is BM25 by its definition, item by item.
func bruteWords(items []Item, text string, passes func(*Item) bool) (hits []Hit) {
	docs := make([][]string, len(items))
	m := lexical.BM25{Docs: len(items)}
	for i, it := range items {
		docs[i] = slices.Collect(lexical.Words(it.ID + " " + it.Label + " " + it.Fields["note"]))
		m.Mean += float64(len(docs[i])) / float64(len(items))
	}
	count := func(doc []string, word string) (n int) {
		for _, w := range doc {
			if w == word {
				n++
			}
		}
		return n
	}
	for i := range items {
		score := 0.0
		for word := range lexical.Words(text) {
			having := 0
			for _, doc := range docs {
				if slices.Contains(doc, word) {
					having++
				}
			}
			score += m.Rarity(having) * m.Frequency(count(docs[i], word), len(docs[i]))
		}
		if score > 0 && passes(&items[i]) {
			hits = append(hits, Hit{ID: items[i].ID, Score: score})
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(b.Score, a.Score) })
	return hits
}

// TestSearchWords compares with BM25 by its definition, over slabs in memory and in files, with items deleted and replaced.
func TestSearchWords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x, _ := create(t, Options{Dim: 2})
	defer x.Close()
	items := wordedItems(r, 300)
	for _, some := range [][]Item{items[:200], items[200:250], items[250:]} {
		if err := x.Add(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.Delete(t.Context(), []string{items[0].ID, items[210].ID}); err != nil {
		t.Fatal(err)
	}
	items = slices.Delete(slices.Delete(items, 210, 211), 0, 1)
	if err := x.Add(t.Context(), items[5:6]); err != nil { // the last now
		t.Fatal(err)
	}
	items = append(slices.Delete(slices.Clone(items), 5, 6), items[5])
	for _, text := range []string{"red bus", "BEACH", "cat dog none", "jpg", "none", "7 night"} {
		for _, f := range []Filter{{}, {Label: In("red")}} {
			want := bruteWords(items, text, func(it *Item) bool { return f.IsZero() || it.Label == "red" })
			for _, q := range []Query{{Text: text, K: 10000, Filter: f}, {Text: text, K: 7, Offset: 5, Filter: f}} {
				hits, err := x.Search(t.Context(), []Query{q, {Vector: []float32{1, 2}, K: 1}})
				if err != nil || len(hits[1]) != 1 {
					t.Fatalf("%q: %v", text, err)
				}
				page := page(want, &q)
				if len(hits[0]) != len(page) {
					t.Fatalf("%q, filter %s: %d hits, want %d", text, f, len(hits[0]), len(page))
				}
				for i, h := range hits[0] {
					if h.ID != page[i].ID || math.Abs(h.Score-page[i].Score) > 1e-12 || h.Label == "" || h.Fields == nil {
						t.Errorf("%q, filter %s, offset %d: hit %d is %+v, want %+v", text, f, q.Offset, i, h, page[i])
					}
				}
			}
		}
	}
}

// TestSearchBoth compares with the two rankings fused by definition.
func TestSearchBoth(t *testing.T) {
	x, _ := create(t, Options{Dim: 2})
	defer x.Close()
	if err := x.Add(t.Context(), wordedItems(rand.New(rand.NewPCG(3, 4)), 200)); err != nil {
		t.Fatal(err)
	}
	within := 1.0
	for _, w := range []*float64{nil, &within} {
		q := Query{Vector: []float32{0.5, 0.1}, K: 1000, Within: w, Filter: Filter{Label: In("bus", "sea")}}
		byVector := q
		q.Text = "red dog"
		byText := q
		byText.Vector, byText.Within = nil, nil
		hits, err := x.Search(t.Context(), []Query{q, byVector, byText})
		if err != nil {
			t.Fatal(err)
		}
		scores, distances := map[string]float64{}, map[string]float64{}
		for i, h := range hits[1] {
			scores[h.ID], distances[h.ID] = 1/float64(61+i), h.Distance
		}
		rank := 61
		for _, h := range hits[2] {
			if _, near := distances[h.ID]; near {
				scores[h.ID] += 1 / float64(rank)
				rank++
			}
		}
		if len(hits[0]) != len(scores) || len(scores) < 20 {
			t.Errorf("%d hits, want %d", len(hits[0]), len(scores))
		}
		for i, h := range hits[0] {
			if h.Score != scores[h.ID] || h.Distance != distances[h.ID] || i > 0 && h.Score > hits[0][i-1].Score {
				t.Errorf("hit %d is %+v; want score %v, distance %v", i, h, scores[h.ID], distances[h.ID])
			}
		}
		q.Offset, q.K = 3, 4
		if part, err := x.Search(t.Context(), []Query{q}); err != nil || part[0][0].ID != hits[0][3].ID || len(part[0]) != 4 {
			t.Errorf("a page is %v, %v", part, err)
		}
	}
	far := 0.001
	for what, q := range map[string]Query{
		"no word": {Text: "?!", K: 1}, "not UTF-8": {Text: "a\xff", K: 1}, "within": {Text: "a", K: 1, Within: &far}, "neither": {K: 1},
		"words": {Text: manyWords(), K: 1},
	} {
		if _, err := x.Search(t.Context(), []Query{q}); !errors.Is(err, ErrArgument) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := (Options{Dim: 2}).CheckQueries([]Query{{Text: "a", K: 1}}); !errors.Is(err, ErrArgument) {
		t.Errorf("a server takes a text: %v", err)
	}
}

// TestSearchTogether answers queries with and without texts as each by itself, in their order.
func TestSearchTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x, _ := create(t, Options{Dim: 2})
	defer x.Close()
	if err := x.Add(t.Context(), wordedItems(r, 60)); err != nil {
		t.Fatal(err)
	}
	var queries []Query
	for i := range 12 {
		q := Query{K: 3 + i}
		if i%3 != 0 {
			q.Vector = []float32{float32(r.NormFloat64()), float32(r.NormFloat64())}
		}
		if i%3 != 1 {
			q.Text = []string{"red", "sea dog"}[i%2]
		}
		queries = append(queries, q)
	}
	together, err := x.Search(t.Context(), queries)
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range queries {
		if alone, err := x.Search(t.Context(), []Query{q}); err != nil || len(alone[0]) == 0 || !reflect.DeepEqual(alone[0], together[i]) {
			t.Errorf("query %d has %v, by itself %v, %v", i, together[i], alone, err)
		}
	}
}

// TestLoadWords reads the words of all parts, and stops with its context.
func TestLoadWords(t *testing.T) {
	x, _ := create(t, Options{Dim: 2})
	items := wordedItems(rand.New(rand.NewPCG(5, 6)), 40)
	for _, some := range [][]Item{items[:20], items[20:]} {
		if err := x.Add(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.LoadWords(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended: %v", err)
	}
	if err := x.LoadWords(t.Context()); err != nil {
		t.Error(err)
	}
	v := x.views.acquire()
	for i := range v.parts {
		if v.parts[i].words == nil {
			t.Errorf("part %d has no words", i)
		}
	}
	x.views.release(v)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := x.LoadWords(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func manyWords() string {
	var b strings.Builder
	for i := range MaxWords + 1 {
		fmt.Fprintf(&b, " w%d", i)
	}
	return b.String()
}
