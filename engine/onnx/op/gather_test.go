package op_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// Pitfall 13: negative indices count from the end.
func TestNegativeIndices(t *testing.T) {
	x := counted(3, 2)
	is(t, one(t, 13, "Gather", ins(x, list(-1, 0))), of([]int{2, 2}, float32(4), 5, 0, 1), 0)
	is(t, one(t, 13, "Gather", ins(x, scalar(int32(-2)))), of([]int{2}, float32(2), 3), 0)
	is(t, one(t, 13, "Gather", ins(x, of([]int{1, 1}, int64(1))), "axis", -1), of([]int{3, 1, 1}, float32(1), 3, 5), 0)
	is(t, one(t, 13, "GatherElements", ins(x, of([]int{1, 2}, int64(-1), -3))), of([]int{1, 2}, float32(4), 1), 0)
	is(t, one(t, 13, "GatherND", ins(x, of([]int{2, 2}, int64(-1), -2, 0, -1))), of([]int{2}, float32(4), 1), 0)
	is(t, one(t, 13, "ScatterElements", ins(counted(3), list(-1), of([]int{1}, float32(9)))), of([]int{3}, float32(0), 1, 9), 0)
	is(t, one(t, 10, "Scatter", ins(counted(3), list(-1), of([]int{1}, float32(9)))), of([]int{3}, float32(0), 1, 9), 0)
	is(t, one(t, 13, "ScatterND", ins(counted(3), of([]int{1, 1}, int64(-2)), of([]int{1}, float32(9)))), of([]int{3}, float32(0), 9, 2), 0)
	is(t, one(t, 13, "OneHot", ins(list(-1, 0, 5, -4), scalar(float32(3)), of([]int{2}, int32(2), 7))), of([]int{4, 3}, int32(2), 2, 7, 7, 2, 2, 2, 2, 2, 2, 2, 2), 0)
}

// Pitfall 13: the depth of ScatterND is the last size of the indices, and add sums updates of one place.
func TestScatter(t *testing.T) {
	x := of([]int{2, 2}, float32(1), 2, 3, 4)
	rows := of([]int{3, 1}, int64(0), 1, 0)
	updates := of([]int{3, 2}, float32(10), 20, 30, 40, 50, 60)
	for reduction, want := range map[string][]float32{"none": {50, 60, 30, 40}, "add": {61, 82, 33, 44}, "mul": {500, 2400, 90, 160}, "max": {50, 60, 30, 40}, "min": {1, 2, 3, 4}} {
		is(t, one(t, 18, "ScatterND", ins(x, rows, updates), "reduction", reduction), of([]int{2, 2}, want...), 0)
	}
	index := of([]int{2, 1}, int64(0), 0)
	for reduction, want := range map[string][]float32{"none": {6, 2, 7, 4}, "add": {7, 2, 10, 4}, "mul": {6, 2, 21, 4}, "max": {6, 2, 7, 4}, "min": {1, 2, 3, 4}} {
		is(t, one(t, 18, "ScatterElements", ins(x, index, of([]int{2, 1}, float32(6), 7)), "axis", 1, "reduction", reduction), of([]int{2, 2}, want...), 0)
	}
	same := one(t, 16, "ScatterElements", ins(of([]int{2}, int8(1), 2), list(0, 0), of([]int{2}, int8(3), 4)), "reduction", "add")
	is(t, same, of([]int{2}, int8(8), 2), 0)
	refused(t, "must be one of", 16, "ScatterND", 1, ins(x, rows, updates), "reduction", "max")
	refused(t, "must be -2 to 1", 18, "ScatterND", 1, ins(x, of([]int{1, 1}, int64(2)), of([]int{1, 2}, float32(0), 0)))
	refused(t, "1 to 2 for float[2,2]", 18, "ScatterND", 1, ins(x, of([]int{1, 3}, int64(0), 0, 0), of([]int{1}, float32(0))))
	refused(t, "and shape [1 2]", 18, "ScatterND", 1, ins(x, of([]int{1, 1}, int64(0)), of([]int{1}, float32(0))))
	refused(t, "must be of float", 18, "ScatterElements", 1, ins(x, index, of([]int{2, 1}, 6.0, 7)))
	refused(t, "is not for tensors of bool", 18, "ScatterElements", 1, ins(of([]int{1}, true), list(0), of([]int{1}, true)), "reduction", "add")
	refused(t, "removed", 11, "Scatter", 1, ins(x, index, index))
}

// TestGather holds odd shapes against the definitions.
func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	x := normal(r, 5, 7, 90)
	data := value.Data[float32](x)
	for axis, d := range x.Shape {
		indices := make([]int64, 6)
		for i := range indices {
			indices[i] = int64(r.IntN(d))
		}
		y := one(t, 13, "Gather", ins(x, of([]int{2, 3}, indices...)), "axis", axis)
		coordinates(y.Shape, func(at []int) {
			source := append(append(append([]int{}, at[:axis]...), int(indices[at[axis]*3+at[axis+1]])), at[axis+2:]...)
			if value.Data[float32](y)[place(y.Shape, at)] != data[place(x.Shape, source)] {
				t.Fatalf("Gather along %d: %v is wrong", axis, at)
			}
		})
		shape := []int{3, 4, 50}
		shape[axis] = d + 3
		list := make([]int64, volume(shape))
		for i := range list {
			list[i] = int64(r.IntN(2*d) - d)
		}
		y = one(t, 13, "GatherElements", ins(x, of(shape, list...)), "axis", axis)
		coordinates(shape, func(at []int) {
			source := append([]int{}, at...)
			source[axis] = (int(list[place(shape, at)]) + d) % d
			if value.Data[float32](y)[place(shape, at)] != data[place(x.Shape, source)] {
				t.Fatalf("GatherElements along %d: %v is wrong", axis, at)
			}
		})
	}
	b := one(t, 12, "GatherND", ins(counted(2, 2, 3), of([]int{2, 1}, int64(1), 0)), "batch_dims", 1)
	is(t, b, of([]int{2, 3}, float32(3), 4, 5, 6, 7, 8), 0)
	is(t, one(t, 13, "Gather", ins(counted(3, 0), list(2, 2))), counted(2, 0), 0)
	refused(t, "index is 3, must be -3 to 2", 13, "Gather", 1, ins(counted(3), list(3)))
	refused(t, "index is 0, must be 0 to -1", 13, "Gather", 1, ins(counted(0), list(0)))
	refused(t, "must be integers", 13, "Gather", 1, ins(counted(3), counted(1)))
	refused(t, "must not be longer along axis 1", 13, "GatherElements", 1, ins(counted(2, 1), of([]int{1, 2}, int64(0), 0)))
	refused(t, "must be of one rank", 13, "GatherElements", 1, ins(counted(2, 1), list(0)))
	refused(t, "share the first 1 dimensions", 13, "GatherND", 1, ins(counted(2, 2), of([]int{3, 1}, int64(0), 0, 0)), "batch_dims", 1)
	refused(t, "coordinates, must have 1 to 1", 13, "GatherND", 1, ins(counted(2), of([]int{1, 2}, int64(0), 0)))
}

func TestTensorScatter(t *testing.T) {
	cache, update := counted(2, 3, 1), of([]int{2, 2, 1}, float32(10), 11, 12, 13)
	is(t, one(t, 24, "TensorScatter", ins(cache, update, list(1, 0))), of([]int{2, 3, 1}, float32(0), 10, 11, 12, 13, 5), 0)
	is(t, one(t, 24, "TensorScatter", ins(cache, update)), of([]int{2, 3, 1}, float32(10), 11, 2, 12, 13, 5), 0)
	is(t, one(t, 24, "TensorScatter", ins(cache, update, list(2, 4)), "mode", "circular"), of([]int{2, 3, 1}, float32(11), 1, 10, 3, 12, 13), 0)
	refused(t, "must be 0 to 1", 24, "TensorScatter", 1, ins(cache, update, list(2, 0)))
	refused(t, "must be alike but for a shorter axis 1", 24, "TensorScatter", 1, ins(cache, counted(2, 4, 1)))
	refused(t, "samples' own", 24, "TensorScatter", 1, ins(cache, update), "axis", 0)
}

// Pitfall 27: of equal elements the one with the lowest index comes first, from the largest and from the least.
func TestTopK(t *testing.T) {
	x := of([]int{6}, float32(2), 5, 2, 5, 1, 1)
	top := func(x *value.Value, k int64, values, indices *value.Value, attributes ...any) {
		t.Helper()
		out, err := single(11, "TopK", 2, ins(x, list(k)), attributes...)
		if err != nil {
			t.Fatal(err)
		}
		is(t, out[0], values, 0)
		is(t, out[1], indices, 0)
	}
	top(x, 3, of([]int{3}, float32(5), 5, 2), list(1, 3, 0))
	top(x, 3, of([]int{3}, float32(1), 1, 2), list(4, 5, 0), "largest", 0)
	top(x, 0, counted(0), list())
	nan := float32(math.NaN())
	top(of([]int{3}, 1, nan, 2), 2, of([]int{2}, nan, 2), list(1, 2))
	top(of([]int{3}, 1, nan, 2), 2, of([]int{2}, float32(1), 2), list(0, 2), "largest", 0)
	top(of([]int{2, 2}, int64(1), 4, 3, 2), 1, of([]int{1, 2}, int64(3), 4), of([]int{1, 2}, int64(1), 0), "axis", 0)
	refused(t, "must be 0 to 6", 11, "TopK", 2, ins(x, list(7)))
	refused(t, "\"k\" is -1 or missing", 9, "TopK", 2, ins(x))
	r := rand.New(rand.NewPCG(6, 6))
	line := make([]float32, 500)
	for i := range line {
		line[i] = float32(r.IntN(40))
	}
	for _, k := range []int64{1, 7, 499, 500} {
		out, err := single(11, "TopK", 2, ins(of([]int{500}, line...), list(k)))
		if err != nil {
			t.Fatal(err)
		}
		at := value.Data[int64](out[1])
		taken := map[int64]bool{}
		for i, j := range at {
			taken[j] = true
			if line[j] != value.Data[float32](out[0])[i] || i > 0 && !(line[at[i-1]] > line[j] || line[at[i-1]] == line[j] && at[i-1] < j) {
				t.Fatalf("k %d: element %d is out of order", k, i)
			}
		}
		last := at[k-1]
		for j := range line {
			if !taken[int64(j)] && (line[j] > line[last] || line[j] == line[last] && int64(j) < last) {
				t.Fatalf("k %d: element %d is left out", k, j)
			}
		}
	}
}

func TestUnique(t *testing.T) {
	all := func(in *value.Value, want []*value.Value, attributes ...any) {
		t.Helper()
		out, err := single(11, "Unique", 4, ins(in), attributes...)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			is(t, out[i], w, 0)
		}
	}
	nan := float32(math.NaN())
	all(of([]int{6}, float32(2), 1, 1, 3, 4, 3), ins(of([]int{4}, float32(2), 1, 3, 4), list(0, 1, 3, 4), list(0, 1, 1, 2, 3, 2), list(1, 2, 2, 1)), "sorted", 0)
	all(of([]int{5}, nan, 1, nan, 0, 1), ins(of([]int{3}, 0, 1, nan), list(3, 1, 0), list(2, 1, 2, 0, 1), list(1, 2, 2)))
	all(of([]int{3, 2}, int64(1), 0, 1, 0, 0, 4), ins(of([]int{2, 2}, int64(0), 4, 1, 0), list(2, 0), list(1, 1, 0), list(1, 2)), "axis", 0)
	all(of([]int{2, 3}, true, true, false, false, false, false), ins(of([]int{2, 2}, false, true, false, false), list(2, 0), list(1, 1, 0), list(1, 2)), "axis", -1)
	all(counted(0), ins(counted(0), list(), list(), list()))
	refused(t, "must have elements", 11, "Unique", 1, ins(counted(2, 0)), "axis", 0)
}

func TestSelections(t *testing.T) {
	is(t, one(t, 13, "NonZero", ins(of([]int{2, 2}, float32(1), 0, float32(math.NaN()), -1))), of([]int{2, 3}, int64(0), 1, 1, 0, 0, 1), 0)
	is(t, one(t, 13, "NonZero", ins(of([]int{3}, true, false, true))), of([]int{1, 2}, int64(0), 2), 0)
	is(t, one(t, 13, "NonZero", ins(scalar(int32(3)))), of[int64]([]int{0, 1}), 0)
	is(t, one(t, 11, "Compress", ins(counted(3, 2), of([]int{2}, false, true)), "axis", 0), of([]int{1, 2}, float32(2), 3), 0)
	is(t, one(t, 11, "Compress", ins(counted(3, 2), of([]int{5}, false, true, false, false, true))), of([]int{2}, float32(1), 4), 0)
	is(t, one(t, 11, "Compress", ins(counted(2, 2), of([]int{2}, false, true)), "axis", -1), of([]int{2, 1}, float32(1), 3), 0)
	refused(t, "at most 2 elements", 11, "Compress", 1, ins(counted(2, 2), of([]int{3}, false, true, true)), "axis", 0)
	refused(t, "list of truth values", 11, "Compress", 1, ins(counted(2), list(1)))
	is(t, one(t, 11, "OneHot", ins(of([]int{2}, float32(1.9), -1), list(2), of([]int{2}, float32(0), 1)), "axis", 0), of([]int{2, 2}, float32(0), 0, 1, 1), 0)
	refused(t, "0 or more", 11, "OneHot", 1, ins(list(0), list(-1), counted(2)))
	refused(t, "two elements", 11, "OneHot", 1, ins(list(0), list(1), counted(3)))
	refused(t, "64 MiB, the limit", 11, "OneHot", 1, ins(list(0), list(1<<38), counted(2)))
}

func TestNonMaxSuppression(t *testing.T) {
	boxes := of([]int{1, 4, 4}, float32(0), 0, 2, 2, 2, 2, 0, 0, 0, 0, 2, 1.9, 0, 3, 2, 5) // corners in either order
	scores := of([]int{1, 1, 4}, float32(.5), .5, .9, .1)
	most, overlap := scalar(int64(9)), scalar(float32(.5))
	is(t, one(t, 11, "NonMaxSuppression", ins(boxes, scores, most, overlap)), of([]int{2, 3}, int64(0), 0, 2, 0, 0, 3), 0)
	is(t, one(t, 11, "NonMaxSuppression", ins(boxes, scores, most, scalar(float32(1)), scalar(float32(.1)))), of([]int{3, 3}, int64(0), 0, 2, 0, 0, 0, 0, 0, 1), 0)
	is(t, one(t, 11, "NonMaxSuppression", ins(boxes, scores, scalar(int64(1)), overlap)), of([]int{1, 3}, int64(0), 0, 2), 0)
	is(t, one(t, 11, "NonMaxSuppression", ins(boxes, scores)), of[int64]([]int{0, 3}), 0)
	centred := of([]int{1, 2, 4}, float32(1), 1, 2, 2, 1.5, 1, 2, 2) // overlap by 3 of 5
	is(t, one(t, 11, "NonMaxSuppression", ins(centred, counted(1, 1, 2), most, scalar(float32(.59))), "center_point_box", 1), of([]int{1, 3}, int64(0), 0, 1), 0)
	is(t, one(t, 11, "NonMaxSuppression", ins(centred, counted(1, 1, 2), most, scalar(float32(.61))), "center_point_box", 1), of([]int{2, 3}, int64(0), 0, 1, 0, 0, 0), 0)
	refused(t, "must be float[N,B,4]", 11, "NonMaxSuppression", 1, ins(counted(1, 4), scores))
	refused(t, "must be 0 to 1", 11, "NonMaxSuppression", 1, ins(boxes, scores, most, scalar(float32(2))))
	refused(t, "must be 0 or 1", 11, "NonMaxSuppression", 1, ins(boxes, scores), "center_point_box", 2)
}
