package collection_test

import (
	"context"
	"fmt"
	"log"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
)

// Index a folder of pictures with the network of a run of search, and remember which, and where the pictures are. Begun again, the filling adds what is new.
func Example() {
	ctx := context.Background()
	encoder, err := encode.Open("runs/search-triplet-1")
	if err != nil {
		log.Fatal(err)
	}
	x, err := index.Create("photos.index", index.Options{Dim: encoder.Dim(), Metric: encoder.Metric(), Encoder: encoder.Fingerprint()})
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	photos, err := collection.List(ctx, "photos", "", nil)
	if err != nil {
		log.Fatal(err)
	}
	memory := collection.Memory{Run: "runs/search-triplet-1"}
	if _, err := memory.Keep(photos); err != nil {
		log.Fatal(err)
	}
	if err := memory.Write("photos.index"); err != nil {
		log.Fatal(err)
	}
	f := collection.Filling{Index: x, Encoder: encoder, Memory: memory, Skip: func(p collection.Picture, err error) { log.Print(err) }}
	if err := f.Fill(ctx, photos.Pictures); err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Added, "pictures")
}
