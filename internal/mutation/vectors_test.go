package mutation

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/vectors"
)

// vectorReaders read files of vectors, and what an index remembers of where they are from.
func vectorReaders() []reader {
	made := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			const rows = 40
			w, err := vectors.Create(filepath.Join(dir, name), vectors.Outline{Rows: rows, Dim: 3, Fields: []string{"colour", "path"}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows {
				item := index.Item{ID: fmt.Sprint("item ", i), Label: fmt.Sprint(i % 3), Vector: []float32{float32(i), 1, 0.5}, Fields: map[string]string{"colour": "red"}}
				if err := w.Write(&item); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(path string) (content any, err error) {
		r, err := vectors.Open(path, vectors.Options{})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		var all []string
		for row, err := range r.Rows() {
			if bad := (*vectors.RowError)(nil); err != nil && !errors.As(err, &bad) {
				return nil, err
			}
			all = append(all, fmt.Sprint(row.Item, err))
		}
		return all, nil
	}
	var list []reader
	for _, suffix := range vectors.Formats {
		blind := noDigest
		if suffix == ".safetensors" {
			blind = ""
		}
		list = append(list, reader{name: "vectors/" + suffix[1:], funcs: []string{"search/vectors.Open"}, file: "all" + suffix, make: made("all" + suffix), read: at("all"+suffix, read), blind: blind})
	}
	memory := func(t *testing.T, dir string) {
		t.Helper()
		if err := (collection.Memory{Run: "/runs/a", Roots: map[string]string{"photos": "/home/photos"}}).Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	return append(list, reader{
		name: "index/run.json", funcs: []string{"search/collection.ReadMemory"}, file: collection.MemoryFile, make: memory, blind: noDigest,
		read: func(dir string) (any, error) {
			m, err := collection.ReadMemory(dir)
			return fmt.Sprint(filepath.Base(m.Run), m.Builtin, m.Roots), err
		},
	})
}
