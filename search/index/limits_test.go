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
	filtered := func(f Filter) error { return search(Query{Vector: v, K: 1, Filter: f}) }
	notANumber, below := math.NaN(), -0.5
	deep := Filter{Label: In("a")}
	for range MaxFilterDepth + 1 {
		inner := deep
		deep = Filter{Not: &inner}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for want, err := range map[string]error{
		"items[1].ID is empty":                         with(func(it *Item) { it.ID = "" }),
		"items[1].ID has 1025 bytes":                   with(func(it *Item) { it.ID = strings.Repeat("x", MaxID+1) }),
		`items[1].ID is "\xff"`:                        with(func(it *Item) { it.ID = "\xff" }),
		`items[1].ID "a" is also that of items[0]`:     with(func(it *Item) { it.ID = "a" }),
		"items[1].Vector has 3 coordinates":            with(func(it *Item) { it.Vector = []float32{1, 2, 3} }),
		"items[1].Vector has 0 coordinates":            with(func(it *Item) { it.Vector = nil }),
		"items[1].Vector[1] is NaN":                    with(func(it *Item) { it.Vector = []float32{1, nan} }),
		"items[1].Vector[0] is -Inf":                   with(func(it *Item) { it.Vector = []float32{inf, 1} }),
		"items[1].Vector has length 9.99":              with(func(it *Item) { it.Vector = []float32{0, 1e19} }),
		"items[1].Vector is all 0":                     with(func(it *Item) { it.Vector = []float32{0, 0} }),
		"items[1].Label is \"caf\\xe9\"":               with(func(it *Item) { it.Label = "caf\xe9" }),
		"items[1].Label has 65537 bytes":               with(func(it *Item) { it.Label = strings.Repeat("x", MaxText+1) }),
		"items[1].Fields has 257 fields":               with(func(it *Item) { it.Fields = fields }),
		"items[1].Fields has a field with an empty":    with(func(it *Item) { it.Fields = map[string]string{"": "x"} }),
		`items[1].Fields["k"] is "\xff"`:               with(func(it *Item) { it.Fields = map[string]string{"k": "\xff"} }),
		`items[1].Fields["\xff"]'s name is "\xff"`:     with(func(it *Item) { it.Fields = map[string]string{"\xff": "v"} }),
		"ids[1] is empty":                              deleteErr,
		"id has 1025 bytes":                            getErr,
		"queries[1].K is 0":                            search(Query{Vector: v}),
		"queries[1].K is 10001":                        search(Query{Vector: v, K: MaxK + 1}),
		"queries[1].Vector has 1 coordinates":          search(Query{Vector: v[:1], K: 1}),
		"queries[1].Vector[0] is NaN":                  search(Query{Vector: []float32{nan, 1}, K: 1}),
		"queries[1].Vector is all 0":                   search(Query{Vector: []float32{0, 0}, K: 1}),
		"queries[1].Offset is -1":                      search(Query{Vector: v, K: 1, Offset: -1}),
		"queries[1].Offset is 9999":                    search(Query{Vector: v, K: 2, Offset: MaxK - 1}),
		"queries[1].Within is NaN":                     search(Query{Vector: v, K: 2, Within: &notANumber}),
		"queries[1].Within is -0.5; by the metric":     search(Query{Vector: v, K: 2, Within: &below}),
		"queries[1].Filter.Label: a filter has more":   filtered(Filter{Label: In(many...)}),
		"queries[1].Filter.Not.ID.In is an empty":      filtered(Filter{Not: &Filter{ID: In([]string{}...)}}),
		"queries[1].Filter.Or is an empty list":        filtered(Filter{Or: []Filter{}}),
		"queries[1].Filter.And is an empty list":       filtered(Filter{And: []Filter{}}),
		"queries[1].Filter.And[1] sets nothing":        filtered(Filter{And: []Filter{{Label: In("a")}, {}}}),
		"queries[1].Filter.Or[0].Not sets nothing":     filtered(Filter{Or: []Filter{{Not: &Filter{}}}}),
		"queries[1].Filter.Fields is empty":            filtered(Filter{Fields: map[string]Condition{}}),
		"queries[1].Filter.Fields has a field with a":  filtered(Filter{Fields: map[string]Condition{"": In("")}}),
		`queries[1].Filter.Fields["k"] asks nothing`:   filtered(Filter{Fields: map[string]Condition{"k": {}}}),
		`queries[1].Filter.Fields["k"].In[1] is "\xff`: filtered(Filter{Fields: map[string]Condition{"k": In("a", "\xff")}}),
		"queries[1].Filter.ID.GTE is NaN":              filtered(Filter{ID: Condition{GTE: Number(math.NaN())}}),
		"queries[1].Filter.ID.LT is \"\\xff":           filtered(Filter{ID: Condition{LT: Text("\xff")}}),
		"queries[1].Filter.Label.Exists is set":        filtered(Filter{Label: Condition{Exists: true}}),
		"queries[1].Filter" + strings.Repeat(".Not", MaxFilterDepth+1) + ": and, or and not stand 33 deep": filtered(deep),
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
