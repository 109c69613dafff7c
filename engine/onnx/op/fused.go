package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// fusedConv is a convolution, to which a tensor of the result's shape is added where there is a fourth input, and of which a function is taken.
type fusedConv struct {
	conv       *conv
	activation func(y []float32)
	slope      func(dx, dy, y []float32) // multiplies dy with the activation's derivative, taken from its result
}

func newFusedConv(n *Node) (Kernel, error) {
	k, err := newConv(n)
	if err != nil {
		return nil, err
	}
	f := &fusedConv{conv: k}
	name := n.Text("activation", "", "", "Relu", "Tanh", "Sigmoid", "LeakyRelu", "Clip", "HardSigmoid")
	params := n.Floats("activation_params")
	need := map[string]int{"LeakyRelu": 1, "Clip": 2, "HardSigmoid": 2}[name]
	if len(params) != need {
		return nil, fmt.Errorf("attribute \"activation_params\" has %d numbers, must have %d for activation %q", len(params), need, name)
	}
	switch name {
	case "Relu":
		f.activation = func(y []float32) { simd.ReLU(y, y) }
		f.slope = simd.ReLUGrad[float32]
	case "Tanh":
		f.activation = func(y []float32) { simd.Tanh(y, y) }
		f.slope = simd.TanhGrad[float32]
	case "Sigmoid":
		f.activation = func(y []float32) { simd.Sigmoid(y, y) }
		f.slope = simd.SigmoidGrad[float32]
	case "LeakyRelu":
		f.activation = func(y []float32) { simd.LeakyReLU(y, y, params[0]) }
		f.slope = func(dx, dy, y []float32) { simd.LeakyReLUGrad(dx, dy, y, params[0]) }
	case "Clip":
		f.activation = func(y []float32) { clipTo(y, params[0], params[1]) }
		f.slope = clipSlope(1, params[0], params[1])
	case "HardSigmoid":
		f.activation = func(y []float32) {
			for i, v := range y {
				y[i] = float32(v*params[0]) + params[1]
			}
			clipTo(y, 0, 1)
		}
		f.slope = clipSlope(params[0], 0, 1)
	}
	return f, nil
}

// clipTo leaves NaN as it is.
func clipTo(y []float32, low, high float32) {
	for i, v := range y {
		if v < low {
			v = low
		}
		if v > high {
			v = high
		}
		y[i] = v
	}
}

// Run computes the convolution and what follows it.
func (f *fusedConv) Run(c *Call) error {
	if m := c.In[0].Memory(); m != value.F32 {
		return notFor(c.In[0].Kind)
	}
	if err := f.conv.Run(c); err != nil {
		return err
	}
	y := c.Out[0]
	data := value.Data[float32](y)
	if z := c.Input(3); z != nil {
		if !slices.Equal(z.Shape, y.Shape) {
			return fmt.Errorf("input 3 is %s, must have the result's shape %v", z, slices.Clone(y.Shape))
		}
		simd.AddTo(data, value.Data[float32](z))
	}
	if f.activation != nil {
		f.activation(data)
	}
	return nil
}
