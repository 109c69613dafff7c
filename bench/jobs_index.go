package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/energo-ml/energo/search/index"
)

// Exact search: coordinates of a vector, and hits of a query.
const (
	indexDim     = 128
	indexNearest = 10
)

func indexJobs() []job {
	return []job{
		{"index/1e5x128/q1", func() func() { return search(100_000, 1, index.Float32, "") }},
		{"index/1e5x128/q16", func() func() { return search(100_000, 16, index.Float32, "") }},
		{"index/1e5x128/q128", func() func() { return search(100_000, 128, index.Float32, "") }},
		{"index/1e5x128/q1024", func() func() { return search(100_000, 1024, index.Float32, "") }},
		{"index/1e6x128/q1", func() func() { return search(1_000_000, 1, index.Float32, "") }},
		{"index/1e6x128/q16", func() func() { return search(1_000_000, 16, index.Float32, "") }},
		{"index/1e6x128/q128", func() func() { return search(1_000_000, 128, index.Float32, "") }},
		{"index/1e6x128/q1/1%", func() func() { return search(1_000_000, 1, index.Float32, "part = 7") }},
		{"index/1e6x128/q1/50%", func() func() { return search(1_000_000, 1, index.Float32, "part < 50") }},
		{"index/int8/1e6x128/q1", func() func() { return search(1_000_000, 1, index.Int8, "") }},
	}
}

// search looks for random queries among n random vectors of an index of one segment, of which those pass a filter
// whose field part, a number below 100, does.
func search(n, queries int, s index.Storage, filter string) func() {
	rng := rand.New(rand.NewPCG(9, 10))
	x, err := filled(rng, n, s)
	if err != nil {
		panic(err)
	}
	f, err := index.ParseFilter(filter)
	if err != nil {
		panic(err)
	}
	q := make([]index.Query, queries)
	for i := range q {
		q[i] = index.Query{Vector: gaussian(rng), K: indexNearest, Filter: f}
	}
	return func() {
		if _, err := x.Search(context.Background(), q); err != nil {
			panic(err)
		}
	}
}

// filled makes an index in a folder that is removed at once: what is open stays, and nobody has
// to remove it later.
func filled(rng *rand.Rand, n int, s index.Storage) (*index.Exact, error) {
	dir, err := os.MkdirTemp("", "energo-bench-index-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	x, err := index.Create(dir, index.Options{Dim: indexDim, Storage: s})
	if err != nil {
		return nil, err
	}
	const batch = 10_000
	items := make([]index.Item, batch)
	for first := 0; first < n && err == nil; first += batch {
		for i := range items {
			items[i] = index.Item{ID: strconv.Itoa(first + i), Vector: gaussian(rng), Fields: map[string]string{"part": strconv.Itoa(rng.IntN(100))}}
		}
		err = x.Add(context.Background(), items)
	}
	return x, errors.Join(err, x.Compact())
}

func gaussian(rng *rand.Rand) []float32 {
	v := make([]float32, indexDim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}
