package sampler_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/sampler"
)

// Draw from a normal density by Hamiltonian Monte Carlo, and check that the chains agree.
func Example() {
	target := sampler.Normal[float64]{D: 1, Mean: 2, Scale: 0.5}
	rng := rand.New(rand.NewPCG(1, 0))
	state, err := sampler.NewState(target, []float64{0, 1, 3, 4}) // four chains
	if err != nil {
		log.Fatal(err)
	}
	hmc := &sampler.HMC[float64]{StepSize: 0.2, Leapfrogs: 4, Jitter: 0.2}
	ctx := context.Background()
	sampler.Draw(ctx, rng, target, state, hmc, 100, 1, 0) // until the starting points are forgotten
	draws := sampler.Draw(ctx, rng, target, state, hmc, 2000, 1, 0)

	var n, sum, square float64
	for _, chain := range draws.Coordinate(0) {
		for _, y := range chain {
			n, sum, square = n+1, sum+y, square+float64(y*y)
		}
	}
	mean := sum / n
	fmt.Printf("mean %.1f\n", mean)
	fmt.Printf("deviation %.1f\n", math.Sqrt(square/n-float64(mean*mean)))
	fmt.Println("chains agree:", sampler.SplitRHat(draws.Coordinate(0)) < 1.01)
	// Output:
	// mean 2.0
	// deviation 0.5
	// chains agree: true
}
