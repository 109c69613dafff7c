package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var batchNormSlopes = []slope{
	{testNode{op: "BatchNormalization", version: 15}, []*value.Value{gaussian(2, 3, 4, 4), gaussian(3), gaussian(3), gaussian(3), positives(3)}},
	{testNode{op: "BatchNormalization", version: 15}, []*value.Value{gaussian(4, 3), gaussian(3), gaussian(3), gaussian(3), positives(3)}},
	{testNode{op: "BatchNormalization", version: 15, attributes: map[string]any{"training_mode": 1}}, []*value.Value{gaussian(2, 3, 4, 4), gaussian(3), gaussian(3), gaussian(3), positives(3)}},
	{testNode{op: "BatchNormalization", version: 15, attributes: map[string]any{"training_mode": 1}}, []*value.Value{gaussian(5, 3), gaussian(3), gaussian(3), gaussian(3), positives(3)}},
	{testNode{op: "BatchNormalization", version: 7, attributes: map[string]any{"spatial": 0}}, []*value.Value{gaussian(4, 2, 3), gaussian(2, 3), gaussian(2, 3), gaussian(2, 3), positives(2, 3)}},
}

// TestBatchNormModes: a node of inference has a twin that trains, whose running variance moves towards the batch's with its number less 1 as divisor, and the other way round.
func TestBatchNormModes(t *testing.T) {
	x := tensor([]float32{1, 2, 3, 6}, 2, 1, 2)
	in := []*value.Value{x, floats(2), floats(1), floats(10), floats(20)}
	k, err := testNode{op: "BatchNormalization", version: 15, attributes: map[string]any{"momentum": float32(0.75), "epsilon": float32(0.5)}}.kernel(in...)
	if err != nil {
		t.Fatal(err)
	}
	trains := k.(Norming).Mode(true)
	out, err := runKernel(trains, 3, in...)
	if err != nil {
		t.Fatal(err)
	}
	holds[float32](t, "y", out[0], []int{2, 1, 2}, -1, 0, 1, 4) // mean 3, variance 3.5 and 0.5
	holds[float32](t, "mean", out[1], []int{1}, 0.75*10+0.25*3)
	holds[float32](t, "variance", out[2], []int{1}, 0.75*20+0.25*14./3)
	file, err := testNode{op: "BatchNormalization", version: 15, outputs: 3, attributes: map[string]any{"training_mode": 1, "epsilon": float32(5)}}.kernel(in...)
	if err != nil {
		t.Fatal(err)
	}
	if out, err = runKernel(file.(Norming).Mode(false), 3, in...); err != nil {
		t.Fatal(err)
	}
	holds[float32](t, "y", out[0], []int{2, 1, 2}, -2.6, -2.2, -1.8, -0.6)
	holds[float32](t, "mean", out[1], []int{1}, 10)
	holds[float32](t, "variance", out[2], []int{1}, 20)
	_, err = runKernel(trains, 3, tensor([]float32{1}, 1, 1, 1), in[1], in[2], in[3], in[4])
	if err == nil {
		t.Error("a batch of one element a channel has a variance")
	}
	// Gradients of the twin are those of a node that trains in the file.
	twin := trains.(*batchNorm)
	twin.epsilon, file.(*batchNorm).momentum = 5, 0.75
	for _, kernel := range []Kernel{twin, file} {
		s := newTestStore(in, false)
		if err := kernel.(Differentiable).Back(&Back{In: in, Out: out, Up: []*value.Value{converted(gaussian(2, 1, 2), format.Float), nil, nil}, Store: s}); err != nil {
			t.Fatal(err)
		}
		sum := element(s.grads[0], 0) + element(s.grads[0], 1) + element(s.grads[0], 2) + element(s.grads[0], 3)
		if sum > 1e-6 || sum < -1e-6 {
			t.Errorf("gradients of a batch sum to %v, must to 0: a shift changes nothing", sum)
		}
	}
}
