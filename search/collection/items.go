package collection

import (
	"context"
	"iter"

	"github.com/energo-ml/energo/search/index"
)

// pageItems is how many items are listed at a time.
const pageItems = 1000

// Items goes over the items of an index that pass a filter, in the order of Index.List. After an error it ends.
func Items(ctx context.Context, x index.Index, f index.Filter) iter.Seq2[index.Item, error] {
	return func(yield func(index.Item, error) bool) {
		for after := ""; ; {
			items, err := x.List(ctx, f, after, pageItems)
			if err != nil {
				yield(index.Item{}, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if len(items) < pageItems {
				return
			}
			after = items[len(items)-1].ID
		}
	}
}
