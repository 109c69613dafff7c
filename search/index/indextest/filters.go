package indextest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// passes is the oracle of filters: their definition, item by item.
func passes(f *index.Filter, it *index.Item) bool {
	for i := range f.And {
		if !passes(&f.And[i], it) {
			return false
		}
	}
	if f.Or != nil && !slices.ContainsFunc(f.Or, func(o index.Filter) bool { return passes(&o, it) }) {
		return false
	}
	if f.Not != nil && passes(f.Not, it) {
		return false
	}
	for key, c := range f.Fields {
		if value, ok := it.Fields[key]; !ok || !keeps(c, value) {
			return false
		}
	}
	return keeps(f.Label, it.Label) && keeps(f.ID, it.ID)
}

func keeps(c index.Condition, text string) bool {
	if c.In != nil && !slices.Contains(c.In, text) || !strings.HasPrefix(text, c.Prefix) {
		return false
	}
	for _, end := range []struct {
		*index.Bound
		holds func(order int) bool
	}{
		{c.GT, func(order int) bool { return order > 0 }},
		{c.GTE, func(order int) bool { return order >= 0 }},
		{c.LT, func(order int) bool { return order < 0 }},
		{c.LTE, func(order int) bool { return order <= 0 }},
	} {
		if end.Bound == nil {
			continue
		}
		if order, ok := compareTo(text, end.Bound); !ok || !end.holds(order) {
			return false
		}
	}
	return true
}

// compareTo compares a text with a bound by the bound's JSON: a text in quotes, or a number.
func compareTo(text string, b *index.Bound) (order int, ok bool) {
	bound := b.String()
	if s, err := strconv.Unquote(bound); err == nil {
		return strings.Compare(text, s), true
	}
	x, errX := strconv.ParseFloat(text, 64)
	y, errY := strconv.ParseFloat(bound, 64)
	if errX != nil || errY != nil {
		return 0, false
	}
	switch {
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

func fields(name string, c index.Condition) index.Filter {
	return index.Filter{Fields: map[string]index.Condition{name: c}}
}

// simpleFilters are those that every kind of index has.
func simpleFilters() []index.Filter {
	size1, sideM := fields("size", index.In("1")), fields("side", index.In("m"))
	return []index.Filter{
		{},
		{Label: index.In("b")},
		{Label: index.In("a", "c", "a"), Fields: size1.Fields},
		{And: []index.Filter{fields("size", index.In("2", "0")), sideM}},
		{And: []index.Filter{{Label: index.In("b", "c")}, sideM}, Not: &index.Filter{ID: index.In("item 3", "item 4")}},
		{Or: []index.Filter{{Label: index.In("b")}, size1, {ID: index.In("item 5")}}},
		{Or: []index.Filter{{And: []index.Filter{size1, sideM}}, {Label: index.In("a")}}, Fields: map[string]index.Condition{"side": index.In("l", "m")}},
		fields("size", index.In("l")),
		fields("no such", index.In("1")),
		{Label: index.In("none")},
		index.Filter{}.Except("item 0", "item 0", "none"),
		{ID: index.In("item 7", "item 9", "none")},
	}
}

// richFilters are refused by name, or right.
func richFilters(t *testing.T, x index.Index, refused bool) {
	r := rand.New(rand.NewPCG(5, 6))
	items := randomItems(r, 150, 5)
	if err := x.Add(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"id ^= 'item 1'", "label >= b", "label > a and label < c", "size >= 1", "size > 0 and size <= 1.5", "made < 2019-06-15", "made exists", "not made exists",
		"not size = 1", "label != b and made >= 2019-03-01", "not (label = a or size < 2 and side = l)", "not nothing = 1", "id > 'item 20' or id = 'item 0'",
	} {
		f, err := index.ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		q := index.Query{Vector: randomVector(r, 5), K: 200, Filter: f}
		hits, err := x.Search(t.Context(), []index.Query{q})
		if refused {
			if !errors.Is(err, index.ErrArgument) {
				t.Errorf("%s: %v; want that it is refused", text, err)
			}
			continue
		}
		if err == nil {
			err = compare(hits[0], &q, items, distance.Euclidean)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// pages are the one order in pieces.
func pages(t *testing.T, x index.Index) {
	r := rand.New(rand.NewPCG(7, 8))
	if err := x.Add(t.Context(), randomItems(r, 50, 5)); err != nil {
		t.Fatal(err)
	}
	q := index.Query{Vector: randomVector(r, 5), K: 50, Filter: index.Filter{}.Except("item 3")}
	want := hitIDs(t, x, q)
	var got []string
	for q.K = 7; q.Offset < 56; q.Offset += q.K {
		got = append(got, hitIDs(t, x, q)...)
	}
	if !slices.Equal(got, want) || len(got) != 49 {
		t.Errorf("pages are %v, want %v", got, want)
	}
}

// within cuts off what is too far.
func within(t *testing.T, create func(*testing.T, index.Options) index.Index) {
	for _, m := range index.Metrics {
		x := create(t, index.Options{Dim: 5, Metric: m})
		r := rand.New(rand.NewPCG(9, 10))
		if err := x.Add(t.Context(), randomItems(r, 60, 5)); err != nil {
			t.Fatal(err)
		}
		q := index.Query{Vector: randomVector(r, 5), K: 60}
		hits, err := x.Search(t.Context(), []index.Query{q})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 10, 59} {
			at := (hits[0][n].Distance + hits[0][min(n+1, 59)].Distance) / 2
			q.Within = &at
			if n == 59 {
				at++
			}
			if got := hitIDs(t, x, q); len(got) != n+1 || got[n] != hits[0][n].ID {
				t.Errorf("%s: %d hits within %g, want %d", m, len(got), at, n+1)
			}
		}
	}
}
