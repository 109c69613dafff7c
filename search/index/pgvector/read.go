package pgvector

import (
	"context"
	"errors"
	"fmt"

	"github.com/energo-ml/energo/search/index"
	"github.com/jackc/pgx/v5"
)

// columns are those of an item, as readItem takes them.
const columns = "id, label, fields::text, embedding::float4[]"

// readItem is a pgx.RowToFunc of items.
func readItem(row pgx.CollectableRow) (it index.Item, err error) {
	var fields string
	if err := row.Scan(&it.ID, &it.Label, &fields, &it.Vector); err != nil {
		return it, err
	}
	it.ID, it.Label = restored(it.ID), restored(it.Label)
	if it.Fields, err = restoredFields(fields); err != nil {
		err = fmt.Errorf("fields of item %q: %w", it.ID, err)
	}
	return it, err
}

// Get returns the item of an identifier.
func (x *Index) Get(ctx context.Context, id string) (it index.Item, ok bool, err error) {
	if err := index.CheckIDs([]string{id}); err != nil {
		return it, false, err
	}
	rows, err := x.pool.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE id = $1", columns, x.table.Sanitize()), stored(id))
	if err == nil {
		it, err = pgx.CollectExactlyOneRow(rows, readItem)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return index.Item{}, false, nil
	}
	return it, err == nil, x.failed("get", err)
}

// Count returns how many items pass a filter.
func (x *Index) Count(ctx context.Context, f index.Filter) (n int, err error) {
	if err := f.Check("filter"); err != nil {
		return 0, err
	}
	var a arguments
	where := a.where(&f)
	err = x.pool.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", x.table.Sanitize(), where), a...).Scan(&n)
	return n, x.failed("count", err)
}

// List returns up to n of the items that pass a filter, in the order of their identifiers by bytes.
func (x *Index) List(ctx context.Context, f index.Filter, after string, n int) ([]index.Item, error) {
	if err := index.CheckList(f, after, n); err != nil {
		return nil, err
	}
	var a arguments
	statement := fmt.Sprintf("SELECT %s FROM %s WHERE %s AND id > %s::text ORDER BY id LIMIT %s",
		columns, x.table.Sanitize(), a.where(&f), a.add(stored(after)), a.add(n))
	rows, err := x.pool.Query(ctx, statement, a...)
	if err != nil {
		return nil, x.failed("list", err)
	}
	items, err := pgx.CollectRows(rows, readItem)
	return items, x.failed("list", err)
}
