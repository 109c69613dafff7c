package answers_test

import (
	"fmt"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/lattice"
)

// A chain of three variables learns its correct path by a functional of any name: here
// the energies are the weights.
func ExampleLoss() {
	c := &lattice.Chains[float64]{
		Lengths: []int{3},
		States:  []int{2},
		Unary:   make([]float64, 6),
		Pair:    make([]float64, 4), // all neighbours'
	}
	dUnary, dPair := make([]float64, 6), make([]float64, 4)
	f, err := functional.New("hinge", functional.DefaultOptions())
	if err != nil {
		fmt.Println(err)
		return
	}
	var chains answers.Chains[float64]
	var loss answers.Loss
	each := make([]float64, 1)
	for range 5 {
		clear(dUnary)
		clear(dPair)
		if err := chains.Set(c, []int{0, 1, 1}, dUnary, dPair); err != nil {
			fmt.Println(err)
			return
		}
		possible, err := loss.Eval(&chains, f, each)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := loss.AddGrads(1 / float64(possible)); err != nil {
			fmt.Println(err)
			return
		}
		for i, d := range dUnary {
			c.Unary[i] -= 0.25 * d
		}
		for i, d := range dPair {
			c.Pair[i] -= 0.25 * d
		}
		fmt.Printf("%.2f ", each[0])
	}
	// Output:
	// 1.00 0.50 0.25 0.00 0.00
}
