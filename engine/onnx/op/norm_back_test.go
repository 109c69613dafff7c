package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

func contribSlope(op string, a map[string]any, in ...*value.Value) slope {
	return slope{testNode{domain: Microsoft, op: op, version: 1, attributes: a}, in}
}

var normSlopes = []slope{
	{testNode{op: "LayerNormalization", version: 17}, []*value.Value{gaussian(2, 3, 5), gaussian(5), gaussian(5)}},
	{testNode{op: "LayerNormalization", version: 17, outputs: 3, attributes: map[string]any{"axis": 1, "stash_type": int(format.Double)}}, []*value.Value{gaussian(2, 3, 4), gaussian(3, 1), gaussian(4)}},
	{testNode{op: "LayerNormalization", version: 17, attributes: map[string]any{"axis": -1}}, []*value.Value{gaussian(2, 3, 4), gaussian(2, 1, 4)}},
	{testNode{op: "RMSNormalization", version: 23}, []*value.Value{gaussian(2, 3, 5), gaussian(5)}},
	{testNode{op: "SimplifiedLayerNormalization", version: 17, outputs: 2, attributes: map[string]any{"stash_type": int(format.Double)}}, []*value.Value{gaussian(3, 5), gaussian(5)}},
	contribSlope("SimplifiedLayerNormalization", nil, gaussian(3, 5), gaussian(5)),
	contribSlope("SkipLayerNormalization", nil, gaussian(2, 3, 5), gaussian(3, 5), gaussian(5), gaussian(5), gaussian(5)),
	contribSlope("SkipLayerNormalization", nil, gaussian(2, 3, 5), gaussian(2, 3, 5), gaussian(5)),
	contribSlope("SkipSimplifiedLayerNormalization", nil, gaussian(2, 3, 5), gaussian(2, 3, 5), gaussian(5), gaussian(5)),
	contribSlope("EmbedLayerNormalization", nil, tensor([]int32{0, 2, 2, 1, 0, 3}, 2, 3), tensor([]int32{0, 1, 1, 0, 0, 0}, 2, 3), gaussian(4, 5), gaussian(3, 5), gaussian(2, 5), gaussian(5), gaussian(5)),
	{testNode{op: "InstanceNormalization", version: 6}, []*value.Value{gaussian(2, 3, 5), gaussian(3), gaussian(3)}},
	{testNode{op: "GroupNormalization", version: 21, attributes: map[string]any{"num_groups": 2}}, []*value.Value{gaussian(2, 4, 3), gaussian(4), gaussian(4)}},
	{testNode{op: "GroupNormalization", version: 18, attributes: map[string]any{"num_groups": 2}}, []*value.Value{gaussian(2, 4, 3), gaussian(2), gaussian(2)}},
	{testNode{op: "LRN", version: 13, attributes: map[string]any{"size": 4, "alpha": float32(0.5), "beta": float32(0.6)}}, []*value.Value{gaussian(2, 5, 3)}},
	{testNode{op: "LRN", version: 13, attributes: map[string]any{"size": 3, "bias": float32(2)}}, []*value.Value{gaussian(1, 4)}},
	{testNode{op: "MeanVarianceNormalization", version: 13}, []*value.Value{gaussian(2, 3, 2, 2)}},
	{testNode{op: "MeanVarianceNormalization", version: 13, attributes: map[string]any{"axes": []int{1, -1}}}, []*value.Value{gaussian(2, 3, 4)}},
}

// TestSkipNormSumBack: what reaches the sum goes to both of its parts.
func TestSkipNormSumBack(t *testing.T) {
	in := []*value.Value{gaussian(1, 2, 4), gaussian(2, 4), gaussian(4), nil, gaussian(4)}
	k, err := testNode{domain: Microsoft, op: "SkipLayerNormalization", version: 1, outputs: 4}.kernel(in...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := runKernel(k, 4, in...)
	if err != nil {
		t.Fatal(err)
	}
	up := gaussian(1, 2, 4)
	s := newTestStore(in, false)
	if err := k.(Differentiable).Back(&Back{In: in, Out: out, Up: []*value.Value{nil, nil, nil, up}, Store: s}); err != nil {
		t.Fatal(err)
	}
	nearValue(t, "input", s.grads[0], []int{1, 2, 4}, randomNumbers(up), 1e-12)
	nearValue(t, "skip", s.grads[1], []int{2, 4}, randomNumbers(up), 1e-12)
	u := randomNumbers(up)
	nearValue(t, "bias", s.grads[4], []int{4}, []float64{u[0] + u[4], u[1] + u[5], u[2] + u[6], u[3] + u[7]}, 1e-12)
}
