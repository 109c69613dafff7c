package index

import (
	"cmp"
	"context"
	"slices"
)

// What a fused ranking is made of: see Query.
const (
	fusedDepth = 1000 // of each ranking
	fusedRank  = 60   // what is added to a rank, as [cormack2009] does
)

// searchTexts answers queries of which some have texts.
func (x *Exact) searchTexts(ctx context.Context, v *view, queries []Query) ([][]Hit, error) {
	all := make([][]Hit, len(queries))
	var plain []Query // without a text, which are searched for together
	for _, q := range queries {
		if q.Text == "" {
			plain = append(plain, q)
		}
	}
	near, err := x.searchVectors(ctx, v, plain)
	if err != nil {
		return nil, err
	}
	for i := range queries {
		q := &queries[i]
		switch {
		case q.Text == "":
			all[i], near = near[0], near[1:]
		case q.Vector == nil:
			all[i], err = x.searchWords(ctx, v, q, q.Offset+q.K)
			all[i] = page(all[i], q)
		default:
			all[i], err = x.searchBoth(ctx, v, q)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (x *Exact) searchVector(ctx context.Context, v *view, q *Query) ([]Hit, error) {
	hits, err := x.searchVectors(ctx, v, []Query{*q})
	if err != nil {
		return nil, err
	}
	return hits[0], nil
}

// page is the hits that a query asks for, of all from the first on.
func page(hits []Hit, q *Query) []Hit {
	hits = hits[min(q.Offset, len(hits)):]
	return hits[:min(q.K, len(hits))]
}

// searchWords returns the n best hits by the words of a query.
func (x *Exact) searchWords(ctx context.Context, v *view, q *Query, n int) ([]Hit, error) {
	best, err := v.byWords(ctx, q.Text, v.passing(&q.Filter, &x.views.postings), n)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, len(best))
	part, before := 0, 0
	byRow := make([]int, len(best)) // the places in best in the order of rows, so that parts are gone through once
	for i := range byRow {
		byRow[i] = i
	}
	slices.SortFunc(byRow, func(a, b int) int { return cmp.Compare(best[a].row, best[b].row) })
	for _, i := range byRow {
		for best[i].row >= before+v.parts[part].rows {
			before += v.parts[part].rows
			part++
		}
		p, row := &v.parts[part], best[i].row-before
		fields, err := p.fieldsOf(row)
		if err != nil {
			return nil, err
		}
		hits[i] = Hit{ID: string(p.ids.at(row)), Score: -best[i].distance, Label: p.label(row), Fields: fields}
	}
	return hits, nil
}

// searchBoth fuses the rankings by vector and by words. Items that words alone find have their distance, and are within it, too.
func (x *Exact) searchBoth(ctx context.Context, v *view, q *Query) ([]Hit, error) {
	near := Query{Vector: q.Vector, K: fusedDepth, Within: q.Within, Filter: q.Filter}
	nearest, err := x.searchVector(ctx, v, &near)
	if err != nil {
		return nil, err
	}
	worded, err := x.searchWords(ctx, v, q, fusedDepth)
	if err != nil {
		return nil, err
	}
	distances := make(map[string]float64, len(nearest))
	for _, h := range nearest {
		distances[h.ID] = h.Distance
	}
	var far []string
	for _, h := range worded {
		if _, known := distances[h.ID]; !known {
			far = append(far, h.ID)
		}
	}
	if len(far) > 0 {
		more, err := x.searchVector(ctx, v, &Query{Vector: q.Vector, K: len(far), Within: q.Within, Filter: Filter{ID: In(far...)}})
		if err != nil {
			return nil, err
		}
		for _, h := range more {
			distances[h.ID] = h.Distance
		}
	}
	worded = slices.DeleteFunc(worded, func(h Hit) bool {
		_, within := distances[h.ID]
		return !within
	})
	return page(fuse(nearest, worded, distances), q), nil
}

// fuse is the union of two rankings, the best first; of one score, that which is nearer, and then the first by its identifier.
func fuse(nearest, worded []Hit, distances map[string]float64) []Hit {
	all := make([]Hit, 0, len(nearest)+len(worded))
	at := make(map[string]int, cap(all))
	for _, ranking := range [][]Hit{nearest, worded} {
		for rank, h := range ranking {
			i, known := at[h.ID]
			if !known {
				i = len(all)
				at[h.ID] = i
				h.Score, h.Distance = 0, distances[h.ID]
				all = append(all, h)
			}
			all[i].Score += 1 / float64(fusedRank+rank+1)
		}
	}
	slices.SortFunc(all, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	return all
}
