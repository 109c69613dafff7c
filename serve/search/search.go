package search

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve/wire"
)

// searchAnswer is the answer to a search.
type searchAnswer struct {
	Hits         []hit   `json:"hits"`
	EncodeMillis float64 `json:"encode_ms"` // of the pictures, with waiting
	SearchMillis float64 `json:"search_ms"` // of the index, with waiting
}

// batchAnswer is the answer to a search of several queries.
type batchAnswer struct {
	Results      []result `json:"results"` // in the order of the queries
	EncodeMillis float64  `json:"encode_ms"`
	SearchMillis float64  `json:"search_ms"`
}

type result struct {
	Hits []hit `json:"hits"`
}

// hit is an item that was found.
type hit struct {
	ID       string            `json:"id"`
	Distance *float64          `json:"distance,omitempty"` // nil where words alone were looked for
	Score    float64           `json:"score,omitempty"`    // of a query with a text
	Label    string            `json:"label,omitempty"`
	Fields   map[string]string `json:"fields,omitempty"`
	links
}

// search finds the items nearest to a picture, a vector, an item or several examples, or those that have words.
func (s *store) search(w http.ResponseWriter, r *http.Request) error {
	var q query
	b, err := wire.Read(r)
	if err == nil && b.JSON != nil {
		err = wire.Decode(b.JSON, q.read)
	} else if err == nil {
		err = q.params(b)
	}
	if err == nil {
		err = s.checkQuery(&q)
	}
	if err != nil {
		return err
	}
	answer, err := s.answerAll(r.Context(), []query{q})
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, searchAnswer{answer.Results[0].Hits, answer.EncodeMillis, answer.SearchMillis})
	return nil
}

// searchBatch answers several searches at once: all of them, or none.
func (s *store) searchBatch(w http.ResponseWriter, r *http.Request) error {
	b, err := wire.Read(r)
	if err != nil {
		return err
	}
	if b.JSON == nil {
		return wire.Media("several queries must be application/json")
	}
	var list [][]byte
	if err := wire.Decode(b.JSON, wire.Object(map[string]wire.Reader{"queries": wire.List(&list, s.bounds.Batch)})); err != nil {
		return err
	}
	if len(list) == 0 {
		return wire.Invalid("queries", "queries has 0 elements; it must have from 1 to %d", s.bounds.Batch)
	}
	queries := make([]query, len(list))
	for i, text := range list {
		q := &queries[i]
		q.place = "queries[" + strconv.Itoa(i) + "]"
		err := q.read("", text)
		if err == nil {
			err = s.checkQuery(q)
		}
		if err != nil {
			return wire.Within(q.place, err)
		}
	}
	answer, err := s.answerAll(r.Context(), queries)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// answerAll searches for all queries.
func (s *store) answerAll(ctx context.Context, queries []query) (answer batchAnswer, err error) {
	start, searches := time.Now(), make([]index.Query, len(queries))
	for i := range queries {
		if searches[i], err = s.resolve(ctx, &queries[i]); err != nil {
			return answer, wire.Within(queries[i].place, err)
		}
	}
	if slices.ContainsFunc(queries, func(q query) bool { return q.encodes() }) {
		answer.EncodeMillis = millis(start)
	}
	start = time.Now()
	work := s.queries
	if slices.ContainsFunc(searches, func(q index.Query) bool { return q.Text != "" }) {
		work = s.worded
	}
	lists, err := work.Do(ctx, nil, searches...)
	if err != nil {
		return answer, err
	}
	answer.SearchMillis = millis(start)
	size := 0
	for i, hits := range lists {
		shown, err := s.shown(hits, searches[i].Vector != nil, &size)
		if err != nil {
			return answer, wire.Within(queries[i].place, err)
		}
		answer.Results = append(answer.Results, result{shown})
	}
	return answer, nil
}

// encodes tells whether the query has a picture.
func (q *query) encodes() bool {
	return slices.ContainsFunc(slices.Concat([]example{q.example}, q.Like, q.Unlike), func(e example) bool { return e.Image != nil })
}

func millis(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1e3 }

// searchAll is the work of a batch of queries. It belongs to no single request.
func (s *store) searchAll(queries []index.Query) ([][]index.Hit, error) {
	ctx, cancel := context.WithTimeout(s.Context(), s.Limits().Answer)
	defer cancel()
	start := time.Now()
	hits, err := s.o.Index.Search(ctx, queries)
	s.metrics.searched(len(queries), time.Since(start))
	return hits, err
}

// maxAnswer bounds the bytes of an answer's texts.
const maxAnswer = 16 << 20

// shown is hits as clients see them; near says that they have a distance, size is that of the texts of the answer.
func (s *store) shown(hits []index.Hit, near bool, size *int) ([]hit, error) {
	all := make([]hit, len(hits))
	for i, h := range hits {
		all[i] = hit{ID: h.ID, Score: h.Score, Label: h.Label, Fields: s.public(h.Fields), links: s.linksOf(h.ID, h.Fields)}
		if near {
			all[i].Distance = &h.Distance
		}
		*size += len(h.ID) + len(h.Label) + all[i].size()
		for name, v := range all[i].Fields {
			*size += len(name) + len(v)
		}
		if *size > maxAnswer {
			return nil, wire.Invalid("k", "the first %d of %d hits have more than %d bytes of text; ask for fewer", i+1, len(hits), maxAnswer)
		}
	}
	return all, nil
}

// public returns the fields without those that are private.
func (s *store) public(fields map[string]string) map[string]string {
	if !slices.ContainsFunc(s.o.Private, func(name string) bool { _, has := fields[name]; return has }) {
		return fields
	}
	fields = maps.Clone(fields)
	for _, name := range s.o.Private {
		delete(fields, name)
	}
	return fields
}

// links are where the picture of an item is; empty for an item without.
type links struct {
	Thumb   string `json:"thumb,omitempty"`   // made small
	Picture string `json:"picture,omitempty"` // as large as a screen
}

func (l links) size() int { return len(l.Thumb) + len(l.Picture) }

// linksOf are those of an item.
func (s *store) linksOf(id string, fields map[string]string) (l links) {
	id = url.PathEscape(id)
	hasFile := s.o.Picture != nil && fields[index.PathField] != ""
	if hasFile {
		l.Picture = s.base + "/picture/" + id
	}
	if hasFile || fields[index.ThumbField] != "" {
		l.Thumb = s.base + "/thumb/" + id
	}
	return l
}
