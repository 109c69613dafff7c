package op

import "github.com/energo-ml/energo/engine/onnx/value"

func matMulSlope(a, b *value.Value) slope {
	return slope{testNode{op: "MatMul", version: 13}, []*value.Value{a, b}}
}

func fusedMatMulSlope(op string, a map[string]any, in ...*value.Value) slope {
	return slope{testNode{domain: Microsoft, op: op, version: 1, attributes: a}, in}
}

func gemmSlope(a map[string]any, in ...*value.Value) slope {
	return slope{testNode{op: "Gemm", version: 13, attributes: a}, in}
}

var productSlopes = []slope{
	matMulSlope(gaussian(3, 4), gaussian(4, 2)),
	matMulSlope(gaussian(2, 3, 4), gaussian(4, 2)),
	matMulSlope(gaussian(3, 4), gaussian(2, 4, 2)),
	matMulSlope(gaussian(2, 1, 3, 2), gaussian(1, 3, 2, 4)),
	matMulSlope(gaussian(4), gaussian(2, 4, 3)),
	matMulSlope(gaussian(2, 3, 4), gaussian(4)),
	matMulSlope(gaussian(4), gaussian(4)),
	matMulSlope(gaussian(2, 1, 1), gaussian(2, 1, 1)),
	fusedMatMulSlope("FusedMatMul", map[string]any{"transA": 1, "alpha": float32(0.5)}, gaussian(2, 4, 3), gaussian(4, 2)),
	fusedMatMulSlope("FusedMatMul", map[string]any{"transB": 1}, gaussian(2, 3, 4), gaussian(2, 2, 4)),
	fusedMatMulSlope("TransposeMatMul", map[string]any{"transA": 1, "transB": 1}, gaussian(4, 3), gaussian(3, 2, 4)),
	gemmSlope(nil, gaussian(3, 4), gaussian(4, 2), gaussian(2)),
	gemmSlope(map[string]any{"transA": 1, "alpha": float32(0.5), "beta": float32(2)}, gaussian(4, 3), gaussian(4, 2), gaussian(3, 1)),
	gemmSlope(map[string]any{"transB": 1, "beta": float32(0.5)}, gaussian(3, 4), gaussian(2, 4), gaussian(1, 2)),
	gemmSlope(map[string]any{"transA": 1, "transB": 1}, gaussian(4, 3), gaussian(2, 4)),
	gemmSlope(nil, gaussian(3, 4), gaussian(4, 2), gaussian(3, 2)),
	gemmSlope(nil, gaussian(3, 4), gaussian(4, 1), gaussian(1)),
	gemmSlope(nil, gaussian(3, 4), gaussian(4, 2), gaussian(1, 1)),
}
