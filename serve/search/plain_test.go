package search

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// plain is an index in memory, in the plainest way: the oracle of what a server of it must answer.
type plain struct {
	mu    sync.Mutex
	dim   int
	items []index.Item
	hold  chan struct{} // if not nil, Search waits until it is closed
}

func (x *plain) Info(context.Context) (index.Info, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return index.Info{Kind: "plain", Dim: x.dim, Len: len(x.items), Metric: distance.Euclidean}, nil
}

func (x *plain) at(id string) int {
	return slices.IndexFunc(x.items, func(i index.Item) bool { return i.ID == id })
}

func (x *plain) Add(_ context.Context, items []index.Item) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, i := range items {
		if len(i.ID) > 1024 {
			return fmt.Errorf("%w: the identifier has %d bytes", index.ErrArgument, len(i.ID))
		}
		if at := x.at(i.ID); at >= 0 {
			x.items[at] = i
		} else {
			x.items = append(x.items, i)
		}
	}
	return nil
}

func (x *plain) Delete(_ context.Context, ids []string) (n int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		if at := x.at(id); at >= 0 {
			x.items = slices.Delete(x.items, at, at+1)
			n++
		}
	}
	return n, nil
}

func (x *plain) Get(_ context.Context, id string) (index.Item, bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if at := x.at(id); at >= 0 {
		return x.items[at], true, nil
	}
	return index.Item{}, false, nil
}

func (x *plain) Search(_ context.Context, queries []index.Query) ([][]index.Hit, error) {
	if x.hold != nil {
		<-x.hold
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	all := make([][]index.Hit, len(queries))
	for q, query := range queries {
		hits := []index.Hit{}
		for _, i := range x.items {
			if !passes(&query.Filter, &i) {
				continue
			}
			var sum float64
			for d, v := range i.Vector {
				sum += math.Pow(float64(v)-float64(query.Vector[d]), 2)
			}
			if query.Within != nil && math.Sqrt(sum) > *query.Within {
				continue
			}
			hits = append(hits, index.Hit{ID: i.ID, Distance: math.Sqrt(sum), Label: i.Label, Fields: i.Fields})
		}
		slices.SortStableFunc(hits, func(a, b index.Hit) int { return cmp.Compare(a.Distance, b.Distance) })
		hits = hits[min(len(hits), query.Offset):]
		all[q] = hits[:min(len(hits), query.K)]
	}
	return all, nil
}

// passes tells whether an item keeps a filter, in the plainest way.
func passes(f *index.Filter, i *index.Item) bool {
	for a := range f.And {
		if !passes(&f.And[a], i) {
			return false
		}
	}
	if len(f.Or) > 0 && !slices.ContainsFunc(f.Or, func(f index.Filter) bool { return passes(&f, i) }) {
		return false
	}
	for name, c := range f.Fields {
		if v, has := i.Fields[name]; !has || !keeps(&c, v) {
			return false
		}
	}
	return keeps(&f.Label, i.Label) && keeps(&f.ID, i.ID) && (f.Not == nil || !passes(f.Not, i))
}

func keeps(c *index.Condition, text string) bool {
	return (c.In == nil || slices.Contains(c.In, text)) && strings.HasPrefix(text, c.Prefix)
}

func (x *plain) Update(_ context.Context, patches []index.Patch) (n int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range patches {
		at := x.at(p.ID)
		if at < 0 {
			continue
		}
		n++
		item := x.items[at]
		item.Fields = maps.Clone(item.Fields)
		if p.Label != nil {
			item.Label = *p.Label
		}
		if item.Fields == nil {
			item.Fields = map[string]string{}
		}
		maps.Copy(item.Fields, p.Fields)
		for _, name := range p.Remove {
			delete(item.Fields, name)
		}
		x.items[at] = item
	}
	return n, nil
}

func (x *plain) Count(_ context.Context, f index.Filter) (n int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.items {
		if passes(&f, &x.items[i]) {
			n++
		}
	}
	return n, nil
}

func (x *plain) DeleteWhere(_ context.Context, f index.Filter) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	before := len(x.items)
	x.items = slices.DeleteFunc(x.items, func(i index.Item) bool { return passes(&f, &i) })
	return before - len(x.items), nil
}

func (x *plain) List(_ context.Context, f index.Filter, after string, n int) ([]index.Item, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []index.Item
	for _, i := range x.items {
		if i.ID > after && passes(&f, &i) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b index.Item) int { return strings.Compare(a.ID, b.ID) })
	return out[:min(n, len(out))], nil
}

func (x *plain) Close() error { return nil }
