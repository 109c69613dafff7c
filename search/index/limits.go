package index

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/loss/distance"
)

// What an index takes.
const (
	MaxDim       = 65536     // coordinates of a vector
	MaxLength    = 1e18      // ‖vector‖, so that squares stay within float32
	MaxID        = 1024      // bytes of an identifier
	MaxText      = 65536     // bytes of a label, and of a field's name and value together
	MaxFields    = 256       // fields of an item
	MaxEncoder   = 1024      // bytes of Options.Encoder
	MaxK         = 10000     // hits of a query, with its Offset
	MaxWords     = 256       // different words of a query's text
	MaxList      = 10000     // items of one List
	MaxFilter    = 10000     // texts, bounds, conditions and filters of a filter, together
	MaxBatchSize = 256 << 20 // bytes of the items of one Add: their vectors, four a coordinate, and texts
)

// ErrArgument is what errors are (by errors.Is) whose cause is an argument that an index does
// not take: asking again will not help.
var ErrArgument = errors.New("index: an argument that is not allowed")

// argumentError is an ErrArgument that says which.
type argumentError string

func (e argumentError) Error() string        { return "index: " + string(e) }
func (e argumentError) Is(target error) bool { return target == ErrArgument }

func badArgument(format string, args ...any) error {
	return argumentError(fmt.Sprintf(format, args...))
}

// Options say what a new index is to be.
type Options struct {
	Dim     int           // coordinates of a vector, 1 to MaxDim
	Metric  distance.Kind // one of Metrics; "" is Euclidean
	Storage Storage       // "" is Float32
	Encoder string        // see Info
}

// Check returns o with its defaults, or an ErrArgument.
func (o Options) Check() (Options, error) {
	if o.Metric == "" {
		o.Metric = distance.Euclidean
	}
	if o.Storage == "" {
		o.Storage = Float32
	}
	if o.Dim < 1 || o.Dim > MaxDim {
		return o, badArgument("Dim is %d; it must be 1 to %d", o.Dim, MaxDim)
	}
	if err := checkText("Encoder", o.Encoder, MaxEncoder); err != nil {
		return o, err
	}
	if err := o.Metric.Check("Metric", Metrics); err != nil {
		return o, badArgument("%v", err)
	}
	if !slices.Contains(Storages, o.Storage) {
		return o, badArgument("Storage is %q; it must be %s, %s or %s", excerpt.Of(o.Storage), Float32, Int8, Bits)
	}
	return o, nil
}

// CheckItems returns an ErrArgument if an index of o does not take the items: a vector of another
// length or with a coordinate that is not finite, one of length 0 where the metric is of
// angles, an identifier that is empty or twice there, text that is not UTF-8 or too long.
func (o Options) CheckItems(items []Item) error {
	place := make(map[string]int, len(items))
	for i := range items {
		it, name := &items[i], fmt.Sprintf("items[%d]", i)
		if err := checkID(name+".ID", it.ID); err != nil {
			return err
		}
		if first, ok := place[it.ID]; ok {
			return badArgument("%s.ID %q is also that of items[%d]; an identifier may be there once", name, it.ID, first)
		}
		place[it.ID] = i
		if err := o.checkVector(name+".Vector", it.Vector); err != nil {
			return err
		}
		if err := checkText(name+".Label", it.Label, MaxText); err != nil {
			return err
		}
		if err := checkFields(name+".Fields", it.Fields); err != nil {
			return err
		}
	}
	return nil
}

// CheckIDs returns an ErrArgument if one of the identifiers can be no item's.
func CheckIDs(ids []string) error {
	for i, id := range ids {
		if err := checkID(fmt.Sprintf("ids[%d]", i), id); err != nil {
			return err
		}
	}
	return nil
}

// CheckPatches returns an ErrArgument if one of the patches can be of no item: an identifier that is empty or twice there,
// text that is not UTF-8 or too long, a field that is set and removed, a patch that changes nothing.
func CheckPatches(patches []Patch) error {
	place := make(map[string]int, len(patches))
	for i := range patches {
		p, name := &patches[i], fmt.Sprintf("patches[%d]", i)
		if err := checkID(name+".ID", p.ID); err != nil {
			return err
		}
		if first, ok := place[p.ID]; ok {
			return badArgument("%s.ID %q is also that of patches[%d]; an identifier may be there once", name, p.ID, first)
		}
		place[p.ID] = i
		if p.Label == nil && len(p.Fields) == 0 && len(p.Remove) == 0 {
			return badArgument("%s changes nothing of item %q", name, p.ID)
		}
		if p.Label != nil {
			if err := checkText(name+".Label", *p.Label, MaxText); err != nil {
				return err
			}
		}
		if err := checkFields(name+".Fields", p.Fields); err != nil {
			return err
		}
		for j, key := range p.Remove {
			if err := checkText(fmt.Sprintf("%s.Remove[%d]", name, j), key, MaxText); err != nil {
				return err
			}
			if _, set := p.Fields[key]; set {
				return badArgument("%s.Remove[%d] is %q, which Fields sets", name, j, excerpt.Of(key))
			}
		}
	}
	return nil
}

// CheckList returns an ErrArgument if no index takes these arguments of List.
func CheckList(f Filter, after string, n int) error {
	if err := f.Check("filter"); err != nil {
		return err
	}
	if n < 1 || n > MaxList {
		return badArgument("n is %d; it must be 1 to %d", n, MaxList)
	}
	return checkText("after", after, MaxID)
}

// CheckDeleteWhere returns an ErrArgument if no index deletes by the filter.
func CheckDeleteWhere(f Filter) error {
	if f.IsZero() {
		return badArgument("filter is empty: it would delete all items; remove the index instead")
	}
	return f.Check("filter")
}

// CheckQueries returns an ErrArgument if an index of o does not take the queries. Those with a text are for folders alone: see CheckTextQueries.
func (o Options) CheckQueries(queries []Query) error {
	for i := range queries {
		if queries[i].Text != "" {
			return badArgument("queries[%d].Text is set; an index on a server does not search for words", i)
		}
	}
	return o.CheckTextQueries(queries)
}

// CheckTextQueries is CheckQueries for an index that searches for words, too.
func (o Options) CheckTextQueries(queries []Query) error {
	for i := range queries {
		q, name := &queries[i], fmt.Sprintf("queries[%d]", i)
		if err := o.checkText(name, q); err != nil {
			return err
		}
		if q.Text == "" || q.Vector != nil {
			if err := o.checkVector(name+".Vector", q.Vector); err != nil {
				return err
			}
		}
		if q.K < 1 || q.K > MaxK {
			return badArgument("%s.K is %d; it must be 1 to %d", name, q.K, MaxK)
		}
		if q.Offset < 0 || q.Offset > MaxK-q.K {
			return badArgument("%s.Offset is %d; with a K of %d it must be 0 to %d", name, q.Offset, q.K, MaxK-q.K)
		}
		if err := o.checkWithin(name+".Within", q.Within); err != nil {
			return err
		}
		if err := q.Filter.Check(name + ".Filter"); err != nil {
			return err
		}
	}
	return nil
}

// checkText wants words in a query's text, if it has one.
func (o Options) checkText(name string, q *Query) error {
	if q.Text == "" {
		return nil
	}
	if err := checkText(name+".Text", q.Text, MaxText); err != nil {
		return err
	}
	switch n := len(wordsOf(q.Text)); {
	case n == 0:
		return badArgument("%s.Text is %q, which has no word: no letter and no digit", name, excerpt.Of(q.Text))
	case n > MaxWords:
		return badArgument("%s.Text has %d different words; at most %d are allowed", name, n, MaxWords)
	case q.Vector == nil && q.Within != nil:
		return badArgument("%s.Within is set, but there is no vector from which items have a distance", name)
	}
	return nil
}

// checkWithin wants a distance that can be one.
func (o Options) checkWithin(name string, within *float64) error {
	switch {
	case within == nil:
		return nil
	case math.IsNaN(*within):
		return badArgument("%s is NaN; it must be a distance", name)
	case *within < 0 && o.Metric != distance.Dot:
		return badArgument("%s is %g; by the metric %s, no distance is below 0", name, *within, o.Metric)
	}
	return nil
}

// checkVector wants a vector of the index's, and not of length 0 where there is no angle to it.
func (o Options) checkVector(name string, v []float32) error {
	if len(v) != o.Dim {
		return badArgument("%s has %d coordinates; the index's vectors have %d", name, len(v), o.Dim)
	}
	var squares float64
	for i, x := range v {
		if x != x || math.IsInf(float64(x), 0) {
			return badArgument("%s[%d] is %g; coordinates must be finite", name, i, x)
		}
		squares += float64(x) * float64(x)
	}
	if length := math.Sqrt(squares); length > MaxLength {
		return badArgument("%s has length %g; at most %g is allowed", name, length, float64(MaxLength))
	}
	if squares == 0 && o.Metric == distance.Cosine {
		return badArgument("%s is all 0; the index's metric is cosine, and it has no direction", name)
	}
	return nil
}

func checkID(name, id string) error {
	if id == "" {
		return badArgument("%s is empty", name)
	}
	return checkText(name, id, MaxID)
}

func checkText(name, s string, most int) error {
	if len(s) > most {
		return badArgument("%s has %d bytes; at most %d are allowed", name, len(s), most)
	}
	if !utf8.ValidString(s) {
		return badArgument("%s is %q; it must be UTF-8", name, excerpt.Of(s))
	}
	return nil
}

func checkFields(name string, fields map[string]string) error {
	if len(fields) > MaxFields {
		return badArgument("%s has %d fields; at most %d are allowed", name, len(fields), MaxFields)
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if key == "" {
			return badArgument("%s has a field with an empty name", name)
		}
		name := fmt.Sprintf("%s[%q]", name, excerpt.Of(key))
		if err := checkText(name+"'s name", key, MaxText); err != nil {
			return err
		}
		if err := checkText(name, fields[key], MaxText-len(key)); err != nil {
			return err
		}
	}
	return nil
}
