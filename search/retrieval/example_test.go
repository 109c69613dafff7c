package retrieval_test

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/search/retrieval"
)

func ExampleEvaluate() {
	vectors := []float32{0, 1, 2, 10, 11, 2.9} // of one coordinate each
	labels := []int{1, 1, 1, 2, 2, 2}
	r, err := retrieval.Evaluate(context.Background(), vectors, 1, labels, retrieval.Options{K: []int{1, 2, 5}, Mistakes: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, at := range r.Recall {
		fmt.Printf("recall@%d    %.3f\n", at.K, at.Share)
	}
	fmt.Printf("R-precision %.3f\n", r.RPrecision)
	fmt.Printf("MAP@R       %.3f\n", r.MAPAtR)
	for _, m := range r.Mistakes {
		fmt.Printf("sample %d is at %.1f from %d, and at %.1f from %d of its own class\n", m.Query, m.Distance, m.Wrong, m.RightDistance, m.Right)
	}
	// Output:
	// recall@1    0.667
	// recall@2    0.833
	// recall@5    1.000
	// R-precision 0.750
	// MAP@R       0.708
	// sample 5 is at 0.9 from 2, and at 7.1 from 3 of its own class
}

func ExampleVerify() {
	distances := []float64{0.1, 0.3, 0.7, 0.5, 0.9, 1.2}
	same := []bool{true, true, true, false, false, false}
	v, err := retrieval.Verify(distances, same)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("AUC %.3f, EER %.3f, accuracy %.3f at %.2f\n", v.AUC, v.EER, v.Accuracy, v.Threshold)
	// Output:
	// AUC 0.889, EER 0.333, accuracy 0.833 at 0.40
}
