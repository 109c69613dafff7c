package index_test

import (
	"context"
	"fmt"
	"os"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "pictures")
	defer os.RemoveAll(dir)

	x, err := index.Create(dir, index.Options{Dim: 2, Metric: distance.Cosine})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer x.Close()
	err = x.Add(ctx, []index.Item{
		{ID: "tabby.jpg", Vector: []float32{1, 0.1}, Label: "cat"},
		{ID: "siamese.jpg", Vector: []float32{3, 1}, Label: "cat"},
		{ID: "poodle.jpg", Vector: []float32{0.2, 1}, Label: "dog"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	q := index.Query{Vector: []float32{1, 0.1}, K: 2}
	others := q
	others.Filter = index.Filter{}.Except("tabby.jpg")
	hits, err := x.Search(ctx, []index.Query{q, others})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range hits {
		fmt.Printf("%s %.3f, %s %.3f\n", h[0].ID, h[0].Distance, h[1].ID, h[1].Distance)
	}
	// Output:
	// tabby.jpg 0.000, siamese.jpg 0.025
	// siamese.jpg 0.025, poodle.jpg 0.707
}
