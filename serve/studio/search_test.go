package studio

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve/search"
)

// makeIndex makes an index with an item in a folder.
func makeIndex(t *testing.T, dir, id string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		t.Fatal(err)
	}
	x, err := index.Create(dir, index.Options{Dim: 2})
	if err == nil {
		err = errors.Join(x.Add(t.Context(), []index.Item{{ID: id, Label: "one", Vector: []float32{1, 2}}}), x.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// openIndex opens an index to be read.
func openIndex(_ context.Context, dir string) (search.Options, error) {
	x, err := index.OpenReadOnly(dir)
	if err != nil {
		return search.Options{}, err
	}
	return search.Options{Index: x, ReadOnly: true, Close: x.Close}, nil
}

// TestSearch: indexes in the folder of the runs, and named ones, are searched on the page of package search; they come and go.
func TestSearch(t *testing.T) {
	t.Parallel()
	folder, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "mine")
	fixture{name: "sweep/run 1", lr: 0.1, functional: "nll", epochs: 1, steps: 2}.write(t, folder)
	fixture{name: "plain", lr: 0.1, functional: "nll", epochs: 1, steps: 2}.write(t, folder)
	makeIndex(t, elsewhere, "elsewhere")
	own, err := openIndex(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	at := startWith(t, Options{Folder: folder, OpenIndex: openIndex, Indexes: map[string]search.Options{"mine": own}})
	b := chromium.Open(t, at+"/#/runs")
	const path = "/v1/studio/indexes"
	want(t, at, "GET", path, "", 200, `{"indexes":[{"name":"mine"}],"wrong":[]}`)

	b.Await("document.querySelector('#view-runs') !== null", "true")

	// The view is the page itself, with a way back.
	b.Eval("[...document.querySelectorAll('#views a')].find(e => e.textContent === 'Search').click()")
	b.Await("location.pathname", "/search/")
	b.Await("document.querySelector('.card')?.dataset.id", "elsewhere")
	b.Await("document.getElementById('beside').textContent", "← energo studio")
	checkAccess(t, b)
	b.Shot("search-page")
	b.Eval("document.getElementById('beside').click()")
	b.Await("location.pathname + location.hash", "/#/")
	b.Await("document.querySelector('#view-runs') !== null", "true")

	// Indexes in the folder are found when the view is asked for, and dropped when they are gone.
	makeIndex(t, filepath.Join(folder, "sweep", "run 1", "index"), "of a run")
	makeIndex(t, filepath.Join(folder, "mine"), "beside")
	want(t, at, "GET", path, "", 200, `{"name":"mine-2","path":"mine"},{"name":"sweep_run_1","path":"sweep/run 1/index"}`)
	want(t, at, "GET", "/v1/indexes/sweep_run_1/items", "", 200, `"of a run"`)
	refuse(t, at, "DELETE", "/v1/indexes/mine-2/items/beside", "", []string{"403", "only reads"})
	b.Eval("location.hash = '#/search?index=mine-2'")
	b.Await("document.querySelector('.card')?.dataset.id", "beside")
	b.Await("document.getElementById('indexes').value", "mine-2")
	if err := os.RemoveAll(filepath.Join(folder, "mine")); err != nil {
		t.Fatal(err)
	}
	want(t, at, "GET", path, "", 200, `{"indexes":[{"name":"mine"},{"name":"sweep_run_1",`)
	refuse(t, at, "GET", "/v1/indexes/mine-2/items", "", []string{"404"})

	// One that is damaged is told.
	segments, err := filepath.Glob(filepath.Join(folder, "sweep", "run 1", "index", "*"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	makeIndex(t, filepath.Join(folder, "broken"), "broken")
	if err := os.WriteFile(filepath.Join(folder, "broken", filepath.Base(segments[0])), []byte("nonsense"), 0o666); err != nil {
		t.Fatal(err)
	}
	want(t, at, "GET", path, "", 200, `"wrong":[{"path":"broken","why":"`)
	b.Eval("location.href = '/#/search'")
	b.Await("document.querySelector('#view-search')?.textContent.includes('broken cannot be searched: ')", "true")
	shots(t, b, "search")
	b.Eval("document.querySelector('#view-search a').click()")
	b.Await("location.pathname", "/search/")
	checkQuiet(t, b, at)
}
