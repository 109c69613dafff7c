package pgvector

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/search/index"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// searchesAtOnce bounds the statements of one Search that are under way; the address's pool_max_conns does, too.
const searchesAtOnce = 8

// Bounds of how many candidates the server keeps while it goes through a graph.
const (
	minCandidates = 100
	maxCandidates = 1000 // the server's
)

// Search returns the hits of each query, the nearest first. Each query is a statement of its own.
// Distances are as exact as the server's float32.
func (x *Index) Search(ctx context.Context, queries []index.Query) ([][]index.Hit, error) {
	if err := x.about.options().CheckQueries(queries); err != nil {
		return nil, err
	}
	for i := range queries {
		if err := x.checkLength(fmt.Sprintf("queries[%d].Vector", i), queries[i].Vector); err != nil {
			return nil, err
		}
	}
	hits := make([][]index.Hit, len(queries))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(searchesAtOnce)
	for i := range queries {
		g.Go(func() (err error) {
			if hits[i], err = x.searchOne(ctx, &queries[i]); err != nil {
				return x.failed(fmt.Sprintf("query %d", i), err)
			}
			return nil
		})
	}
	return hits, g.Wait()
}

// searchOne asks for the hits of a query. Where there is a graph, it is gone through until there are as many as asked for.
func (x *Index) searchOne(ctx context.Context, q *index.Query) (hits []index.Hit, err error) {
	if !x.graph {
		return x.ask(ctx, x.pool, q)
	}
	err = pgx.BeginTxFunc(ctx, x.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		candidates := min(max(2*(q.K+q.Offset), minCandidates), maxCandidates)
		if _, err := tx.Exec(ctx, `SELECT set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'strict_order', true),
	set_config('hnsw.max_scan_tuples', '2147483647', true)`, fmt.Sprint(candidates)); err != nil {
			return err
		}
		hits, err = x.ask(ctx, tx, q)
		return err
	})
	return hits, err
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, statement string, arguments ...any) (pgx.Rows, error)
}

func (x *Index) ask(ctx context.Context, on querier, q *index.Query) ([]index.Hit, error) {
	statement, a := x.statement(q)
	rows, err := on.Query(ctx, statement, a...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, readHit)
}

// statement is a query in SQL. Where there is a graph, the order within is of the distance alone: no other is one that servers before
// version 16 take from a graph.
func (x *Index) statement(q *index.Query) (string, arguments) {
	var a arguments
	d := fmt.Sprintf("embedding %s %s::float4[]::vector", metrics[x.about.Metric].operator, a.add(q.Vector))
	where := a.where(&q.Filter)
	if q.Within != nil {
		where += fmt.Sprintf(" AND %s <= %s::float8", d, a.add(*q.Within))
	}
	nearest := fmt.Sprintf("SELECT id, label, fields, added, %s AS d FROM %s WHERE %s", d, x.table.Sanitize(), where)
	if x.graph {
		nearest += fmt.Sprintf(" ORDER BY %s LIMIT %s", d, a.add(q.Offset+q.K))
	}
	return fmt.Sprintf("SELECT id, label, fields::text, d FROM (%s) AS n ORDER BY d, added LIMIT %s OFFSET %s", nearest, a.add(q.K), a.add(q.Offset)), a
}

// readHit is a pgx.RowToFunc of hits.
func readHit(row pgx.CollectableRow) (h index.Hit, err error) {
	var fields string
	if err := row.Scan(&h.ID, &h.Label, &fields, &h.Distance); err != nil {
		return h, err
	}
	h.ID, h.Label = restored(h.ID), restored(h.Label)
	if h.Fields, err = restoredFields(fields); err != nil {
		err = fmt.Errorf("fields of item %q: %w", h.ID, err)
	}
	return h, err
}
