package index

import (
	"context"
	"strings"
)

// Count returns how many items pass a filter.
func (x *Exact) Count(ctx context.Context, f Filter) (n int, err error) {
	if err := f.Check("filter"); err != nil {
		return 0, err
	}
	v := x.views.acquire()
	if v == nil {
		return 0, ErrClosed
	}
	defer x.views.release(v)
	passing := v.passing(&f, &x.views.postings)
	if passing == nil {
		return v.live, ctx.Err()
	}
	for _, b := range passing {
		n += b.count()
	}
	return n, ctx.Err()
}

// DeleteWhere takes out all items that pass a filter. It is one change: after a crash all of them are there or none.
func (x *Exact) DeleteWhere(ctx context.Context, f Filter) (int, error) {
	if err := CheckDeleteWhere(f); err != nil {
		return 0, err
	}
	return x.do(ctx, &request{resolve: func(parts []part) (change, error) { return x.deletionOf(parts, &f) }})
}

// deletionOf is the change that deletes what passes a filter.
func (x *Exact) deletionOf(parts []part, f *Filter) (c change, err error) {
	v := view{parts: parts}
	for i, b := range v.passing(f, &x.views.postings) {
		for _, row := range b.rows() {
			c.ids = append(c.ids, string(parts[i].ids.at(row)))
		}
	}
	if size := c.size(); size > MaxBatchSize {
		return c, badArgument("%d items pass the filter, and their identifiers have %d bytes; one DeleteWhere takes at most %d", len(c.ids), size, MaxBatchSize)
	}
	return c, nil
}

// List returns up to n of the items that pass a filter, in the order of their identifiers by bytes.
func (x *Exact) List(ctx context.Context, f Filter, after string, n int) ([]Item, error) {
	if err := CheckList(f, after, n); err != nil {
		return nil, err
	}
	v := x.views.acquire()
	if v == nil {
		return nil, ErrClosed
	}
	defer x.views.release(v)
	m := newListing(v, v.passing(&f, &x.views.postings), after)
	items := []Item{}
	for len(items) < n && ctx.Err() == nil {
		part, row, ok := m.next()
		if !ok {
			break
		}
		item, err := v.parts[part].item(row)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, ctx.Err()
}

// listing goes over the live rows of a view in the order of their identifiers.
type listing struct {
	*view
	passing []bitmap // nil: all pass
	at      []int    // in each part's byID
}

func newListing(v *view, passing []bitmap, after string) *listing {
	m := &listing{v, passing, make([]int, len(v.parts))}
	for i := range v.parts {
		if after != "" {
			m.at[i] = v.parts[i].idPostings().from(after, true)
		}
		m.skip(i)
	}
	return m
}

// skip goes to the next row of a part that is of interest.
func (m *listing) skip(i int) {
	p := &m.parts[i]
	for ; m.at[i] < p.rows; m.at[i]++ {
		row := int(p.byID[m.at[i]])
		if m.passing == nil && !p.dead.has(row) || m.passing != nil && m.passing[i].has(row) {
			return
		}
	}
}

// next returns the row with the least identifier.
func (m *listing) next() (part, row int, ok bool) {
	part = -1
	for i := range m.parts {
		if m.at[i] < m.parts[i].rows && (part < 0 || strings.Compare(m.id(i), m.id(part)) < 0) {
			part = i
		}
	}
	if part < 0 {
		return 0, 0, false
	}
	row = int(m.parts[part].byID[m.at[part]])
	m.at[part]++
	m.skip(part)
	return part, row, true
}

func (m *listing) id(part int) string {
	p := &m.parts[part]
	return p.ids.view(int(p.byID[m.at[part]]))
}
