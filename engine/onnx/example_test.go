package onnx_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// Load a model from a file and run it on slices of one's own. Here the file is the smallest in the tests of package format.
func Example() {
	m, err := onnx.Open("testdata/affine.onnx", nil)
	if err != nil {
		log.Fatal(err)
	}
	x, err := value.Of([]float32{1, 2, 3}, 1, 3)
	if err != nil {
		log.Fatal(err)
	}
	y, err := m.Run(map[string]*value.Value{"x": x})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Inputs[0], value.Data[float32](y["y"]))
	// Output: x float[batch,3] [3 5 7]
}

// What a file holds, and whether it can be run.
func ExampleLook() {
	f, err := format.ReadFile("testdata/affine.onnx")
	if err != nil {
		log.Fatal(err)
	}
	s := onnx.Look(f)
	fmt.Println(s.Nodes, s.Parameters, s.Operators, s.Problems)
	// Output: 2 2 [{ Add 1} { Mul 1}] []
}
