package pgvector

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/jackc/pgx/v5"
)

// Bounds of what one statement carries.
const (
	batchItems = 1000
	batchBytes = 8 << 20 // unless one item has more
)

// minLength is the least ‖vector‖ with the metric cosine: the server computes its square in float32.
const minLength = 1e-18

// checkLength refuses a vector to which the server knows no angle.
func (x *Index) checkLength(name string, v []float32) error {
	if x.about.Metric != distance.Cosine {
		return nil
	}
	var squares float64
	for _, c := range v {
		squares += float64(c) * float64(c)
	}
	if squares < minLength*minLength {
		return unsupported(fmt.Sprintf("%s is shorter than %g; the server computes cosines in float32", name, minLength))
	}
	return nil
}

// change does a change in one transaction, with none beside it.
func (x *Index) change(ctx context.Context, what string, do func(tx pgx.Tx) error) error {
	return x.failed(what, pgx.BeginFunc(ctx, x.pool, func(tx pgx.Tx) error {
		// A lock of the table itself would keep out vacuum, too.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock('pg_class'::regclass::oid::int, $1::regclass::oid::int)", x.table.Sanitize()); err != nil {
			return err
		}
		return do(tx)
	}))
}

// places gives n new numbers of the column added, and returns the first. Changes wait for each other, so that they follow one another.
func (x *Index) places(ctx context.Context, tx pgx.Tx, n int) (first int64, err error) {
	err = tx.QueryRow(ctx, `SELECT setval(s, nextval(s) + $2::bigint - 1) - $2::bigint + 1 FROM (SELECT pg_get_serial_sequence($1, 'added')::regclass AS s) t`,
		x.table.Sanitize(), n).Scan(&first)
	return first, err
}

// Add adds items; one with the identifier of a stored item replaces it.
func (x *Index) Add(ctx context.Context, items []index.Item) error {
	if err := x.about.options().CheckItems(items); err != nil {
		return err
	}
	for i := range items {
		if err := x.checkLength(fmt.Sprintf("items[%d].Vector", i), items[i].Vector); err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return ctx.Err()
	}
	return x.change(ctx, "add", func(tx pgx.Tx) error {
		first, err := x.places(ctx, tx, len(items))
		for lo := 0; lo < len(items) && err == nil; {
			var r rows
			if err = r.fill(items[lo:]); err == nil {
				err = x.put(ctx, tx, &r, first+int64(lo))
			}
			lo += len(r.ids)
		}
		return err
	})
}

// rows are items as columns.
type rows struct {
	ids, labels, fields, numbers []string
	vectors                      []float32 // one behind the other
}

// fill takes the first of some items, as many as go into a statement and at least one.
func (r *rows) fill(items []index.Item) error {
	for size := 0; len(r.ids) < min(len(items), batchItems) && size < batchBytes; {
		it := &items[len(r.ids)]
		fields, err := storedFields(it)
		if err != nil {
			return err
		}
		numbers, err := storedNumbers(it)
		if err != nil {
			return err
		}
		r.ids, r.labels = append(r.ids, stored(it.ID)), append(r.labels, stored(it.Label))
		r.fields, r.numbers = append(r.fields, fields), append(r.numbers, numbers)
		r.vectors = append(r.vectors, it.Vector...)
		size += len(it.ID) + len(it.Label) + len(fields) + len(numbers) + 4*len(it.Vector)
	}
	return nil
}

// put inserts or replaces rows; the first has the place first.
func (x *Index) put(ctx context.Context, tx pgx.Tx, r *rows, first int64) error {
	statement := fmt.Sprintf(`INSERT INTO %s AS t (id, label, fields, numbers, embedding, added)
SELECT i.id, i.label, i.fields::jsonb, i.numbers::jsonb, ($5::float4[])[(i.n - 1) * $6::int + 1 : i.n * $6::int]::vector, $7::bigint + i.n - 1
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS i (id, label, fields, numbers, n)
ON CONFLICT (id) DO UPDATE SET label = excluded.label, fields = excluded.fields, numbers = excluded.numbers, embedding = excluded.embedding, added = excluded.added`,
		x.table.Sanitize())
	_, err := tx.Exec(ctx, statement, r.ids, r.labels, r.fields, r.numbers, r.vectors, x.about.Dim, first)
	return err
}

// Update changes labels and fields.
func (x *Index) Update(ctx context.Context, patches []index.Patch) (n int, err error) {
	if err := index.CheckPatches(patches); err != nil {
		return 0, err
	}
	err = x.change(ctx, "update", func(tx pgx.Tx) error {
		items, err := x.patched(ctx, tx, patches)
		if err != nil || len(items) == 0 {
			return err
		}
		first, err := x.places(ctx, tx, len(items))
		n = len(items)
		for lo := 0; lo < len(items) && err == nil; {
			var r rows
			if err = r.fill(items[lo:]); err == nil {
				err = x.relabel(ctx, tx, &r, first+int64(lo))
			}
			lo += len(r.ids)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// patched returns the items of patches as they will be, without vectors, in the order of the patches.
func (x *Index) patched(ctx context.Context, tx pgx.Tx, patches []index.Patch) ([]index.Item, error) {
	ids := make([]string, len(patches))
	for i := range patches {
		ids[i] = stored(patches[i].ID)
	}
	selected, err := tx.Query(ctx, fmt.Sprintf("SELECT id, label, fields::text, NULL::float4[] FROM %s WHERE id = ANY($1::text[]) FOR UPDATE", x.table.Sanitize()), ids)
	if err != nil {
		return nil, err
	}
	there, err := pgx.CollectRows(selected, readItem)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*index.Item, len(there))
	for i := range there {
		byID[there[i].ID] = &there[i]
	}
	var items []index.Item
	for i := range patches {
		it := byID[patches[i].ID]
		if it == nil {
			continue
		}
		patches[i].Apply(it)
		if len(it.Fields) > index.MaxFields {
			return nil, unsupported(fmt.Sprintf("patches[%d]: item %q would have %d fields; at most %d are allowed", i, it.ID, len(it.Fields), index.MaxFields))
		}
		items = append(items, *it)
	}
	return items, nil
}

// relabel changes the texts of rows that are there; the first has the place first.
func (x *Index) relabel(ctx context.Context, tx pgx.Tx, r *rows, first int64) error {
	statement := fmt.Sprintf(`UPDATE %s AS t SET label = i.label, fields = i.fields::jsonb, numbers = i.numbers::jsonb, added = $5::bigint + i.n - 1
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS i (id, label, fields, numbers, n) WHERE t.id = i.id`, x.table.Sanitize())
	_, err := tx.Exec(ctx, statement, r.ids, r.labels, r.fields, r.numbers, first)
	return err
}

// Delete takes items out and returns how many there were.
func (x *Index) Delete(ctx context.Context, ids []string) (n int, err error) {
	if err := index.CheckIDs(ids); err != nil || len(ids) == 0 {
		return 0, err
	}
	return x.remove(ctx, &index.Filter{ID: index.Condition{In: ids}})
}

// DeleteWhere takes out all items that pass a filter.
func (x *Index) DeleteWhere(ctx context.Context, f index.Filter) (int, error) {
	if err := index.CheckDeleteWhere(f); err != nil {
		return 0, err
	}
	return x.remove(ctx, &f)
}

// remove deletes what passes a filter.
func (x *Index) remove(ctx context.Context, f *index.Filter) (n int, err error) {
	var a arguments
	statement := fmt.Sprintf("DELETE FROM %s WHERE %s", x.table.Sanitize(), a.where(f))
	err = x.change(ctx, "delete", func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, statement, a...)
		n = int(done.RowsAffected())
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
