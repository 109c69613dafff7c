package vectors

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/search/index"
)

// Files that pyarrow wrote (oracle/vector_files.py).
func TestParquet(t *testing.T) {
	at := func(name string) string { return filepath.Join("testdata", name) }
	items, bad, err := rows(t, at("pandas.parquet"), Options{})
	want := []index.Item{
		{ID: "10", Vector: []float32{0.5, -1.25, 3}, Label: "cat", Fields: map[string]string{"taken": "2020-05-01T12:30:00Z", "score": "0.25", "ok": "true"}},
		{ID: "11", Vector: []float32{1e-3, 2, -4}, Fields: map[string]string{"score": "1.5", "ok": "false"}},
		{ID: "12", Vector: []float32{7, 8, 9}, Label: "dog", Fields: map[string]string{"taken": "2020-05-01T12:30:00Z"}},
	}
	if err != nil || bad != nil || !reflect.DeepEqual(items, want) {
		t.Errorf("%+v, %q, %v", items, bad, err)
	}
	r, err := Open(at("pandas.parquet"), Options{})
	if err != nil || !slices.Equal(r.LeftOut, []string{"tags"}) {
		t.Fatalf("left out %q, %v", r.LeftOut, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	items, bad, err = rows(t, at("fixed.parquet"), Options{ID: "key", Vector: "embedding"})
	if err != nil || bad != nil || len(items) != 300 {
		t.Fatalf("%d items, %q, %v", len(items), bad, err)
	}
	for i, item := range items {
		if item.ID != fmt.Sprint("k", i) || !slices.Equal(item.Vector, []float32{float32(2 * i % 50), float32((2*i + 1) % 50)}) {
			t.Fatalf("item %d is %+v", i, item)
		}
	}
	items, bad, err = rows(t, at("nulls.parquet"), Options{})
	if err != nil || len(items) != 1 || !slices.Equal(bad, []string{`row 1: "vector" is null or an empty list`, `row 2: number 2 of "vector" is null`, `row 3: "id" is null; it must be an identifier`, `row 4: "vector" is null or an empty list`}) {
		t.Errorf("%+v, %q, %v", items, bad, err)
	}
	items, bad, err = rows(t, at("wide.parquet"), Options{})
	if err != nil || bad != nil || !reflect.DeepEqual(items, []index.Item{{ID: "a", Vector: []float32{0, 1}}, {ID: "b", Vector: []float32{2, 3}}}) {
		t.Errorf("%+v, %q, %v", items, bad, err)
	}
	for _, c := range []struct {
		name string
		o    Options
		says string
	}{
		{"fixed.parquet", Options{}, `there is no column "vector", of the vector; the columns are key`},
		{"pandas.parquet", Options{Vector: "tags"}, `the column "tags" is a list or a group of other values; it must be a list of floats`},
		{"pandas.parquet", Options{Vector: "score"}, `the column "score" holds single values; it must be a list of floats`},
		{"lz4.parquet", Options{}, "it is compressed by LZ4_RAW; what is compressed by snappy, gzip, zstd, brotli or not at all is read"},
		{"pandas.parquet", Options{ID: "tags"}, `there is no column "tags"`},
	} {
		if _, _, err := rows(t, at(c.name), c.o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %+v: %v, want %q", c.name, c.o, err, c.says)
		}
	}
}
