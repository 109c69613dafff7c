package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// randomFilter is a filter that sets something, of at most depth filters in each other, about what items makes.
func randomFilter(r *rand.Rand, depth int) Filter {
	for {
		var f Filter
		if depth > 1 {
			switch r.IntN(5) {
			case 0:
				f.And = someFilters(r, depth-1)
			case 1:
				f.Or = someFilters(r, depth-1)
			case 2:
				inner := randomFilter(r, depth-1)
				f.Not = &inner
			}
		}
		if r.IntN(3) == 0 {
			f.Label = randomCondition(r, "", "cat", "dog", "c", "bird")
		}
		if r.IntN(4) == 0 {
			f.ID = randomCondition(r, "id1", "id2", "id", "id17", "x")
		}
		if r.IntN(2) == 0 {
			f.Fields = map[string]Condition{"tens": randomCondition(r, "0", "1", "2.5", "1e0", "00", "x")}
		}
		if r.IntN(4) == 0 {
			f.Fields = map[string]Condition{"parity": {Exists: true}, "none": randomCondition(r, "a")}
			delete(f.Fields, []string{"parity", "none"}[r.IntN(2)])
		}
		if !f.IsZero() {
			return f
		}
	}
}

func someFilters(r *rand.Rand, depth int) (some []Filter) {
	for range 1 + r.IntN(3) {
		some = append(some, randomFilter(r, depth))
	}
	return some
}

func randomCondition(r *rand.Rand, texts ...string) (c Condition) {
	text := func() string { return texts[r.IntN(len(texts))] }
	bound := func() *Bound {
		if r.IntN(2) == 0 {
			return Number(float64(r.IntN(9)) / 2)
		}
		return Text(text())
	}
	for c.IsZero() {
		if r.IntN(3) == 0 {
			c.In = []string{text(), text()}[:1+r.IntN(2)]
		}
		if r.IntN(4) == 0 {
			c.Prefix = text()
		}
		for _, b := range []**Bound{&c.GT, &c.GTE, &c.LT, &c.LTE} {
			if r.IntN(6) == 0 {
				*b = bound()
			}
		}
	}
	return c
}

// TestFilters: random filters let pass what they say, in slabs with dead rows, before and after their postings are there; and
// their text and JSON say the same.
func TestFilters(t *testing.T) {
	t.Parallel()
	r := rng(1)
	o := Options{Dim: 2, Metric: distance.Euclidean, Storage: Float32}
	m := &model{Options: o}
	x, _ := create(t, o)
	for _, n := range []int{1, 70, 300} {
		batch := items(r, len(m.items), n, o.Dim)
		m.add(batch)
		must(t, x.Add(t.Context(), batch))
	}
	must(t, x.Compact())
	more := items(r, 350, 60, o.Dim)
	m.add(more)
	must(t, x.Add(t.Context(), more))
	gone := []string{"id3", "id4", "id200", "id370"}
	m.remove(gone)
	if _, err := x.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for range 1500 {
		f := randomFilter(r, 4)
		q := Query{Vector: normal(r, 2), K: 1000, Filter: f}
		if r.IntN(2) == 0 {
			q.K = 1 + r.IntN(5)
		}
		hits, err := x.Search(t.Context(), []Query{q})
		must(t, err)
		m.checkHits(t, m.items, q, hits[0])
		passed += len(hits[0])
		again, err := ParseFilter(f.String())
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		b, err := json.Marshal(f)
		must(t, err)
		var fromJSON Filter
		must(t, json.Unmarshal(b, &fromJSON))
		if !reflect.DeepEqual(fromJSON, f) {
			t.Fatalf("%s: JSON %s reads as %s", f, b, fromJSON)
		}
		for _, it := range m.items {
			if again.lets(it) != f.lets(it) {
				t.Fatalf("%s reads as %s, which differs for %+v", f, again, it)
			}
		}
	}
	if passed < 1000 {
		t.Errorf("only %d hits", passed)
	}
}

func TestParseFilter(t *testing.T) {
	field := func(name string, c Condition) Filter { return Filter{Fields: map[string]Condition{name: c}} }
	not := func(f Filter) Filter { return Filter{Not: &f} }
	for text, want := range map[string]Filter{
		"":                      {},
		"  ":                    {},
		"label = cat":           {Label: In("cat")},
		"label in (cat, 'a b')": {Label: In("cat", "a b")},
		`id != "a\"b"`:          not(Filter{ID: In(`a"b`)}),
		`"label" = x`:           field("label", In("x")),
		"year >= 2019":          field("year", Condition{GTE: Number(2019)}),
		`year < "2019"`:         field("year", Condition{LT: Text("2019")}),
		"made > 2019-05-01":     field("made", Condition{GT: Text("2019-05-01")}),
		"x <= -1e3":             field("x", Condition{LTE: Number(-1000)}),
		"year = 2019":           field("year", In("2019")),
		"path ^= holiday/":      field("path", Condition{Prefix: "holiday/"}),
		"camera EXISTS":         field("camera", Condition{Exists: true}),
		"a NOT IN (b)":          not(field("a", In("b"))),
		"größe=日本":              field("größe", In("日本")),
		"label in (cat, dog) and year >= 2019 and not path ^= \"holiday/\"": {And: []Filter{
			{Label: In("cat", "dog")}, field("year", Condition{GTE: Number(2019)}), not(field("path", Condition{Prefix: "holiday/"})),
		}},
		"a = 1 or b = 2 and c = 3":   {Or: []Filter{field("a", In("1")), {And: []Filter{field("b", In("2")), field("c", In("3"))}}}},
		"(a = 1 or b = 2) and c = 3": {And: []Filter{{Or: []Filter{field("a", In("1")), field("b", In("2"))}}, field("c", In("3"))}},
		"not not (a = 1)":            not(not(field("a", In("1")))),
	} {
		if got, err := ParseFilter(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"year":                               "filter: character 5: its end, want =, !=",
		"year >":                             "filter: character 7: its end, want a value",
		"year > )":                           `filter: character 8: ")", want a value`,
		"= 1":                                `filter: character 1: "=", want label, id or the name of a field`,
		"a = 1 b = 2":                        `filter: character 7: "b", want and, or, or the end`,
		"größe = 1)":                         `filter: character 10: ")", want and, or, or the end`,
		"(a = 1":                             "filter: character 7: its end, want and, or, or )",
		"a in b":                             `filter: character 6: "b", want ( and a list`,
		"a in ()":                            `filter: character 7: ")", want a value`,
		"a in (b c)":                         `filter: character 9: "c", want , or )`,
		"a not = b":                          `filter: character 7: "=", want in`,
		"a = 'b":                             "filter: character 5: a quote ' is not closed",
		`a = "b`:                             `filter: character 5: a quote " is not closed`,
		"a = b; c":                           `filter: character 8: "c", want and`,
		"a & b":                              `filter: character 3: "&", want =, !=`,
		"a ! b":                              `filter: character 3: '!' stands in no word`,
		"and = 1":                            `filter: character 1: "and", want label, id`,
		"a ^= ''":                            `filter: character 6: "", want a text that is not empty`,
		"'' = 1":                             "filter.Fields has a field with an empty name",
		"label exists":                       "filter.Label.Exists is set",
		"a = \xff":                           "filter is \"a = \\xff\"; it must be UTF-8",
		strings.Repeat("(", 50) + "a = 1":    "filter: character 34: not and parentheses stand more than 32 deep",
		strings.Repeat("not ", 50) + "a = 1": "filter: character 133: not and parentheses stand more than 32 deep",
	} {
		if got, err := ParseFilter(text); !errors.Is(err, ErrArgument) || !strings.HasPrefix(err.Error(), "index: "+want) || !got.IsZero() {
			t.Errorf("%q: %v, want an error that begins with %s", text, err, want)
		}
	}
}

// FuzzParseFilter: what is read has a text and a JSON that are read as the same.
func FuzzParseFilter(f *testing.F) {
	f.Add(`label in (cat, dog) and year >= 2019 and not path ^= "holiday/"`)
	f.Add(`(id != 'a' or b not in (c)) and d exists and e < -1.5e3`)
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text)
		if err != nil {
			if !errors.Is(err, ErrArgument) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		again, err := ParseFilter(filter.String())
		if err != nil || again.String() != filter.String() {
			t.Errorf("%q is %s, which reads as %s, %v", text, filter, again, err)
		}
		b, err := json.Marshal(filter)
		var fromJSON Filter
		if err == nil {
			err = json.Unmarshal(b, &fromJSON)
		}
		if err != nil || !reflect.DeepEqual(fromJSON, filter) {
			t.Errorf("%q is %s, which reads as %+v, %v", text, b, fromJSON, err)
		}
	})
}

func TestFilterJSON(t *testing.T) {
	text := `{"fields":{"year":{"gte":2019}},"not":{"label":["cat","dog"]}}`
	want := Filter{Fields: map[string]Condition{"year": {GTE: Number(2019)}}, Not: &Filter{Label: In("cat", "dog")}}
	var f Filter
	if err := json.Unmarshal([]byte(text), &f); err != nil || !reflect.DeepEqual(f, want) {
		t.Errorf("%+v, %v", f, err)
	}
	must(t, json.Unmarshal([]byte(`{"label":"cat","id":{"prefix":"a","lt":"b"}}`), &f))
	if f.Label.In[0] != "cat" || f.ID.LT.text != "b" || f.ID.LT.isNumber {
		t.Errorf("%+v", f)
	}
	for _, bad := range []string{`{"label":1}`, `{"label":{"gt":true}}`, `{"label":{"gt":[1]}}`, `{"label":{"more":1}}`, `{"id":["a",1]}`, `{"and":{}}`, `{"fields":{"a":{"gte":1e999}}}`} {
		if err := json.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("%s is read as %+v", bad, f)
		}
	}
	if b, err := json.Marshal(Filter{}); err != nil || string(b) != "{}" {
		t.Errorf("the filter that lets all pass is %s, %v", b, err)
	}
}

// TestPostings: they are counted, kept within the limit, and dropped with their slab.
func TestPostings(t *testing.T) {
	ctx := context.Background()
	x, _ := create(t, Options{Dim: 2})
	must(t, x.Add(ctx, items(rng(1), 0, 1000, 2)))
	size := func() int {
		info, err := x.Info(ctx)
		must(t, err)
		return info.FilterBytes
	}
	search := func(text string) {
		f, err := ParseFilter(text)
		must(t, err)
		_, err = x.Search(ctx, []Query{{Vector: []float32{1, 2}, K: 3, Filter: f}})
		must(t, err)
	}
	if size() != 0 {
		t.Errorf("%d bytes before a filter", size())
	}
	search("tens >= 10")
	one := size()
	if search("tens >= 20"); size() != one || one < 4*500 || one > 8*500+8*100*3+1000 {
		t.Errorf("%d bytes, then %d, of postings of 500 rows with 100 texts as numbers", one, size())
	}
	search("label = cat")
	if two := size(); two < one+4*1000 {
		t.Errorf("%d bytes of one, %d with labels", one, two)
	}
	x.views.postings.limit = 4500
	search("parity = even")
	if size() > 4500 || size() < 2000 {
		t.Errorf("%d bytes are kept of at most 4500", size())
	}
	must(t, x.Compact())
	if size() != 0 {
		t.Errorf("%d bytes of slabs that are gone", size())
	}
}

// TestNextRun finds every block that has a row, with few between.
func TestNextRun(t *testing.T) {
	r := rng(2)
	for range 200 {
		blocks := 1 + r.IntN(60)
		b := newBitmap(16 * blocks)
		var want []int
		for i := range blocks {
			if r.IntN(4) == 0 {
				b.set(16*i + r.IntN(16))
				want = append(want, i)
			}
		}
		var got []int
		extra := 0
		for first := 0; first < blocks; {
			at, n := nextRun(b, first, 8, blocks)
			if n == 0 {
				break
			}
			for i := at; i < at+n; i++ {
				if b.block(i) != 0 {
					got = append(got, i)
				} else {
					extra++
				}
			}
			if b.block(at) == 0 || b.block(at+n-1) == 0 || n > 8 {
				t.Fatalf("a run from %d of %d blocks", at, n)
			}
			first = at + n
		}
		if !slices.Equal(got, want) || extra > gapBlocks*len(want) {
			t.Fatalf("runs have %v, want %v; %d more", got, want, extra)
		}
	}
}

// TestFilterOrder: a filter changes no hit's distance or order, whatever the number of threads and parts.
func TestFilterEverySearch(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		o := Options{Dim: 33, Metric: distance.Cosine, Storage: Int8}
		r := rng(5)
		m := &model{Options: o, items: items(r, 0, 3000, o.Dim)}
		x := inMemory(t, o, false, m.items[:7], m.items[7:1500], m.items[1500:])
		var queries []Query
		for i := range 12 {
			tens := fmt.Sprint(i * 20)
			queries = append(queries, Query{Vector: normal(r, o.Dim), K: 5, Filter: Filter{Fields: map[string]Condition{"tens": In(tens, "100")}}})
		}
		together, err := x.Search(context.Background(), queries)
		must(t, err)
		all, err := x.Search(context.Background(), []Query{{Vector: queries[3].Vector, K: 3000}})
		must(t, err)
		alone := slices.DeleteFunc(all[0], func(h Hit) bool { return !slices.Contains(queries[3].Filter.Fields["tens"].In, h.Fields["tens"]) })
		if fmt.Sprint(together[3]) != fmt.Sprint(alone[:5]) {
			t.Errorf("%v, want %v", together[3], alone[:5])
		}
	})
}
