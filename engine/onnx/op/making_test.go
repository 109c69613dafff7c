package op

import (
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
)

func TestTrilu(t *testing.T) {
	x := array[int64]([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	lower := attributes("upper", 0)
	for _, c := range []struct {
		k            int64
		upper, lower []int64
	}{
		{0, []int64{1, 2, 3, 0, 5, 6}, []int64{1, 0, 0, 4, 5, 0}},
		{1, []int64{0, 2, 3, 0, 0, 6}, []int64{1, 2, 0, 4, 5, 6}},
		{-1, []int64{1, 2, 3, 4, 5, 6}, []int64{0, 0, 0, 4, 0, 0}},
		{math.MaxInt64, make([]int64, 6), []int64{1, 2, 3, 4, 5, 6}},
		{math.MinInt64, []int64{1, 2, 3, 4, 5, 6}, make([]int64, 6)},
	} {
		same(t, run(t, "Trilu", 14, nil, x, array(nil, c.k)), array(x.Shape, c.upper...), 0)
		same(t, run(t, "Trilu", 14, lower, x, array(nil, c.k)), array(x.Shape, c.lower...), 0)
	}
	same(t, run(t, "Trilu", 14, nil, array([]int{2, 2, 2}, true, true, true, true, true, true, true, true)),
		array([]int{2, 2, 2}, true, true, false, true, true, true, false, true), 0)
	same(t, run(t, "Trilu", 14, nil, array[float32]([]int{0, 3})), array[float32]([]int{0, 3}), 0)
	refuses(t, "must have rank 2 or more", "Trilu", 14, nil, row[float32](1))
}

func TestEyeLike(t *testing.T) {
	x := array[int32]([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	same(t, run(t, "EyeLike", 9, nil, x), array[int32]([]int{2, 3}, 1, 0, 0, 0, 1, 0), 0)
	same(t, run(t, "EyeLike", 9, attributes("k", 1, "dtype", format.Double), x), array([]int{2, 3}, 0, 1, 0, 0, 0, 1.0), 0)
	same(t, run(t, "EyeLike", 9, attributes("k", -1, "dtype", format.Bool), x), array([]int{2, 3}, false, false, false, true, false, false), 0)
	same(t, run(t, "EyeLike", 9, attributes("k", math.MaxInt64), x), array[int32]([]int{2, 3}, 0, 0, 0, 0, 0, 0), 0)
	refuses(t, "must have rank 2", "EyeLike", 9, nil, row[float32](1))
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		start, limit, delta int64
		want                []int64
	}{
		{3, 9, 3, []int64{3, 6}},
		{10, 4, -2, []int64{10, 8, 6}},
		{0, 0, 1, nil},
		{5, 0, 1, nil},
		{0, 5, -1, nil},
		{math.MinInt64, math.MaxInt64, math.MaxInt64, []int64{math.MinInt64, -1, math.MaxInt64 - 1}},
		{math.MaxInt64, math.MinInt64, math.MinInt64, []int64{math.MaxInt64, -1}},
	} {
		same(t, run(t, "Range", 11, nil, array(nil, c.start), array(nil, c.limit), array(nil, c.delta)), row(c.want...), 0)
	}
	same(t, run(t, "Range", 11, nil, array[float32](nil, 1), array[float32](nil, 2), array[float32](nil, 0.4)), row[float32](1, 1.4, 1.8), 1e-6)
	same(t, run(t, "Range", 27, nil, array[float32](nil, 1), array[float32](nil, -2), array[float32](nil, 1)), row[float32](), 0)
	refuses(t, "there is no end", "Range", 11, nil, array[int64](nil, 1), array[int64](nil, 2), array[int64](nil, 0))
	refuses(t, "there is no end", "Range", 11, nil, array[float32](nil, 1), array[float32](nil, 2), array[float32](nil, 0))
	refuses(t, "there is no end", "Range", 11, nil, array[float32](nil, 1), array(nil, nan), array[float32](nil, 1))
	refuses(t, "there is no end", "Range", 11, nil, array[float32](nil, 1), array(nil, inf), array[float32](nil, 1))
	refuses(t, "there are 9223372036854775807 elements", "Range", 11, nil, array[int64](nil, 0), array[int64](nil, math.MaxInt64), array[int64](nil, 1))
	refuses(t, "must be one element of int64", "Range", 11, nil, array[int64](nil, 1), row[int64](1, 2), array[int64](nil, 1))
}
