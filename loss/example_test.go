package loss_test

import (
	"fmt"

	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// A loss's value and gradient, on plain slices.
func ExampleBCEWithLogits() {
	scores, target := []float32{2, -1, 0}, []float32{1, 0, 1}
	gradient := make([]float32, 3)
	l := loss.BCEWithLogits[float32]{Reduction: loss.Sum}
	value, err := l.Eval(scores, target, gradient, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f %.4f\n", value, gradient)
	// Output: 1.1333 [-0.1192 0.2689 -0.5000]
}

// Cross entropy with label smoothing, every row's own loss, one row ignored.
func ExampleCrossEntropy() {
	scores := []float64{3, 0, 0, 0, 3, 0, 1, 1, 1}
	l := loss.CrossEntropy[float64]{LabelSmoothing: 0.1, IgnoreIndex: new(2)}
	each := make([]float64, 3)
	if err := l.Each(each, nil, scores, loss.Dims{Batch: 3, Classes: 3}, []int{0, 0, 2}, nil); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f\n", each)
	// Output: [0.2949 2.9949 0.0000]
}

// What cannot be right is an error that says what is allowed.
func ExampleArgumentError() {
	_, err := loss.SoftMarginLoss([]float32{1, 2}, []float32{1, 0}, nil)
	fmt.Println(err)
	// Output: loss: SoftMargin: target[1] is 0; it must be 1 or -1
}

// Any miner's triplets train any loss of triplets, and, as pairs, any loss of pairs.
func ExampleOfTriplets() {
	embeddings := []float32{0, 1, 5, 4, 6} // of one coordinate each
	labels := []int{7, 7, 7, 8, 8}
	gradient := make([]float32, len(embeddings))

	miner := pair.SemiHard[float32]{Margin: 4}
	var triplets pair.Triplets
	if _, err := miner.Mine(&triplets, embeddings, 1, labels); err != nil {
		fmt.Println(err)
		return
	}
	var l loss.OfTriplets[float32] = &loss.BatchTriplet[float32]{Margin: 4}
	v, err := l.EvalTriplets(embeddings, 1, triplets, gradient)
	fmt.Printf("%d triplets: %.3f, gradient %.2f, %v\n", triplets.Len(), v, gradient, err)

	var pairs pair.Pairs
	triplets.Pairs(&pairs)
	v, err = loss.NewContrastive[float32]().EvalPairs(embeddings, 1, pairs, gradient)
	fmt.Printf("%d pairs: %.3f, gradient %.2f, %v\n", pairs.Len(), v, gradient, err)
	// Output:
	// 6 triplets: 2.167, gradient [-0.17 0.83 0.33 -0.83 -0.17], <nil>
	// 12 pairs: 8.500, gradient [-2.33 -0.67 3.00 -1.33 1.33], <nil>
}

// Triplets by any measure of package distance, here by dot products of rows of unit length.
func ExampleMeasured() {
	l := loss.NewTripletMarginWithDistance[float32]()
	l.Distance = loss.Measured[float32]{Measure: distance.Measure{Kind: distance.Dot, Normalize: true}}
	anchor, positive, negative := []float32{3, 4}, []float32{4, 3}, []float32{-4, 3}
	gradient := make([]float32, 2)
	v, err := l.Eval(anchor, positive, negative, 2, gradient, nil, nil)
	fmt.Printf("%.2f, gradient %.3f, %v\n", v, gradient, err)
	// Output: 0.04, gradient [-0.205 0.154], <nil>
}
