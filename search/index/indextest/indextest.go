// Package indextest holds any index.Index to what the interface says. Tests of each kind of index
// run it.
package indextest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// tolerance is how far a distance (a Euclidean one's square) may be off, as a share of the vectors' lengths: stores
// compute in float32.
const tolerance = 1e-5

// Lack is what a kind of index refuses, with an index.ErrArgument.
type Lack string

// RichFilters are filters by prefix, range, existence, and not of anything but identifiers.
const RichFilters Lack = "rich filters"

// Run tests a kind of index. create makes an empty one that ends with its test.
func Run(t *testing.T, create func(t *testing.T, o index.Options) index.Index, lacks ...Lack) {
	t.Run("empty", func(t *testing.T) { empty(t, create) })
	t.Run("items come back as they were", func(t *testing.T) { roundTrip(t, create) })
	for _, m := range index.Metrics {
		t.Run("search by "+string(m), func(t *testing.T) { search(t, create(t, index.Options{Dim: 5, Metric: m}), m) })
	}
	t.Run("rich filters", func(t *testing.T) {
		richFilters(t, create(t, index.Options{Dim: 5}), slices.Contains(lacks, RichFilters))
	})
	t.Run("by filter", func(t *testing.T) { byFilter(t, create(t, index.Options{Dim: 5})) })
	t.Run("update", func(t *testing.T) { update(t, create(t, index.Options{Dim: 3})) })
	t.Run("list", func(t *testing.T) { list(t, create(t, index.Options{Dim: 2})) })
	t.Run("examples", func(t *testing.T) { examples(t, create(t, index.Options{Dim: 2, Metric: distance.Cosine})) })
	t.Run("pages", func(t *testing.T) { pages(t, create(t, index.Options{Dim: 5})) })
	t.Run("within", func(t *testing.T) { within(t, create) })
	t.Run("equals", func(t *testing.T) { equals(t, create(t, index.Options{Dim: 2})) })
	t.Run("a life", func(t *testing.T) { life(t, create(t, index.Options{Dim: 3})) })
	t.Run("arguments", func(t *testing.T) { arguments(t, create(t, index.Options{Dim: 2, Metric: distance.Cosine})) })
	t.Run("several at once", func(t *testing.T) { together(t, create(t, index.Options{Dim: 2})) })
	t.Run("cancelled", func(t *testing.T) { cancelled(t, create(t, index.Options{Dim: 2})) })
}

// empty has nothing and finds nothing, and says what it is.
func empty(t *testing.T, create func(*testing.T, index.Options) index.Index) {
	ctx := t.Context()
	x := create(t, index.Options{Dim: 4, Metric: distance.Dot, Encoder: "sha256:ab \"c\""})
	info, err := x.Info(ctx)
	want := index.Info{Kind: info.Kind, Dim: 4, Metric: distance.Dot, Storage: index.Float32, Encoder: "sha256:ab \"c\"", Free: info.Free}
	if err != nil || info != want || info.Kind == "" {
		t.Errorf("Info is %+v, %v; want %+v", info, err, want)
	}
	if _, ok, err := x.Get(ctx, "a"); ok || err != nil {
		t.Errorf("Get of nothing: %v, %v", ok, err)
	}
	if n, err := x.Delete(ctx, []string{"a", "b"}); n != 0 || err != nil {
		t.Errorf("Delete of nothing: %d, %v", n, err)
	}
	hits, err := x.Search(ctx, []index.Query{{Vector: make([]float32, 4), K: 3}})
	if err != nil || len(hits) != 1 || len(hits[0]) != 0 {
		t.Errorf("Search of nothing: %v, %v", hits, err)
	}
	if hits, err := x.Search(ctx, nil); err != nil || len(hits) != 0 {
		t.Errorf("no queries: %v, %v", hits, err)
	}
	if err := x.Add(ctx, nil); err != nil {
		t.Errorf("Add of nothing: %v", err)
	}
}

// awkward are texts that stores get wrong.
var awkward = []string{
	"a", "A", " a", "a ", "ä/b?c#d&e=f", `"quoted" \ back`, "line\nline\ttab", "{\"json\": [1]}", "日本語 😀", "null",
	"the", "%00", "\x00\x01", "<script>", "\u2028", "a:b", "label \"a\"", ".", "..", " ", "0123456789abcdef0123456789abcdef",
}

func roundTrip(t *testing.T, create func(*testing.T, index.Options) index.Index) {
	ctx := t.Context()
	for _, metric := range index.Metrics {
		x := create(t, index.Options{Dim: 3, Metric: metric})
		var items []index.Item
		for i, s := range awkward {
			it := index.Item{
				ID: s, Vector: []float32{float32(i) + 0.1, 1e-30, -3e7}, Label: awkward[(i+1)%len(awkward)],
				Fields: map[string]string{s: awkward[(i+2)%len(awkward)], "k": s},
			}
			items = append(items, it)
		}
		items = append(items, index.Item{ID: "bare", Vector: []float32{1, 2, 3}}, index.Item{ID: "empty field", Vector: []float32{1, 2, 3}, Fields: map[string]string{"k": ""}})
		if err := x.Add(ctx, items); err != nil {
			t.Fatal(err)
		}
		for i := range items {
			got, ok, err := x.Get(ctx, items[i].ID)
			if !ok || err != nil || !same(got, items[i]) {
				t.Errorf("%s: Get(%q) is %+v, %v, %v; want %+v", metric, items[i].ID, got, ok, err, items[i])
			}
		}
		for i := range items[:len(awkward)] {
			it := &items[i]
			fields := map[string]index.Condition{}
			for key, value := range it.Fields {
				fields[key] = index.In(value)
			}
			for _, f := range []index.Filter{{Label: index.In(it.Label)}, {Fields: fields}, {Label: index.In(it.Label, "no such"), Fields: fields}, {ID: index.In(it.ID, "no such")}} {
				hits, err := x.Search(ctx, []index.Query{{Vector: it.Vector, K: 5, Filter: f}})
				if err != nil || len(hits) != 1 || len(hits[0]) != 1 || hits[0][0].ID != it.ID || hits[0][0].Label != it.Label || !maps.Equal(hits[0][0].Fields, it.Fields) {
					t.Errorf("%s: search by %+v finds %+v, %v; want %q", metric, f, hits, err, it.ID)
				}
			}
		}
	}
}

// same compares items; no fields are as good as none.
func same(a, b index.Item) bool {
	return a.ID == b.ID && a.Label == b.Label && slices.Equal(a.Vector, b.Vector) && maps.Equal(a.Fields, b.Fields)
}

// between is the oracle.
func between(m distance.Kind, a, b []float32) float64 {
	var ab, aa, bb, dd float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb, dd = ab+x*y, aa+x*x, bb+y*y, dd+(x-y)*(x-y)
	}
	switch m {
	case distance.Cosine:
		return 1 - ab/math.Sqrt(aa*bb)
	case distance.Dot:
		return -ab
	}
	return math.Sqrt(dd)
}

// randomItems are n items of a few labels and fields.
func randomItems(r *rand.Rand, n, dim int) []index.Item {
	items := make([]index.Item, n)
	for i := range items {
		items[i] = index.Item{
			ID: fmt.Sprintf("item %d", i), Vector: randomVector(r, dim), Label: string(rune('a' + r.IntN(3))),
			Fields: map[string]string{"size": string(rune('0' + r.IntN(3))), "side": string(rune('l' + r.IntN(2)))},
		}
		if i%4 == 0 {
			items[i].Fields["made"] = fmt.Sprintf("2019-%02d-01", 1+i%12)
		}
	}
	return items
}

func randomVector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// search compares with a search of everything.
func search(t *testing.T, x index.Index, m distance.Kind) {
	r := rand.New(rand.NewPCG(1, 2))
	items := randomItems(r, 150, 5)
	if err := x.Add(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	filters := simpleFilters()
	var queries []index.Query
	for i, f := range filters {
		for _, k := range []int{1, 7, 1000} {
			queries = append(queries, index.Query{Vector: items[i].Vector, K: k, Filter: f}, index.Query{Vector: randomVector(r, 5), K: k, Filter: f})
		}
	}
	for i := range items { // whom each excludes is whom it would find first
		queries = append(queries, index.Query{Vector: items[i].Vector, K: 2, Filter: index.Filter{}.Except(items[i].ID)})
	}
	hits, err := x.Search(t.Context(), queries)
	if err != nil || len(hits) != len(queries) {
		t.Fatalf("%d answers to %d queries, %v", len(hits), len(queries), err)
	}
	for i := range queries {
		if err := compare(hits[i], &queries[i], items, m); err != nil {
			t.Errorf("query %d (K %d, filter %s): %v", i, queries[i].K, queries[i].Filter, err)
		}
	}
}

// compare holds hits against the oracle. Two whose distances differ by less than the tolerance may change places.
func compare(hits []index.Hit, q *index.Query, items []index.Item, m distance.Kind) error {
	var want []index.Hit
	of := map[string]*index.Item{}
	for i := range items {
		of[items[i].ID] = &items[i]
		if passes(&q.Filter, &items[i]) {
			want = append(want, index.Hit{ID: items[i].ID, Distance: between(m, q.Vector, items[i].Vector)})
		}
	}
	slices.SortStableFunc(want, func(a, b index.Hit) int { return cmp.Compare(a.Distance, b.Distance) })
	want = want[:min(q.K, len(want))]
	if len(hits) != len(want) {
		return fmt.Errorf("%d hits, want %d", len(hits), len(want))
	}
	seen := map[string]bool{}
	for i, h := range hits {
		it := of[h.ID]
		if it == nil || seen[h.ID] || !passes(&q.Filter, it) {
			return fmt.Errorf("hit %d is %q, which is not there, does not pass or was there before", i, h.ID)
		}
		seen[h.ID] = true
		if h.Label != it.Label || !maps.Equal(h.Fields, it.Fields) {
			return fmt.Errorf("hit %d is %+v; the item is %+v", i, h, *it)
		}
		slack := tolerance * (1 + length(q.Vector)*length(it.Vector))
		d := between(m, q.Vector, it.Vector)
		off := math.Max(math.Abs(h.Distance-d), math.Abs(h.Distance-want[i].Distance))
		if m == distance.Euclidean {
			off *= h.Distance + d // the square is what stores compute
		}
		if !(off <= slack) {
			return fmt.Errorf("hit %d, %q, is at %v; its distance is %v, and the one due here has %v", i, h.ID, h.Distance, d, want[i].Distance)
		}
	}
	return nil
}

func length(v []float32) float64 { return between(distance.Euclidean, v, make([]float32, len(v))) }

// equals come in the order of their adding.
func equals(t *testing.T, x index.Index) {
	ctx := t.Context()
	var want []string
	for _, id := range []string{"z", "m", "a", "q", "b"} {
		if err := x.Add(ctx, []index.Item{{ID: id, Vector: []float32{1, 1}}, {ID: id + "2", Vector: []float32{1, 1}}}); err != nil {
			t.Fatal(err)
		}
		want = append(want, id, id+"2")
	}
	if got := hitIDs(t, x, index.Query{Vector: []float32{0, 1}, K: 20}); !slices.Equal(got, want) {
		t.Errorf("equals come as %v; they were added as %v", got, want)
	}
}

// hitIDs returns the identifiers of the hits of one query.
func hitIDs(t *testing.T, x index.Index, q index.Query) []string {
	t.Helper()
	hits, err := x.Search(t.Context(), []index.Query{q})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, h := range hits[0] {
		ids = append(ids, h.ID)
	}
	return ids
}

// life adds, replaces and deletes at random, and keeps a map that must agree.
func life(t *testing.T, x index.Index) {
	ctx, r := t.Context(), rand.New(rand.NewPCG(3, 4))
	model := map[string]index.Item{}
	for step := range 60 {
		some := randomItems(r, 30, 3)
		r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		some = some[:1+r.IntN(8)]
		if r.IntN(3) > 0 {
			if err := x.Add(ctx, some); err != nil {
				t.Fatal(err)
			}
			for _, it := range some {
				model[it.ID] = it
			}
		} else {
			var ids []string
			want := 0
			for _, it := range some {
				ids = append(ids, it.ID, it.ID)
				if _, ok := model[it.ID]; ok {
					want++
				}
				delete(model, it.ID)
			}
			if n, err := x.Delete(ctx, ids); n != want || err != nil {
				t.Fatalf("step %d: Delete of %q took out %d, %v; want %d", step, ids, n, err, want)
			}
		}
		agree(t, x, model, r)
	}
}

// agree compares an index with a map of its items.
func agree(t *testing.T, x index.Index, model map[string]index.Item, r *rand.Rand) {
	t.Helper()
	ctx := t.Context()
	if info, err := x.Info(ctx); err != nil || info.Len != len(model) {
		t.Fatalf("Len is %d, %v; want %d", info.Len, err, len(model))
	}
	items := slices.Collect(maps.Values(model))
	q := index.Query{Vector: randomVector(r, 3), K: 1 + r.IntN(40)}
	hits, err := x.Search(ctx, []index.Query{q})
	if err != nil {
		t.Fatal(err)
	}
	if err := compare(hits[0], &q, items, distance.Euclidean); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("item %d", r.IntN(30))
	want, there := model[id]
	if got, ok, err := x.Get(ctx, id); err != nil || ok != there || ok && !same(got, want) {
		t.Fatalf("Get(%q) is %+v, %v, %v; want %+v, %v", id, got, ok, err, want, there)
	}
}

// arguments that are refused leave everything as it was.
func arguments(t *testing.T, x index.Index) {
	ctx := t.Context()
	good := index.Item{ID: "good", Vector: []float32{1, 2}}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for what, bad := range map[string]index.Item{
		"short":        {ID: "b", Vector: []float32{1}},
		"long":         {ID: "b", Vector: []float32{1, 2, 3}},
		"none":         {ID: "b"},
		"NaN":          {ID: "b", Vector: []float32{1, nan}},
		"Inf":          {ID: "b", Vector: []float32{inf, 1}},
		"no angle":     {ID: "b", Vector: []float32{0, 0}},
		"no ID":        {Vector: []float32{1, 2}},
		"ID not UTF-8": {ID: "\xff", Vector: []float32{1, 2}},
		"label":        {ID: "b", Vector: []float32{1, 2}, Label: "\xff"},
		"field":        {ID: "b", Vector: []float32{1, 2}, Fields: map[string]string{"k": "\xff"}},
		"twice":        good,
	} {
		if err := x.Add(ctx, []index.Item{good, bad}); !errors.Is(err, index.ErrArgument) {
			t.Errorf("Add, %s: %v", what, err)
		}
	}
	if info, err := x.Info(ctx); err != nil || info.Len != 0 {
		t.Errorf("after Adds that failed there are %d items, %v", info.Len, err)
	}
	for what, q := range map[string]index.Query{
		"short":     {Vector: []float32{1}, K: 1},
		"NaN":       {Vector: []float32{1, nan}, K: 1},
		"no angle":  {Vector: []float32{0, 0}, K: 1},
		"K":         {Vector: []float32{1, 2}},
		"K below 0": {Vector: []float32{1, 2}, K: -1},
		"field":     {Vector: []float32{1, 2}, K: 1, Filter: index.Filter{Fields: map[string]index.Condition{"k": index.In("\xff")}}},
	} {
		if _, err := x.Search(ctx, []index.Query{{Vector: []float32{1, 2}, K: 1}, q}); !errors.Is(err, index.ErrArgument) {
			t.Errorf("Search, %s: %v", what, err)
		}
	}
	if _, _, err := x.Get(ctx, ""); !errors.Is(err, index.ErrArgument) {
		t.Errorf("Get of no identifier: %v", err)
	}
	if _, err := x.Delete(ctx, []string{"a", ""}); !errors.Is(err, index.ErrArgument) {
		t.Errorf("Delete of no identifier: %v", err)
	}
	bad := index.Filter{Label: index.In("\xff")}
	_, count := x.Count(ctx, bad)
	_, where := x.DeleteWhere(ctx, bad)
	_, all := x.DeleteWhere(ctx, index.Filter{})
	_, listed := x.List(ctx, bad, "", 1)
	_, none := x.List(ctx, index.Filter{}, "", 0)
	_, patch := x.Update(ctx, []index.Patch{{ID: "a"}})
	for what, err := range map[string]error{
		"Count": count, "DeleteWhere": where, "DeleteWhere of all": all, "List": listed, "List of none": none, "Update of nothing": patch,
	} {
		if !errors.Is(err, index.ErrArgument) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// together writes and reads from several goroutines.
func together(t *testing.T, x index.Index) {
	ctx := t.Context()
	var all sync.WaitGroup
	for g := range 6 {
		all.Go(func() {
			for i := range 8 {
				id := fmt.Sprintf("%d %d", g, i)
				if err := x.Add(ctx, []index.Item{{ID: id, Vector: []float32{float32(g), float32(i)}}}); err != nil {
					t.Errorf("Add: %v", err)
				}
				if _, ok, err := x.Get(ctx, id); !ok || err != nil {
					t.Errorf("Get(%q) after its Add: %v, %v", id, ok, err)
				}
				q := index.Query{Vector: []float32{float32(g), float32(i)}, K: 1}
				if hits, err := x.Search(ctx, []index.Query{q}); err != nil || len(hits[0]) != 1 || hits[0][0].ID != id {
					t.Errorf("Search for %q after its Add: %v, %v", id, hits, err)
				}
				if i%2 == 1 {
					if n, err := x.Delete(ctx, []string{id}); n != 1 || err != nil {
						t.Errorf("Delete(%q): %d, %v", id, n, err)
					}
				}
			}
		})
	}
	all.Wait()
	if info, err := x.Info(ctx); err != nil || info.Len != 24 {
		t.Errorf("%d items are left, %v; want 24", info.Len, err)
	}
}

// cancelled contexts end calls with their error, and nothing is written.
func cancelled(t *testing.T, x index.Index) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.Add(ctx, []index.Item{{ID: "a", Vector: []float32{1, 2}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Add: %v", err)
	}
	if _, err := x.Search(ctx, []index.Query{{Vector: []float32{1, 2}, K: 1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Search: %v", err)
	}
	if info, err := x.Info(t.Context()); err != nil || info.Len != 0 {
		t.Errorf("%d items are there, %v", info.Len, err)
	}
}
