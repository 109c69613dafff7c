package report_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/report"
)

// What follows from the energies of every answer to three samples.
func Example() {
	energies := []float64{
		0, 2, 3,
		1, 4, 2,
		5, 0.5, 1,
	}
	s, err := report.NewSurface(energies, 3, []int{0, 0, 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("answers:", s.Predicted)
	fmt.Println("gaps:", s.Gap)
	fmt.Println("wrong:", s.Wrong)
	// Output:
	// answers: [0 0 1]
	// gaps: [2 1 -0.5]
	// wrong: 1
}
