package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// TestArguments: what an index does not take is an ErrArgument that names it, and nothing was done.
func TestArguments(t *testing.T) {
	ctx := context.Background()
	x, _ := create(t, Options{Dim: 2, Metric: distance.Cosine})
	v := []float32{1, 2}
	good := Item{ID: "a", Vector: v}
	with := func(change func(it *Item)) error {
		it := Item{ID: "b", Vector: v}
		change(&it)
		return x.Add(ctx, []Item{good, it})
	}
	search := func(q Query) error {
		_, err := x.Search(ctx, []Query{{Vector: v, K: 1}, q})
		return err
	}
	_, deleteErr := x.Delete(ctx, []string{"a", ""})
	_, _, getErr := x.Get(ctx, strings.Repeat("x", MaxID+1))
	many := make([]string, MaxFilter+1)
	fields := map[string]string{}
	for i := range MaxFields + 1 {
		fields[fmt.Sprint(i)] = ""
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for want, err := range map[string]error{
		"items[1].ID is empty":                        with(func(it *Item) { it.ID = "" }),
		"items[1].ID has 1025 bytes":                  with(func(it *Item) { it.ID = strings.Repeat("x", MaxID+1) }),
		`items[1].ID is "\xff"`:                       with(func(it *Item) { it.ID = "\xff" }),
		`items[1].ID "a" is also that of items[0]`:    with(func(it *Item) { it.ID = "a" }),
		"items[1].Vector has 3 coordinates":           with(func(it *Item) { it.Vector = []float32{1, 2, 3} }),
		"items[1].Vector has 0 coordinates":           with(func(it *Item) { it.Vector = nil }),
		"items[1].Vector[1] is NaN":                   with(func(it *Item) { it.Vector = []float32{1, nan} }),
		"items[1].Vector[0] is -Inf":                  with(func(it *Item) { it.Vector = []float32{inf, 1} }),
		"items[1].Vector has length 9.99":             with(func(it *Item) { it.Vector = []float32{0, 1e19} }),
		"items[1].Vector is all 0":                    with(func(it *Item) { it.Vector = []float32{0, 0} }),
		"items[1].Label is \"caf\\xe9\"":              with(func(it *Item) { it.Label = "caf\xe9" }),
		"items[1].Label has 65537 bytes":              with(func(it *Item) { it.Label = strings.Repeat("x", MaxText+1) }),
		"items[1].Fields has 257 fields":              with(func(it *Item) { it.Fields = fields }),
		"items[1].Fields has a field with an empty":   with(func(it *Item) { it.Fields = map[string]string{"": "x"} }),
		`items[1].Fields["k"] is "\xff"`:              with(func(it *Item) { it.Fields = map[string]string{"k": "\xff"} }),
		`items[1].Fields["\xff"]'s name is "\xff"`:    with(func(it *Item) { it.Fields = map[string]string{"\xff": "v"} }),
		"ids[1] is empty":                             deleteErr,
		"id has 1025 bytes":                           getErr,
		"queries[1].K is 0":                           search(Query{Vector: v}),
		"queries[1].K is 10001":                       search(Query{Vector: v, K: MaxK + 1}),
		"queries[1].Vector has 1 coordinates":         search(Query{Vector: v[:1], K: 1}),
		"queries[1].Vector[0] is NaN":                 search(Query{Vector: []float32{nan, 1}, K: 1}),
		"queries[1].Vector is all 0":                  search(Query{Vector: []float32{0, 0}, K: 1}),
		"queries[1].Filter.Labels has 10001":          search(Query{Vector: v, K: 1, Filter: Filter{Labels: many}}),
		"queries[1].Filter.Exclude has 10001":         search(Query{Vector: v, K: 1, Filter: Filter{Exclude: many}}),
		"queries[1].Filter.Fields has a field with a": search(Query{Vector: v, K: 1, Filter: Filter{Fields: map[string]string{"": ""}}}),
	} {
		if !errors.Is(err, ErrArgument) || !strings.HasPrefix(err.Error(), "index: "+want) {
			t.Errorf("error %q, want one that begins with %q", err, want)
		}
	}
	info, err := x.Info(ctx)
	must(t, err)
	if info.Len != 0 {
		t.Errorf("%d items after Adds that were refused", info.Len)
	}
}
