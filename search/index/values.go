package index

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
)

// Values are the different texts of the items that pass a filter.
type Values struct {
	Items  int                 `json:"items"` // that pass
	Labels ValuesOf            `json:"labels"`
	Fields map[string]ValuesOf `json:"fields,omitempty"` // by name
}

// ValuesOf are the different texts of a label or a field.
type ValuesOf struct {
	Items    int          `json:"items"`    // that have it; an item without a label has none
	Distinct int          `json:"distinct"` // texts; more than MaxDistinct are not counted any further
	Most     []ValueCount `json:"most"`     // texts, those of the most items first, equals in order of the text
}

// ValueCount is a text and how many items have it.
type ValueCount struct {
	Value string `json:"value"`
	Items int    `json:"items"`
}

// MaxDistinct is how many different texts Values counts of a label or field. Where there are more, Most is empty: texts that
// nearly every item has of its own are nothing to choose from.
const MaxDistinct = 10_000

// maxFieldNames bounds how many fields Values looks at: the first in the order of their names.
const maxFieldNames = 100

// Values counts the labels and fields of the items that pass a filter: for each, at most most texts.
// Fields named in without are left out.
func (x *Exact) Values(ctx context.Context, f Filter, most int, without ...string) (Values, error) {
	if err := f.Check("filter"); err != nil {
		return Values{}, err
	}
	if most < 0 || most > MaxK {
		return Values{}, badArgument("most is %d; it must be 0 to %d", most, MaxK)
	}
	v := x.views.acquire()
	if v == nil {
		return Values{}, ErrClosed
	}
	defer x.views.release(v)
	passing := v.passing(&f, &x.views.postings)
	if passing == nil {
		passing = make([]bitmap, len(v.parts))
		for i := range v.parts {
			passing[i] = fullBitmap(v.parts[i].rows)
			passing[i].bury(v.parts[i].dead)
		}
	}
	out := Values{Fields: map[string]ValuesOf{}}
	for _, b := range passing {
		out.Items += b.count()
	}
	out.Labels = count(v, passing, most, x.views.postings.label)
	for _, name := range v.fieldNames(without) {
		if ctx.Err() != nil {
			break
		}
		of := count(v, passing, most, func(s *slab) *postings { return x.views.postings.field(s, name) })
		if of.Items > 0 {
			out.Fields[name] = of
		}
	}
	return out, ctx.Err()
}

// fieldNames are those of the items of all parts, sorted.
func (v *view) fieldNames(without []string) []string {
	all := map[string]bool{}
	for i := range v.parts {
		for _, name := range v.parts[i].names() {
			all[name] = true
		}
	}
	for _, name := range without {
		delete(all, name)
	}
	names := slices.Sorted(maps.Keys(all))
	return names[:min(len(names), maxFieldNames)]
}

// names are those of the fields of a slab's rows, which are looked for once.
func (s *slab) names() []string {
	s.namesOnce.Do(func() {
		seen := map[string]bool{}
		for row := range s.rows {
			for b := s.fields.at(row); len(b) > 0; {
				name, _, rest, err := cutField(b)
				if err != nil {
					break
				}
				if b = rest; !seen[string(name)] && len(seen) < 2*maxFieldNames {
					seen[string(name)] = true
				}
			}
		}
		s.fieldNames = slices.Sorted(maps.Keys(seen))
	})
	return s.fieldNames
}

// count counts the texts of what postingsOf returns over the rows that pass.
func count(v *view, passing []bitmap, most int, postingsOf func(*slab) *postings) ValuesOf {
	counts, out := map[string]int{}, ValuesOf{Most: []ValueCount{}}
	for i := range v.parts {
		c := postingsOf(v.parts[i].slab)
		for t := range c.size {
			n := 0
			for _, row := range c.rowsOf(t, t+1) {
				if passing[i].has(int(row)) {
					n++
				}
			}
			text := c.text(t)
			if n == 0 || text == "" {
				continue
			}
			out.Items += n
			if _, known := counts[text]; !known {
				if len(counts) > MaxDistinct {
					continue
				}
				text = strings.Clone(text) // which is gone with the slab
			}
			counts[text] += n
		}
	}
	if out.Distinct = len(counts); out.Distinct > MaxDistinct {
		return out
	}
	for text, n := range counts {
		out.Most = append(out.Most, ValueCount{text, n})
	}
	slices.SortFunc(out.Most, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Items, a.Items), strings.Compare(a.Value, b.Value))
	})
	out.Most = slices.Clip(out.Most[:min(len(out.Most), most)])
	return out
}
