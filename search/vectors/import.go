package vectors

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
)

// Bounds of the rows that are added together.
const (
	importRows  = 4096
	importBytes = 64 << 20
)

// An Importing adds the rows of a file to an index, batch by batch.
type Importing struct {
	Index index.Index
	// Name is what identifiers begin with of rows that have none, and the name of the collection whose folder their pictures are in.
	Name string
	// NoRoot is why the index cannot take relative paths of pictures; nil where it can.
	NoRoot error
	// Skip is called for a row that the index does not take, which is left out; nil stops at the first one and returns its error.
	Skip func(err error)
	// Progress is called now and then with the number of rows that were read; nil is never.
	Progress func(rows int)

	Rows     int // that were read
	Added    int // items that the index did not have
	Replaced int // items that it had
	Rooted   int // items with a relative path of a picture: collection.RootField is Name

	options index.Options
	batch   []index.Item
	bytes   int
	places  map[string]string // of all identifiers of the file
}

// Add adds all rows of a file. A row replaces an item of its identifier that the index has.
//
// Errors: those of the file, of the index and ctx; without Skip, a row of another number of coordinates, or that an index does not take for
// another reason, or whose identifier an earlier row has. What was added before an error stays.
func (m *Importing) Add(ctx context.Context, r *Reader) error {
	info, err := m.Index.Info(ctx)
	if err != nil {
		return err
	}
	m.options = index.Options{Dim: info.Dim, Metric: info.Metric, Storage: info.Storage}
	m.places = map[string]string{}
	for row, err := range r.Rows() {
		if err == nil {
			if err = m.prepare(&row); err != nil {
				err = named(r.path, &RowError{row.Place, err})
			}
		}
		bad := (*RowError)(nil)
		switch {
		case errors.As(err, &bad) && m.Skip != nil:
			m.Skip(err)
		case err != nil:
			return errors.Join(err, m.flush(ctx))
		default:
			m.take(&row)
		}
		if m.Rows++; m.Progress != nil && m.Rows%importRows == 0 {
			m.Progress(m.Rows)
		}
		if len(m.batch) == importRows || m.bytes > importBytes {
			if err := m.flush(ctx); err != nil {
				return err
			}
		}
	}
	return m.flush(ctx)
}

// prepare completes a row's item, and refuses what the index does not take.
func (m *Importing) prepare(row *Row) error {
	if row.ID == "" {
		row.ID = path.Join(m.Name, fmt.Sprint(row.Number))
	}
	for _, own := range []string{collection.StampField, collection.RootField} {
		if _, has := row.Fields[own]; has {
			return fmt.Errorf("a field is called %q, which energo keeps for itself", own)
		}
	}
	if at, ok := row.Fields[index.PathField]; ok && !filepath.IsAbs(filepath.FromSlash(at)) {
		if m.NoRoot != nil {
			return fmt.Errorf("the path %s is relative: %w", excerpt.Line(excerpt.Of(at)), m.NoRoot)
		}
		row.Fields[collection.RootField] = m.Name
	}
	item := row.Item
	item.Vector = row.Vector
	if err := m.options.CheckItems([]index.Item{item}); err != nil {
		what, ok := strings.CutPrefix(err.Error(), "index: items[0].") // the row is named
		if !ok {
			return err
		}
		return errors.New(strings.ToLower(what[:1]) + what[1:])
	}
	if before, twice := m.places[row.ID]; twice {
		return fmt.Errorf("the identifier %q is also that of %s", excerpt.Of(row.ID), before)
	}
	return nil
}

func (m *Importing) take(row *Row) {
	m.places[row.ID] = row.Place
	if row.Fields[collection.RootField] != "" {
		m.Rooted++
	}
	m.bytes += 4 * len(row.Vector)
	for name, value := range row.Fields {
		m.bytes += len(name) + len(value)
	}
	m.batch = append(m.batch, row.Item)
}

// flush adds the batch.
func (m *Importing) flush(ctx context.Context) error {
	if len(m.batch) == 0 {
		return ctx.Err()
	}
	before, err := m.Index.Info(ctx)
	if err == nil {
		err = m.Index.Add(ctx, m.batch)
	}
	if err != nil {
		return err
	}
	after, err := m.Index.Info(ctx)
	if err != nil {
		return err
	}
	fresh := max(0, after.Len-before.Len)
	m.Added, m.Replaced = m.Added+fresh, m.Replaced+len(m.batch)-fresh
	m.batch, m.bytes = m.batch[:0], 0
	return nil
}
