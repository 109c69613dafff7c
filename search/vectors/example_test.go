package vectors_test

import (
	"context"
	"fmt"
	"log"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/vectors"
)

// Add the vectors of a data frame that pandas wrote to an index. Rows that the index does not take are named.
func Example() {
	r, err := vectors.Open("minilm.parquet", vectors.Options{Vector: "embedding"})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	x, err := index.Open("texts.index")
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	m := vectors.Importing{Index: x, Name: "texts", Skip: func(err error) { log.Print(err) }}
	if err := m.Add(context.Background(), r); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Added, "of", m.Rows, "rows")
}
