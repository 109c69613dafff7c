package lattice_test

import (
	"fmt"

	"github.com/energo-ml/energo/seq/lattice"
)

// A chain of three variables with two states each, whose neighbours like to be alike.
func ExampleSolver() {
	c := &lattice.Chains[float64]{
		Lengths: []int{3},
		States:  []int{2},
		Unary:   []float64{0, 1, 0.4, 0, 1, 0},
		Pair:    []float64{0, 0.5, 0.5, 0}, // all neighbours'
	}
	var s lattice.Solver[float64]
	energy, path := make([]float64, 1), make([]int, 3)
	if err := s.Minima(energy, path, nil, c); err != nil {
		fmt.Println(err)
	}
	fmt.Println("best", path, energy)

	free, share := make([]float64, 1), make([]float64, 6)
	if err := s.Marginals(free, share, nil, nil, c); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("free energy %.3f, the second variable in state 1: %.3f\n", free[0], share[3])
	// Output:
	// best [0 1 1] [0.5]
	// free energy -0.689, the second variable in state 1: 0.599
}
