package toy_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/energo-ml/energo/data/toy"
)

// Draw from two rings, and say how likely a point is.
func Example() {
	rings, err := toy.New("rings")
	if err != nil {
		log.Fatal(err)
	}
	draws := make([]float32, 2*3)
	rings.Draw(rand.New(rand.NewPCG(1, 1)), draws)
	fmt.Println(len(draws)/2, "draws")
	fmt.Println(rings.LogDensity(0, 0) < rings.LogDensity(float64(draws[0]), float64(draws[1])))
	// Output:
	// 3 draws
	// true
}
