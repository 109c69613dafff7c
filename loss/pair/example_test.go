package pair_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/loss/pair"
)

func ExampleMPerClass() {
	labels := []int{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2}
	order := make([]int, 12) // an epoch
	rng := rand.New(rand.NewPCG(1, 2))
	if err := (pair.MPerClass{M: 2}).Order(order, labels, 4, rng); err != nil {
		fmt.Println(err)
		return
	}
	for b := 0; b < len(order); b += 4 {
		batch := order[b:][:4]
		fmt.Println(labels[batch[0]] == labels[batch[1]], labels[batch[2]] == labels[batch[3]], labels[batch[0]] != labels[batch[2]])
	}
	// Output:
	// true true true
	// true true true
	// true true true
}

func ExampleBatchHard() {
	embeddings := []float32{0, 1, 5, 4, 6} // of one coordinate each
	labels := []int{7, 7, 7, 8, 8}
	var miner pair.BatchHard[float32]
	var triplets pair.Triplets
	stats, err := miner.Mine(&triplets, embeddings, 1, labels)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(stats.Mined, "triplets")
	fmt.Println("anchors  ", triplets.Anchor)
	fmt.Println("positives", triplets.Positive)
	fmt.Println("negatives", triplets.Negative)
	// Output:
	// 5 triplets
	// anchors   [0 1 2 3 4]
	// positives [2 2 0 4 3]
	// negatives [3 3 3 2 2]
}
