package pgvector

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/indextest"
	"github.com/jackc/pgx/v5"
)

// urlVariable names the database that the tests use. Its tables are removed again.
const urlVariable = "ENERGO_PGVECTOR_URL"

// serverURL is the database of the tests; without one they are skipped.
func serverURL(t testing.TB) string {
	t.Helper()
	u := os.Getenv(urlVariable)
	if u == "" {
		t.Skipf("%s is not set; it must be the URL of a database, as scripts/pgvector.sh start prints it", urlVariable)
	}
	return u
}

var tables atomic.Int64

// freshTable is the address of a table that is not there.
func freshTable(t testing.TB, parameters string) string {
	u := serverURL(t)
	sign := "?"
	if strings.Contains(u, "?") {
		sign = "&"
	}
	return fmt.Sprintf("%s%stable=energo_test_%d_%d%s", u, sign, os.Getpid(), tables.Add(1), parameters)
}

// create makes an index that ends with the test.
func create(t testing.TB, address string, o index.Options) *Index {
	t.Helper()
	x, err := Create(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(x.Drop(context.Background()), x.Close()); err != nil {
			t.Error(err)
		}
	})
	return x
}

// TestConformance holds the index to what the interface says of all kinds.
func TestConformance(t *testing.T) {
	serverURL(t)
	for _, how := range []string{"exact", "hnsw"} {
		t.Run(how, func(t *testing.T) {
			indextest.Run(t, func(t *testing.T, o index.Options) index.Index { return create(t, freshTable(t, "&index="+how), o) })
		})
	}
}

// TestOpen opens what was created, and nothing else.
func TestOpen(t *testing.T) {
	address := freshTable(t, "&index=hnsw&m=8&ef_construction=40")
	if _, err := Open(t.Context(), address); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no table: %v", err)
	}
	o := index.Options{Dim: 3, Metric: "dot", Encoder: `it's "an" encoder`}
	x := create(t, address, o)
	if _, err := Create(t.Context(), address, o); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second Create: %v", err)
	}
	if err := x.Add(t.Context(), []index.Item{{ID: "a", Vector: []float32{1, 2, 3}}}); err != nil {
		t.Fatal(err)
	}
	y, err := Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	if y.about != x.about || !y.graph {
		t.Errorf("opened as %+v, graph %v; created as %+v", y.about, y.graph, x.about)
	}
	if _, err := x.pool.Exec(t.Context(), "COMMENT ON TABLE "+x.table.Sanitize()+` IS '{"energo":9}'`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), address); err == nil || !strings.Contains(err.Error(), "newer energo") {
		t.Errorf("a table of a newer layout: %v", err)
	}
	if _, err := x.pool.Exec(t.Context(), "COMMENT ON TABLE "+x.table.Sanitize()+` IS NULL`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), address); err == nil || !strings.Contains(err.Error(), "not made as an index") {
		t.Errorf("a table of others: %v", err)
	}
}

// TestRefused names what a table cannot hold.
func TestRefused(t *testing.T) {
	for what, c := range map[string]struct {
		parameters string
		o          index.Options
	}{
		"storage":       {"", index.Options{Dim: 3, Storage: index.Int8}},
		"Dim":           {"", index.Options{Dim: 16001}},
		"Dim of graphs": {"&index=hnsw", index.Options{Dim: 2001}},
	} {
		if _, err := Create(t.Context(), "postgres://u@127.0.0.1:1/d?table=t"+c.parameters, c.o); !errors.Is(err, index.ErrArgument) {
			t.Errorf("%s: %v", what, err)
		}
	}
	x := create(t, freshTable(t, ""), index.Options{Dim: 2, Metric: "cosine"})
	if err := x.Add(t.Context(), []index.Item{{ID: "a", Vector: []float32{1e-25, 0}}}); !errors.Is(err, index.ErrArgument) {
		t.Errorf("a vector without a cosine in float32: %v", err)
	}
}

// TestValues counts as a folder does.
func TestValues(t *testing.T) {
	table := create(t, freshTable(t, ""), index.Options{Dim: 1})
	folder, err := index.Create(t.TempDir(), index.Options{Dim: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	var items []index.Item
	for i := range 60 {
		it := index.Item{ID: fmt.Sprint(i), Vector: []float32{1}, Label: []string{"", "cat", "dog", "\x00"}[i%4], Fields: map[string]string{
			"size": fmt.Sprint(i % 7), "secret": "x", "nul\x00": "\x01", "empty": "",
		}}
		if i%3 == 0 {
			it.Fields["rare"] = fmt.Sprint(i)
		}
		items = append(items, it)
	}
	for _, x := range []index.Index{table, folder} {
		if err := x.Add(t.Context(), items); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"", "label = cat", "size > 3 and not rare exists", "label = none"} {
		f, err := index.ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, most := range []int{0, 3, 100} {
			got, err := table.Values(t.Context(), f, most, "secret")
			if err != nil {
				t.Fatal(err)
			}
			want, err := folder.Values(t.Context(), f, most, "secret")
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q, at most %d: %+v, want %+v", text, most, got, want)
			}
		}
	}
	if _, err := table.Values(t.Context(), index.Filter{}, -1); !errors.Is(err, index.ErrArgument) {
		t.Errorf("most of -1: %v", err)
	}
}

// TestGraphIsUsed asks the server whether the order that Search asks for is one that the graph gives. So small a table it would read
// as a whole, which is forbidden here.
func TestGraphIsUsed(t *testing.T) {
	x := create(t, freshTable(t, "&index=hnsw"), index.Options{Dim: 2})
	err := pgx.BeginFunc(t.Context(), x.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off"); err != nil {
			return err
		}
		statement, a := x.statement(&index.Query{Vector: []float32{1, 2}, K: 10, Filter: index.Filter{Label: index.In("a")}})
		rows, err := tx.Query(t.Context(), "EXPLAIN "+statement, a...)
		if err != nil {
			return err
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if text := strings.Join(plan, "\n"); !strings.Contains(text, "embedding_idx") {
			t.Errorf("the plan does not use the graph:\n%s", text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
