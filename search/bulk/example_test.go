package bulk_test

import (
	"context"
	"log"

	"github.com/energo-ml/energo/search/bulk"
	"github.com/energo-ml/energo/search/encode"
)

// Embed a folder of pictures with a trained encoder, a shard at a time. A plan that was
// stopped has its finished shards, and the rest are missing.
func Example() {
	ctx := context.Background()
	encoder, err := encode.Open("runs/search")
	if err != nil {
		log.Fatal(err)
	}
	pictures, _, err := bulk.List("pictures", "")
	if err != nil {
		log.Fatal(err)
	}
	plan, err := bulk.NewPlan(ctx, "plan", "runs/search", encoder, pictures, 1000)
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	shards, err := plan.Missing()
	if err != nil {
		log.Fatal(err)
	}
	for _, shard := range shards {
		if err := plan.Do(ctx, encoder, shard); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := plan.Save(ctx, "vectors.safetensors", 0); err != nil {
		log.Fatal(err)
	}
}
