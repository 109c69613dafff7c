package collection

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/search/index"
)

// Gone lists the items that pass a filter and whose pictures are not where the index says; pictures is how many have one there or had.
// Pictures of sets of digits are taken to be there.
//
// Errors: a folder of a collection that is not there itself, as on a disk that is not mounted; those of the index and ctx.
func Gone(ctx context.Context, x index.Index, m Memory, f index.Filter) (gone []index.Item, pictures int, err error) {
	for item, err := range Items(ctx, x, f) {
		if err != nil {
			return nil, 0, err
		}
		at := m.Locate(item.Fields)
		if at == "" {
			continue
		}
		pictures++
		if isThere(at) {
			continue
		}
		name := item.Fields[RootField]
		if root, known := m.Roots[name]; known {
			if _, err := os.Stat(root); err != nil {
				return nil, 0, fmt.Errorf("the folder of the collection %s, %s, is not there itself: %w", excerpt.Line(name), excerpt.Line(root), reason(err))
			}
		}
		item.Vector = nil
		gone = append(gone, item)
	}
	return gone, pictures, nil
}

// reason is why a file cannot be looked at, without its name.
func reason(err error) error {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err
	}
	return err
}
