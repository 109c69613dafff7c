package recipe_test

import (
	"image"
	"log"

	"github.com/energo-ml/energo/search/encode"
)

// Turn a picture into a vector by the encoder of a finished run.
func Example_encoder() {
	encoder, err := encode.Open("runs/search")
	if err != nil {
		log.Fatal(err)
	}
	vector := make([]float32, encoder.Dim())
	if err := encoder.Encode(vector, []image.Image{image.NewGray(image.Rect(0, 0, 64, 64))}); err != nil {
		log.Fatal(err)
	}
}
