package op_test

import (
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

func typed(kind format.DataType, sizes ...int) *format.Type {
	t := &format.Type{Elem: kind, HasShape: true}
	for _, d := range sizes {
		t.Shape = append(t.Shape, format.Dim{Size: d})
	}
	return t
}

// Pitfall 9: a branch may give back a value from outside, branches may have different ranks, and an inner name hides an outer one.
func TestIf(t *testing.T) {
	then := graph{outputs: []string{"x"}} // the outer value itself
	otherwise := graph{nodes: []*format.Node{
		node("Constant", nil, []string{"x"}, "value_floats", []float32{5, 6}), // hides the outer x
		node("Add", []string{"x", "x"}, []string{"inner"}),
	}, outputs: []string{"inner"}}
	g := graph{inputs: []string{"c", "x"}, outputs: []string{"y", "x2"}, nodes: []*format.Node{
		node("Add", []string{"x", "x"}, []string{"x2"}),
		node("If", []string{"c"}, []string{"y"}, "then_branch", then, "else_branch", otherwise),
	}}
	x := counted(2, 3)
	for condition, want := range map[bool]*value.Value{true: x, false: of([]int{2}, float32(10), 12)} {
		for _, c := range ins(scalar(condition), of([]int{1}, condition)) {
			out, err := g.run(map[string]*value.Value{"c": c, "x": x})
			if err != nil {
				t.Fatal(err)
			}
			is(t, out["y"], want, 0)
			is(t, out["x2"], of([]int{2, 3}, float32(0), 2, 4, 6, 8, 10), 0)
		}
	}
	if _, err := g.run(map[string]*value.Value{"c": of([]int{2}, true, true), "x": x}); err == nil || !strings.Contains(err.Error(), "must be one truth value") {
		t.Errorf("two conditions: %v", err)
	}
}

// A condition that never changes takes its branch at load, and the other may hold what is not supported.
func TestIfOfConstant(t *testing.T) {
	good := graph{nodes: []*format.Node{node("Add", []string{"x", "one"}, []string{"r"})}, outputs: []string{"r"}, constants: map[string]*value.Value{"one": scalar(float32(1))}}
	bad := graph{nodes: []*format.Node{node("NoSuch", []string{"x"}, []string{"r"})}, outputs: []string{"r"}}
	nested := graph{nodes: []*format.Node{node("If", []string{"c"}, []string{"r"}, "then_branch", good, "else_branch", bad)}, outputs: []string{"r"}}
	for _, branch := range []graph{good, nested} {
		g := graph{inputs: []string{"x"}, outputs: []string{"y"}, constants: map[string]*value.Value{"c": scalar(true)}, nodes: []*format.Node{
			node("If", []string{"c"}, []string{"y"}, "then_branch", branch, "else_branch", bad),
		}}
		out, err := g.run(map[string]*value.Value{"x": counted(2)})
		if err != nil {
			t.Fatal(err)
		}
		is(t, out["y"], of([]int{2}, float32(1), 2), 0)
		g.constants["c"] = scalar(false)
		if _, err := g.run(map[string]*value.Value{"x": counted(2)}); err == nil || !strings.Contains(err.Error(), "NoSuch") {
			t.Errorf("the branch that is taken holds NoSuch: %v", err)
		}
	}
}

// body of a loop: the state doubles, and each round gives the state before and the round's number.
func doubling() graph {
	return graph{
		inputs: []string{"i", "on", "s"}, outputs: []string{"on2", "s2", "before", "number"},
		nodes: []*format.Node{
			node("Add", []string{"s", "s"}, []string{"s2"}), node("Reshape", []string{"s", "same"}, []string{"before"}),
			node("Reshape", []string{"i", "single"}, []string{"number"}), node("Less", []string{"i", "last"}, []string{"on2"}),
		},
		constants: map[string]*value.Value{"same": list(2), "single": list(1)},
		types:     map[string]*format.Type{"before": typed(format.Float, 2), "number": typed(format.Int64, -1)},
	}
}

func TestLoop(t *testing.T) {
	g := graph{inputs: []string{"m", "c", "x", "last"}, outputs: []string{"s", "before", "number"}, nodes: []*format.Node{
		node("Loop", []string{"m", "c", "x"}, []string{"s", "before", "number"}, "body", doubling()),
	}}
	x := of([]int{2}, float32(1), 3)
	run := func(m int64, on bool, last int64) map[string]*value.Value {
		t.Helper()
		out, err := g.run(map[string]*value.Value{"m": scalar(m), "c": scalar(on), "x": x, "last": scalar(last)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, out := range []map[string]*value.Value{run(3, true, 99), run(math.MaxInt64, true, 2)} {
		is(t, out["s"], of([]int{2}, float32(8), 24), 0)
		is(t, out["before"], of([]int{3, 2}, float32(1), 3, 2, 6, 4, 12), 0)
		is(t, out["number"], of([]int{3, 1}, int64(0), 1, 2), 0)
	}
	for _, out := range []map[string]*value.Value{run(0, true, 99), run(-5, true, 99), run(3, false, 99)} {
		is(t, out["s"], x, 0)
		is(t, out["before"], counted(0, 2), 0)
		is(t, out["number"], of[int64]([]int{0, 0}), 0)
	}
}

// A graph two deep sees the values of the outermost, and each round those of its own round.
func TestGraphsInGraphs(t *testing.T) {
	early := graph{nodes: []*format.Node{node("Add", []string{"s", "x"}, []string{"r"})}, outputs: []string{"r"}}
	late := graph{nodes: []*format.Node{node("Mul", []string{"doubled", "x"}, []string{"r"})}, outputs: []string{"r"}}
	body := graph{inputs: []string{"i", "on", "s"}, outputs: []string{"on", "s2", "r"}, nodes: []*format.Node{
		node("Add", []string{"s", "s"}, []string{"doubled"}), node("Less", []string{"i", "two"}, []string{"is"}),
		node("If", []string{"is"}, []string{"r"}, "then_branch", early, "else_branch", late), node("Add", []string{"r", "zero"}, []string{"s2"}),
	}, constants: map[string]*value.Value{"two": scalar(int64(2)), "zero": scalar(float32(0))}}
	g := graph{inputs: []string{"m", "x"}, outputs: []string{"last", "all"}, nodes: []*format.Node{
		node("Loop", []string{"m", "", "x"}, []string{"last", "all"}, "body", body),
	}}
	out, err := g.run(map[string]*value.Value{"m": scalar(int64(4)), "x": scalar(float32(3))})
	if err != nil {
		t.Fatal(err)
	}
	is(t, out["all"], of([]int{4}, float32(6), 9, 54, 324), 0) // 3+3, 6+3, 18·3, 108·3
	is(t, out["last"], scalar(float32(324)), 0)
}

// A loop without an end, or one that collects without limit, fails.
func TestLoopIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("four million rounds")
	}
	g := graph{inputs: []string{"x"}, outputs: []string{"y"}, nodes: []*format.Node{
		node("Loop", []string{"", "", "x"}, []string{"y"}, "body", graph{inputs: []string{"i", "on", "s"}, outputs: []string{"on", "s"}}),
	}}
	if _, err := g.run(map[string]*value.Value{"x": counted(1)}); err == nil || !strings.Contains(err.Error(), "the limit of one run") {
		t.Errorf("endless: %v", err)
	}
}

func TestLoopCollectsWithinLimit(t *testing.T) {
	g := graph{inputs: []string{"x"}, outputs: []string{"all"}, nodes: []*format.Node{
		node("Loop", []string{"", "", "x"}, []string{"", "all"}, "body", graph{
			inputs: []string{"i", "on", "s"}, outputs: []string{"on", "s", "t"}, nodes: []*format.Node{node("Add", []string{"s", "s"}, []string{"t"})},
		}),
	}}
	if _, err := g.run(map[string]*value.Value{"x": counted(1 << 18)}); err == nil || !strings.Contains(err.Error(), "all rounds together: needs more than 64 MiB") {
		t.Errorf("collects without limit: %v", err)
	}
	g.nodes[0] = node("Loop", []string{"", "", "x"}, []string{"s", "all"}, "body", graph{inputs: []string{"i", "on", "s"}, outputs: []string{"on"}})
	if _, err := g.run(map[string]*value.Value{"x": counted(1)}); err == nil || !strings.Contains(err.Error(), "must have 3 and at least 3") {
		t.Errorf("too few outputs: %v", err)
	}
}

// sums is the body of a scan: the sum so far, in the state and as an element.
func sums() graph {
	return graph{
		inputs: []string{"s", "x"}, outputs: []string{"s2", "y"},
		nodes: []*format.Node{node("Add", []string{"s", "x"}, []string{"s2"}), node("Add", []string{"s2", "zero"}, []string{"y"})},
		types: map[string]*format.Type{"y": typed(format.Float, 2)},
	}
}

func TestScan(t *testing.T) {
	run := func(opset int, in map[string]*value.Value, names []string, attributes ...any) (map[string]*value.Value, error) {
		g := graph{opset: opset, outputs: []string{"last", "all"}, constants: map[string]*value.Value{"zero": scalar(float32(0))}}
		for _, name := range names {
			if name != "" {
				g.inputs = append(g.inputs, name)
			}
		}
		g.nodes = []*format.Node{node("Scan", names, g.outputs, append(attributes, "body", sums(), "num_scan_inputs", 1)...)}
		return g.run(in)
	}
	x := of([]int{3, 2}, float32(1), 2, 3, 4, 5, 6)
	state := of([]int{2}, float32(0), 0)
	for _, c := range []struct {
		attributes []any
		x          *value.Value
		last, all  *value.Value
	}{
		{nil, x, of([]int{2}, float32(9), 12), of([]int{3, 2}, float32(1), 2, 4, 6, 9, 12)},
		{[]any{"scan_input_directions", []int{1}}, x, of([]int{2}, float32(9), 12), of([]int{3, 2}, float32(5), 6, 8, 10, 9, 12)},
		{[]any{"scan_output_directions", []int{1}}, x, of([]int{2}, float32(9), 12), of([]int{3, 2}, float32(9), 12, 4, 6, 1, 2)},
		{[]any{"scan_output_axes", []int{-1}}, x, of([]int{2}, float32(9), 12), of([]int{2, 3}, float32(1), 4, 9, 2, 6, 12)},
		{[]any{"scan_input_axes", []int{1}}, of([]int{2, 3}, float32(1), 3, 5, 2, 4, 6), of([]int{2}, float32(9), 12), of([]int{3, 2}, float32(1), 2, 4, 6, 9, 12)},
		{nil, counted(0, 2), state, counted(0, 2)},
	} {
		out, err := run(11, map[string]*value.Value{"s": state, "x": c.x}, []string{"s", "x"}, c.attributes...)
		if err != nil {
			t.Fatal(c.attributes, err)
		}
		is(t, out["last"], c.last, 0)
		is(t, out["all"], c.all, 0)
	}
	batched := map[string]*value.Value{
		"s": of([]int{2, 1}, float32(0), 100), "x": of([]int{2, 3, 1}, float32(1), 2, 3, 4, 5, 6), "n": list(3, 2),
	}
	out, err := run(8, batched, []string{"n", "s", "x"})
	if err != nil {
		t.Fatal(err)
	}
	is(t, out["last"], of([]int{2, 1}, float32(6), 109), 0)
	is(t, out["all"], of([]int{2, 3, 1}, float32(1), 3, 6, 104, 109, 0), 0)
	delete(batched, "n")
	if out, err = run(8, batched, []string{"", "s", "x"}, "directions", []int{1}); err != nil {
		t.Fatal(err)
	}
	is(t, out["all"], of([]int{2, 3, 1}, float32(3), 5, 6, 106, 111, 115), 0)
	for text, attributes := range map[string][]any{"must be 1": {"scan_input_axes", []int{0, 0}}, "must be 0 and 1": {"scan_input_directions", []int{2}}, "must be -2 to 1": {"scan_input_axes", []int{2}}} {
		if _, err := run(11, map[string]*value.Value{"s": state, "x": x}, []string{"s", "x"}, attributes...); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: %v, must hold %q", attributes, err, text)
		}
	}
}

// What a graph inside a node draws is drawn again in each run, also where nothing else changes.
func TestGraphsDraw(t *testing.T) {
	draws := graph{nodes: []*format.Node{node("RandomNormal", nil, []string{"r"}, "shape", []int{3})}, outputs: []string{"r"}}
	g := graph{inputs: []string{"c"}, outputs: []string{"y"}, nodes: []*format.Node{
		node("Shape", []string{"c"}, []string{"n"}), node("ReduceSum", []string{"n"}, []string{"sum"}), node("Less", []string{"sum", "nine"}, []string{"yes"}),
		node("If", []string{"yes"}, []string{"y"}, "then_branch", draws, "else_branch", draws),
	}, constants: map[string]*value.Value{"nine": scalar(int64(9))}}
	m, err := g.model()
	if err != nil {
		t.Fatal(err)
	}
	var runs [3]*value.Value
	for i := range runs {
		out, err := m.Run(map[string]*value.Value{"c": counted(2)})
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = out["y"]
	}
	if differs(runs[0], runs[1], 0) == "" || differs(runs[1], runs[2], 0) == "" {
		t.Error("the same numbers twice")
	}
}
