package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

func TestVariadic(t *testing.T) {
	a, b, c := array([]int{2, 1}, 1, float32(2)), row[float32](10, nan, 0), array[float32](nil, 3)
	for name, want := range map[string][]float32{
		"Sum": {14, nan, 4, 15, nan, 5}, "Mean": {14. / 3, nan, 4. / 3, 5, nan, 5. / 3}, "Max": {10, nan, 3, 10, nan, 3}, "Min": {1, nan, 0, 2, nan, 0},
	} {
		same(t, run(t, name, 13, nil, a, b, c), array([]int{2, 3}, want...), 1e-6)
		same(t, run(t, name, 8, nil, b), b, 0)
	}
	same(t, run(t, "Max", 13, nil, row[int16](1, -3), array[int16](nil, -2)), row[int16](1, -2), 0)
	same(t, run(t, "Min", 13, nil, row[uint64](1<<63+1), row[uint64](1<<63)), row[uint64](1<<63), 0)
	refuses(t, "inputs 0 and 2 are", "Sum", 13, nil, b, b, row[float64](1))
	refuses(t, "input 1 is missing", "Sum", 13, nil, b, nil, b)
	refuses(t, "is not for tensors of int32", "Mean", 13, nil, row[int32](1))
	refuses(t, "is not for tensors of bool", "Max", 13, nil, row(true))
}

func TestWhere(t *testing.T) {
	cond := array([]int{2, 1}, true, false)
	same(t, run(t, "Where", 9, nil, cond, row[int64](1, 2), array[int64](nil, 9)), array[int64]([]int{2, 2}, 1, 2, 9, 9), 0)
	same(t, run(t, "Where", 16, nil, row(true, false, true), row[float32](1, 2, 3), row(inf, inf, nan)), row(1, inf, 3), 0)
	same(t, run(t, "Where", 9, nil, row(false, true), array(nil, true), array(nil, false)), row(false, true), 0)
	same(t, run(t, "Where", 9, nil, array(nil, false), row[uint16](1, 2), array([]int{2, 1}, uint16(3), 4)), array[uint16]([]int{2, 2}, 3, 3, 4, 4), 0)
	n := 3*piece + 1
	many := noise(1, n)
	want, _ := value.New(many.Kind, n)
	mask := run(t, "Greater", 13, nil, many, array[float32](nil, 0))
	for i, x := range value.Data[float32](many) {
		value.Data[float32](want)[i] = max(x, 0)
	}
	same(t, run(t, "Where", 16, nil, mask, many, array[float32](nil, 0)), want, 0)
	refuses(t, "input 0 is int64[1], must be bool", "Where", 9, nil, row[int64](1), row[int64](1), row[int64](1))
	refuses(t, "inputs 1 and 2 are", "Where", 9, nil, row(true), row[int64](1), row[int32](1))
	refuses(t, "do not broadcast", "Where", 9, nil, row(true, false), row[int64](1, 2, 3), row[int64](1))
}
