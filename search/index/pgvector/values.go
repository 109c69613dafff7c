package pgvector

import (
	"context"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/search/index"
	"github.com/jackc/pgx/v5"
)

// maxFieldNames bounds how many fields Values looks at: the first in the order of their names.
const maxFieldNames = 100

// Values counts the labels and fields of the items that pass a filter: for each, at most most texts.
// Fields named in without are left out.
func (x *Index) Values(ctx context.Context, f index.Filter, most int, without ...string) (out index.Values, err error) {
	if err := f.Check("filter"); err != nil {
		return out, err
	}
	if most < 0 || most > index.MaxK {
		return out, unsupported(fmt.Sprintf("most is %d; it must be 0 to %d", most, index.MaxK))
	}
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, x.pool, snapshot, func(tx pgx.Tx) error {
		out, err = x.values(ctx, tx, &f, most, without)
		return err
	})
	return out, x.failed("values", err)
}

func (x *Index) values(ctx context.Context, tx pgx.Tx, f *index.Filter, most int, without []string) (out index.Values, err error) {
	var a arguments
	where := a.where(f)
	if err := tx.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", x.table.Sanitize(), where), a...).Scan(&out.Items); err != nil {
		return out, err
	}
	if out.Labels, err = x.valuesOf(ctx, tx, f, nil, most); err != nil {
		return out, err
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT DISTINCT jsonb_object_keys(fields) COLLATE "C" AS name FROM %s ORDER BY name LIMIT $1`,
		x.table.Sanitize()), maxFieldNames+len(without))
	if err != nil {
		return out, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return out, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(without, restored(name)) })
	out.Fields = map[string]index.ValuesOf{}
	for _, name := range names[:min(len(names), maxFieldNames)] {
		of, err := x.valuesOf(ctx, tx, f, &name, most)
		if err != nil {
			return out, err
		}
		if of.Items > 0 {
			out.Fields[restored(name)] = of
		}
	}
	return out, nil
}

// valuesOf counts the texts of the labels, or of a field.
func (x *Index) valuesOf(ctx context.Context, tx pgx.Tx, f *index.Filter, field *string, most int) (out index.ValuesOf, err error) {
	var a arguments
	text := "label"
	if field != nil {
		text = fmt.Sprintf("fields->>%s::text", a.add(*field))
	}
	counts := fmt.Sprintf("WITH c AS (SELECT v, count(*) AS n FROM (SELECT %s AS v FROM %s WHERE %s) t WHERE v <> '' GROUP BY v)",
		text, x.table.Sanitize(), a.where(f))
	if err := tx.QueryRow(ctx, counts+" SELECT COALESCE(sum(n), 0)::bigint, count(*) FROM c", a...).Scan(&out.Items, &out.Distinct); err != nil {
		return out, err
	}
	out.Most = []index.ValueCount{}
	if out.Distinct > index.MaxDistinct {
		out.Distinct = index.MaxDistinct + 1
		return out, nil
	}
	if most == 0 {
		return out, nil
	}
	rows, err := tx.Query(ctx, counts+` SELECT v, n FROM c ORDER BY n DESC, v COLLATE "C" LIMIT `+a.add(most), a...)
	if err != nil {
		return out, err
	}
	out.Most, err = pgx.AppendRows(out.Most, rows, func(row pgx.CollectableRow) (c index.ValueCount, err error) {
		err = row.Scan(&c.Value, &c.Items)
		c.Value = restored(c.Value)
		return c, err
	})
	return out, err
}
