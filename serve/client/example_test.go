package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/client"
	"github.com/energo-ml/energo/serve/search"
)

// Add items to an index of a server, and search it.
func Example() {
	address, stop := points()
	defer stop()

	c, err := client.New(address, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	x := c.Index("points")
	if err := x.Add(ctx, []client.NewItem{
		{Item: index.Item{ID: "a", Vector: []float32{0, 1}}},
		{Item: index.Item{ID: "b", Vector: []float32{3, 4}}},
	}); err != nil {
		log.Fatal(err)
	}
	answer, err := x.Search(ctx, client.Query{Example: client.Example{Vector: []float32{3, 3}}, K: 1})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range answer.Hits {
		fmt.Println(h.ID, h.Distance)
	}
	_, err = x.Get(ctx, "c")
	if refused := (*client.Error)(nil); errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Detail)
	}
	// Output:
	// b 1
	// 404 there is no item "c"
}

// points starts a server of an empty index.
func points() (address string, stop func()) {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	x, err := index.Create(dir, index.Options{Dim: 2, Metric: distance.Euclidean})
	if err != nil {
		log.Fatal(err)
	}
	s, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	indexes, err := search.Mount(s, search.Bounds{})
	if err != nil {
		log.Fatal(err)
	}
	wait, err := indexes.Put("points", search.Options{Index: x, Close: func() error { return errors.Join(x.Close(), os.RemoveAll(dir)) }})
	if err != nil {
		log.Fatal(err)
	}
	if err := wait(); err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	return web.URL, func() {
		web.Close()
		s.Close()
	}
}
