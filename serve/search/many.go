package search

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve/wire"
)

// defaultPage is the number of items in a list where none is asked for.
const defaultPage = 100

// listAnswer is a part of the items that pass a filter.
type listAnswer struct {
	Items []shownItem `json:"items"`
	Next  string      `json:"next,omitempty"` // what after is for the next part; "" is the end
}

// list answers with the items that pass a filter, a part at a time.
func (s *store) list(w http.ResponseWriter, r *http.Request) error {
	params, err := wire.Params(r)
	if err != nil {
		return err
	}
	if err := wire.Known(params, []string{"limit", "after", "filter", "vectors"}, nil); err != nil {
		return err
	}
	limit, vectors := defaultPage, false
	if text := params.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > s.bounds.K {
			return wire.Invalid("limit", "limit is %q; it must be an integer from 1 to %d", text, s.bounds.K)
		}
	}
	if text := params.Get("vectors"); text != "" {
		if vectors, err = strconv.ParseBool(text); err != nil {
			return wire.Malformed("vectors", "vectors is %q; it must be true or false", text)
		}
	}
	var f index.Filter
	if err := filterText(&f, params.Get("filter")); err != nil {
		return err
	}
	if err := s.checkFilter("filter", &f); err != nil {
		return err
	}
	items, err := s.o.Index.List(r.Context(), f, params.Get("after"), limit)
	if err != nil {
		return err
	}
	answer, size := listAnswer{Items: make([]shownItem, 0, len(items))}, 0
	for _, item := range items {
		shown := s.shownItem(item, vectors)
		size += shown.size() + len(shown.ID) + len(shown.Label) + 16*len(shown.Vector)
		for name, v := range shown.Fields {
			size += len(name) + len(v)
		}
		if size > maxAnswer && len(answer.Items) > 0 {
			break // the next part begins here
		}
		answer.Items = append(answer.Items, shown)
	}
	if n := len(answer.Items); n > 0 && (n == limit || n < len(items)) {
		answer.Next = answer.Items[n-1].ID
	}
	wire.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// deleteRequest says which items to take out: those of IDs, or those that pass Filter.
type deleteRequest struct {
	IDs    []string
	Filter index.Filter
	DryRun bool
}

// deleteMany takes items out, all in one change.
func (s *store) deleteMany(w http.ResponseWriter, r *http.Request) error {
	if err := s.writable(); err != nil {
		return err
	}
	var q deleteRequest
	if err := readJSON(r, wire.Object(map[string]wire.Reader{
		"ids": wire.Texts(&q.IDs, s.bounds.Batch), "filter": filterOf(&q.Filter), "dry_run": wire.Boolean(&q.DryRun),
	})); err != nil {
		return err
	}
	if (q.IDs == nil) == q.Filter.IsZero() {
		return wire.Invalid("", "one of ids and filter is needed, and a filter that does not let all pass")
	}
	if err := s.checkFilter("filter", &q.Filter); err != nil {
		return err
	}
	n, err := s.delete(r, &q)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]int{"deleted": n})
	return nil
}

func (s *store) delete(r *http.Request, q *deleteRequest) (int, error) {
	f := q.Filter
	if q.IDs != nil {
		if err := index.CheckIDs(q.IDs); err != nil {
			return 0, wire.Invalid("ids", "%s", plainWords(err))
		}
		f = index.Filter{ID: index.In(q.IDs...)}
	}
	switch {
	case q.IDs != nil && len(q.IDs) == 0:
		return 0, nil
	case q.DryRun:
		return s.o.Index.Count(r.Context(), f)
	case q.IDs != nil:
		return s.o.Index.Delete(r.Context(), q.IDs)
	}
	return s.o.Index.DeleteWhere(r.Context(), f)
}

// readJSON reads a request that must be JSON.
func readJSON(r *http.Request, read wire.Reader) error {
	b, err := wire.Read(r)
	switch {
	case err != nil:
		return err
	case b.JSON == nil:
		return wire.Media("this request must be application/json")
	}
	return wire.Decode(b.JSON, read)
}

// update changes the label and fields of an item, as a merge patch of RFC 7396 does: what is not named stays, null takes a
// field away.
func (s *store) update(w http.ResponseWriter, r *http.Request) error {
	if err := s.writable(); err != nil {
		return err
	}
	p := index.Patch{ID: r.PathValue("id")}
	fields := map[string]*string{}
	if err := readJSON(r, wire.Object(map[string]wire.Reader{
		"label": wire.Optional(&p.Label, wire.Text), "fields": wire.NullableFields(&fields, index.MaxFields),
	})); err != nil {
		return err
	}
	if p.Label == nil && len(fields) == 0 {
		return wire.Invalid("", "one of label and fields is needed")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		if err := s.checkFieldName(name); err != nil {
			return err
		}
		if value == nil {
			p.Remove = append(p.Remove, name)
			continue
		}
		if p.Fields == nil {
			p.Fields = map[string]string{}
		}
		p.Fields[name] = *value
	}
	slices.Sort(p.Remove)
	n, err := s.o.Index.Update(r.Context(), []index.Patch{p})
	if err != nil {
		return err
	}
	if n == 0 {
		return wire.Absent("there is no item %q", p.ID)
	}
	item, err := s.item(r.Context(), p.ID)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, s.shownItem(item, false))
	return nil
}

// valued is an index that counts the texts of labels and fields, as index.Exact does.
type valued interface {
	Values(ctx context.Context, f index.Filter, most int, without ...string) (index.Values, error)
}

// mostValues bounds the texts of a label or field in an answer.
const mostValues = 1000

// values answers with the labels and fields of the items that pass a filter, for menus.
func (s *store) values(w http.ResponseWriter, r *http.Request) error {
	x, ok := s.o.Index.(valued)
	if !ok {
		return wire.Absent("this kind of index does not count the values of fields")
	}
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"filter", "limit"}, nil)
	}
	if err != nil {
		return err
	}
	limit := defaultPage
	if text := params.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > mostValues {
			return wire.Invalid("limit", "limit is %q; it must be an integer from 1 to %d", text, mostValues)
		}
	}
	var f index.Filter
	if err := filterText(&f, params.Get("filter")); err != nil {
		return err
	}
	if err := s.checkFilter("filter", &f); err != nil {
		return err
	}
	all, err := x.Values(r.Context(), f, limit, s.o.Private...)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, all)
	return nil
}
