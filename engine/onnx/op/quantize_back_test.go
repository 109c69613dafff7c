package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var quantizeSlopes = func() (all []slope) {
	x := array([]int{2, 3, 4}, make([]uint8, 24)...)
	for i := range value.Data[uint8](x) {
		value.Data[uint8](x)[i] = uint8(i * 7)
	}
	add := func(scale, zero *value.Value, attrs ...any) {
		all = append(all, slope{node("DequantizeLinear", 21, attributes(attrs...)), []*value.Value{x, scale, zero}})
	}
	add(array(nil, float32(0.5)), array(nil, uint8(9)))
	add(row[float32](0.5), nil)
	for axis, n := range x.Shape {
		add(apart(1, 1, n), array([]int{n}, []uint8{3, 5, 7, 9}[:n]...), "axis", axis)
	}
	add(apart(1, 1, 2, 3, 2), nil, "axis", 2, "block_size", 2)
	add(apart(1, 1, 2, 2, 4), nil, "axis", 1, "block_size", 2)
	return all
}()

// TestDequantizeFloats: elements that are narrow floats have a gradient, too.
func TestDequantizeFloats(t *testing.T) {
	x := arrayOf(format.Float8E4M3FN, []int{2}, float32(1), 2)
	same(t, node("DequantizeLinear", 19, nil).backOfOnes(t, x, array(nil, float32(0.25)))[0], arrayOf(format.Float8E4M3FN, []int{2}, float32(0.25), 0.25), 0)
}
