package weaviate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// searchesAtOnce bounds the requests of one Search that are under way.
const searchesAtOnce = 8

// Search returns the hits of each query, the nearest first. Each query is a request of its own, of
// which eight are under way at a time. Distances are as exact as the server's float32.
func (x *Index) Search(ctx context.Context, queries []index.Query) ([][]index.Hit, error) {
	if err := x.about.options().CheckQueries(queries); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hits := make([][]index.Hit, len(queries))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(searchesAtOnce, len(queries)) {
		workers.Go(func() {
			for i := range next {
				var err error
				if hits[i], err = x.searchOne(ctx, &queries[i]); err != nil {
					cancel(fmt.Errorf("query %d: %w", i, err))
				}
			}
		})
	}
	for i := range queries {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return hits, nil
}

// searchOne asks for as many more hits as there are items to leave out: that is exact, and far cheaper for the
// server than a filter that excludes them.
func (x *Index) searchOne(ctx context.Context, q *index.Query) ([]index.Hit, error) {
	rest, ids := cutExcluded(q.Filter)
	excluded := make(map[string]bool, len(ids))
	for _, id := range ids {
		excluded[id] = true
	}
	where, err := translate(&rest)
	if err != nil {
		return nil, err
	}
	vector, err := json.Marshal(q.Vector)
	if err != nil {
		return nil, fmt.Errorf("weaviate: %w", err)
	}
	near := fmt.Sprintf("vector:%s", vector)
	if q.Within != nil {
		near += fmt.Sprintf(",distance:%v", x.serverDistance(*q.Within))
	}
	arguments := fmt.Sprintf("limit:%d,nearVector:{%s}", q.Offset+q.K+len(excluded), near)
	if where != nil {
		arguments += ",where:" + where.graphQL()
	}
	rows, err := x.ask(ctx, arguments, "key label fields order _additional{distance}")
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return excluded[r.Key] })
	hits, err := x.hits(rows)
	hits = hits[min(q.Offset, len(hits)):]
	return hits[:min(q.K, len(hits))], err
}

// serverDistance is a distance as the server has it.
func (x *Index) serverDistance(d float64) float64 {
	if x.about.Metric == distance.Euclidean {
		return d * d
	}
	return d
}

// hits turns rows into hits: of equal distances the one that was added first is first.
func (x *Index) hits(rows []row) ([]index.Hit, error) {
	for i := range rows {
		if rows[i].Additional.Distance == nil {
			return nil, errors.New("weaviate: the server's answer has a hit without a distance")
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(*a.Additional.Distance, *b.Additional.Distance), cmp.Compare(a.Order, b.Order))
	})
	hits := make([]index.Hit, len(rows))
	for i, r := range rows {
		fields, err := (&properties{Key: r.Key, Fields: r.Fields}).fields()
		if err != nil {
			return nil, err
		}
		d := *r.Additional.Distance
		if x.about.Metric == distance.Euclidean {
			d = math.Sqrt(math.Max(d, 0))
		}
		hits[i] = index.Hit{ID: r.Key, Distance: d, Label: r.Label, Fields: fields}
	}
	return hits, nil
}
