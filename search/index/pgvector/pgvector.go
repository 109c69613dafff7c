// Package pgvector is an index in a table of a PostgreSQL server with the extension vector (pgvector): vectors beside the
// other data of an application, under its backups and its rights.
//
// [Create] makes the table; a comment on it says what the vectors are. All values go to the server as parameters. A change is one transaction.
//
// What differs from an index on this machine:
//   - The server computes in float32. Vectors have at most 16,000 coordinates, and with the metric cosine lengths of at least 1e-18.
//   - With index=hnsw, neighbours are found by a graph, and now and then one is missed; vectors have at most 2,000 coordinates then. Which of the
//     hits at one distance are among the K is the server's choice.
//   - Coordinates are float32; there is no other storage.
//   - Changes wait for each other, so that they have one order.
//
// The table has these columns, which other programs may read. PostgreSQL's texts have no byte 0: bytes 0 and 1 of a text are stored
// as 1 1 and 1 2, which keeps the order of texts.
//
//	id         text COLLATE "C", the primary key
//	label      text COLLATE "C"
//	fields     jsonb: texts by name
//	numbers    jsonb: what reads as a number, as "label", "id", and "field:NAME"
//	embedding  vector
//	added      bigint: the order in which items were added
package pgvector

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/search/index"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// kind is Info.Kind of these indexes.
const kind = "pgvector"

// Index is a table on a server. Its methods may be called from several goroutines at once.
type Index struct {
	pool  *pgxpool.Pool
	table pgx.Identifier
	about about
	graph bool // there is an index of the vectors by a graph
}

var _ index.Index = (*Index)(nil)

// Open opens the index at an address: postgres://USER@HOST:PORT/DATABASE?table=NAME. The parameters, beside those of [pgxpool.ParseConfig]:
//
//	table=NAME            the table: letters, digits and underscores, or SCHEMA.NAME
//	index=exact|hnsw      for Create: compare with all vectors, or find by a graph
//	m=N                   for Create with hnsw: neighbours of a node, 2 to 100 (16)
//	ef_construction=N     for Create with hnsw: candidates when a node is added, 4 to 1000 (64)
//
// The password is not in the address: the environment variable PGPASSWORD or the file that PGPASSFILE names has it.
//
// Where there is no such table, the error is fs.ErrNotExist.
func Open(ctx context.Context, address string) (*Index, error) {
	at, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	x, err := at.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.learn(ctx); err != nil {
		x.pool.Close()
		return nil, err
	}
	return x, nil
}

// Create makes a new index at an address as Open takes it, and the extension vector where the database does not have it. A table of
// that name must not be there.
func Create(ctx context.Context, address string, o index.Options) (*Index, error) {
	at, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	if o, err = at.checkOptions(o); err != nil {
		return nil, err
	}
	x, err := at.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.make(ctx, at, o); err != nil {
		x.pool.Close()
		return nil, err
	}
	return x, nil
}

// connect makes the pool of connections and asks whether the server can hold texts.
func (a *location) connect(ctx context.Context) (*Index, error) {
	pool, err := pgxpool.NewWithConfig(ctx, a.config)
	if err != nil {
		return nil, fmt.Errorf("pgvector: %w", err)
	}
	x := &Index{pool: pool, table: a.table}
	var encoding string
	err = pool.QueryRow(ctx, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()").Scan(&encoding)
	if err == nil && encoding != "UTF8" {
		err = fmt.Errorf("the database's encoding is %s, want UTF8", encoding)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("pgvector: %w", err)
	}
	return x, nil
}

// Info says what the index is; its length is that of this moment.
func (x *Index) Info(ctx context.Context) (index.Info, error) {
	n, err := x.Count(ctx, index.Filter{})
	if err != nil {
		return index.Info{}, err
	}
	return index.Info{
		Kind: kind, Dim: x.about.Dim, Len: n, Metric: x.about.Metric,
		Storage: index.Float32, Encoder: x.about.Encoder,
	}, nil
}

// Drop removes the table with all its items from the server.
func (x *Index) Drop(ctx context.Context) error {
	_, err := x.pool.Exec(ctx, "DROP TABLE "+x.table.Sanitize())
	return x.failed("drop", err)
}

// Close gives back the connections.
func (x *Index) Close() error {
	x.pool.Close()
	return nil
}

// failed says what could not be done; nil stays nil.
func (x *Index) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("pgvector: table %s: %s: %w", x.table.Sanitize(), what, err)
}
