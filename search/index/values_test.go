package index

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Values counts what a walk over all items counts, whatever is deleted, added again and merged.
func TestValues(t *testing.T) {
	t.Parallel()
	x, err := Create(t.TempDir(), Options{Dim: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 30 {
		var items []Item
		for range 20 {
			it := Item{ID: fmt.Sprint(random.IntN(200)), Vector: []float32{1}, Label: [...]string{"", "a", "b"}[random.IntN(3)], Fields: map[string]string{}}
			for _, name := range []string{"colour", "year", "secret"}[:random.IntN(4)] {
				it.Fields[name] = fmt.Sprint(random.IntN(3 + round))
			}
			if !contains(items, it.ID) {
				items = append(items, it)
			}
		}
		if err := x.Add(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Delete(t.Context(), []string{fmt.Sprint(random.IntN(200))}); err != nil {
			t.Fatal(err)
		}
		if round%10 == 9 {
			if err := x.Compact(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, text := range []string{"", "label = a", "colour exists and not year >= 4", "label = none"} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Values(t.Context(), f, 3, "secret")
		if err != nil {
			t.Fatal(err)
		}
		items, err := x.List(t.Context(), f, "", MaxK)
		if err != nil {
			t.Fatal(err)
		}
		labels, fields := map[string]int{}, map[string]map[string]int{}
		for _, it := range items {
			labels[it.Label]++
			for name, v := range it.Fields {
				if fields[name] == nil {
					fields[name] = map[string]int{}
				}
				fields[name][v]++
			}
		}
		delete(labels, "")
		delete(fields, "secret")
		checkValues(t, text+": labels", got.Labels, labels)
		if got.Items != len(items) || len(got.Fields) != len(fields) {
			t.Errorf("%q: %d items and %d fields, want %d and %d", text, got.Items, len(got.Fields), len(items), len(fields))
		}
		for name, of := range got.Fields {
			checkValues(t, text+": "+name, of, fields[name])
		}
	}
}

func contains(items []Item, id string) bool {
	for i := range items {
		if items[i].ID == id {
			return true
		}
	}
	return false
}

// checkValues holds counts against those of a walk: the most frequent first.
func checkValues(t *testing.T, name string, got ValuesOf, want map[string]int) {
	t.Helper()
	sum, least := 0, 1<<30
	for _, n := range want {
		sum += n
	}
	if got.Items != sum || got.Distinct != len(want) || len(got.Most) != min(3, len(want)) {
		t.Errorf("%s: %+v, want %d texts of %d items", name, got, len(want), sum)
	}
	shown := map[string]bool{}
	for _, v := range got.Most {
		if want[v.Value] != v.Items || v.Items > least || shown[v.Value] {
			t.Errorf("%s: %+v, want %d, at most %d, once", name, v, want[v.Value], least)
		}
		least, shown[v.Value] = v.Items, true
	}
	for text, n := range want {
		if !shown[text] && n > least {
			t.Errorf("%s: %q has %d items, and is not among %s", name, text, n, cmp.Diff(nil, got.Most))
		}
	}
}

// A field that nearly every item has a text of its own of gives no list.
func TestManyValues(t *testing.T) {
	x, err := Create(t.TempDir(), Options{Dim: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	items := make([]Item, MaxDistinct+500)
	for i := range items {
		items[i] = Item{ID: fmt.Sprint(i), Vector: []float32{1}, Fields: map[string]string{"title": fmt.Sprint(i)}}
	}
	if err := x.Add(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	got, err := x.Values(t.Context(), Filter{}, 10)
	if of := got.Fields["title"]; err != nil || of.Items != len(items) || of.Distinct != MaxDistinct+1 || len(of.Most) != 0 {
		t.Errorf("%+v, %v", of, err)
	}
}
