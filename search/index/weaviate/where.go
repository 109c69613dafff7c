package weaviate

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/search/index"
)

// Count returns how many items pass a filter.
func (x *Index) Count(ctx context.Context, f index.Filter) (int, error) {
	if err := f.Check("filter"); err != nil {
		return 0, err
	}
	w, err := translate(&f)
	if err != nil {
		return 0, err
	}
	return x.countWhere(ctx, w)
}

// DeleteWhere takes out all items that pass a filter. The server deletes up to QUERY_MAXIMUM_RESULTS at a time, so that after an
// error some may be gone.
func (x *Index) DeleteWhere(ctx context.Context, f index.Filter) (int, error) {
	if err := index.CheckDeleteWhere(f); err != nil {
		return 0, err
	}
	w, err := translate(&f)
	if err != nil {
		return 0, err
	}
	if err := x.allThere(ctx); err != nil {
		return 0, err
	}
	total := 0
	for {
		n, err := x.deleteMatches(ctx, w)
		if total += n; n == 0 || err != nil {
			return total, err
		}
	}
}

// Update changes labels and fields: items are read, changed and added again.
func (x *Index) Update(ctx context.Context, patches []index.Patch) (int, error) {
	if err := index.CheckPatches(patches); err != nil {
		return 0, err
	}
	var items []index.Item
	for lo := 0; lo < len(patches); lo += batchItems {
		some := patches[lo:min(lo+batchItems, len(patches))]
		uuids, of := make([]string, len(some)), map[string]*index.Patch{}
		for i := range some {
			uuids[i], of[some[i].ID] = uuid(some[i].ID), &some[i]
		}
		objects, err := x.objects(ctx, uuids)
		if err != nil {
			return 0, err
		}
		for i := range objects {
			it, err := objects[i].item()
			if err != nil {
				return 0, err
			}
			of[it.ID].Apply(&it)
			items = append(items, it)
		}
	}
	return len(items), x.Add(ctx, items)
}

// List returns items in the order of their UUIDs. With a filter it is refused: the server lists with none.
func (x *Index) List(ctx context.Context, f index.Filter, after string, n int) ([]index.Item, error) {
	if err := index.CheckList(f, after, n); err != nil {
		return nil, err
	}
	if !f.IsZero() {
		return nil, unsupported("a list with a filter is asked for; an index on a Weaviate server lists all items")
	}
	cursor := ""
	if after != "" {
		cursor = uuid(after)
	}
	objects, err := x.objectsBy(ctx, fmt.Sprintf("limit:%d,after:%s", n, quote(cursor)))
	if err != nil {
		return nil, err
	}
	items := make([]index.Item, len(objects))
	for i := range objects {
		if items[i], err = objects[i].item(); err != nil {
			return nil, err
		}
	}
	return items, nil
}
