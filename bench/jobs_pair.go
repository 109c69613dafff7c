package main

import "github.com/energo-ml/energo/loss"

// pairDim is how many coordinates the embeddings of losses over pairs have.
const pairDim = 128

func pairJobs() []job {
	return []job{
		{"pair/triplet_hard/1024x128", func() func() { return hardTriplets(1024) }},
		{"pair/triplet_hard/8192x128", func() func() { return hardTriplets(8192) }},
		{"pair/nt_xent/1024x128", func() func() { return ntXent(1024) }},
		{"pair/nt_xent/8192x128", func() func() { return ntXent(8192) }},
	}
}

// hardTriplets is the batch-hard triplet loss of n embeddings, eight of each class.
func hardTriplets(n int) func() {
	l := loss.NewBatchTriplet[float32]()
	x, y, dx := randn(n*pairDim), classes(n, n/8), make([]float32, n*pairDim)
	return func() { must(l.Eval(x, pairDim, y, dx)) }
}

// ntXent is the loss of two views each of n/2 pictures.
func ntXent(n int) func() {
	l := loss.NewNTXent[float32]()
	x, y, dx := randn(n*pairDim), make([]int, n), make([]float32, n*pairDim)
	for i := range y {
		y[i] = i % (n / 2)
	}
	return func() { must(l.Eval(x, pairDim, y, dx)) }
}
