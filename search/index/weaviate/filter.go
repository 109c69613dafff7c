package weaviate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/energo-ml/energo/search/index"
)

// where is a filter as the server takes it: an operator on a property, or one on other filters.
type where struct {
	Operator string   `json:"operator"`
	Path     []string `json:"path,omitempty"`
	Values   []string `json:"valueTextArray,omitempty"`
	Operands []*where `json:"operands,omitempty"`
}

// graphQL is the filter in that language.
func (w *where) graphQL() string {
	if w.Path == nil {
		operands := make([]string, len(w.Operands))
		for i, o := range w.Operands {
			operands[i] = o.graphQL()
		}
		return fmt.Sprintf("{operator:%s,operands:[%s]}", w.Operator, strings.Join(operands, ","))
	}
	quoted := make([]string, len(w.Values))
	for i, v := range w.Values {
		quoted[i] = quote(v)
	}
	return fmt.Sprintf("{path:[%s],operator:%s,valueText:[%s]}", quote(w.Path[0]), w.Operator, strings.Join(quoted, ","))
}

// anyOf is the filter of objects whose property is, or holds, one of some values.
func anyOf(property string, values []string) *where {
	return &where{Operator: "ContainsAny", Path: []string{property}, Values: values}
}

// joinedBy is the filter of objects that pass all, or any, of some.
func joinedBy(operator string, all []*where) *where {
	if len(all) == 1 {
		return all[0]
	}
	return &where{Operator: operator, Operands: all}
}

// cutExcluded parts a filter from the identifiers that it excludes.
func cutExcluded(f index.Filter) (rest index.Filter, ids []string) {
	if only := (index.Filter{ID: index.In()}); f.Not != nil {
		only.ID.In = f.Not.ID.In
		if f.Not.ID.In != nil && f.Not.String() == only.String() {
			ids, f.Not = f.Not.ID.In, nil
		}
	}
	var and []index.Filter
	for _, inner := range f.And {
		inner, more := cutExcluded(inner)
		ids = append(slices.Clip(ids), more...)
		if !inner.IsZero() {
			and = append(and, inner)
		}
	}
	f.And = and
	return f, ids
}

// translatable refuses what the server has no filter for: it keeps label and fields as whole terms.
func translatable(f *index.Filter) error {
	conditions := map[string]index.Condition{"label": f.Label, "id": f.ID}
	for name, c := range f.Fields {
		conditions[fmt.Sprintf("field %q", name)] = c
	}
	for _, name := range slices.Sorted(maps.Keys(conditions)) {
		c := conditions[name]
		switch {
		case c.Prefix != "":
			return untranslatable(name, "prefix")
		case c.GT != nil || c.GTE != nil || c.LT != nil || c.LTE != nil:
			return untranslatable(name, "range")
		case c.Exists:
			return untranslatable(name, "exists")
		}
	}
	if f.Not != nil {
		return untranslatable("the filter", "not, except of identifiers")
	}
	for _, list := range [][]index.Filter{f.And, f.Or} {
		for i := range list {
			if err := translatable(&list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// unsupported is an index.ErrArgument that names what this kind of index cannot do.
type unsupported string

func (e unsupported) Error() string        { return "weaviate: " + string(e) }
func (e unsupported) Is(target error) bool { return target == index.ErrArgument }

func untranslatable(name, what string) error {
	return unsupported(fmt.Sprintf("%s asks for a %s; an index on a Weaviate server filters by =, in, and, or, and by identifiers to leave out", name, what))
}

// translate returns a filter as the server takes it, nil for one that lets all pass.
func translate(f *index.Filter) (*where, error) {
	if err := translatable(f); err != nil {
		return nil, err
	}
	return condition(f), nil
}

// condition is a filter that can be translated, nil for none.
func condition(f *index.Filter) *where {
	var all []*where
	if f.ID.In != nil {
		uuids := make([]string, len(f.ID.In))
		for i, id := range f.ID.In {
			uuids[i] = uuid(id)
		}
		all = append(all, anyOf("id", uuids))
	}
	if f.Label.In != nil {
		terms := make([]string, len(f.Label.In))
		for i, l := range f.Label.In {
			terms[i] = labelTerm(l)
		}
		all = append(all, anyOf(propertyTerms, terms))
	}
	for _, key := range slices.Sorted(maps.Keys(f.Fields)) {
		terms := make([]string, len(f.Fields[key].In))
		for i, value := range f.Fields[key].In {
			terms[i] = fieldTerm(key, value)
		}
		all = append(all, anyOf(propertyTerms, terms))
	}
	for i := range f.And {
		all = append(all, condition(&f.And[i]))
	}
	if len(f.Or) > 0 {
		some := make([]*where, len(f.Or))
		for i := range f.Or {
			some[i] = condition(&f.Or[i])
		}
		all = append(all, joinedBy("Or", some))
	}
	if len(all) == 0 {
		return nil
	}
	return joinedBy("And", all)
}
