package search

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// defaultK is the number of hits where none is asked for.
const defaultK = 10

// maxExamples bounds the examples of a search, like and unlike together.
const maxExamples = 100

// example is something to search by: one of Vector, Image and ID.
type example struct {
	Vector []float32
	Image  []byte
	ID     *string
	Weight *float64
	place  string // in the request, "" for the request itself
}

func (e *example) readers() map[string]wire.Reader {
	return map[string]wire.Reader{
		"vector": wire.Vector(&e.Vector, index.MaxDim), "image": wire.File(&e.Image), "id": wire.Optional(&e.ID, wire.Text),
	}
}

// count is how many of vector, image and id there are.
func (e *example) count() (n int) {
	for _, is := range []bool{e.Vector != nil, e.Image != nil, e.ID != nil} {
		if is {
			n++
		}
	}
	return n
}

// check wants one of vector, image and id.
func (e *example) check() error {
	if n := e.count(); n != 1 {
		return wire.Within(e.place, wire.Invalid("", "one of vector, image and id is needed; there are %d", n))
	}
	return nil
}

// query is a search as a client asks for it: by one thing or by examples, by a text, or by both.
type query struct {
	example
	Text         *string
	Like, Unlike []example
	Away         *float64
	K, Offset    *int
	Within       *float64
	Filter       index.Filter
	place        string // in the request, "" where it is alone
}

// read is a wire.Reader.
func (q *query) read(field string, text []byte) error {
	members := q.readers()
	maps.Copy(members, map[string]wire.Reader{
		"text": wire.Optional(&q.Text, wire.Text), "like": examplesOf(&q.Like), "unlike": examplesOf(&q.Unlike), "away": wire.Optional(&q.Away, wire.Number),
		"k": wire.Optional(&q.K, wire.Integer), "offset": wire.Optional(&q.Offset, wire.Integer), "within": wire.Optional(&q.Within, wire.Number),
		"filter": filterOf(&q.Filter),
	})
	return wire.Object(members)(field, text)
}

// examplesOf takes a list of examples.
func examplesOf(examples *[]example) wire.Reader {
	return wire.Elements(examples, maxExamples, func(e *example) wire.Reader {
		return func(field string, text []byte) error {
			e.place = field
			members := e.readers()
			members["weight"] = wire.Optional(&e.Weight, wire.Number)
			return wire.Object(members)(field, text)
		}
	})
}

// params reads a picture and parameters.
func (q *query) params(b wire.Body) error {
	if err := wire.Known(b.Params, []string{"text", "k", "offset", "within", "filter"}, nil); err != nil {
		return err
	}
	if b.Picture == nil {
		return wire.Malformed("image", "the form has no image")
	}
	q.Image = b.Picture
	if text := b.Params["text"]; text != nil {
		q.Text = &text[0]
	}
	for _, p := range []struct {
		name  string
		value **int
	}{{"k", &q.K}, {"offset", &q.Offset}} {
		if text := b.Params[p.name]; text != nil {
			n, err := strconv.Atoi(text[0])
			if err != nil {
				return wire.Malformed(p.name, "%s is %q; it must be an integer", p.name, text[0])
			}
			*p.value = &n
		}
	}
	if text := b.Params["within"]; text != nil {
		x, err := strconv.ParseFloat(text[0], 64)
		if err != nil {
			return wire.Malformed("within", "within is %q; it must be a number", text[0])
		}
		q.Within = &x
	}
	return filterText(&q.Filter, b.Params.Get("filter"))
}

// check refuses what cannot be searched for.
func (s *store) checkQuery(q *query) error {
	if err := s.checkText(q); err != nil {
		return err
	}
	if q.Like == nil {
		if q.Unlike != nil || q.Away != nil {
			return wire.Invalid("like", "unlike and away go with like, which is not there")
		}
		if !q.ofWords() {
			if err := q.check(); err != nil {
				return err
			}
		}
	} else if q.Vector != nil || q.Image != nil || q.ID != nil {
		return wire.Invalid("like", "there is like, and one of vector, image and id, too; one way is needed")
	}
	for _, e := range slices.Concat(q.Like, q.Unlike) {
		if err := e.check(); err != nil {
			return err
		}
	}
	if q.K != nil && (*q.K < 1 || *q.K > s.bounds.K) {
		return wire.Invalid("k", "k is %d; it must be from 1 to %d", *q.K, s.bounds.K)
	}
	if q.Offset != nil && (*q.Offset < 0 || *q.Offset > index.MaxK-s.bounds.K) {
		return wire.Invalid("offset", "offset is %d; it must be from 0 to %d", *q.Offset, index.MaxK-s.bounds.K)
	}
	return s.checkFilter("filter", &q.Filter)
}

// checkFilter refuses to ask for fields that clients are to know nothing of.
func (s *store) checkFilter(field string, f *index.Filter) error {
	for name := range f.Names() {
		if s.private(name) {
			return wire.Invalid(field, "%s: the field %q cannot be asked for", field, name)
		}
	}
	return nil
}

// resolve makes a query of the index, and says in which words its faults are told.
func (s *store) resolve(ctx context.Context, q *query) (index.Query, error) {
	out := index.Query{K: defaultK, Within: q.Within, Filter: q.Filter}
	if q.Text != nil {
		out.Text = *q.Text
	}
	if !q.ofWords() {
		var err error
		if out.Vector, err = s.vector(ctx, q); err != nil {
			return out, err
		}
	}
	if q.K != nil {
		out.K = *q.K
	}
	if q.Offset != nil {
		out.Offset = *q.Offset
	}
	var own []string // items are not among their own hits
	for _, e := range slices.Concat([]example{q.example}, q.Like, q.Unlike) {
		if e.ID != nil {
			own = append(own, *e.ID)
		}
	}
	out.Filter = out.Filter.Except(own...)
	return out, s.checkByIndex(out, q.Image != nil)
}

// vector is what a query looks near.
func (s *store) vector(ctx context.Context, q *query) ([]float32, error) {
	like, unlike, err := s.vectors(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.Like == nil {
		return like[0].Vector, nil
	}
	away := index.DefaultAway
	if q.Away != nil {
		away = *q.Away
	}
	v, err := index.Rocchio(s.limits.Metric, like, unlike, away)
	if err != nil {
		return nil, wire.Invalid("like", "%s", plainWords(err))
	}
	return v, nil
}

// vectors are those of all examples of a query; without a list, of the query itself.
func (s *store) vectors(ctx context.Context, q *query) (like, unlike []index.Example, err error) {
	all := slices.Concat(q.Like, q.Unlike)
	if q.Like == nil {
		all = []example{q.example}
	}
	examples := make([]index.Example, len(all))
	var files []serve.File
	for i, e := range all {
		if e.Weight != nil {
			examples[i].Weight = *e.Weight
			if !(*e.Weight > 0) {
				return nil, nil, wire.Invalid(e.place+".weight", "%s.weight is %g; it must be above 0", e.place, *e.Weight)
			}
		}
		switch {
		case e.Image != nil:
			files = append(files, serve.File{Bytes: e.Image, Place: e.place})
		case e.ID != nil:
			item, err := s.item(ctx, *e.ID)
			if err != nil {
				return nil, nil, wire.Within(e.place, err)
			}
			examples[i].Vector = item.Vector
		default:
			if err := s.checkVector(e.Vector); err != nil {
				return nil, nil, wire.Within(e.place, err)
			}
			examples[i].Vector = e.Vector
		}
	}
	if files != nil {
		encoded, err := s.encode(ctx, files)
		if err != nil {
			return nil, nil, err
		}
		for i, e := range all {
			if e.Image != nil {
				examples[i].Vector, encoded = encoded[0], encoded[1:]
			}
		}
	}
	if q.Like == nil {
		return examples, nil, nil
	}
	return examples[:len(q.Like)], examples[len(q.Like):], nil
}

func (s *store) checkVector(v []float32) error {
	if len(v) != s.limits.Dim {
		return wire.Invalid("vector", "vector has %d coordinates; it must have %d", len(v), s.limits.Dim)
	}
	return nil
}

// checkByIndex refuses, in the request's words, what the index would: there it would cost others their batch.
func (s *store) checkByIndex(q index.Query, ofImage bool) error {
	err := s.limits.CheckTextQueries([]index.Query{q})
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "index: queries[0].")
	for _, name := range []string{"Vector", "Text", "K", "Offset", "Within", "Filter"} {
		if rest, ok := strings.CutPrefix(text, name); ok {
			name = strings.ToLower(name)
			if ofImage && name == "vector" {
				return wire.Invalid("image", "image: its vector%s", rest)
			}
			return wire.Invalid(name, "%s%s", name, rest)
		}
	}
	return err
}
