package watch_test

import (
	"fmt"
	"log"
	"os"

	"github.com/energo-ml/energo/ebm/watch"
)

// Two samples, looked at before training and after an epoch.
func Example() {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	set := watch.Set{Answers: 2, Labels: []int{0, 1}, Samples: []int{0, 1}, Names: []string{"cat", "dog"}}
	var r watch.Record
	for epoch, energies := range [][]float32{{1, 1, 1, 1}, {0, 2, 3, 1}} {
		if err := r.Take(epoch, watch.Look{Set: set, Energies: energies}); err != nil {
			log.Fatal(err)
		}
	}
	if err := watch.Write(dir, &r); err != nil {
		log.Fatal(err)
	}
	again, err := watch.Read(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range again.Frames {
		fmt.Println(f.Epoch, f.Energies)
	}
	// Output:
	// 0 [1 1 1 1]
	// 1 [0 2 3 1]
}
