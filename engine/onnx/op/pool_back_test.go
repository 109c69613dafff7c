package op

import (
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

func poolSlope(op string, version int, x *value.Value, a map[string]any) slope {
	return slope{testNode{op: op, version: version, attributes: a}, []*value.Value{x}}
}

var poolSlopes = []slope{
	poolSlope("MaxPool", 12, distinct(2, 2, 5, 4), map[string]any{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}),
	poolSlope("MaxPool", 12, distinct(2, 2, 4, 4), map[string]any{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}),
	poolSlope("MaxPool", 12, distinct(2, 2, 7), map[string]any{"kernel_shape": []int{2}, "dilations": []int{2}, "strides": []int{2}, "ceil_mode": 1}),
	poolSlope("MaxPool", 12, distinct(1, 2, 3, 4, 3), map[string]any{"kernel_shape": []int{2, 2, 2}, "pads": []int{1, 0, 0, 0, 1, 0}, "storage_order": 1}),
	{testNode{op: "MaxPool", version: 12, outputs: 2, attributes: map[string]any{"kernel_shape": []int{2, 2}, "storage_order": 1}}, []*value.Value{distinct(1, 2, 3, 4)}},
	poolSlope("AveragePool", 19, gaussian(2, 2, 4, 5), map[string]any{"kernel_shape": []int{2, 3}}),
	poolSlope("AveragePool", 19, gaussian(2, 2, 5, 5), map[string]any{"kernel_shape": []int{3, 2}, "pads": []int{1, 1, 0, 0}, "strides": []int{2, 2}, "ceil_mode": 1}),
	poolSlope("AveragePool", 19, gaussian(2, 2, 5, 5), map[string]any{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}, "count_include_pad": 1, "dilations": []int{1, 2}}),
	poolSlope("AveragePool", 19, gaussian(1, 2, 3, 3, 4), map[string]any{"kernel_shape": []int{2, 2, 2}, "auto_pad": "SAME_UPPER"}),
	poolSlope("AveragePool", 19, gaussian(1, 2, 6), map[string]any{"kernel_shape": []int{3}, "strides": []int{2}}),
	poolSlope("LpPool", 18, distinct(1, 2, 4, 4), map[string]any{"kernel_shape": []int{2, 2}, "p": 3}),
	poolSlope("LpPool", 18, distinct(1, 2, 5), map[string]any{"kernel_shape": []int{2}, "p": 1, "pads": []int{1, 1}}),
	poolSlope("GlobalAveragePool", 1, gaussian(2, 3, 2, 4), nil),
	poolSlope("GlobalMaxPool", 1, distinct(2, 3, 2, 4), nil),
	poolSlope("GlobalLpPool", 2, gaussian(2, 3, 7), map[string]any{"p": 3}),
}

// TestMaxPoolTies: the first of equal elements takes the gradient, of NaN the last.
func TestMaxPoolTies(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct{ x, dx []float32 }{
		{[]float32{1, 3, 3, 2, 3}, []float32{0, 2, 1, 0, 1}},
		{[]float32{nan, nan, 3, 2, 2}, []float32{0, 2, 1, 1, 0}},
	} {
		for _, a := range []map[string]any{{"kernel_shape": []int{2}}, {"kernel_shape": []int{2}, "pads": []int{0, 1}}} {
			in := []*value.Value{tensor(c.x, 1, 1, 5)}
			k, err := testNode{op: "MaxPool", version: 12, attributes: a}.kernel(in...)
			if err != nil {
				t.Fatal(err)
			}
			out, err := runKernel(k, 1, in...)
			if err != nil {
				t.Fatal(err)
			}
			up := out[0].Clone()
			fillWith(value.Data[float32](up), 1)
			if up.Len() == 5 { // with padding there is one more window
				set(up, 4, 0)
			}
			s := newTestStore(in, false)
			if err := k.(Differentiable).Back(&Back{In: in, Out: out, Up: []*value.Value{up}, Store: s}); err != nil {
				t.Fatal(err)
			}
			if dx := value.Data[float32](s.grads[0]); !slices.Equal(dx, c.dx) {
				t.Errorf("%v: gradients %v, must be %v", c.x, dx, c.dx)
			}
		}
	}
}
