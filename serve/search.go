package serve

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
)

// defaultK is the number of hits where none is asked for.
const defaultK = 10

// searchRequest is the body of POST /v1/search. One of Vector, Image and ID says what to look for.
type searchRequest struct {
	Vector []float32
	Image  []byte
	ID     *string // that of an item, which is not among its own hits
	K      *int
	Filter index.Filter
}

// read is a reader.
func (q *searchRequest) read(field string, text []byte) error {
	return object(map[string]reader{
		"vector": vectorOf(&q.Vector), "image": pictureOf(&q.Image), "id": optional(&q.ID, textOf), "k": optional(&q.K, integerOf),
		"filter": object(map[string]reader{
			"labels": textsOf(&q.Filter.Labels), "fields": fieldsIn(&q.Filter.Fields), "exclude": textsOf(&q.Filter.Exclude),
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
func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	q, err := s.readSearch(r)
	if err != nil {
		return err
	}
	var answer searchAnswer
	query := index.Query{K: defaultK, Filter: q.Filter}
	if q.K != nil {
		query.K = *q.K
	}
	start := time.Now()
	if query.Vector, err = s.queryVector(r.Context(), q, &query.Filter); err != nil {
		return err
	}
	if q.Image != nil {
		answer.EncodeMillis = millis(start)
	}
	if err := s.checkQuery(query, q.Image != nil); err != nil {
		return err
	}
	start = time.Now()
	hits, err := s.queries.do(r.Context(), nil, query)
	if err != nil {
		return err
	}
	answer.SearchMillis = millis(start)
	if answer.Hits, err = s.shown(hits[0]); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func millis(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1e3 }

// readSearch reads and checks a request.
func (s *Server) readSearch(r *http.Request) (q searchRequest, err error) {
	b, err := read(r)
	if err == nil && b.json != nil {
		err = decode(b.json, q.read)
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
		return q, invalid("", "one of vector, image and id is needed; there are %d", n)
	}
	if q.K != nil && (*q.K < 1 || *q.K > s.o.Limits.K) {
		return q, invalid("k", "k is %d; it must be from 1 to %d", *q.K, s.o.Limits.K)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Filter.Fields)) {
		if s.private(name) {
			return q, invalid("filter", "filter.fields: the field %q cannot be asked for", name)
		}
	}
	return q, nil
}

// searchParams makes a request of a picture and parameters.
func searchParams(b body) (q searchRequest, err error) {
	if err := known(b.params, []string{"k"}, []string{"label", "field", "exclude"}); err != nil {
		return q, err
	}
	if b.picture == nil {
		return q, malformed("image", "the form has no image")
	}
	q.Image = b.picture
	if text := b.params["k"]; text != nil {
		k, err := strconv.Atoi(text[0])
		if err != nil {
			return q, malformed("k", "k is %q; it must be an integer", text[0])
		}
		q.K = &k
	}
	q.Filter.Labels, q.Filter.Exclude = b.params["label"], b.params["exclude"]
	q.Filter.Fields, err = fieldsOf(b.params["field"])
	return q, err
}

// queryVector returns the vector to look for, and excludes an item from its own hits.
func (s *Server) queryVector(ctx context.Context, q searchRequest, f *index.Filter) ([]float32, error) {
	switch {
	case q.Image != nil:
		vectors, err := s.encode(ctx, []sent{{file: q.Image}})
		if err != nil {
			return nil, err
		}
		return vectors[0], nil
	case q.ID != nil:
		item, err := s.item(ctx, *q.ID)
		f.Exclude = append(f.Exclude, *q.ID)
		return item.Vector, err
	}
	return q.Vector, s.checkVector(q.Vector)
}

func (s *Server) checkVector(v []float32) error {
	if len(v) != s.limits.Dim {
		return invalid("vector", "vector has %d coordinates; it must have %d", len(v), s.limits.Dim)
	}
	return nil
}

// checkQuery refuses, in the request's words, what the index would: there it would cost others their batch.
func (s *Server) checkQuery(q index.Query, ofImage bool) error {
	err := s.limits.CheckQueries([]index.Query{q})
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "index: queries[0].")
	for _, name := range []string{"Vector", "K", "Filter.Labels", "Filter.Fields", "Filter.Exclude"} {
		if rest, ok := strings.CutPrefix(text, name); ok {
			name = strings.ToLower(name)
			if ofImage && name == "vector" {
				return invalid("image", "image: its vector%s", rest)
			}
			return invalid(name, "%s%s", name, rest)
		}
	}
	return err
}

// searchAll is the work of a batch of queries. It belongs to no single request.
func (s *Server) searchAll(queries []index.Query) ([][]index.Hit, error) {
	ctx, cancel := context.WithTimeout(s.base, s.o.Limits.Answer)
	defer cancel()
	start := time.Now()
	hits, err := s.o.Index.Search(ctx, queries)
	s.metrics.searched(len(queries), time.Since(start))
	return hits, err
}

// maxAnswer bounds the bytes of an answer's texts.
const maxAnswer = 16 << 20

// shown is hits as clients see them.
func (s *Server) shown(hits []index.Hit) ([]hit, error) {
	all, size := make([]hit, len(hits)), 0
	for i, h := range hits {
		all[i] = hit{h, s.thumbPath(h.ID, h.Fields)}
		all[i].Fields = s.public(h.Fields)
		size += len(h.ID) + len(h.Label) + len(all[i].Thumb)
		for name, v := range all[i].Fields {
			size += len(name) + len(v)
		}
		if size > maxAnswer {
			return nil, invalid("k", "the first %d of %d hits have more than %d bytes of text; ask for fewer", i+1, len(hits), maxAnswer)
		}
	}
	return all, nil
}

// public returns the fields without those that are private.
func (s *Server) public(fields map[string]string) map[string]string {
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
func (s *Server) thumbPath(id string, fields map[string]string) string {
	if s.o.Picture == nil || fields[index.PathField] == "" {
		return ""
	}
	return "/v1/thumb/" + url.PathEscape(id)
}
