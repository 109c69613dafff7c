package exporttest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/export/exporttest"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
)

// A test of what a network is written as.
func ExampleCheck() {
	_ = func(t *testing.T) {
		net := nn.NewLinear(2, 1, rand.New(rand.NewPCG(1, 2)))
		g := export.New("net", "A line.")
		g.Output(export.Port{Name: "y", Shape: "batch,1"}, g.Module(net, g.Input(export.Port{Name: "x", Shape: "batch,2"})))

		x := tensor.New(tensor.Float32, 3, 2)
		x.Fill(0.5)
		y := net.Forward(autodiff.NewTape(tensor.Float32).Const(x)).Value
		exporttest.Check(t, exporttest.Model{Graph: g, Cases: []exporttest.Case{{
			In:  map[string]*value.Value{"x": exporttest.Of(t, x.Float32s(), 3, 2)},
			Out: map[string]*value.Value{"y": exporttest.Of(t, y.Float32s(), 3, 1)},
		}}})
	}
}
