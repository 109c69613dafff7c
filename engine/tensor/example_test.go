package tensor_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/engine/tensor"
)

// Write a tensor as safetensors and read it back.
func Example() {
	w, err := tensor.FromFloat32([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	if err != nil {
		log.Fatal(err)
	}
	bytes, err := tensor.Encode(&tensor.File{Tensors: []tensor.Named{{Name: "weight", Tensor: w}}})
	if err != nil {
		log.Fatal(err)
	}
	file, err := tensor.Decode(bytes)
	if err != nil {
		log.Fatal(err)
	}
	read := file.Get("weight")
	fmt.Println(read.Shape(), tensor.Data[float32](read))
	// Output: [2 3] [1 2 3 4 5 6]
}
