package pgvector_test

import (
	"context"
	"fmt"
	"log"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/pgvector"
)

// Search a table of a server.
func Example() {
	ctx := context.Background()
	x, err := pgvector.Open(ctx, "postgres://me@localhost/shop?table=pictures")
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	hits, err := x.Search(ctx, []index.Query{{Vector: []float32{0.6, 0.8}, K: 3}})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range hits[0] {
		fmt.Println(h.ID, h.Distance)
	}
}
