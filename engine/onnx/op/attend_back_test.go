package op

import "github.com/energo-ml/energo/engine/onnx/value"

func attentionSlope(outputs int, a map[string]any, in ...*value.Value) slope {
	return slope{testNode{op: "Attention", version: 25, outputs: outputs, attributes: a}, in}
}

var attendSlopes = []slope{
	attentionSlope(1, nil, gaussian(2, 2, 3, 4), gaussian(2, 2, 5, 4), gaussian(2, 2, 5, 3)),
	attentionSlope(1, map[string]any{"is_causal": 1, "left_window_size": 2}, gaussian(1, 4, 4, 2), gaussian(1, 2, 5, 2), gaussian(1, 2, 5, 3), gaussian(4, 1, 4)),
	attentionSlope(1, map[string]any{"q_num_heads": 4, "kv_num_heads": 2, "softcap": float32(1.5), "scale": float32(0.7)}, gaussian(2, 3, 8), gaussian(2, 4, 4), gaussian(2, 4, 6), tensor([]bool{true, false, true, true}, 1, 4)),
	attentionSlope(3, nil, gaussian(1, 2, 2, 3), gaussian(1, 2, 2, 3), gaussian(1, 2, 2, 2), gaussian(2, 5), gaussian(1, 2, 3, 3), gaussian(1, 2, 3, 2)),
	attentionSlope(4, map[string]any{"softcap": float32(1.5)}, gaussian(1, 2, 2, 3), gaussian(1, 2, 4, 3), gaussian(1, 2, 4, 2), gaussian(2, 4)),
	attentionSlope(4, map[string]any{"softcap": float32(1.5), "qk_matmul_output_mode": 1}, gaussian(1, 2, 2, 3), gaussian(1, 2, 4, 3), gaussian(1, 2, 4, 2), gaussian(2, 4)),
	attentionSlope(4, map[string]any{"softcap": float32(1.5), "qk_matmul_output_mode": 2}, gaussian(1, 2, 2, 3), gaussian(1, 2, 4, 3), gaussian(1, 2, 4, 2), gaussian(2, 4)),
	attentionSlope(4, map[string]any{"qk_matmul_output_mode": 3}, gaussian(1, 2, 2, 3), gaussian(1, 2, 4, 3), gaussian(1, 2, 4, 2), gaussian(2, 4)),
	attentionSlope(1, nil, gaussian(2, 2, 3, 4), gaussian(2, 2, 5, 4), gaussian(2, 2, 5, 3), nil, nil, nil, tensor([]int64{3, 0}, 2)),
	contribSlope("MultiHeadAttention", map[string]any{"num_heads": 2}, gaussian(2, 3, 4), gaussian(2, 5, 4), gaussian(2, 5, 6), gaussian(14), tensor([]int32{5, 2}, 2), gaussian(1, 2, 3, 5)),
	{testNode{domain: Microsoft, op: "MultiHeadAttention", version: 1, outputs: 3, attributes: map[string]any{"num_heads": 2, "unidirectional": 1}}, []*value.Value{gaussian(1, 2, 4), gaussian(1, 2, 4), gaussian(1, 2, 4), gaussian(12), nil, nil, gaussian(1, 2, 3, 2), gaussian(1, 2, 3, 2)}},
	contribSlope("MultiHeadAttention", map[string]any{"num_heads": 2}, gaussian(1, 2, 4), gaussian(1, 2, 3, 2), gaussian(1, 2, 3, 2), gaussian(12)),
	contribSlope("Attention", map[string]any{"num_heads": 2}, gaussian(2, 3, 5), gaussian(5, 12), gaussian(12), nil, nil, gaussian(2, 2, 3, 3)),
	{testNode{domain: Microsoft, op: "Attention", version: 1, outputs: 2, attributes: map[string]any{"num_heads": 2, "qkv_hidden_sizes": []int{4, 4, 4}, "unidirectional": 1}}, []*value.Value{gaussian(1, 2, 5), gaussian(5, 12), nil, nil, gaussian(2, 1, 2, 3, 2)}},
	contribSlope("Attention", map[string]any{"num_heads": 2, "qkv_hidden_sizes": []int{4, 4, 6}}, gaussian(2, 3, 5), gaussian(5, 14), gaussian(14)),
}
