package op

import "github.com/energo-ml/energo/engine/onnx/value"

func lossSlope(op string, outputs int, a map[string]any, in ...*value.Value) slope {
	return slope{testNode{op: op, version: 13, outputs: outputs, attributes: a}, in}
}

var lossSlopes = []slope{
	lossSlope("NegativeLogLikelihoodLoss", 1, nil, gaussian(3, 4), tensor([]int64{1, 3, 0}, 3), positives(4)),
	lossSlope("NegativeLogLikelihoodLoss", 1, map[string]any{"reduction": "sum", "ignore_index": 2}, gaussian(2, 3, 2), tensor([]int64{1, 2, 0, 1}, 2, 2)),
	lossSlope("NegativeLogLikelihoodLoss", 1, map[string]any{"reduction": "none"}, gaussian(2, 3, 2), tensor([]int64{1, 2, 0, 1}, 2, 2), positives(3)),
	lossSlope("SoftmaxCrossEntropyLoss", 1, map[string]any{"ignore_index": 1}, gaussian(3, 4), tensor([]int64{1, 3, 0}, 3)),
	lossSlope("SoftmaxCrossEntropyLoss", 2, nil, gaussian(3, 4), tensor([]int64{1, 3, 0}, 3), positives(4)),
	lossSlope("SoftmaxCrossEntropyLoss", 2, map[string]any{"reduction": "sum"}, gaussian(2, 3, 2), tensor([]int64{1, 2, 0, 1}, 2, 2), positives(3)),
	lossSlope("SoftmaxCrossEntropyLoss", 1, map[string]any{"reduction": "none"}, gaussian(2, 3, 2), tensor([]int64{1, 2, 0, 1}, 2, 2)),
}
