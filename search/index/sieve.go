package index

import (
	"math"
	"sort"
	"strings"
)

// A sieve makes a filter's bitmaps of one slab.
type sieve struct {
	*slab
	cache *postingsCache
}

// passing returns, for each part of v, which of its live rows pass f; nil if f lets all pass.
func (v *view) passing(f *Filter, c *postingsCache) []bitmap {
	if f.IsZero() {
		return nil
	}
	out := make([]bitmap, len(v.parts))
	for i := range v.parts {
		p := &v.parts[i]
		out[i] = (&sieve{p.slab, c}).filter(f)
		out[i].bury(p.dead)
	}
	return out
}

// filter returns the rows that pass everything that is set.
func (s *sieve) filter(f *Filter) bitmap {
	out := fullBitmap(s.rows)
	for i := range f.And {
		out.and(s.filter(&f.And[i]))
	}
	if len(f.Or) > 0 {
		some := newBitmap(s.rows)
		for i := range f.Or {
			some.or(s.filter(&f.Or[i]))
		}
		out.and(some)
	}
	if f.Not != nil {
		out.without(s.filter(f.Not))
	}
	if !f.Label.IsZero() {
		out.and(s.condition(&f.Label, s.cache.label(s.slab), postingsKey{slab: s.slab, of: 'l'}))
	}
	if !f.ID.IsZero() {
		out.and(s.condition(&f.ID, s.idPostings(), postingsKey{slab: s.slab, of: 'i'}))
	}
	for name := range f.Fields {
		c := f.Fields[name]
		out.and(s.condition(&c, s.cache.field(s.slab, name), postingsKey{slab: s.slab, of: 'f', field: name}))
	}
	return out
}

// condition returns the rows whose text keeps a condition.
func (s *sieve) condition(c *Condition, col *postings, key postingsKey) bitmap {
	out := newBitmap(s.rows)
	lo, hi := c.span(col)
	least, most, ranged := c.numberRange()
	var numbers []float64
	if ranged {
		numbers = s.cache.numbers(key, col)
	}
	take := func(lo, hi int) {
		for _, row := range col.rowsOf(lo, hi) {
			out.set(int(row))
		}
	}
	takeIn := func(lo, hi int) {
		if !ranged {
			take(lo, hi)
			return
		}
		for i := lo; i < hi; i++ {
			if numbers[i] >= least && numbers[i] <= most {
				take(i, i+1)
			}
		}
	}
	if c.In == nil {
		takeIn(lo, hi)
		return out
	}
	for _, text := range c.In {
		if i := col.from(text, false); lo <= i && i < hi && col.text(i) == text {
			takeIn(i, i+1)
		}
	}
	return out
}

// span returns from where to where the texts keep the prefix and the bounds that are texts.
func (c *Condition) span(col *postings) (lo, hi int) {
	hi = col.size
	if c.Prefix != "" {
		lo = col.from(c.Prefix, false)
		hi = lo + sort.Search(col.size-lo, func(i int) bool { return !strings.HasPrefix(col.text(lo+i), c.Prefix) })
	}
	for _, b := range c.bounds() {
		if b.Bound == nil || b.isNumber {
			continue
		}
		if at := col.from(b.text, b.lower == b.open); b.lower {
			lo = max(lo, at)
		} else {
			hi = min(hi, at)
		}
	}
	return lo, max(lo, hi)
}

// numberRange returns the least and the largest number that keep the bounds that are numbers; ok is false if none is.
func (c *Condition) numberRange() (least, most float64, ok bool) {
	least, most = math.Inf(-1), math.Inf(1)
	for _, b := range c.bounds() {
		if b.Bound == nil || !b.isNumber {
			continue
		}
		ok = true
		end := b.number
		switch {
		case b.open && b.lower:
			end = math.Nextafter(end, math.Inf(1))
		case b.open:
			end = math.Nextafter(end, math.Inf(-1))
		}
		if b.lower {
			least = max(least, end)
		} else {
			most = min(most, end)
		}
	}
	return least, most, ok
}
