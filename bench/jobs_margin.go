package main

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/loss"
)

// Shapes of the losses of rows: pairs and triples of embeddings, and scores of classes.
const (
	embeddings, dim = 8192, 128
	samples, labels = 4096, 64
)

func marginJobs() []job {
	return []job{
		{"loss/triplet/8192x128", func() func() {
			l := loss.NewTripletMargin[float32]()
			n := embeddings * dim
			x, dx := randn(3*n), make([]float32, 3*n)
			return func() { must(l.Eval(x[:n], x[n:2*n], x[2*n:], dim, dx[:n], dx[n:2*n], dx[2*n:])) }
		}},
		{"loss/cosine_embedding/8192x128", func() func() {
			var l loss.CosineEmbedding[float32]
			n := embeddings * dim
			x, y, dx := randn(2*n), signs(embeddings), make([]float32, 2*n)
			return func() { must(l.Eval(x[:n], x[n:], y, dim, dx[:n], dx[n:])) }
		}},
		{"loss/multilabel_margin/4096x64", func() func() {
			var l loss.MultiLabelMargin[float32]
			x, y, dx := randn(samples*labels), multilabel(samples, labels), make([]float32, samples*labels)
			return func() { must(l.Eval(x, y, labels, dx)) }
		}},
		{"loss/multi_margin/4096x64", func() func() {
			l := loss.NewMultiMargin[float32]()
			x, y, dx := randn(samples*labels), classes(samples, labels), make([]float32, samples*labels)
			return func() { must(l.Eval(x, y, labels, dx)) }
		}},
	}
}

// multilabel returns n rows of k numbers: one to eight labels, then −1.
func multilabel(n, k int) []int {
	rng := rand.New(rand.NewPCG(3, 4))
	y := make([]int, 0, n*k)
	for range n {
		row := rng.Perm(k)
		for i := 1 + rng.IntN(8); i < k; i++ {
			row[i] = -1
		}
		y = append(y, row...)
	}
	return y
}

// signs returns n labels, 1 or −1.
func signs(n int) []float32 {
	rng := rand.New(rand.NewPCG(5, 6))
	y := make([]float32, n)
	for i := range y {
		y[i] = float32(2*rng.IntN(2) - 1)
	}
	return y
}

// classes returns n of k classes.
func classes(n, k int) []int {
	rng := rand.New(rand.NewPCG(7, 8))
	y := make([]int, n)
	for i := range y {
		y[i] = rng.IntN(k)
	}
	return y
}
