package collection

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
)

// An Evaluation says how well an index finds items of the same label.
type Evaluation struct {
	Labels []string          `json:"labels"` // their places are the numbers of classes and mistakes
	Report *retrieval.Report `json:"report"`
	Int8   *Rounded          `json:"int8,omitempty"`
}

// Rounded is what storage as int8 finds of what exact coordinates find.
type Rounded struct {
	Queries int            `json:"queries"`
	K       int            `json:"k"`
	Recall  measure.Number `json:"recall"` // share of the K nearest
}

// EvaluateOptions say what Evaluate measures.
type EvaluateOptions struct {
	Limit int    // items that are measured, spread over the index; 0 is all
	Seed  uint64 // of the clusters
	Int8  bool   // also the ten nearest that storage as int8 finds
}

// Evaluate searches for each labelled item of an index among all others, as retrieval.Evaluate does. Labels that are numbers are in
// their order, before all others. The time grows with the square of the items.
//
// Errors: those of the index, of retrieval.Evaluate and ctx.
func Evaluate(ctx context.Context, x *index.Exact, o EvaluateOptions) (e Evaluation, err error) {
	var items []index.Item
	for item, err := range x.Each(ctx) {
		if err != nil {
			return e, err
		}
		if item.Label != "" {
			items = append(items, item)
		}
	}
	items = spread(items, o.Limit)
	info, err := x.Info(ctx)
	if err != nil {
		return e, err
	}
	for _, item := range items {
		e.Labels = append(e.Labels, item.Label)
	}
	slices.SortFunc(e.Labels, byNumber)
	e.Labels = slices.Compact(e.Labels)
	var vectors []float32
	var classes []int
	for _, item := range items {
		class, _ := slices.BinarySearchFunc(e.Labels, item.Label, byNumber)
		vectors, classes = append(vectors, item.Vector...), append(classes, class)
	}
	e.Report, err = retrieval.Evaluate(ctx, vectors, info.Dim, classes, retrieval.Options{
		Distance: distance.Measure{Kind: info.Metric}, Rand: train.Rand(o.Seed, "clusters", 0),
	})
	if err == nil && o.Int8 {
		e.Int8, err = compareInt8(ctx, info, items)
	}
	return e, err
}

// spread returns n of the items, as far from each other as can be; all where n is 0 or more than there are.
func spread(items []index.Item, n int) (some []index.Item) {
	if n <= 0 || n >= len(items) {
		return items
	}
	for i := range n {
		some = append(some, items[i*len(items)/n])
	}
	return some
}

// byNumber orders labels: numbers as such, before all others.
func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil && x != y:
		return cmp.Compare(x, y)
	case (errX == nil) != (errY == nil):
		if errX == nil {
			return -1
		}
		return 1
	}
	return cmp.Compare(a, b)
}

// Queries and hits of the comparison with int8.
const (
	int8Queries = 1000
	int8K       = 10
)

// compareInt8 makes an index of the items with each storage and counts what int8 finds of what float32 finds.
func compareInt8(ctx context.Context, info index.Info, items []index.Item) (*Rounded, error) {
	var queries []index.Query
	for _, item := range spread(items, int8Queries) {
		queries = append(queries, index.Query{Vector: item.Vector, K: int8K, Filter: index.Filter{}.Except(item.ID)})
	}
	o := index.Options{Dim: info.Dim, Metric: info.Metric, Storage: index.Float32}
	want, err := searchStored(ctx, o, items, queries)
	if err != nil {
		return nil, err
	}
	o.Storage = index.Int8
	got, err := searchStored(ctx, o, items, queries)
	if err != nil {
		return nil, err
	}
	shared, all := 0, 0
	for i := range want {
		ids := map[string]bool{}
		for _, h := range got[i] {
			ids[h.ID] = true
		}
		for _, h := range want[i] {
			if all++; ids[h.ID] {
				shared++
			}
		}
	}
	return &Rounded{Queries: len(queries), K: int8K, Recall: measure.Number(measure.Ratio(float64(shared), float64(all)))}, nil
}

// searchStored searches in an index of the items that is there only for that.
func searchStored(ctx context.Context, o index.Options, items []index.Item, queries []index.Query) (hits [][]index.Hit, err error) {
	dir, err := os.MkdirTemp("", "energo-eval-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	x, err := index.Create(filepath.Join(dir, "index"), o)
	if err != nil {
		return nil, err
	}
	for batch := range slices.Chunk(items, 4096) {
		if err == nil {
			err = x.Add(ctx, batch)
		}
	}
	if err == nil {
		hits, err = x.Search(ctx, queries)
	}
	return hits, errors.Join(err, x.Close())
}
