package collection

import (
	"context"
	"fmt"
	"math"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// Numbers of items that are searched for together, and of hits that are asked for at a time.
const (
	duplicateQueries = 256
	duplicateHits    = 16
)

// A Near is an item of a group of near duplicates, without its vector.
type Near struct {
	index.Item
	Distance float64 // from the first of the group
}

// Duplicates are the near duplicates of an index.
type Duplicates struct {
	Groups  [][]Near // two items or more each, the first and then the nearest to it; in the order of the first ones
	Nearest float64  // the least distance of two items that are not near enough; +Inf where there are none
	Items   int      // that were looked at
}

// FindDuplicates groups the items that pass a filter and lie at most within from the first of their group. It goes over them in the order of
// Index.List: an item that no group has yet begins one. Of a chain of items that are near each other, a group has those near its
// first one. The time grows with the square of the items. progress is called now and then with the number of items; nil is never.
//
// Errors: a within below 0 or not finite; the metric dot, which has no least distance; those of the index and ctx.
func FindDuplicates(ctx context.Context, x index.Index, f index.Filter, within float64, progress func(items int)) (*Duplicates, error) {
	if !(within >= 0) || math.IsInf(within, 0) {
		return nil, fmt.Errorf("within is %g; it must be at least 0 and finite", within)
	}
	info, err := x.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.Metric == distance.Dot {
		return nil, fmt.Errorf("the index's metric is %s, by which a vector need not be near itself; duplicates are those of an index with another metric", info.Metric)
	}
	d := &duplicates{Index: x, filter: f, within: within, taken: map[string]bool{}, Duplicates: Duplicates{Nearest: math.Inf(1)}}
	for after := ""; ; {
		items, err := x.List(ctx, f, after, duplicateQueries)
		if err != nil {
			return nil, err
		}
		if err := d.group(ctx, items); err != nil {
			return nil, err
		}
		if d.Items += len(items); progress != nil {
			progress(d.Items)
		}
		if len(items) < duplicateQueries {
			return &d.Duplicates, nil
		}
		after = items[len(items)-1].ID
	}
}

type duplicates struct {
	index.Index
	filter index.Filter
	within float64
	taken  map[string]bool // identifiers of items in groups
	Duplicates
}

// group makes the groups that items begin.
func (d *duplicates) group(ctx context.Context, items []index.Item) error {
	var queries []index.Query
	var firsts []index.Item
	for _, item := range items {
		if !d.taken[item.ID] {
			firsts = append(firsts, item)
			queries = append(queries, index.Query{Vector: item.Vector, K: duplicateHits, Filter: d.filter})
		}
	}
	if len(queries) == 0 {
		return ctx.Err()
	}
	hits, err := d.Search(ctx, queries)
	if err != nil {
		return err
	}
	for i, first := range firsts {
		if d.taken[first.ID] { // by a group that this batch began
			continue
		}
		if err := d.begin(ctx, first, queries[i], hits[i]); err != nil {
			return err
		}
	}
	return nil
}

// begin makes the group of its first item, of the hits that are near it and more of them as long as all are.
func (d *duplicates) begin(ctx context.Context, first index.Item, q index.Query, hits []index.Hit) error {
	group := []Near{{Item: index.Item{ID: first.ID, Label: first.Label, Fields: first.Fields}}}
	for {
		for _, h := range hits {
			switch {
			case h.ID == first.ID:
			case h.Distance > d.within:
				d.Nearest = min(d.Nearest, h.Distance)
				return d.end(group)
			case !d.taken[h.ID]:
				d.taken[h.ID] = true
				group = append(group, Near{index.Item{ID: h.ID, Label: h.Label, Fields: h.Fields}, h.Distance})
			}
		}
		if q.Offset += len(hits); len(hits) < q.K || q.Offset+q.K > index.MaxK {
			return d.end(group)
		}
		next, err := d.Search(ctx, []index.Query{q})
		if err != nil {
			return err
		}
		hits = next[0]
	}
}

func (d *duplicates) end(group []Near) error {
	if len(group) > 1 {
		d.taken[group[0].ID] = true
		d.Groups = append(d.Groups, group)
	}
	return nil
}
