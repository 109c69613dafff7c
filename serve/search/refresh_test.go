package search

import (
	"testing"
	"time"

	"github.com/energo-ml/energo/search/index"
)

// A server that only reads finds what another process adds.
func TestReadsBesideWriter(t *testing.T) {
	dir := t.TempDir()
	writer, err := index.Create(dir, index.Options{Dim: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader, err := index.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	o := options(reader)
	o.ReadOnly = true
	_, at := start(t, o)
	search := func() []string {
		return send(t, "POST", at+"/v1/search", "application/json", []byte(`{"vector":[1,2,3,4],"k":1}`)).hits(t)
	}
	if got := search(); len(got) != 0 {
		t.Fatalf("an empty index has %v", got)
	}
	if err := writer.Add(t.Context(), []index.Item{{ID: "new", Vector: []float32{1, 2, 3, 4}}}); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); len(search()) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 20*refreshEvery {
			t.Fatal("what another process added is not found")
		}
	}
}
