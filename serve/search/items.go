package search

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// newItem is an item of POST /v1/items. One of Vector and Image says where it lies.
type newItem struct {
	ID, Label string
	Fields    map[string]string
	Vector    []float32
	Image     []byte
	place     string // in the request's list; "" where it is alone
}

// add adds items, which replace those of the same identifiers: all that were sent, or none.
func (s *store) add(w http.ResponseWriter, r *http.Request) error {
	if err := s.writable(); err != nil {
		return err
	}
	list, err := s.readItems(r)
	if err != nil {
		return err
	}
	items, err := s.resolveItems(r.Context(), list)
	if err != nil {
		return err
	}
	if err := s.o.Index.Add(r.Context(), items); err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]int{"added": len(items)})
	return nil
}

func (s *store) writable() error {
	if s.o.ReadOnly {
		return readOnly()
	}
	return nil
}

// readItems reads a list of items in JSON, or one as a picture with parameters.
func (s *store) readItems(r *http.Request) ([]newItem, error) {
	b, err := wire.Read(r)
	if err != nil {
		return nil, err
	}
	if b.JSON == nil {
		one, err := itemParams(b)
		if err == nil {
			err = s.checkItem(&one)
		}
		return []newItem{one}, err
	}
	var list [][]byte
	if err := wire.Decode(b.JSON, wire.Object(map[string]wire.Reader{"items": wire.List(&list, s.bounds.Batch)})); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, wire.Invalid("items", "items has 0 elements; it must have from 1 to %d", s.bounds.Batch)
	}
	items, at := make([]newItem, len(list)), map[string]int{}
	for i, text := range list {
		items[i].place = fmt.Sprintf("items[%d]", i)
		err := items[i].read("", text)
		if err == nil {
			err = s.checkItem(&items[i])
		}
		if first, twice := at[items[i].ID]; err == nil && twice {
			err = wire.Invalid("id", "id %q is that of items[%d], too", items[i].ID, first)
		}
		if err != nil {
			return nil, wire.Within(items[i].place, err)
		}
		at[items[i].ID] = i
	}
	return items, nil
}

// read is a wire.Reader.
func (one *newItem) read(field string, text []byte) error {
	return wire.Object(map[string]wire.Reader{
		"id": wire.Text(&one.ID), "label": wire.Text(&one.Label), "fields": wire.Fields(&one.Fields, index.MaxFields),
		"vector": wire.Vector(&one.Vector, index.MaxDim), "image": wire.File(&one.Image),
	})(field, text)
}

// itemParams makes an item of a picture and parameters.
func itemParams(b wire.Body) (one newItem, err error) {
	if err := wire.Known(b.Params, []string{"id", "label"}, []string{"field"}); err != nil {
		return one, err
	}
	if b.Picture == nil {
		return one, wire.Malformed("image", "the form has no image")
	}
	one = newItem{ID: b.Params.Get("id"), Label: b.Params.Get("label"), Image: b.Picture}
	one.Fields, err = wire.FieldParams(b.Params["field"])
	return one, err
}

// maxFields bounds the bytes of an item's fields, names and values together.
const maxFields = 64 << 10

func (s *store) checkItem(one *newItem) error {
	if one.ID == "" {
		return wire.Invalid("id", "id is empty; an item needs one")
	}
	if (one.Vector == nil) == (one.Image == nil) {
		return wire.Invalid("", "one of vector and image is needed, not both")
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(one.Fields)) {
		size += len(name) + len(one.Fields[name])
		if err := s.checkFieldName(name); err != nil {
			return err
		}
	}
	if size > maxFields {
		return wire.Invalid("fields", "fields have %d bytes together; at most %d are allowed", size, maxFields)
	}
	if one.Vector != nil {
		return s.checkVector(one.Vector)
	}
	return nil
}

// checkFieldName refuses names of fields that clients cannot set.
func (s *store) checkFieldName(name string) error {
	if name == index.PathField || s.private(name) {
		return wire.Invalid("fields", "fields: %q is a name that the server keeps for itself", name)
	}
	return nil
}

// resolveItems gives every item its vector, and those that come as pictures a small one.
func (s *store) resolveItems(ctx context.Context, list []newItem) ([]index.Item, error) {
	items := make([]index.Item, len(list))
	var pictures []serve.File
	for i, one := range list {
		items[i] = index.Item{ID: one.ID, Vector: one.Vector, Label: one.Label, Fields: one.Fields}
		if one.Image != nil {
			pictures = append(pictures, serve.File{Bytes: one.Image, Place: one.place})
		}
	}
	if pictures == nil {
		return items, nil
	}
	vectors, err := s.encode(ctx, pictures)
	if err != nil {
		return nil, err
	}
	for i, one := range list {
		if one.Image == nil {
			continue
		}
		items[i].Vector, vectors = vectors[0], vectors[1:]
		if err := s.keepThumb(ctx, &items[i], one.Image); err != nil {
			return nil, wire.Within(one.place, err)
		}
	}
	return items, nil
}

// item returns the item of an identifier.
func (s *store) item(ctx context.Context, id string) (index.Item, error) {
	item, ok, err := s.o.Index.Get(ctx, id)
	if err == nil && !ok {
		err = wire.Absent("there is no item %q", id)
	}
	return item, err
}

// get answers with an item, its vector and all.
func (s *store) get(w http.ResponseWriter, r *http.Request) error {
	item, err := s.item(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, s.shownItem(item, true))
	return nil
}

// remove takes an item out.
func (s *store) remove(w http.ResponseWriter, r *http.Request) error {
	if err := s.writable(); err != nil {
		return err
	}
	id := r.PathValue("id")
	n, err := s.o.Index.Delete(r.Context(), []string{id})
	if err != nil {
		return err
	}
	if n == 0 {
		return wire.Absent("there is no item %q", id)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]int{"deleted": n})
	return nil
}

// shownItem is an item as clients see it.
type shownItem struct {
	index.Item
	links
}

func (s *store) shownItem(item index.Item, vector bool) shownItem {
	out := shownItem{item, s.linksOf(item.ID, item.Fields)}
	out.Fields = s.public(item.Fields)
	if !vector {
		out.Vector = nil
	}
	return out
}

// limitsShown are those of Limits that clients can heed.
type limitsShown struct {
	Body   int64 `json:"body_bytes"`
	Pixels int   `json:"pixels"`
	K      int   `json:"k"`
	Batch  int   `json:"batch"`
}

// encoderShown is what the encoder takes.
type encoderShown struct {
	Width    int `json:"width"`
	Height   int `json:"height"`
	Channels int `json:"channels"`
}

// info answers with what the server is.
func (s *store) info(w http.ResponseWriter, r *http.Request) error {
	about, err := s.o.Index.Info(r.Context())
	if err != nil {
		return err
	}
	var encoder *encoderShown
	if e := s.o.Encoder; e != nil {
		encoder = &encoderShown{e.Size().X, e.Size().Y, e.Channels()}
	}
	_, counts := s.o.Index.(valued)
	l := s.Limits()
	wire.WriteJSON(w, http.StatusOK, struct {
		Index    index.Info    `json:"index"`
		Pictures bool          `json:"pictures"` // pictures can be sent
		Encoder  *encoderShown `json:"encoder,omitempty"`
		Values   bool          `json:"values"` // GET /v1/values is answered
		Texts    bool          `json:"texts"`  // texts are searched for
		ReadOnly bool          `json:"read_only"`
		Limits   limitsShown   `json:"limits"`
	}{about, s.o.Encoder != nil, encoder, counts, s.worded != nil, s.o.ReadOnly, limitsShown{l.Body, l.Pixels, s.bounds.K, s.bounds.Batch}})
	return nil
}
