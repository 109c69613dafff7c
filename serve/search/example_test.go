package search_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/search"
)

// Serve an index over HTTP and search it by a vector.
func Example() {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	x, err := index.Create(dir+"/index", index.Options{Dim: 2, Metric: distance.Euclidean})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := x.Add(ctx, []index.Item{{ID: "a", Vector: []float32{0, 1}}, {ID: "b", Vector: []float32{3, 4}}}); err != nil {
		log.Fatal(err)
	}
	s, err := serve.New(ctx, serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	indexes, err := search.Mount(s, search.Bounds{})
	if err != nil {
		log.Fatal(err)
	}
	wait, err := indexes.Put("points", search.Options{Index: x, ReadOnly: true, Close: x.Close})
	if err != nil {
		log.Fatal(err)
	}
	if err := wait(); err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()

	response, err := http.Post(server.URL+"/v1/search", "application/json", strings.NewReader(`{"vector": [3, 3], "k": 1}`))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output: 200 OK
}
