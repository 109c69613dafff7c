package op

import "github.com/energo-ml/energo/engine/onnx/value"

// gridPlaces are places around the whole of the input, none near one where the derivative jumps.
func gridPlaces(shape ...int) *value.Value {
	v := gaussian(shape...)
	for i := range v.Len() {
		set(v, i, float64(i*37%29)*0.097-1.413)
	}
	return v
}

func gridSlope(mode, padding string, corners int, x, grid *value.Value) slope {
	return slope{testNode{op: "GridSample", version: 20, attributes: map[string]any{"mode": mode, "padding_mode": padding, "align_corners": corners}}, []*value.Value{x, grid}}
}

var gridSlopes = []slope{
	gridSlope("linear", "zeros", 0, gaussian(2, 3, 4, 5), gridPlaces(2, 3, 2, 2)),
	gridSlope("linear", "zeros", 1, gaussian(1, 20, 4, 3), gridPlaces(1, 2, 4, 2)),
	gridSlope("linear", "border", 0, gaussian(1, 2, 4, 5), gridPlaces(1, 4, 3, 2)),
	gridSlope("linear", "border", 1, gaussian(1, 2, 4, 5), gridPlaces(1, 4, 3, 2)),
	gridSlope("linear", "reflection", 0, gaussian(1, 2, 4, 5), gridPlaces(1, 4, 3, 2)),
	gridSlope("linear", "reflection", 1, gaussian(1, 2, 4, 5), gridPlaces(1, 4, 3, 2)),
	gridSlope("linear", "zeros", 0, gaussian(1, 2, 3, 4, 2), gridPlaces(1, 2, 2, 2, 3)),
	gridSlope("cubic", "zeros", 0, gaussian(1, 2, 4, 5), gridPlaces(1, 4, 3, 2)),
	gridSlope("cubic", "border", 1, gaussian(1, 2, 4, 5), gridPlaces(1, 4, 3, 2)),
	gridSlope("cubic", "reflection", 0, gaussian(1, 2, 4, 5), gridPlaces(1, 4, 3, 2)),
	gridSlope("nearest", "border", 0, gaussian(1, 2, 4, 5), gridPlaces(1, 4, 3, 2)),
	{testNode{op: "AffineGrid", version: 20}, []*value.Value{gaussian(2, 2, 3), tensor([]int64{2, 1, 3, 2}, 4)}},
	{testNode{op: "AffineGrid", version: 20, attributes: map[string]any{"align_corners": 1}}, []*value.Value{gaussian(1, 3, 4), tensor([]int64{1, 1, 2, 3, 2}, 5)}},
}
