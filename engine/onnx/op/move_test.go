package op_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// Pitfall 11: allowzero, and −1 beside a 0 that is copied or that is a size.
func TestReshape(t *testing.T) {
	x := counted(2, 3, 4)
	for _, row := range []struct {
		shape, want []int
	}{{[]int{4, -1}, []int{4, 6}}, {[]int{0, -1}, []int{2, 12}}, {[]int{-1, 0, 2}, []int{4, 3, 2}}, {[]int{0, 0, 0, 1}, []int{2, 3, 4, 1}}} {
		shape := list()
		if len(row.shape) > 0 {
			var x []int64
			for _, d := range row.shape {
				x = append(x, int64(d))
			}
			shape = list(x...)
		}
		if y := one(t, 13, "Reshape", ins(x, shape)); !slices.Equal(y.Shape, row.want) {
			t.Errorf("%v makes %s, must be %v", row.shape, y, row.want)
		}
	}
	empty := counted(0, 3)
	if y := one(t, 14, "Reshape", ins(empty, list(3, 0)), "allowzero", 1); !slices.Equal(y.Shape, []int{3, 0}) {
		t.Errorf("allowzero makes %s", y)
	}
	if y := one(t, 14, "Reshape", ins(counted(1), list())); len(y.Shape) != 0 {
		t.Errorf("no sizes make %s, must be a scalar", y)
	}
	refused(t, "leaves the size of -1 open", 14, "Reshape", 1, ins(empty, list(0, -1)), "allowzero", 1)
	refused(t, "leaves the size of -1 open", 14, "Reshape", 1, ins(empty, list(0, -1)))
	refused(t, "does not hold the 24 elements", 14, "Reshape", 1, ins(x, list(5, -1)))
	refused(t, "more than one -1", 14, "Reshape", 1, ins(x, list(-1, -1)))
	refused(t, "copies dimension 3", 14, "Reshape", 1, ins(x, list(2, 3, 4, 0)))
	refused(t, "-2", 14, "Reshape", 1, ins(x, list(-2, 12)))
	refused(t, "do not make shape", 14, "Reshape", 1, ins(x, list(5, 5)))
	refused(t, "more than an int counts", 14, "Reshape", 1, ins(x, list(1<<40, 1<<40, -1)))
	refused(t, "must be integers", 14, "Reshape", 1, ins(x, counted(2)))
}

func TestShapesOfDimensions(t *testing.T) {
	x := counted(2, 1, 3, 1)
	shape := func(opset int, op string, in []*value.Value, want []int, attributes ...any) {
		t.Helper()
		if y := one(t, opset, op, in, attributes...); !slices.Equal(y.Shape, want) {
			t.Errorf("%s makes %s, must be %v", op, y, want)
		}
	}
	shape(11, "Squeeze", ins(x), []int{2, 3})
	shape(11, "Squeeze", ins(x), []int{2, 1, 3}, "axes", []int{-1})
	shape(13, "Squeeze", ins(x), []int{2, 3})
	shape(13, "Squeeze", ins(x, list(1)), []int{2, 3, 1})
	shape(11, "Unsqueeze", ins(x), []int{1, 2, 1, 3, 1, 1}, "axes", []int{0, -1})
	shape(13, "Unsqueeze", ins(x, list(1, 2)), []int{2, 1, 1, 1, 3, 1})
	shape(11, "com.microsoft.ExpandDims", ins(x, scalar(int32(-1))), []int{2, 1, 3, 1, 1})
	shape(11, "Flatten", ins(x), []int{2, 3})
	shape(11, "Flatten", ins(x), []int{1, 6}, "axis", 0)
	shape(11, "Flatten", ins(x), []int{6, 1}, "axis", -1)
	is(t, one(t, 15, "Shape", ins(x), "start", -2), list(3, 1), 0)
	is(t, one(t, 15, "Shape", ins(x), "start", -9, "end", -1), list(2, 1, 3), 0)
	is(t, one(t, 15, "Shape", ins(x), "start", 3, "end", 1), list(), 0)
	is(t, one(t, 13, "Size", ins(x)), scalar(int64(6)), 0)
	is(t, one(t, 13, "Size", ins(scalar(float32(1)))), scalar(int64(1)), 0)
	refused(t, "must be 1", 13, "Squeeze", 1, ins(x, list(0)))
	refused(t, "stands twice", 13, "Unsqueeze", 1, ins(x, list(0, -6)))
	refused(t, "must be -6 to 5", 13, "Unsqueeze", 1, ins(x, list(0, 7)))
	refused(t, "\"axes\" is missing", 11, "Unsqueeze", 1, ins(x))
}

func TestConstants(t *testing.T) {
	is(t, one(t, 13, "Constant", nil, "value_float", float32(2)), scalar(float32(2)), 0)
	is(t, one(t, 13, "Constant", nil, "value_floats", []float32{1, 2}), of([]int{2}, float32(1), 2), 0)
	is(t, one(t, 13, "Constant", nil, "value_int", -3), scalar(int64(-3)), 0)
	is(t, one(t, 13, "Constant", nil, "value_ints", []int{4, 5}), list(4, 5), 0)
	is(t, one(t, 13, "Constant", nil, "value", of([]int{1, 2}, true, false)), of([]int{1, 2}, true, false), 0)
	refused(t, "must have one", 13, "Constant", 1, nil)
	refused(t, "must have one", 13, "Constant", 1, nil, "value_int", 1, "value_float", float32(1))
	refused(t, "not supported", 13, "Constant", 1, nil, "value_string", "x")
	is(t, one(t, 13, "ConstantOfShape", ins(list(2, 2))), of([]int{2, 2}, float32(0), 0, 0, 0), 0)
	is(t, one(t, 13, "ConstantOfShape", ins(list()), "value", of([]int{1}, int8(7))), scalar(int8(7)), 0)
	is(t, one(t, 13, "ConstantOfShape", ins(list(0, 3)), "value", of([]int{1}, int8(7))), of[int8]([]int{0, 3}), 0)
	refused(t, "negative", 13, "ConstantOfShape", 1, ins(list(-1)))
	refused(t, "64 MiB, the limit", 13, "ConstantOfShape", 1, ins(list(1<<20, 1<<20)))
	refused(t, "more elements than", 13, "ConstantOfShape", 1, ins(list(1<<40, 1<<40)))
}

// TestTranspose holds every permutation of odd sizes, of each size of elements, against the definition; the last shapes are larger than what a task moves.
func TestTranspose(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, shape := range [][]int{{}, {5}, {3, 17}, {33, 2, 19}, {1, 3, 1, 5}, {2, 3, 4, 5, 2}, {130, 257}, {3, 64, 100}, {40, 3, 300}} {
		for range 6 {
			perm := r.Perm(len(shape))
			want := make([]int, len(shape))
			for i, p := range perm {
				want[i] = shape[p]
			}
			x := counted(shape...)
			bytes := make([]uint8, x.Len())
			for i := range bytes {
				bytes[i] = uint8(i * 7)
			}
			y := one(t, 13, "Transpose", ins(x), "perm", perm)
			b := one(t, 13, "Transpose", ins(of(shape, bytes...)), "perm", perm)
			if !slices.Equal(y.Shape, want) {
				t.Fatalf("%v of %v makes %s", perm, shape, y)
			}
			source := make([]int, len(shape))
			coordinates(want, func(at []int) {
				for i, p := range perm {
					source[p] = at[i]
				}
				i, j := place(want, at), place(shape, source)
				if value.Data[float32](y)[i] != float32(j) || value.Data[uint8](b)[i] != bytes[j] {
					t.Fatalf("perm %v of %v: element %v is wrong", perm, shape, at)
				}
			})
		}
	}
	is(t, one(t, 13, "Transpose", ins(counted(2, 3))), of([]int{3, 2}, float32(0), 3, 1, 4, 2, 5), 0)
	is(t, one(t, 13, "Transpose", ins(counted(2, 0))), counted(0, 2), 0)
	refused(t, "each of 0 to 1 once", 13, "Transpose", 1, ins(counted(2, 3)), "perm", []int{0, 0})
	refused(t, "must have 2 entries", 13, "Transpose", 1, ins(counted(2, 3)), "perm", []int{0})
}

// Pitfall 12: a step backward brings the start to [0, d−1] and the end to [−1, d−1].
func TestSlice(t *testing.T) {
	x := counted(10)
	for _, row := range []struct {
		start, end, step int64
		want             []float32
	}{
		{2, 5, 1, []float32{2, 3, 4}},
		{-3, math.MaxInt64, 1, []float32{7, 8, 9}},
		{0, -1, 4, []float32{0, 4, 8}},
		{-1, math.MinInt64, -3, []float32{9, 6, 3, 0}},
		{20, 0, -4, []float32{9, 5, 1}},
		{3, -11, -1, []float32{3, 2, 1, 0}},
		{3, -10, -1, []float32{3, 2, 1}},
		{5, 5, 1, nil},
		{2, 8, -1, nil},
		{0, math.MinInt64, -1, []float32{0}},
		{0, math.MaxInt64, math.MaxInt64, []float32{0}},
		{9, math.MinInt64, math.MinInt64, []float32{9}},
		{math.MinInt64, 2, 1, []float32{0, 1}},
	} {
		y := one(t, 13, "Slice", ins(x, list(row.start), list(row.end), list(0), list(row.step)))
		is(t, y, of([]int{len(row.want)}, row.want...), 0)
	}
	y := one(t, 13, "Slice", ins(counted(2, 3, 4), list(1, 0), list(-9, 2), list(-1, 1), list(-1, 1)))
	is(t, y, of([]int{2, 2, 2}, float32(1), 0, 5, 4, 13, 12, 17, 16), 0)
	is(t, one(t, 9, "Slice", ins(counted(2, 3)), "starts", []int{1}, "ends", []int{9}, "axes", []int{1}), of([]int{2, 2}, float32(1), 2, 4, 5), 0)
	is(t, one(t, 9, "Slice", ins(counted(2, 3)), "starts", []int{0, 1}, "ends", []int{1, 2}), of([]int{1, 1}, float32(1)), 0)
	refused(t, "the step along axis 0 is 0", 13, "Slice", 1, ins(x, list(0), list(1), list(0), list(0)))
	refused(t, "as many of each", 13, "Slice", 1, ins(x, list(0, 1), list(1)))
	refused(t, "stands twice", 13, "Slice", 1, ins(counted(2, 3), list(0, 0), list(1, 1), list(1, -1)))
	refused(t, "must be -1 to 0", 13, "Slice", 1, ins(x, list(0), list(1), list(1)))
}

// Pitfalls 6 and 21: the constant may be missing; what is cropped is gone before the rest is reflected, as often as need be.
func TestPad(t *testing.T) {
	x := counted(4)
	for _, row := range []struct {
		mode        string
		front, back int64
		want        []float32
	}{
		{"constant", 1, 2, []float32{0, 0, 1, 2, 3, 0, 0}},
		{"constant", -1, 1, []float32{1, 2, 3, 0}},
		{"constant", -4, 2, []float32{0, 0}},
		{"edge", 2, 1, []float32{0, 0, 0, 1, 2, 3, 3}},
		{"edge", -1, 2, []float32{1, 2, 3, 3, 3}},
		{"reflect", 3, 1, []float32{3, 2, 1, 0, 1, 2, 3, 2}},
		{"reflect", 5, 4, []float32{1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1}},
		{"reflect", 2, -1, []float32{2, 1, 0, 1, 2}},
		{"wrap", 5, 1, []float32{3, 0, 1, 2, 3, 0, 1, 2, 3, 0}},
		{"wrap", 1, -2, []float32{1, 0, 1}},
	} {
		y := one(t, 19, "Pad", ins(x, list(row.front, row.back)), "mode", row.mode)
		is(t, y, of([]int{len(row.want)}, row.want...), 0)
	}
	is(t, one(t, 18, "Pad", ins(counted(1, 2), list(1, 0), scalar(float32(9)), list(-1))), of([]int{1, 3}, float32(9), 0, 1), 0)
	is(t, one(t, 11, "Pad", ins(counted(1, 2), list(0, 1, 1, 0)), "mode", "edge"), of([]int{2, 3}, float32(0), 0, 1, 0, 0, 1), 0)
	is(t, one(t, 10, "Pad", ins(counted(2)), "pads", []int{1, 0}, "value", float32(5)), of([]int{3}, float32(5), 0, 1), 0)
	is(t, one(t, 11, "com.microsoft.Pad", ins(counted(2), of([]int{1, 2}, int64(0), 1), scalar(float32(5)))), of([]int{3}, float32(0), 1, 5), 0)
	is(t, one(t, 13, "Pad", ins(of([]int{2}, true, true), list(1, 0))), of([]int{3}, false, true, true), 0)
	is(t, one(t, 13, "Pad", ins(scalar(float32(3)), list()), "mode", "edge"), scalar(float32(3)), 0)
	refused(t, "nothing that mode \"edge\" could repeat", 13, "Pad", 1, ins(counted(0), list(1, 0)), "mode", "edge")
	refused(t, "leave something of 4", 13, "Pad", 1, ins(x, list(-3, -2)))
	refused(t, "must have two for each", 13, "Pad", 1, ins(x, list(1)))
	refused(t, "must be one of", 18, "Pad", 1, ins(x, list(1, 1)), "mode", "wrap")
	refused(t, "must be one element of float", 13, "Pad", 1, ins(x, list(1, 1), list(1)))
	refused(t, "64 MiB, the limit", 13, "Pad", 1, ins(x, list(1<<30, 1<<30)))
	refused(t, "at most 2147483647", 13, "Pad", 1, ins(x, list(math.MaxInt64, 1)))
}

// TestPadPictures holds two dimensions of each mode against the same along one after the other.
func TestPadPictures(t *testing.T) {
	x := normal(rand.New(rand.NewPCG(2, 2)), 2, 3, 37, 41)
	for _, mode := range []string{"edge", "reflect", "wrap", "constant"} {
		y := one(t, 19, "Pad", ins(x, list(0, 0, 3, 2, 0, 0, -1, 5)), "mode", mode)
		rows := one(t, 19, "Pad", ins(x, list(3, -1), nil, list(2)), "mode", mode)
		is(t, y, one(t, 19, "Pad", ins(rows, list(2, 5), nil, list(3)), "mode", mode), 0)
	}
}

func TestConcatSplit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	x := normal(r, 7, 50, 90)
	for axis, sizes := range [][]int64{{3, 0, 4}, {25, 25}, {1, 88, 1}} {
		parts, err := single(13, "Split", len(sizes), ins(x, list(sizes...)), "axis", axis-3)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range parts {
			if p.Shape[axis] != int(sizes[i]) {
				t.Errorf("part %d is %s", i, p)
			}
		}
		is(t, one(t, 13, "Concat", parts, "axis", axis), x, 0)
	}
	sizes := func(opset, outputs int, v *value.Value, attributes ...any) (list []int) {
		parts, err := single(opset, "Split", outputs, ins(v), attributes...)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			list = append(list, p.Shape[0])
		}
		return list
	}
	if s := sizes(18, 3, counted(7), "num_outputs", 3); !slices.Equal(s, []int{3, 3, 1}) {
		t.Errorf("7 in 3 parts are %v", s)
	}
	if s := sizes(11, 2, counted(6)); !slices.Equal(s, []int{3, 3}) {
		t.Errorf("6 in 2 parts are %v", s)
	}
	if s := sizes(11, 2, counted(6), "split", []int{5, 1}); !slices.Equal(s, []int{5, 1}) {
		t.Errorf("6 in parts of 5 and 1 are %v", s)
	}
	refused(t, "7 do not make 2 parts", 13, "Split", 2, ins(counted(7)))
	refused(t, "must have the sum 7", 13, "Split", 2, ins(counted(7), list(3, 3)))
	refused(t, "0 or more", 13, "Split", 2, ins(counted(7), list(-1, 8)))
	refused(t, "either", 18, "Split", 2, ins(counted(7)))
	refused(t, "must be of one type and rank", 13, "Concat", 1, ins(counted(2), list(1)), "axis", 0)
	refused(t, "differ in dimension 0 alone", 13, "Concat", 1, ins(counted(2, 3), counted(2, 4)), "axis", 0)
	refused(t, "a scalar has none", 13, "Concat", 1, ins(scalar(float32(1)), scalar(float32(1))), "axis", 0)
	refused(t, "\"axis\" is missing", 13, "Concat", 1, ins(counted(2)))
}

func TestExpandTile(t *testing.T) {
	is(t, one(t, 13, "Expand", ins(counted(2, 1), list(3, 1, 2))), of([]int{3, 2, 2}, float32(0), 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1), 0)
	is(t, one(t, 13, "Expand", ins(counted(2, 3), list(1, 1))), counted(2, 3), 0)
	is(t, one(t, 13, "Expand", ins(counted(1, 3), list(0, 3))), counted(0, 3), 0)
	is(t, one(t, 13, "Tile", ins(counted(2, 2), list(2, 3))), of([]int{4, 6}, float32(0), 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3), 0)
	is(t, one(t, 13, "Tile", ins(counted(2), list(0))), counted(0), 0)
	refused(t, "do not broadcast", 13, "Expand", 1, ins(counted(2), list(3)))
	refused(t, "negative", 13, "Expand", 1, ins(counted(2), list(-1, 2)))
	refused(t, "one for each dimension", 13, "Tile", 1, ins(counted(2), list(1, 1)))
	refused(t, "0 or more", 13, "Tile", 1, ins(counted(2), list(-1)))
	refused(t, "more than an int counts", 13, "Tile", 1, ins(counted(2), list(math.MaxInt64)))
}

func TestBlocks(t *testing.T) {
	x := counted(1, 8, 1, 1)
	is(t, one(t, 13, "DepthToSpace", ins(x), "blocksize", 2), of([]int{1, 2, 2, 2}, float32(0), 2, 4, 6, 1, 3, 5, 7), 0)
	is(t, one(t, 13, "DepthToSpace", ins(x), "blocksize", 2, "mode", "CRD"), counted(1, 2, 2, 2), 0)
	y := normal(rand.New(rand.NewPCG(4, 4)), 2, 3, 6, 10)
	for _, mode := range []string{"DCR", "CRD"} {
		deep := one(t, 28, "SpaceToDepth", ins(y), "blocksize", 2, "mode", mode)
		is(t, one(t, 28, "DepthToSpace", ins(deep), "blocksize", 2, "mode", mode), y, 0)
	}
	refused(t, "multiple of 4", 13, "DepthToSpace", 1, ins(counted(1, 2, 1, 1)), "blocksize", 2)
	refused(t, "multiples of blocksize 4", 13, "SpaceToDepth", 1, ins(y), "blocksize", 4)
	refused(t, "must be 1 to", 13, "SpaceToDepth", 1, ins(y), "blocksize", 0)
	refused(t, "4 dimensions", 13, "SpaceToDepth", 1, ins(counted(2)), "blocksize", 1)
}

// Pitfall 33: only what a sequence holds is reversed, and what follows stays.
func TestReverseSequence(t *testing.T) {
	x := counted(2, 4)
	is(t, one(t, 10, "ReverseSequence", ins(x, list(3, 1)), "batch_axis", 0, "time_axis", 1), of([]int{2, 4}, float32(2), 1, 0, 3, 4, 5, 6, 7), 0)
	is(t, one(t, 10, "ReverseSequence", ins(x, list(2, 1, 0, 2))), of([]int{2, 4}, float32(4), 1, 2, 7, 0, 5, 6, 3), 0)
	refused(t, "must be 0 to 4", 10, "ReverseSequence", 1, ins(x, list(5, 1)), "batch_axis", 0, "time_axis", 1)
	refused(t, "must have 4", 10, "ReverseSequence", 1, ins(x, list(2, 1)))
	refused(t, "must be 0 and 1", 10, "ReverseSequence", 1, ins(x, list(2, 1)), "batch_axis", 0)
}

func TestCenterCropPad(t *testing.T) {
	is(t, one(t, 18, "CenterCropPad", ins(counted(5), list(2))), of([]int{2}, float32(1), 2), 0)
	is(t, one(t, 18, "CenterCropPad", ins(counted(2), list(5))), of([]int{5}, float32(0), 0, 1, 0, 0), 0)
	is(t, one(t, 18, "CenterCropPad", ins(counted(2, 3), list(2)), "axes", []int{-1}), of([]int{2, 2}, float32(0), 1, 3, 4), 0)
	refused(t, "has 1 sizes for 2 axes", 18, "CenterCropPad", 1, ins(counted(2, 3), list(2)))
}

// Narrow floats and all other types pass through what only moves.
func TestMovesKeepTypes(t *testing.T) {
	half, err := value.New(format.Float16, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	copy(value.Data[float32](half), []float32{1, 2, 3, 4, 5, 6})
	if y := one(t, 13, "Transpose", ins(half)); y.Kind != format.Float16 || value.Data[float32](y)[1] != 4 {
		t.Errorf("float16 becomes %s", y)
	}
	for _, v := range ins(of([]int{2}, int16(1), 2), of([]int{2}, uint64(1), 2), of([]int{2}, true, false), of([]int{2}, 1.5, 2)) {
		is(t, one(t, 13, "Concat", ins(one(t, 13, "Slice", ins(v, list(0), list(1))), one(t, 13, "Slice", ins(v, list(1), list(2)))), "axis", 0), v, 0)
	}
}
