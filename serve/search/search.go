package search

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// defaultK is the number of hits where none is asked for.
const defaultK = 10

// searchRequest is the body of POST /v1/search. One of Vector, Image and ID says what to look for.
type searchRequest struct {
	Vector []float32
	Image  []byte
	ID     *string // that of an item, which is not among its own hits
	K      *int
	Filter requestFilter
}

// requestFilter is what a request can ask of the hits.
type requestFilter struct {
	Labels  []string          // one of these
	Fields  map[string]string // all of these
	Exclude []string          // none of these identifiers
}

// filter is f as an index takes it.
func (f *requestFilter) filter() (out index.Filter) {
	if len(f.Labels) > 0 {
		out.Label = index.In(f.Labels...)
	}
	for name, value := range f.Fields {
		if out.Fields == nil {
			out.Fields = map[string]index.Condition{}
		}
		out.Fields[name] = index.In(value)
	}
	if len(f.Exclude) > 0 {
		out.Not = &index.Filter{ID: index.In(f.Exclude...)}
	}
	return out
}

// read is a wire.Reader.
func (q *searchRequest) read(field string, text []byte) error {
	return wire.Object(map[string]wire.Reader{
		"vector": wire.Vector(&q.Vector, index.MaxDim), "image": wire.File(&q.Image), "id": wire.Optional(&q.ID, wire.Text), "k": wire.Optional(&q.K, wire.Integer),
		"filter": wire.Object(map[string]wire.Reader{
			"labels": wire.Texts(&q.Filter.Labels, index.MaxFilter), "fields": wire.Fields(&q.Filter.Fields, index.MaxFields), "exclude": wire.Texts(&q.Filter.Exclude, index.MaxFilter),
		}),
	})(field, text)
}

// searchAnswer is the answer.
type searchAnswer struct {
	Hits         []hit   `json:"hits"`
	EncodeMillis float64 `json:"encode_ms"` // of the picture, with waiting
	SearchMillis float64 `json:"search_ms"` // of the index, with waiting
}

type hit struct {
	index.Hit
	Thumb string `json:"thumb,omitempty"` // where its picture is
}

// search finds the items nearest to a picture, a vector or an item.
func (s *service) search(w http.ResponseWriter, r *http.Request) error {
	q, err := s.readSearch(r)
	if err != nil {
		return err
	}
	var answer searchAnswer
	query := index.Query{K: defaultK}
	if q.K != nil {
		query.K = *q.K
	}
	start := time.Now()
	if query.Vector, err = s.queryVector(r.Context(), &q); err != nil {
		return err
	}
	query.Filter = q.Filter.filter()
	if q.Image != nil {
		answer.EncodeMillis = millis(start)
	}
	if err := s.checkQuery(query, q.Image != nil); err != nil {
		return err
	}
	start = time.Now()
	hits, err := s.queries.Do(r.Context(), nil, query)
	if err != nil {
		return err
	}
	answer.SearchMillis = millis(start)
	if answer.Hits, err = s.shown(hits[0]); err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, answer)
	return nil
}

func millis(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1e3 }

// readSearch reads and checks a request.
func (s *service) readSearch(r *http.Request) (q searchRequest, err error) {
	b, err := wire.Read(r)
	if err == nil && b.JSON != nil {
		err = wire.Decode(b.JSON, q.read)
	} else if err == nil {
		q, err = searchParams(b)
	}
	if err != nil {
		return q, err
	}
	n := 0
	for _, is := range []bool{q.Vector != nil, q.Image != nil, q.ID != nil} {
		if is {
			n++
		}
	}
	if n != 1 {
		return q, wire.Invalid("", "one of vector, image and id is needed; there are %d", n)
	}
	if q.K != nil && (*q.K < 1 || *q.K > s.o.K) {
		return q, wire.Invalid("k", "k is %d; it must be from 1 to %d", *q.K, s.o.K)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Filter.Fields)) {
		if s.private(name) {
			return q, wire.Invalid("filter", "filter.fields: the field %q cannot be asked for", name)
		}
	}
	return q, nil
}

// searchParams makes a request of a picture and parameters.
func searchParams(b wire.Body) (q searchRequest, err error) {
	if err := wire.Known(b.Params, []string{"k"}, []string{"label", "field", "exclude"}); err != nil {
		return q, err
	}
	if b.Picture == nil {
		return q, wire.Malformed("image", "the form has no image")
	}
	q.Image = b.Picture
	if text := b.Params["k"]; text != nil {
		k, err := strconv.Atoi(text[0])
		if err != nil {
			return q, wire.Malformed("k", "k is %q; it must be an integer", text[0])
		}
		q.K = &k
	}
	q.Filter.Labels, q.Filter.Exclude = b.Params["label"], b.Params["exclude"]
	q.Filter.Fields, err = wire.FieldParams(b.Params["field"])
	return q, err
}

// queryVector returns the vector to look for, and excludes an item from its own hits.
func (s *service) queryVector(ctx context.Context, q *searchRequest) ([]float32, error) {
	switch {
	case q.Image != nil:
		vectors, err := s.encode(ctx, []serve.File{{Bytes: q.Image}})
		if err != nil {
			return nil, err
		}
		return vectors[0], nil
	case q.ID != nil:
		item, err := s.item(ctx, *q.ID)
		q.Filter.Exclude = append(q.Filter.Exclude, *q.ID)
		return item.Vector, err
	}
	return q.Vector, s.checkVector(q.Vector)
}

func (s *service) checkVector(v []float32) error {
	if len(v) != s.limits.Dim {
		return wire.Invalid("vector", "vector has %d coordinates; it must have %d", len(v), s.limits.Dim)
	}
	return nil
}

// checkQuery refuses, in the request's words, what the index would: there it would cost others their batch.
func (s *service) checkQuery(q index.Query, ofImage bool) error {
	err := s.limits.CheckQueries([]index.Query{q})
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "index: queries[0].")
	for _, name := range []string{"Vector", "K", "Filter.Label", "Filter.Fields", "Filter.Not", "Filter"} {
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

// searchAll is the work of a batch of queries. It belongs to no single request.
func (s *service) searchAll(queries []index.Query) ([][]index.Hit, error) {
	ctx, cancel := context.WithTimeout(s.Context(), s.Limits().Answer)
	defer cancel()
	start := time.Now()
	hits, err := s.o.Index.Search(ctx, queries)
	s.metrics.searched(len(queries), time.Since(start))
	return hits, err
}

// maxAnswer bounds the bytes of an answer's texts.
const maxAnswer = 16 << 20

// shown is hits as clients see them.
func (s *service) shown(hits []index.Hit) ([]hit, error) {
	all, size := make([]hit, len(hits)), 0
	for i, h := range hits {
		all[i] = hit{h, s.thumbPath(h.ID, h.Fields)}
		all[i].Fields = s.public(h.Fields)
		size += len(h.ID) + len(h.Label) + len(all[i].Thumb)
		for name, v := range all[i].Fields {
			size += len(name) + len(v)
		}
		if size > maxAnswer {
			return nil, wire.Invalid("k", "the first %d of %d hits have more than %d bytes of text; ask for fewer", i+1, len(hits), maxAnswer)
		}
	}
	return all, nil
}

// public returns the fields without those that are private.
func (s *service) public(fields map[string]string) map[string]string {
	if !slices.ContainsFunc(s.o.Private, func(name string) bool { _, has := fields[name]; return has }) {
		return fields
	}
	fields = maps.Clone(fields)
	for _, name := range s.o.Private {
		delete(fields, name)
	}
	return fields
}

// thumbPath is where the picture of an item is, "" for an item without.
func (s *service) thumbPath(id string, fields map[string]string) string {
	if s.o.Picture == nil || fields[index.PathField] == "" {
		return ""
	}
	return "/v1/thumb/" + url.PathEscape(id)
}
