package format_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/engine/onnx/format"
)

// Write a model that doubles its input, and read it back.
func Example() {
	row := &format.Type{Elem: format.Float, HasShape: true, Shape: []format.Dim{{Size: -1, Name: "batch"}, {Size: 3}}}
	model := &format.Model{
		IRVersion: 8,
		Opsets:    []format.Opset{{Version: 17}},
		Graph: &format.Graph{
			Name:         "double",
			Nodes:        []*format.Node{{Op: "Mul", Inputs: []string{"x", "two"}, Outputs: []string{"y"}}},
			Initializers: []*format.Tensor{{Name: "two", Type: format.Float, Raw: []byte{0, 0, 0, 0x40}}},
			Inputs:       []*format.ValueInfo{{Name: "x", Type: row}},
			Outputs:      []*format.ValueInfo{{Name: "y", Type: row}},
		},
	}
	data, err := model.Encode()
	if err != nil {
		log.Fatal(err)
	}
	read, err := format.Decode(data)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range read.Graph.Nodes {
		fmt.Println(n.Op, n.Inputs, n.Outputs)
	}
	two := read.Graph.Initializers[0]
	fmt.Println(two.Type, two.Dims, two.Raw)
	// Output:
	// Mul [x two] [y]
	// float [] [0 0 0 64]
}
