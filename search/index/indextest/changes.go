package indextest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// byFilter counts, and deletes what was counted.
func byFilter(t *testing.T, x index.Index) {
	ctx, r := t.Context(), rand.New(rand.NewPCG(11, 12))
	for _, f := range simpleFilters() {
		if f.Not != nil { // which not every kind has but in searches
			continue
		}
		items := randomItems(r, 60, 5)
		if err := x.Add(ctx, items); err != nil {
			t.Fatal(err)
		}
		left := slices.DeleteFunc(slices.Clone(items), func(it index.Item) bool { return passes(&f, &it) })
		if n, err := x.Count(ctx, f); err != nil || n != len(items)-len(left) {
			t.Errorf("%s: Count is %d, %v; want %d", f, n, err, len(items)-len(left))
		}
		if f.IsZero() {
			continue
		}
		if n, err := x.DeleteWhere(ctx, f); err != nil || n != len(items)-len(left) {
			t.Errorf("%s: DeleteWhere took out %d, %v; want %d", f, n, err, len(items)-len(left))
		}
		if n, err := x.DeleteWhere(ctx, f); err != nil || n != 0 {
			t.Errorf("%s: DeleteWhere took out %d more, %v", f, n, err)
		}
		q := index.Query{Vector: randomVector(r, 5), K: 100}
		hits, err := x.Search(ctx, []index.Query{q})
		if err != nil {
			t.Fatal(err)
		}
		if err := compare(hits[0], &q, left, distance.Euclidean); err != nil {
			t.Errorf("after DeleteWhere %s: %v", f, err)
		}
	}
}

// update changes texts alone.
func update(t *testing.T, x index.Index) {
	ctx, r := t.Context(), rand.New(rand.NewPCG(13, 14))
	model := map[string]index.Item{}
	items := randomItems(r, 30, 3)
	if err := x.Add(ctx, items); err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		model[it.ID] = it
	}
	for i := range 20 {
		label := fmt.Sprint("label ", i)
		patches := []index.Patch{
			{ID: fmt.Sprint("item ", i), Label: &label},
			{ID: fmt.Sprint("item ", i+1), Fields: map[string]string{"size": "new", "more": label}},
			{ID: fmt.Sprint("item ", i+2), Fields: map[string]string{"more": ""}, Remove: []string{"side", "none"}},
			{ID: "none", Label: &label},
		}
		if n, err := x.Update(ctx, patches); n != 3 || err != nil {
			t.Fatalf("Update changed %d items, %v; want 3", n, err)
		}
		for _, p := range patches[:3] {
			it := model[p.ID]
			it.Fields = maps.Clone(it.Fields)
			p.Apply(&it)
			model[p.ID] = it
		}
		agree(t, x, model, r)
		if n, err := x.Count(ctx, index.Filter{Label: index.In(label)}); n != 1 || err != nil {
			t.Errorf("%d items have the new label, %v; want 1", n, err)
		}
	}
	for id, want := range model {
		if got, ok, err := x.Get(ctx, id); !ok || err != nil || !same(got, want) {
			t.Errorf("Get(%q) is %+v, %v, %v; want %+v", id, got, ok, err, want)
		}
	}
}

// list has every item once that is there all the time.
func list(t *testing.T, x index.Index) {
	ctx, r := t.Context(), rand.New(rand.NewPCG(15, 16))
	if items, err := x.List(ctx, index.Filter{}, "", 5); err != nil || len(items) != 0 {
		t.Errorf("List of nothing: %v, %v", items, err)
	}
	items := randomItems(r, 50, 2)
	if err := x.Add(ctx, items); err != nil {
		t.Fatal(err)
	}
	for _, changing := range []bool{false, true} {
		seen := map[string]int{}
		after := ""
		for page := 0; ; page++ {
			got, err := x.List(ctx, index.Filter{}, after, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range got {
				seen[it.ID]++
				if !changing && !same(it, items[slices.IndexFunc(items, func(o index.Item) bool { return o.ID == it.ID })]) {
					t.Errorf("List has %+v", it)
				}
			}
			if len(got) < 7 {
				break
			}
			after = got[6].ID
			if !changing {
				continue
			}
			// The last item goes, another is replaced, and one is new.
			if _, err := x.Delete(ctx, []string{after}); err != nil {
				t.Fatal(err)
			}
			fresh := randomItems(r, 3, 2)[2]
			if err := x.Add(ctx, []index.Item{fresh, {ID: fmt.Sprint("new ", page), Vector: []float32{1, 2}}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, it := range items {
			if seen[it.ID] != 1 {
				t.Errorf("changing %v: %q is listed %d times", changing, it.ID, seen[it.ID])
			}
		}
	}
}

// examples are searched for by Rocchio, and are not among their own hits.
func examples(t *testing.T, x index.Index) {
	ctx := t.Context()
	if err := x.Add(ctx, []index.Item{
		{ID: "east", Vector: []float32{10, 0}},
		{ID: "north", Vector: []float32{0, 0.1}},
		{ID: "north-east", Vector: []float32{2, 2}},
		{ID: "east by north", Vector: []float32{5, 1}},
		{ID: "west", Vector: []float32{-1, 0.01}},
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		like, unlike []index.Example
		want         []string
	}{
		{[]index.Example{{ID: "east"}}, nil, []string{"east by north", "north-east", "north", "west"}},
		{[]index.Example{{ID: "east"}, {ID: "north"}}, nil, []string{"north-east", "east by north", "west"}},
		{[]index.Example{{ID: "east"}, {Vector: []float32{0, 7}, Weight: 1}}, nil, []string{"north-east", "east by north", "north", "west"}},
		{[]index.Example{{ID: "north"}}, []index.Example{{ID: "east"}}, []string{"north-east", "west", "east by north"}},
	} {
		q, err := index.ByExample(ctx, x, index.Query{K: 5}, c.like, c.unlike, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		if got := hitIDs(t, x, q); !slices.Equal(got, c.want) {
			t.Errorf("like %v, unlike %v: %v, want %v", c.like, c.unlike, got, c.want)
		}
	}
}
