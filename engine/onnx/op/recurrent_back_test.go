package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// recurrentSlope is a recurrent layer of 2 features and 3 units, over 4 steps of 2 sequences.
func recurrentSlope(op string, a map[string]any, more ...*value.Value) slope {
	gates, directions := map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}[op], 1
	if a["direction"] == "bidirectional" {
		directions = 2
	}
	x := gaussian(4, 2, 2)
	if a["layout"] == 1 {
		x = gaussian(2, 4, 2)
	}
	outputs := 2
	if op == "LSTM" {
		outputs = 3
	}
	in := append([]*value.Value{x, gaussian(directions, 3*gates, 2), gaussian(directions, 3*gates, 3)}, more...)
	return slope{testNode{op: op, version: 14, outputs: outputs, attributes: a}, in}
}

var recurrentSlopes = []slope{
	recurrentSlope("LSTM", map[string]any{"hidden_size": 3}),
	recurrentSlope("LSTM", map[string]any{"direction": "bidirectional"}, gaussian(2, 24), tensor([]int32{4, 2}, 2), gaussian(2, 2, 3), gaussian(2, 2, 3), gaussian(2, 9)),
	recurrentSlope("LSTM", map[string]any{"direction": "reverse", "layout": 1, "input_forget": 1, "clip": float32(0.9)}, gaussian(1, 24), tensor([]int32{3, 4}, 2), gaussian(2, 1, 3), gaussian(2, 1, 3), gaussian(1, 9)),
	recurrentSlope("LSTM", map[string]any{"activations": []string{"HardSigmoid", "Softsign", "ScaledTanh"}, "activation_alpha": []float32{0.3, 1.5}, "activation_beta": []float32{0.5, 0.7}}),
	recurrentSlope("GRU", nil, gaussian(1, 18), nil, gaussian(1, 2, 3)),
	recurrentSlope("GRU", map[string]any{"direction": "bidirectional", "linear_before_reset": 1}, gaussian(2, 18), tensor([]int32{1, 4}, 2), gaussian(2, 2, 3)),
	recurrentSlope("GRU", map[string]any{"direction": "reverse", "layout": 1, "clip": float32(1.1)}, gaussian(1, 18), tensor([]int32{2, 3}, 2), gaussian(2, 1, 3)),
	recurrentSlope("GRU", map[string]any{"activations": []string{"Sigmoid", "Elu"}, "activation_alpha": []float32{0.6}}),
	recurrentSlope("RNN", nil, gaussian(1, 6), tensor([]int32{4, 0}, 2), gaussian(1, 2, 3)),
	recurrentSlope("RNN", map[string]any{"direction": "bidirectional", "layout": 1, "activations": []string{"Softplus", "LeakyRelu"}, "activation_alpha": []float32{0.2}}, gaussian(2, 6), nil, gaussian(2, 2, 3)),
	recurrentSlope("RNN", map[string]any{"activations": []string{"Affine"}, "activation_alpha": []float32{0.6}, "activation_beta": []float32{0.1}}),
	recurrentSlope("RNN", map[string]any{"activations": []string{"ThresholdedRelu"}, "activation_alpha": []float32{0.1}}),
	recurrentSlope("RNN", map[string]any{"activations": []string{"Relu"}}, gaussian(1, 6)),
}

// TestRecurrentBackRefuses: a function that falls has two places with one result.
func TestRecurrentBackRefuses(t *testing.T) {
	s := recurrentSlope("RNN", map[string]any{"activations": []string{"LeakyRelu"}, "activation_alpha": []float32{-0.5}})
	k, err := s.node.kernel(s.in...)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.(Differentiable).Back(&Back{In: s.in, Store: newTestStore(s.in, false)}); err == nil {
		t.Error("a negative slope is taken")
	}
}
