package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var moveSlopes = func() (all []slope) {
	add := func(n testNode, in ...*value.Value) { all = append(all, slope{n, in}) }
	x, y := apart(1, -1, 2, 3, 4), apart(2, -1, 2, 3, 4)
	ints := value.Ints
	add(node("Reshape", 14, nil), x, ints(4, -1))
	add(node("Flatten", 13, attributes("axis", 2)), x)
	add(node("Squeeze", 13, nil), apart(1, -1, 2, 1, 3), ints(1))
	add(node("Squeeze", 11, nil), apart(1, -1, 2, 1, 3))
	add(node("Unsqueeze", 13, nil), x, ints(0, 2))
	add(node("Unsqueeze", 11, attributes("axes", []int{1})), x)
	add(node("com.microsoft.ExpandDims", 1, nil), x, ints(1))
	for _, s := range stretches {
		shape := ints()
		for _, d := range s[1] {
			shape = ints(append(value.Data[int64](shape), int64(d))...)
		}
		add(node("Expand", 13, nil), apart(1, -1, s[0]...), shape)
	}
	add(node("Tile", 13, nil), x, ints(2, 1, 3))
	add(node("Tile", 13, nil), apart(1, -1, 1, 3), ints(3, 2))
	add(node("Tile", 13, nil), apart(1, -1, 1, 3), ints(0, 2))
	for _, perm := range [][]int{{0, 2, 1}, {2, 0, 1}, {1, 2, 0}, {0, 1, 2}} {
		add(node("Transpose", 13, attributes("perm", perm)), x)
	}
	add(node("Transpose", 13, nil), x)
	deep, wide := apart(1, -1, 2, 8, 1, 3), apart(1, -1, 1, 2, 4, 6)
	for _, mode := range []string{"DCR", "CRD"} {
		add(node("DepthToSpace", 13, attributes("blocksize", 2, "mode", mode)), deep)
		add(node("SpaceToDepth", 28, attributes("blocksize", 2, "mode", mode)), wide)
	}
	add(node("ReverseSequence", 10, nil), apart(1, -1, 3, 2, 2), ints(2, 3))
	add(node("ReverseSequence", 10, attributes("batch_axis", 0, "time_axis", 1)), apart(1, -1, 2, 3, 2), ints(0, 3))
	for axis := range 3 {
		add(node("Concat", 13, attributes("axis", axis)), x, y, x)
		n := node("Split", 13, attributes("axis", axis))
		n.outputs = 2
		add(n, x, ints(1, int64(x.Shape[axis]-1)))
	}
	add(node("Slice", 13, nil), x, ints(1, 0), ints(3, 9), ints(1, 2), ints(1, 2))
	add(node("Slice", 13, nil), x, ints(-1, 2), ints(-9, 0), ints(1, 2), ints(-1, -1))
	add(node("Slice", 13, nil), x, ints(-1, -1), ints(-9, -9), ints(2, 0), ints(-2, -1))
	add(node("Slice", 13, nil), x, ints(1), ints(1), ints(2))
	add(node("Slice", 13, nil), x, ints(0), ints(9), ints(2))
	add(node("Slice", 1, attributes("starts", []int{1}, "ends", []int{2}, "axes", []int{0})), x)
	for _, mode := range []string{"constant", "reflect", "edge", "wrap"} {
		add(node("Pad", 19, attributes("mode", mode)), x, ints(0, 2, 1, 0, 1, 3))
		add(node("Pad", 19, attributes("mode", mode)), x, ints(1, -1, 2, 0, 3, -1))
		add(node("Pad", 19, attributes("mode", mode)), x, ints(5, 0, -1, 0, 0, 0))
	}
	add(node("Pad", 13, nil), x, ints(0, 2, 1, 0, 1, 3), array(nil, float32(0.5)))
	add(node("Pad", 18, nil), x, ints(1, -1), array(nil, float32(0.5)), ints(2))
	add(node("Pad", 13, nil), x, ints(0, -2, 1, 0, -1, 3), array(nil, float32(0.5)))
	add(node("Pad", 2, attributes("pads", []int{0, 1, 0, 1, 0, 0})), x)
	add(node("com.microsoft.Pad", 1, attributes("mode", "reflect")), x, ints(0, 2, 1, 0, 1, 3))
	add(node("CenterCropPad", 18, nil), x, ints(3, 2, 4))
	add(node("CenterCropPad", 18, attributes("axes", []int{2})), x, ints(7))

	add(node("Trilu", 14, nil), x)
	add(node("Trilu", 14, attributes("upper", 0)), x, array[int64](nil, 1))

	index := array([]int{2, 2}, int64(1), 0, -1, 1)
	for axis := range 3 {
		add(node("Gather", 13, attributes("axis", axis)), x, index)
	}
	cols := array([]int{2, 2, 3}, int64(0), 0, 1, 2, 1, -1, 2, 2, 2, 0, 1, 0)
	add(node("GatherElements", 13, attributes("axis", 1)), x, cols)
	add(node("GatherElements", 13, attributes("axis", 2)), x, cols)
	add(node("GatherND", 13, nil), x, array([]int{3, 2}, int64(0), 1, 1, -1, 0, 1))
	add(node("GatherND", 13, attributes("batch_dims", 1)), x, array([]int{2, 2, 1}, int64(0), 2, 2, 2))
	add(node("com.microsoft.GatherND", 1, nil), x, array([]int{3, 3}, int64(0), 1, 2, 1, 0, 3, 0, 1, 2))
	add(node("Compress", 11, nil), x, row(true, false, true, true))
	add(node("Compress", 11, attributes("axis", 2)), x, row(false, true, true))
	once := array([]int{2, 2, 3}, int64(0), 1, 0, 2, 0, -1, 2, 2, 2, 0, 1, 0)
	tuples := array([]int{3, 2}, int64(0), 1, 1, -1, 0, 1)
	for _, reduction := range []string{"none", "add", "mul", "max", "min"} {
		a := attributes("axis", 1, "reduction", reduction)
		add(node("ScatterElements", 18, a), x, once, apart(3, -1, 2, 2, 3))
		add(node("ScatterElements", 18, a), x, cols, apart(3, -1, 2, 2, 3))
		add(node("ScatterND", 18, attributes("reduction", reduction)), x, tuples, apart(3, -1, 3, 4))
	}
	zeros := row[float32](0, 2, 3, 0, 1)
	add(node("ScatterND", 18, attributes("reduction", "mul")), zeros, array([]int{4, 1}, int64(0), 1, 2, 2), row[float32](2, 0, 3, 2))
	add(node("ScatterND", 18, attributes("reduction", "mul")), zeros, array([]int{4, 1}, int64(0), 1, 1, 3), row[float32](0, 0, 3, 2))
	add(node("ScatterND", 18, nil), x, array[int64]([]int{0, 2}), array[float32]([]int{0, 4}))
	add(node("Scatter", 9, attributes("axis", 1)), x, once, apart(3, -1, 2, 2, 3))
	add(node("TensorScatter", 24, nil), x, apart(3, -1, 2, 2, 4), ints(1, 0))
	add(node("TensorScatter", 24, attributes("mode", "circular", "axis", 2)), x, apart(3, -1, 2, 3, 3), ints(3, 0))
	for axis := range 3 {
		n := node("TopK", 11, attributes("axis", axis, "largest", axis%2))
		n.outputs = 2
		add(n, x, ints(2))
		n.outputs = 1
	}
	n := node("Unique", 11, nil)
	n.outputs = 4
	add(n, noise(7, 2, 3))
	add(node("Unique", 11, attributes("axis", 1, "sorted", 0)), x)
	add(node("OneHot", 11, attributes("axis", 0)), row[int64](1, -1, 5), array[int64](nil, 4), row[float32](0.5, 2))
	add(node("OneHot", 11, nil), array([]int{2, 2}, int64(1), 0, 2, 2), array[int64](nil, 3), row[float32](0.5, 2))
	for n := range 5 {
		add(node("Det", 22, nil), noise(uint64(n), 2, n, n))
	}
	return append(all,
		slope{node("Det", 22, nil), []*value.Value{array([]int{3, 3}, float32(1), 2, 3, 2, 4, 6, 7, 8, 9)}},
		slope{node("Det", 22, nil), []*value.Value{array([]int{3, 3}, float32(0), 2, 3, 1, 0, 6, 7, 8, 0)}})
}()

// TestSplitWithoutOneGradient: a part that no gradient reaches gives zeros.
func TestSplitWithoutOneGradient(t *testing.T) {
	n := node("Split", 18, attributes("num_outputs", 3))
	n.outputs = 3
	k, err := n.kernel(row[float32](1, 2, 3, 4, 5))
	if err != nil {
		t.Fatal(err)
	}
	x := row[float32](1, 2, 3, 4, 5)
	s := newTestStore([]*value.Value{x}, false)
	if err := k.(Differentiable).Back(&Back{In: []*value.Value{x}, Up: []*value.Value{row[float32](1, 2), nil, row[float32](3)}, Store: s}); err != nil {
		t.Fatal(err)
	}
	same(t, s.grads[0], row[float32](1, 2, 0, 0, 3), 0)
}

// TestTopKWithoutIndices: nobody asked for the second output.
func TestTopKWithoutIndices(t *testing.T) {
	n := node("TopK", 11, nil)
	n.outputs = 2
	x := []*value.Value{row[float32](1, 3, 2), value.Ints(2)}
	k, err := n.kernel(x...)
	if err != nil {
		t.Fatal(err)
	}
	s := newTestStore(x, false)
	if err := k.(Differentiable).Back(&Back{In: x, Out: []*value.Value{row[float32](3, 2), nil}, Up: []*value.Value{row[float32](5, 7), nil}, Store: s}); err != nil {
		t.Fatal(err)
	}
	same(t, s.grads[0], row[float32](0, 5, 7), 0)
}

// TestMovesAtKinks: of updates that replace one element the last counts, of equal greatest ones each gets a part.
func TestMovesAtKinks(t *testing.T) {
	in := []*value.Value{row[float32](1, 2, 3), array([]int{3, 1}, int64(1), 1, 0), row[float32](2, 2, 0)}
	g := node("ScatterND", 18, nil).backOfOnes(t, in...)
	same(t, g[0], row[float32](0, 0, 1), 0)
	same(t, g[2], row[float32](0, 1, 1), 0)
	g = node("ScatterND", 18, attributes("reduction", "max")).backOfOnes(t, in...)
	same(t, g[0], row[float32](1, 1./3, 1), 1e-6)
	same(t, g[2], row[float32](1./3, 1./3, 0), 1e-6)
}

// TestLongMoves compares gradients over several tasks with those of float64.
func TestLongMoves(t *testing.T) {
	x := noise(4, 40, 30, 50)
	index := value.Ints(3, 9, 3, 1, 29, 9, 9)
	for name, in := range map[string][]*value.Value{
		"Transpose": {x}, "Pad": {x, value.Ints(0, 0, 3, 0, 4, 2)}, "Slice": {x, value.Ints(-1, 5), value.Ints(-99, 30), value.Ints(2, 1), value.Ints(-3, 1)}, "Gather": {x, index}, "Tile": {x, value.Ints(1, 2, 3)},
		"Expand": {noise(3, 30, 1), value.Ints(40, 30, 500)},
	} {
		a := attributes()
		switch name {
		case "Pad":
			a = attributes("mode", "reflect")
		case "Gather":
			a = attributes("axis", 1)
		}
		one := node(name, 19, a).gradients(t, in, true)[0]
		in[0] = converted(in[0], format.Double)
		same(t, one, converted(node(name, 19, a).gradients(t, in, true)[0], format.Float), 1e-4)
	}
}
