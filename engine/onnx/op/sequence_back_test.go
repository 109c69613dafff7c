package op

import "github.com/energo-ml/energo/engine/onnx/value"

func rotarySlope(a map[string]any, in ...*value.Value) slope {
	return slope{testNode{op: "RotaryEmbedding", version: 23, attributes: a}, in}
}

func causalSlope(activation string, in ...*value.Value) slope {
	return slope{testNode{op: "CausalConvWithState", version: 27, outputs: 2, attributes: map[string]any{"activation": activation}}, in}
}

func linearSlope(rule string, in ...*value.Value) slope {
	return slope{testNode{op: "LinearAttention", version: 27, outputs: 2, attributes: map[string]any{"q_num_heads": 4, "kv_num_heads": 2, "update_rule": rule}}, in}
}

func signalSlope(op string, version int, a map[string]any, in ...*value.Value) slope {
	return slope{testNode{op: op, version: version, attributes: a}, in}
}

// sequenceSlopes are the cases of rotary embeddings, causal convolutions, linear attention and transforms.
var sequenceSlopes = []slope{
	rotarySlope(nil, gaussian(2, 2, 3, 4), gaussian(5, 2), gaussian(5, 2), tensor([]int64{0, 1, 4, 2, 2, 3}, 2, 3)),
	rotarySlope(map[string]any{"num_heads": 2, "rotary_embedding_dim": 2, "interleaved": 1}, gaussian(2, 3, 8), gaussian(2, 3, 1), gaussian(2, 3, 1)),
	causalSlope("none", gaussian(2, 3, 4), gaussian(3, 1, 3)),
	causalSlope("silu", gaussian(2, 3, 4), gaussian(3, 1, 2), gaussian(3), gaussian(2, 3, 1)),
	linearSlope("linear", gaussian(2, 3, 8), gaussian(2, 3, 4), gaussian(2, 3, 6)),
	linearSlope("gated", gaussian(1, 3, 8), gaussian(1, 3, 4), gaussian(1, 3, 6), gaussian(1, 2, 2, 3), gaussian(1, 3, 2)),
	linearSlope("delta", gaussian(1, 3, 8), gaussian(1, 3, 4), gaussian(1, 3, 6), nil, nil, gaussian(1, 3, 2)),
	linearSlope("gated_delta", gaussian(2, 3, 8), gaussian(2, 3, 4), gaussian(2, 3, 6), gaussian(2, 2, 2, 3), gaussian(2, 3, 4), gaussian(2, 3, 1)),
	signalSlope("DFT", 20, nil, gaussian(2, 5, 3, 1), nil, value.Ints(1)),
	signalSlope("DFT", 17, map[string]any{"onesided": 1, "axis": 1}, gaussian(2, 6, 1), value.Ints(5)),
	signalSlope("DFT", 17, map[string]any{"inverse": 1, "axis": 1}, gaussian(2, 4, 2), value.Ints(6)),
	signalSlope("DFT", 17, map[string]any{"inverse": 1, "onesided": 1, "axis": 1}, gaussian(2, 4, 2)),
	signalSlope("DFT", 17, map[string]any{"inverse": 1, "onesided": 1, "axis": 1}, gaussian(1, 4, 2), value.Ints(5)),
	signalSlope("STFT", 17, nil, gaussian(2, 9, 1), value.Ints(2), gaussian(4)),
	signalSlope("STFT", 17, map[string]any{"onesided": 0}, gaussian(1, 7, 2), value.Ints(3), gaussian(4), value.Ints(4)),
}
