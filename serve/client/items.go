package client

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/search/index"
)

// NewItem is an item to add: with its Vector, or with an Image, of which the server makes one.
type NewItem struct {
	index.Item
	Image []byte `json:"image,omitempty"` // a picture's file
}

// Add adds items, which replace those of the same identifiers: all, or none. When it returns they are on the server's disk.
// Errors: what the server refuses.
func (x *Index) Add(ctx context.Context, items []NewItem) error {
	return added(len(items), func(out any) error {
		return x.c.change(ctx, x.path+"/items", map[string][]NewItem{"items": items}, out)
	})
}

// AddFile adds a picture as an item, or replaces the one of its identifier. The picture is read while it is sent.
// Errors: a Vector; a name of a field with an equals sign; what the server refuses.
func (x *Index) AddFile(ctx context.Context, picture File, item index.Item) error {
	if item.Vector != nil {
		return fmt.Errorf("client: item %q has a vector, and a picture, too; one is needed", item.ID)
	}
	params := url.Values{"id": {item.ID}}
	if item.Label != "" {
		params.Set("label", item.Label)
	}
	for _, name := range slices.Sorted(maps.Keys(item.Fields)) {
		if strings.Contains(name, "=") {
			return fmt.Errorf("client: item %q has the field %q; with a picture the names of fields are without equals signs", item.ID, name)
		}
		params.Add("field", name+"="+item.Fields[name])
	}
	b := raw(picture)
	b.change = true
	return added(1, func(out any) error {
		return x.c.ask(ctx, http.MethodPost, x.path+"/items"+query(params), &b, out)
	})
}

// added holds the number of items that a server says it has added against those that were sent.
func added(n int, send func(out any) error) error {
	var out struct{ Added int }
	if err := send(&out); err != nil {
		return err
	}
	if out.Added != n {
		return fmt.Errorf("client: the server has added %d of %d items", out.Added, n)
	}
	return nil
}

// Delete takes items out by their identifiers, all in one change, and returns how many there were.
// Errors: what the server refuses.
func (x *Index) Delete(ctx context.Context, ids []string) (int, error) {
	return x.delete(ctx, map[string]any{"ids": append([]string{}, ids...)})
}

// DeleteWhere takes items out that pass a filter, all in one change, and returns how many there were.
// Errors: a filter that no index takes, or that lets all pass; what the server refuses.
func (x *Index) DeleteWhere(ctx context.Context, f index.Filter) (int, error) {
	return x.where(ctx, f, false)
}

// Count is how many items DeleteWhere would take out.
func (x *Index) Count(ctx context.Context, f index.Filter) (int, error) { return x.where(ctx, f, true) }

func (x *Index) where(ctx context.Context, f index.Filter, dry bool) (int, error) {
	if err := f.Check("filter"); err != nil {
		return 0, err
	}
	return x.delete(ctx, map[string]any{"filter": f, "dry_run": dry})
}

func (x *Index) delete(ctx context.Context, what any) (int, error) {
	var out struct{ Deleted int }
	err := x.c.change(ctx, x.path+"/items/delete", what, &out)
	return out.Deleted, err
}

// Get returns an item with its vector.
// Errors: what the server refuses; an item that is not there is an Error of status 404.
func (x *Index) Get(ctx context.Context, id string) (item index.Item, err error) {
	err = x.c.ask(ctx, http.MethodGet, x.path+"/items/"+url.PathEscape(id), nil, &item)
	return item, err
}

// List goes through the items that pass a filter, in order of their identifiers, with their vectors or without. It ends with the first error.
func (x *Index) List(ctx context.Context, f index.Filter, vectors bool) iter.Seq2[index.Item, error] {
	return func(yield func(index.Item, error) bool) {
		params, err := filterParams(f)
		if err != nil {
			yield(index.Item{}, err)
			return
		}
		params.Set("vectors", strconv.FormatBool(vectors))
		for {
			var part struct {
				Items []index.Item
				Next  string
			}
			if err := x.c.ask(ctx, http.MethodGet, x.path+"/items"+query(params), nil, &part); err != nil {
				yield(index.Item{}, err)
				return
			}
			for _, item := range part.Items {
				if !yield(item, nil) {
					return
				}
			}
			if part.Next == "" {
				return
			}
			params.Set("after", part.Next)
		}
	}
}

// Info says what the index is.
func (x *Index) Info(ctx context.Context) (index.Info, error) {
	var out struct{ Index index.Info }
	err := x.c.ask(ctx, http.MethodGet, x.path+"/info", nil, &out)
	return out.Index, err
}
