package op

import "github.com/energo-ml/energo/engine/onnx/value"

// offsets is a tensor of offsets that lead between elements.
func offsets(shape ...int) *value.Value {
	v := gaussian(shape...)
	for i := range v.Len() {
		set(v, i, float64(i%5-2)*0.7+0.13)
	}
	return v
}

var regionSlopes = []slope{
	{testNode{op: "RoiAlign", version: 16, attributes: map[string]any{"output_height": 2, "output_width": 3, "sampling_ratio": 2}}, []*value.Value{gaussian(2, 3, 5, 6), tensor([]float64{0.3, 0.2, 4.1, 3.7, -1, 1, 5, 9}, 2, 4), tensor([]int64{1, 0}, 2)}},
	{testNode{op: "RoiAlign", version: 10, attributes: map[string]any{"output_height": 2, "output_width": 2, "mode": "max", "spatial_scale": float32(0.5)}}, []*value.Value{gaussian(1, 2, 5, 6), tensor([]float64{0.3, 0.2, 8.1, 7.7}, 1, 4), tensor([]int64{0}, 1)}},
	{testNode{op: "MaxRoiPool", version: 1, attributes: map[string]any{"pooled_shape": []int{2, 2}}}, []*value.Value{distinct(2, 2, 5, 6), tensor([]float64{1, 0, 1, 4, 4, 0, 5, 4, 9, 9}, 2, 5)}},
	{testNode{op: "MaxUnpool", version: 11, attributes: map[string]any{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}}, []*value.Value{gaussian(1, 1, 2, 2), tensor([]int64{5, 7, 13, 15}, 1, 1, 2, 2)}},
	{testNode{op: "MaxUnpool", version: 11, attributes: map[string]any{"kernel_shape": []int{2, 2}}}, []*value.Value{gaussian(1, 1, 2, 2), tensor([]int64{4, 4, 4, 8}, 1, 1, 2, 2), tensor([]int64{1, 1, 4, 5}, 4)}},
	{testNode{op: "Col2Im", version: 18, attributes: map[string]any{"pads": []int{1, 0, 0, 1}, "strides": []int{2, 1}}}, []*value.Value{gaussian(2, 8, 6), tensor([]int64{4, 3}, 2), tensor([]int64{2, 2}, 2)}},
	{testNode{op: "DeformConv", version: 19, attributes: map[string]any{"group": 2, "offset_group": 2, "pads": []int{1, 0, 0, 1}}}, []*value.Value{gaussian(2, 4, 3, 4), gaussian(4, 2, 2, 2), offsets(2, 16, 3, 4), gaussian(4), gaussian(2, 8, 3, 4)}},
	{testNode{op: "DeformConv", version: 19, attributes: map[string]any{"strides": []int{2, 1}}}, []*value.Value{gaussian(1, 2, 4, 3), gaussian(3, 2, 2, 2), offsets(1, 8, 2, 2)}},
}
