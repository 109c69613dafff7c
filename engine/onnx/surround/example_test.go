package surround_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/surround"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// A model of one node takes bytes' values from 0 to 255 once they are scaled, and gives vectors of length 1.
func Example() {
	m := surround.Of(&format.Model{IRVersion: 8, Opsets: []format.Opset{{Version: 17}}, Graph: &format.Graph{
		Nodes:   []*format.Node{{Op: "Neg", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []*format.ValueInfo{surround.Floats("x", -1, 2)},
		Outputs: []*format.ValueInfo{surround.Floats("y", -1, 2)},
	}})
	scale, err := value.Of([]float32{255}, 1)
	if err != nil {
		log.Fatal(err)
	}
	m.Before(surround.Floats("bytes", -1, 2), "x", func() { m.Add("Div", "scaled", nil, m.Constant("scale", scale)) })
	m.Last = "y"
	m.Add("LpNormalization", "unit", surround.Int("axis", 1))
	m.Outputs(-1, 2)

	net, err := onnx.New(m.File, nil)
	if err != nil {
		log.Fatal(err)
	}
	bytes, err := value.Of([]float32{153, 204}, 1, 2)
	if err != nil {
		log.Fatal(err)
	}
	out, err := net.Run(map[string]*value.Value{"bytes": bytes})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(net.Inputs[0], value.Data[float32](out["unit"]))

	// Output:
	// bytes float[batch,2] [-0.6 -0.8]
}
