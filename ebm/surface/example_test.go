package surface_test

import (
	"fmt"
	"log"
	"os"

	"github.com/energo-ml/energo/ebm/surface"
)

// Keep two frames of an energy surface in a run's folder, and read them.
func Example() {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	film := surface.Film{
		Name: "plane", Title: "Energy", XLabel: "y₁", YLabel: "y₂",
		X: []float64{0, 1}, Y: []float64{0, 1},
		Frames: []surface.Frame{
			{Step: 0, Energy: []float32{1, 1, 1, 1}},
			{Step: 100, Energy: []float32{0, 2, 2, 4}},
		},
	}
	if err := surface.Write(dir, []surface.Film{film}); err != nil {
		log.Fatal(err)
	}
	films, err := surface.Read(dir)
	if err != nil {
		log.Fatal(err)
	}
	for i, frame := range films[0].Frames {
		fmt.Printf("step %d spread %.2f\n", frame.Step, films[0].Spread(i))
	}
	// Output:
	// step 0 spread 0.00
	// step 100 spread 1.41
}
