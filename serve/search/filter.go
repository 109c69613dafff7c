package search

import (
	"strconv"
	"strings"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve/wire"
)

// filterText reads a filter of an address: the text of index.ParseFilter, or JSON.
func filterText(f *index.Filter, text string) (err error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return wire.Decode([]byte(text), func(_ string, text []byte) error { return filterOf(f)("filter", text) })
	}
	if *f, err = index.ParseFilter(text); err != nil {
		return wire.Malformed("filter", "%s", plainWords(err))
	}
	return nil
}

// plainWords is an error of the index without its package.
func plainWords(err error) string { return strings.TrimPrefix(err.Error(), "index: ") }

// filterOf takes a filter: an object, or the text of index.ParseFilter.
func filterOf(f *index.Filter) wire.Reader {
	return func(field string, text []byte) (err error) {
		switch text[0] {
		case '"':
			var s string
			if err := wire.Text(&s)(field, text); err != nil {
				return err
			}
			if *f, err = index.ParseFilter(s); err != nil {
				return wire.Malformed(field, "%s", plainWords(err))
			}
			return nil
		case '{':
			if err := filterTree(f, 0)(field, text); err != nil {
				return err
			}
			if err := f.Check(field); err != nil {
				return wire.Invalid(field, "%s", plainWords(err))
			}
			return nil
		}
		return wire.WrongKind(field, text, "an object, or a text such as: label in (cat, dog)")
	}
}

// filterTree takes a filter that is an object. What an index does not take is left to Filter.Check.
func filterTree(f *index.Filter, depth int) wire.Reader {
	return func(field string, text []byte) error {
		if depth > index.MaxFilterDepth {
			return wire.Invalid(field, "%s: and, or and not stand %d deep in each other; at most %d are allowed", field, depth, index.MaxFilterDepth)
		}
		inner := func(f *index.Filter) wire.Reader { return filterTree(f, depth+1) }
		return wire.Object(map[string]wire.Reader{
			"and": wire.Elements(&f.And, index.MaxFilter, inner), "or": wire.Elements(&f.Or, index.MaxFilter, inner), "not": wire.Optional(&f.Not, inner),
			"label": conditionOf(&f.Label), "id": conditionOf(&f.ID), "fields": wire.Members(&f.Fields, index.MaxFilter, conditionOf),
		})(field, text)
	}
}

// conditionOf takes a text, a list of texts or an object.
func conditionOf(c *index.Condition) wire.Reader {
	return func(field string, text []byte) error {
		switch text[0] {
		case '"':
			c.In = []string{""}
			return wire.Text(&c.In[0])(field, text)
		case '[':
			return wire.Texts(&c.In, index.MaxFilter)(field, text)
		case '{':
			return wire.Object(map[string]wire.Reader{
				"in": wire.Texts(&c.In, index.MaxFilter), "prefix": wire.Text(&c.Prefix), "exists": wire.Boolean(&c.Exists),
				"gt": boundOf(&c.GT), "gte": boundOf(&c.GTE), "lt": boundOf(&c.LT), "lte": boundOf(&c.LTE),
			})(field, text)
		}
		return wire.WrongKind(field, text, "a text, a list of texts, or an object")
	}
}

// boundOf takes a number or a text.
func boundOf(b **index.Bound) wire.Reader {
	return func(field string, text []byte) error {
		if text[0] == '"' {
			var s string
			err := wire.Text(&s)(field, text)
			*b = index.Text(s)
			return err
		}
		x, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return wire.WrongKind(field, text, "a number that a float64 can hold, or a text")
		}
		*b = index.Number(x)
		return nil
	}
}
