package index

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Filter says which items are of interest. An item passes if it passes everything that is set;
// the zero value sets nothing and lets all pass.
//
// As JSON, {"fields": {"year": {"gte": 2019}}, "not": {"label": ["cat", "dog"]}} lets items pass whose field year is
// a number of at least 2019 and whose label is neither cat nor dog. [ParseFilter] reads the same as text:
//
//	year >= 2019 and not label in (cat, dog)
type Filter struct {
	And    []Filter             `json:"and,omitempty"`    // passes all of these
	Or     []Filter             `json:"or,omitempty"`     // passes one of these at least
	Not    *Filter              `json:"not,omitempty"`    // does not pass this
	Label  Condition            `json:"label,omitzero"`   // of the label; an item without one has the label ""
	ID     Condition            `json:"id,omitzero"`      // of the identifier
	Fields map[string]Condition `json:"fields,omitempty"` // of fields, by name
}

// Condition is what a Filter asks of a text: everything that is set. A field that an item does not have
// holds no condition, so that a Not of it passes; a name that no item has is not an error.
//
// As JSON it is an object, or in short a list of texts, or one text, for In.
type Condition struct {
	In     []string `json:"in,omitempty"`     // is one of these
	Prefix string   `json:"prefix,omitempty"` // begins with this
	GT     *Bound   `json:"gt,omitempty"`     // is above this
	GTE    *Bound   `json:"gte,omitempty"`    // is this or above
	LT     *Bound   `json:"lt,omitempty"`     // is below this
	LTE    *Bound   `json:"lte,omitempty"`    // is this or below
	Exists bool     `json:"exists,omitempty"` // the item has the field; for Fields only
}

// Bound is an end of a range. Against a number, a text is compared as the decimal number that it reads as, such as 12,
// -0.5 or 1e3; a text that reads as none is not in the range. Against a text it is compared byte by byte, which puts
// dates such as 2019-05-01 in their order.
//
// As JSON it is a number or a text.
type Bound struct {
	text     string
	number   float64
	isNumber bool
}

// Number is a bound that is a number.
func Number(x float64) *Bound { return &Bound{number: x, isNumber: true} }

// Text is a bound that is a text.
func Text(s string) *Bound { return &Bound{text: s} }

// Value is what the bound is: a number where isNumber, and otherwise a text.
func (b *Bound) Value() (text string, number float64, isNumber bool) {
	return b.text, b.number, b.isNumber
}

// In is the condition of a text that is one of these.
func In(texts ...string) Condition { return Condition{In: texts} }

// MaxFilterDepth is how deep And, Or and Not may stand in each other.
const MaxFilterDepth = 32

// IsZero tells whether the filter lets all pass because nothing is set.
func (f *Filter) IsZero() bool {
	return f.And == nil && f.Or == nil && f.Not == nil && f.Label.IsZero() && f.ID.IsZero() && f.Fields == nil
}

// IsZero tells whether the condition asks nothing.
func (c *Condition) IsZero() bool {
	return c.In == nil && c.Prefix == "" && c.GT == nil && c.GTE == nil && c.LT == nil && c.LTE == nil && !c.Exists
}

// Except returns the filter of items that pass f and are not of these identifiers.
func (f Filter) Except(ids ...string) Filter {
	if len(ids) == 0 {
		return f
	}
	not := Filter{Not: &Filter{ID: In(ids...)}}
	if f.IsZero() {
		return not
	}
	return Filter{And: []Filter{f, not}}
}

// Names are those of the fields that the filter asks of, each as often as it does.
func (f *Filter) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range f.Fields {
			if !yield(name) {
				return
			}
		}
		for _, in := range f.inner("") {
			for name := range in.Names() {
				if !yield(name) {
					return
				}
			}
		}
	}
}

// Check returns an ErrArgument that begins with name if no index takes the filter: one that is too large, a list that
// is empty, a text that is not UTF-8 or too long, a number that is not finite.
func (f *Filter) Check(name string) error {
	parts := 0
	return f.check(name, 0, &parts)
}

// check counts texts, bounds and filters in parts.
func (f *Filter) check(name string, depth int, parts *int) error {
	if depth > MaxFilterDepth {
		return badArgument("%s: and, or and not stand %d deep in each other; at most %d are allowed", name, depth, MaxFilterDepth)
	}
	switch {
	case f.And != nil && len(f.And) == 0:
		return badArgument("%s.And is an empty list; leave it out, or name a filter", name)
	case f.Or != nil && len(f.Or) == 0:
		return badArgument("%s.Or is an empty list; leave it out, or name a filter", name)
	case f.Fields != nil && len(f.Fields) == 0:
		return badArgument("%s.Fields is empty; leave it out, or name a field", name)
	}
	count := func(name string, n int) error {
		if *parts += n; *parts > MaxFilter {
			return badArgument("%s: a filter has more than %d parts, with its texts and bounds", name, MaxFilter)
		}
		return nil
	}
	if err := count(name, 1+len(f.Fields)); err != nil {
		return err
	}
	for inner, in := range f.inner(name) {
		if in.IsZero() {
			return badArgument("%s sets nothing; leave it out", inner)
		}
		if err := in.check(inner, depth+1, parts); err != nil {
			return err
		}
	}
	for _, own := range []struct {
		name string
		*Condition
	}{{name + ".Label", &f.Label}, {name + ".ID", &f.ID}} {
		if own.Exists {
			return badArgument("%s.Exists is set, but every item has one; it is for Fields", own.name)
		}
		if err := own.check(own.name, count); err != nil {
			return err
		}
	}
	return f.checkFields(name+".Fields", count)
}

// inner is the filters in And, Or and Not, by name.
func (f *Filter) inner(name string) iter.Seq2[string, *Filter] {
	return func(yield func(string, *Filter) bool) {
		for i := range f.And {
			if !yield(fmt.Sprintf("%s.And[%d]", name, i), &f.And[i]) {
				return
			}
		}
		for i := range f.Or {
			if !yield(fmt.Sprintf("%s.Or[%d]", name, i), &f.Or[i]) {
				return
			}
		}
		if f.Not != nil {
			yield(name+".Not", f.Not)
		}
	}
}

func (f *Filter) checkFields(name string, count func(string, int) error) error {
	for _, key := range slices.Sorted(maps.Keys(f.Fields)) {
		if key == "" {
			return badArgument("%s has a field with an empty name", name)
		}
		name := fmt.Sprintf("%s[%q]", name, excerpt.Of(key))
		if err := checkText(name+"'s name", key, MaxText); err != nil {
			return err
		}
		c := f.Fields[key]
		if c.IsZero() {
			return badArgument("%s asks nothing; leave it out, or set exists", name)
		}
		if err := c.check(name, count); err != nil {
			return err
		}
	}
	return nil
}

func (c *Condition) check(name string, count func(string, int) error) error {
	if c.In != nil && len(c.In) == 0 {
		return badArgument("%s.In is an empty list; leave it out, or name a text", name)
	}
	if err := count(name, len(c.In)); err != nil {
		return err
	}
	for i, text := range c.In {
		if err := checkText(fmt.Sprintf("%s.In[%d]", name, i), text, MaxText); err != nil {
			return err
		}
	}
	if err := checkText(name+".Prefix", c.Prefix, MaxText); err != nil {
		return err
	}
	for _, b := range c.bounds() {
		if b.Bound == nil {
			continue
		}
		if math.IsNaN(b.number) || math.IsInf(b.number, 0) {
			return badArgument("%s.%s is %g; a bound must be finite", name, b.name, b.number)
		}
		if err := checkText(name+"."+b.name, b.text, MaxText); err != nil {
			return err
		}
	}
	return count(name, 1)
}

// rangeEnd is a bound of a condition, if it is set, and what it means.
type rangeEnd struct {
	*Bound
	name, sign string
	lower      bool // texts must be above it
	open       bool // and not be it
}

func (c *Condition) bounds() [4]rangeEnd {
	return [4]rangeEnd{
		{c.GT, "GT", ">", true, true},
		{c.GTE, "GTE", ">=", true, false},
		{c.LT, "LT", "<", false, true},
		{c.LTE, "LTE", "<=", false, false},
	}
}
