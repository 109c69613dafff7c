package classify_test

import (
	"fmt"
	"image"
	"log"
	"os"

	"github.com/energo-ml/energo/search/classify"
)

// A folder of a classifier, such as that of a run of `energo train pictures`, answers pictures; an untrained network stands for it here.
func Example() {
	dir, err := os.MkdirTemp("", "classifier")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	untrained, err := classify.New(classify.Spec{Channels: 1, Height: 28, Width: 28, Classes: []string{"cat", "dog"}}, 1)
	if err != nil {
		log.Fatal(err)
	}
	if err := untrained.Save(dir); err != nil {
		log.Fatal(err)
	}

	m, err := classify.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	answers, err := m.Answer([]image.Image{image.NewGray(image.Rect(0, 0, 40, 30))})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(answers[0].Energies), answers[0].Gap >= 0)

	// Output:
	// 2 true
}
