package op

import "github.com/energo-ml/energo/engine/onnx/value"

func resizeSlope(a map[string]any, x, roi, scales, sizes *value.Value) slope {
	return slope{testNode{op: "Resize", version: 19, attributes: a}, []*value.Value{x, roi, scales, sizes}}
}

var resizeSlopes = []slope{
	resizeSlope(map[string]any{"mode": "nearest"}, gaussian(1, 2, 3, 4), nil, floats(1, 1, 2, 2), nil),
	resizeSlope(map[string]any{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, gaussian(1, 2, 5, 4), nil, floats(1, 1, 0.6, 0.5), nil),
	resizeSlope(map[string]any{"mode": "linear"}, gaussian(1, 2, 3, 4), nil, nil, tensor([]int64{1, 2, 5, 3}, 4)),
	resizeSlope(map[string]any{"mode": "linear", "antialias": 1}, gaussian(1, 2, 7, 6), nil, floats(1, 1, 0.4, 0.5), nil),
	resizeSlope(map[string]any{"mode": "cubic", "coordinate_transformation_mode": "align_corners"}, gaussian(1, 1, 4, 5), nil, floats(1, 1, 1.7, 0.8), nil),
	resizeSlope(map[string]any{"mode": "cubic", "antialias": 1, "exclude_outside": 1}, gaussian(1, 1, 6, 5), nil, floats(1, 1, 0.5, 0.6), nil),
	resizeSlope(map[string]any{"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "axes": []int{1, 2}}, gaussian(2, 4, 4), floats(0.4, 0.6, 1.2, 1.7), nil, tensor([]int64{3, 3}, 2)),
	{testNode{op: "Upsample", version: 9, attributes: map[string]any{"mode": "linear"}}, []*value.Value{gaussian(1, 1, 3, 2), floats(1, 1, 2, 1.5)}},
	{testNode{op: "Upsample", version: 7, attributes: map[string]any{"scales": []float32{1, 1, 2, 3}}}, []*value.Value{gaussian(1, 2, 2, 2)}},
}
