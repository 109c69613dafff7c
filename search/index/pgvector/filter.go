package pgvector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/energo-ml/energo/search/index"
)

// arguments are the parameters of a statement, in order.
type arguments []any

// add returns how a statement names a new parameter.
func (a *arguments) add(value any) string {
	*a = append(*a, value)
	return fmt.Sprintf("$%d", len(*a))
}

// where is a filter as a condition of SQL whose values are parameters; one that lets all pass is TRUE. A field that an item
// does not have makes a comparison NULL: Not is IS NOT TRUE, so that it passes there.
func (a *arguments) where(f *index.Filter) string {
	var all []string
	for i := range f.And {
		all = append(all, a.where(&f.And[i]))
	}
	if len(f.Or) > 0 {
		some := make([]string, len(f.Or))
		for i := range f.Or {
			some[i] = a.where(&f.Or[i])
		}
		all = append(all, "("+strings.Join(some, " OR ")+")")
	}
	if f.Not != nil {
		all = append(all, "("+a.where(f.Not)+") IS NOT TRUE")
	}
	all = append(all, a.condition(&f.Label, column("label"), numberLabel)...)
	all = append(all, a.condition(&f.ID, column("id"), numberID)...)
	for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
		c := f.Fields[name]
		text := func() string { return fmt.Sprintf(`(fields->>%s::text) COLLATE "C"`, a.add(stored(name))) }
		if c.Exists {
			all = append(all, text()+" IS NOT NULL")
		}
		all = append(all, a.condition(&c, text, numberField+stored(name))...)
	}
	if len(all) == 0 {
		return "TRUE"
	}
	return "(" + strings.Join(all, " AND ") + ")"
}

// column is a text as condition takes it.
func column(name string) func() string { return func() string { return name } }

// condition is what is asked of a text, which each call of text names anew, and of the number of a name that it reads as.
func (a *arguments) condition(c *index.Condition, text func() string, number string) (all []string) {
	if c.In != nil {
		all = append(all, fmt.Sprintf("%s = ANY(%s::text[])", text(), a.add(storedAll(c.In))))
	}
	if c.Prefix != "" {
		all = append(all, fmt.Sprintf("starts_with(%s, %s::text)", text(), a.add(stored(c.Prefix))))
	}
	for _, end := range []struct {
		sign string
		*index.Bound
	}{{">", c.GT}, {">=", c.GTE}, {"<", c.LT}, {"<=", c.LTE}} {
		if end.Bound == nil {
			continue
		}
		bound, x, isNumber := end.Value()
		if isNumber {
			all = append(all, fmt.Sprintf("(numbers->>%s::text)::float8 %s %s::float8", a.add(number), end.sign, a.add(x)))
		} else {
			all = append(all, fmt.Sprintf("%s %s %s::text", text(), end.sign, a.add(stored(bound))))
		}
	}
	return all
}
