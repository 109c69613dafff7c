package functional_test

import (
	"fmt"

	"github.com/energo-ml/energo/ebm/functional"
)

// One functional on slices: the losses of two samples over three labels, and which
// energies it pushes.
func ExampleLabels() {
	energies := []float64{
		0.5, 2, 3, // correct: label 0, 1.5 below the next
		1, 0.25, 2, // correct: label 2, and both others lie below it
	}
	target := []int{0, 2}
	loss, grad := make([]float64, 2), make([]float64, 6)
	if err := functional.Labels(functional.Hinge{Margin: 1}, energies, 3, target, loss, grad); err != nil {
		panic(err)
	}
	fmt.Println(loss)
	fmt.Println(grad[:3], grad[3:])
	// Output:
	// [0 2.75]
	// [0 0 0] [0 -1 1]
}

// Triplet loss is a hinge over two distances to an anchor: to a positive and to a
// negative.
func ExampleHinge() {
	positive, negative := float32(0.75), float32(1)
	loss := make([]float32, 1)
	if err := functional.Labels(functional.Hinge{Margin: 0.5}, []float32{positive, negative}, 2, []int{0}, loss, nil); err != nil {
		panic(err)
	}
	fmt.Println(loss)
	// Output: [0.25]
}

func ExampleNew() {
	o := functional.DefaultOptions()
	o.Beta = 2
	f, err := functional.New("nll", o)
	fmt.Println(f.Name(), err)
	_, err = functional.New("nll", functional.Options{})
	fmt.Println(err)
	// Output:
	// nll <nil>
	// functional: nll: beta is 0; it must be a number above 0
}
