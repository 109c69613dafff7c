package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

var dropoutSlopes = []slope{
	{testNode{op: "Dropout", version: 7}, []*value.Value{gaussian(2, 3)}},
	{testNode{op: "Dropout", version: 13}, []*value.Value{gaussian(2, 3), tensor([]float64{0.4}), tensor([]bool{false})}},
	{testNode{op: "Dropout", version: 13}, []*value.Value{gaussian(2, 3), tensor([]float64{0}), tensor([]bool{true})}},
}

// TestDropoutBack: in training the gradient goes where the elements went.
func TestDropoutBack(t *testing.T) {
	x := ramp(200)
	in := []*value.Value{x, tensor([]float32{0.75}), tensor([]bool{true})}
	k, err := testNode{op: "Dropout", version: 13}.kernel(in...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := runKernel(k, 2, in...)
	if err != nil {
		t.Fatal(err)
	}
	up := x.Clone()
	fillWith(value.Data[float32](up), 1)
	s := newTestStore(in, false)
	if err := k.(Differentiable).Back(&Back{In: in, Out: out, Up: []*value.Value{up, nil}, Store: s}); err != nil {
		t.Fatal(err)
	}
	must := make([]float64, 200)
	for i, kept := range value.Data[bool](out[1]) {
		if kept {
			must[i] = 4
		}
	}
	must[0] = 1
	nearValue(t, "Dropout", s.grads[0], []int{200}, must, 0)
}
