package serve

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/energo-ml/energo/search/index"
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
func (s *Server) add(w http.ResponseWriter, r *http.Request) error {
	if err := s.writable(); err != nil {
		return err
	}
	list, err := s.readItems(r)
	if err != nil {
		return err
	}
	items, err := s.resolve(r.Context(), list)
	if err != nil {
		return err
	}
	if err := s.o.Index.Add(r.Context(), items); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]int{"added": len(items)})
	return nil
}

func (s *Server) writable() error {
	if s.o.ReadOnly {
		return readOnly()
	}
	return nil
}

// readItems reads a list of items in JSON, or one as a picture with parameters.
func (s *Server) readItems(r *http.Request) ([]newItem, error) {
	b, err := read(r)
	if err != nil {
		return nil, err
	}
	if b.json == nil {
		one, err := itemParams(b)
		if err == nil {
			err = s.checkItem(&one)
		}
		return []newItem{one}, err
	}
	var list [][]byte
	if err := decode(b.json, object(map[string]reader{"items": listOf(&list, s.o.Limits.Batch)})); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, invalid("items", "items has 0 elements; it must have from 1 to %d", s.o.Limits.Batch)
	}
	items, at := make([]newItem, len(list)), map[string]int{}
	for i, text := range list {
		items[i].place = fmt.Sprintf("items[%d]", i)
		err := items[i].read("", text)
		if err == nil {
			err = s.checkItem(&items[i])
		}
		if first, twice := at[items[i].ID]; err == nil && twice {
			err = invalid("id", "id %q is that of items[%d], too", items[i].ID, first)
		}
		if err != nil {
			return nil, within(items[i].place, err)
		}
		at[items[i].ID] = i
	}
	return items, nil
}

// read is a reader.
func (one *newItem) read(field string, text []byte) error {
	return object(map[string]reader{
		"id": textOf(&one.ID), "label": textOf(&one.Label), "fields": fieldsIn(&one.Fields),
		"vector": vectorOf(&one.Vector), "image": pictureOf(&one.Image),
	})(field, text)
}

// itemParams makes an item of a picture and parameters.
func itemParams(b body) (one newItem, err error) {
	if err := known(b.params, []string{"id", "label"}, []string{"field"}); err != nil {
		return one, err
	}
	if b.picture == nil {
		return one, malformed("image", "the form has no image")
	}
	one = newItem{ID: b.params.Get("id"), Label: b.params.Get("label"), Image: b.picture}
	one.Fields, err = fieldsOf(b.params["field"])
	return one, err
}

// maxFields bounds the bytes of an item's fields, names and values together.
const maxFields = 64 << 10

func (s *Server) checkItem(one *newItem) error {
	if one.ID == "" {
		return invalid("id", "id is empty; an item needs one")
	}
	if (one.Vector == nil) == (one.Image == nil) {
		return invalid("", "one of vector and image is needed, not both")
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(one.Fields)) {
		size += len(name) + len(one.Fields[name])
		if name == index.PathField || s.private(name) {
			return invalid("fields", "fields: %q is a name that the server keeps for itself", name)
		}
	}
	if size > maxFields {
		return invalid("fields", "fields have %d bytes together; at most %d are allowed", size, maxFields)
	}
	if one.Vector != nil {
		return s.checkVector(one.Vector)
	}
	return nil
}

// resolve gives every item its vector.
func (s *Server) resolve(ctx context.Context, list []newItem) ([]index.Item, error) {
	items := make([]index.Item, len(list))
	var pictures []sent
	for i, one := range list {
		items[i] = index.Item{ID: one.ID, Vector: one.Vector, Label: one.Label, Fields: one.Fields}
		if one.Image != nil {
			pictures = append(pictures, sent{one.Image, one.place})
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
		if one.Image != nil {
			items[i].Vector, vectors = vectors[0], vectors[1:]
		}
	}
	return items, nil
}

// item returns the item of an identifier.
func (s *Server) item(ctx context.Context, id string) (index.Item, error) {
	item, ok, err := s.o.Index.Get(ctx, id)
	if err == nil && !ok {
		err = absent("there is no item %q", id)
	}
	return item, err
}

// get answers with an item, its vector and all.
func (s *Server) get(w http.ResponseWriter, r *http.Request) error {
	item, err := s.item(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	item.Fields = s.public(item.Fields)
	writeJSON(w, http.StatusOK, item)
	return nil
}

// remove takes an item out.
func (s *Server) remove(w http.ResponseWriter, r *http.Request) error {
	if err := s.writable(); err != nil {
		return err
	}
	id := r.PathValue("id")
	n, err := s.o.Index.Delete(r.Context(), []string{id})
	if err != nil {
		return err
	}
	if n == 0 {
		return absent("there is no item %q", id)
	}
	writeJSON(w, http.StatusOK, map[string]int{"deleted": n})
	return nil
}

// limitsShown are those of Limits that clients can heed.
type limitsShown struct {
	Body   int64 `json:"body_bytes"`
	Pixels int   `json:"pixels"`
	K      int   `json:"k"`
	Batch  int   `json:"batch"`
}

// info answers with what the server is.
func (s *Server) info(w http.ResponseWriter, r *http.Request) error {
	about, err := s.o.Index.Info(r.Context())
	if err != nil {
		return err
	}
	l := s.o.Limits
	writeJSON(w, http.StatusOK, struct {
		Index    index.Info  `json:"index"`
		Pictures bool        `json:"pictures"` // pictures can be sent
		ReadOnly bool        `json:"read_only"`
		Limits   limitsShown `json:"limits"`
	}{about, s.o.Encoder != nil, s.o.ReadOnly, limitsShown{l.Body, l.Pixels, l.K, l.Batch}})
	return nil
}
