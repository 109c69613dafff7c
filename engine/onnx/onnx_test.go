package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// model builds a file of nodes written as "y = Op(a, b)"; what no node computes and no constant is, is an input of floats of any shape.
func model(t *testing.T, opset, ir int64, constants map[string]*value.Value, outputs string, nodes ...string) *format.Model {
	t.Helper()
	g := &format.Graph{Name: "test"}
	computed := map[string]bool{"": true}
	for _, line := range nodes {
		n := parse(t, line)
		g.Nodes = append(g.Nodes, n)
		for _, name := range n.Outputs {
			computed[name] = true
		}
	}
	for name, v := range constants {
		computed[name] = true
		g.Initializers = append(g.Initializers, v.Tensor(name))
	}
	slices.SortFunc(g.Initializers, func(a, b *format.Tensor) int { return strings.Compare(a.Name, b.Name) })
	for _, n := range g.Nodes {
		for _, name := range n.Inputs {
			if !computed[name] {
				computed[name] = true
				g.Inputs = append(g.Inputs, &format.ValueInfo{Name: name, Type: &format.Type{Elem: format.Float}})
			}
		}
	}
	for name := range strings.FieldsSeq(outputs) {
		g.Outputs = append(g.Outputs, &format.ValueInfo{Name: name})
	}
	return &format.Model{IRVersion: ir, Opsets: []format.Opset{{Version: opset}}, Graph: g}
}

// parse reads "y, z = Op(a, b; axis=1, name=text)".
func parse(t *testing.T, line string) *format.Node {
	t.Helper()
	left, right, _ := strings.Cut(line, " = ")
	op, rest, ok := strings.Cut(strings.TrimSuffix(right, ")"), "(")
	if !ok {
		t.Fatalf("%q is no node", line)
	}
	n := &format.Node{Name: "node_" + left, Op: op}
	split := func(s string) (all []string) {
		for part := range strings.SplitSeq(s, ",") {
			all = append(all, strings.TrimSpace(part))
		}
		return all
	}
	n.Outputs = split(left)
	in, attributes, _ := strings.Cut(rest, ";")
	if strings.TrimSpace(in) != "" {
		n.Inputs = split(in)
	}
	if attributes != "" {
		for _, a := range split(attributes) {
			k, v, _ := strings.Cut(a, "=")
			var i int64
			if _, err := fmt.Sscan(v, &i); err == nil {
				n.Attributes = append(n.Attributes, &format.Attribute{Name: k, Type: format.AttrInt, Int: i})
			} else {
				n.Attributes = append(n.Attributes, &format.Attribute{Name: k, Type: format.AttrString, Bytes: []byte(v)})
			}
		}
	}
	return n
}

func load(t *testing.T, f *format.Model) *Model {
	t.Helper()
	m, err := New(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func floats(shape []int, x ...float32) *value.Value {
	v, err := value.Of(x, shape...)
	if err != nil {
		panic(err)
	}
	return v
}

func run(t *testing.T, m *Model, inputs map[string]*value.Value) map[string]*value.Value {
	t.Helper()
	out, err := m.Run(inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantFloats(t *testing.T, v *value.Value, shape []int, must ...float32) {
	t.Helper()
	if !slices.Equal(v.Shape, shape) {
		t.Fatalf("shape %v, must be %v", v.Shape, shape)
	}
	for i, x := range value.Data[float32](v) {
		if x == must[i] {
			continue // infinite, too
		}
		if math.Abs(float64(x-must[i])) > 1e-6*(1+math.Abs(float64(must[i]))) {
			t.Fatalf("element %d is %v, must be %v", i, x, must[i])
		}
	}
}

var scalar = []int{}

func TestUnsortedNodes(t *testing.T) { // pitfall 4
	m := load(t, model(t, 17, 8, nil, "z", "z = Mul(y.1, x)", "y.1 = Add(x, x)"))
	wantFloats(t, run(t, m, map[string]*value.Value{"x": floats([]int{2}, 1, 3)})["z"], []int{2}, 2, 18)
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		f    *format.Model
		text string
	}{
		{model(t, 17, 8, nil, "y", "y = Relus(x)"), `node "node_y" (Relus, opset 17): there is no operator Relus here, did you mean Relu?`},
		{model(t, 12, 8, nil, "y", "y = HardSwish(x)"), "is there from opset 14 on, the model has 12"},
		{model(t, 400, 8, nil, "y", "y = Relu(x)"), "opset 400 is newer than 28"},
		{model(t, 17, 8, nil, "y", "y = Relu(x; slope=3)"), `attribute "slope" is not known to it`},
		{model(t, 17, 8, nil, "y", "y = Relu(x, x)"), "has 2 inputs, must have 1"},
		{model(t, 17, 8, nil, "z", "y = Relu(x)"), `output "z" is computed by no node`},
		{model(t, 17, 8, nil, "y", "y = Add(x, z)", "z = Add(y, x)"), "its results are needed for its own inputs"},
		{model(t, 17, 8, nil, "y", "y = Relu(x)", "y = Neg(x)"), `both compute "y"`},
		{&format.Model{IRVersion: 8, Opsets: []format.Opset{{Version: 17}}}, "no graph"},
	} {
		if _, err := New(c.f, nil); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, must say %q", err, c.text)
		}
	}
}

func TestInputs(t *testing.T) {
	f := model(t, 17, 8, nil, "y", "y = Add(a, b)")
	f.Graph.Inputs[0].Type = &format.Type{Elem: format.Float, HasShape: true, Shape: []format.Dim{{Size: -1, Name: "N"}, {Size: 2}}}
	m := load(t, f)
	a, b := floats([]int{1, 2}, 1, 2), floats([]int{1, 1}, 3)
	ints := value.Ints(1)
	for _, c := range []struct {
		in   map[string]*value.Value
		text string
	}{
		{map[string]*value.Value{"a": a}, `input "b" is missing; the model takes a float[N,2], b float of any shape`},
		{map[string]*value.Value{"a": a, "b": ints}, `input "b" is int64, must be float`},
		{map[string]*value.Value{"a": floats([]int{2}, 1, 2), "b": b}, `input "a" has the shape [2], must be a float[N,2]`},
		{map[string]*value.Value{"a": a, "b": b, "c": b}, `the model has no input "c"`},
		{map[string]*value.Value{"a": a, "b": floats([]int{3}, 1, 2, 3)}, `node "node_y" (Add, opset 17): shapes [[1 2] [3]] do not broadcast`},
	} {
		if _, err := m.Run(c.in); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, must say %q", err, c.text)
		}
	}
	wantFloats(t, run(t, m, map[string]*value.Value{"a": a, "b": b})["y"], []int{1, 2}, 4, 5) // after errors, as before
}

// An initial value that is also an input is a constant below IR version 4, and may be overridden from then on.
func TestInitialValues(t *testing.T) { // pitfall 5
	for _, ir := range []int64{3, 8} {
		f := model(t, 11, ir, map[string]*value.Value{"w": floats(scalar, 10)}, "y", "y = Mul(x, w)")
		f.Graph.Inputs = append(f.Graph.Inputs, &format.ValueInfo{Name: "w", Type: &format.Type{Elem: format.Float}})
		m := load(t, f)
		in := map[string]*value.Value{"x": floats([]int{1}, 2)}
		wantFloats(t, run(t, m, in)["y"], []int{1}, 20)
		in["w"] = floats(scalar, 3)
		out, err := m.Run(in)
		if ir < 4 {
			if err == nil || !strings.Contains(err.Error(), `no input "w"`) {
				t.Errorf("IR %d: %v", ir, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		wantFloats(t, out["y"], []int{1}, 6)
	}
}

// A function calls another and hands an attribute on; both have opsets and names of their own.
func TestFunctions(t *testing.T) { // pitfall 8
	f := model(t, 17, 8, nil, "y", "y = Twice(x; how=0)")
	f.Graph.Nodes[0].Domain = "mine"
	f.Opsets = append(f.Opsets, format.Opset{Domain: "mine", Version: 1})
	ref := func(name, to string) *format.Attribute {
		return &format.Attribute{Name: name, Ref: to, Type: format.AttrInt}
	}
	outer := parse(t, "h = Once(x)")
	outer.Domain, outer.Attributes = "mine", []*format.Attribute{ref("along", "how")}
	again := parse(t, "y = Once(h)")
	again.Domain, again.Attributes = "mine", []*format.Attribute{ref("along", "how")}
	inner := parse(t, "y = ReduceSum(x)")
	inner.Op, inner.Attributes = "Softmax", []*format.Attribute{ref("axis", "along")}
	own := []format.Opset{{Version: 13}, {Domain: "mine", Version: 1}}
	f.Functions = []*format.Function{
		{Name: "Once", Domain: "mine", Inputs: []string{"x", "unused"}, Outputs: []string{"y"}, Attributes: []string{"along"}, Nodes: []*format.Node{inner}, Opsets: own},
		{Name: "Twice", Domain: "mine", Inputs: []string{"x"}, Outputs: []string{"y"}, Attributes: []string{"how"}, Nodes: []*format.Node{outer, again}, Opsets: own},
	}
	m := load(t, f)
	x := floats([]int{2, 1}, 0, float32(math.Log(3)))
	// softmax down the column: 1/4, 3/4, and once more
	e := math.Exp(0.5)
	wantFloats(t, run(t, m, map[string]*value.Value{"x": x})["y"], []int{2, 1}, float32(1/(1+e)), float32(e/(1+e)))
}

func TestCallsOfThemselves(t *testing.T) {
	f := model(t, 17, 8, nil, "y", "y = Again(x)")
	f.Graph.Nodes[0].Domain = "mine"
	body := parse(t, "y = Again(x)")
	body.Domain = "mine"
	f.Functions = []*format.Function{{Name: "Again", Domain: "mine", Inputs: []string{"x"}, Outputs: []string{"y"}, Nodes: []*format.Node{body}}}
	if _, err := New(f, nil); err == nil || !strings.Contains(err.Error(), "deep in one another") {
		t.Error(err)
	}
}

// branch makes a graph without inputs for If.
func branch(t *testing.T, output string, nodes ...string) *format.Graph {
	g := &format.Graph{Name: "branch", Outputs: []*format.ValueInfo{{Name: output}}}
	for _, n := range nodes {
		g.Nodes = append(g.Nodes, parse(t, n))
	}
	return g
}

// A branch may give a value of the graph around it, and may hide one by a name of its own.
func TestScopes(t *testing.T) { // pitfall 9
	f := model(t, 17, 8, nil, "y around", "around = Neg(x)", "y = If(cond)")
	f.Graph.Inputs = []*format.ValueInfo{{Name: "x", Type: &format.Type{Elem: format.Float}}, {Name: "cond", Type: &format.Type{Elem: format.Bool}}}
	f.Graph.Nodes[1].Attributes = []*format.Attribute{
		{Name: "then_branch", Type: format.AttrGraph, Graph: branch(t, "around")},
		{Name: "else_branch", Type: format.AttrGraph, Graph: branch(t, "hidden", "around = Add(x, x)", "hidden = Add(around, x)")},
	}
	m := load(t, f)
	for range 2 { // also in memory that was used
		for _, c := range []struct {
			cond bool
			y    float32
		}{{true, -5}, {false, 15}} {
			cond, _ := value.Of([]bool{c.cond})
			out := run(t, m, map[string]*value.Value{"x": floats([]int{1}, 5), "cond": cond})
			wantFloats(t, out["y"], []int{1}, c.y)
			wantFloats(t, out["around"], []int{1}, -5)
		}
	}
}

// What follows from the shapes of inputs is computed once for each, and again for other shapes; what follows from elements is computed each time.
func TestPlans(t *testing.T) {
	f := model(t, 17, 8, map[string]*value.Value{"two": value.Ints(2), "minus": value.Ints(-1)}, "y n",
		"s = Shape(x)", "half = Div(s, two)", "shape = Concat(half, minus; axis=0)", "y = Reshape(x, shape)",
		"nz = NonZero(x)", "ns = Shape(nz)", "n = Cast(ns; to=1)")
	m := load(t, f)
	ones := func(n int) *value.Value { return floats([]int{n}, slices.Repeat([]float32{1}, n)...) }
	for _, n := range []int{4, 6, 4} {
		x := ones(n)
		out := run(t, m, map[string]*value.Value{"x": x})
		wantFloats(t, out["y"], []int{n / 2, 2}, slices.Repeat([]float32{1}, n)...)
		wantFloats(t, out["n"], []int{2}, 1, float32(n))
		value.Data[float32](x)[0] = 0
		out = run(t, m, map[string]*value.Value{"x": x})
		wantFloats(t, out["n"], []int{2}, 1, float32(n-1))
	}
	if len(m.plans) != 2 {
		t.Fatalf("%d plans, must be 2", len(m.plans))
	}
	if got := len(m.plans[0].steps); got != 4 { // Reshape, NonZero, Shape of it, Cast
		t.Errorf("a run has %d steps, must have 4", got)
	}
}

func TestWarmRunsUseTheirMemoryAgain(t *testing.T) {
	m := load(t, model(t, 17, 8, map[string]*value.Value{"w": floats([]int{8, 8}, slices.Repeat([]float32{.1}, 64)...)}, "y",
		"a = MatMul(x, w)", "b = Relu(a)", "c = Add(b, x)", "d = MatMul(c, w)", "y = Softmax(d; axis=1)"))
	in := []*value.Value{floats([]int{4, 8}, slices.Repeat([]float32{.5}, 32)...)}
	step := func() {
		if err := m.RunFunc(in, func([]*value.Value) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	step()
	chunks := slices.Clone(m.frame.pool.free)
	if len(chunks) > 3 { // a and b are alive together, then b and c, c and d, d and y
		t.Errorf("%d pieces of memory, must be 3 at most", len(chunks))
	}
	for range 5 {
		step()
	}
	if got := m.frame.pool.free; len(got) != len(chunks) || len(m.frame.pool.owned) != 0 {
		t.Errorf("%d pieces of memory, %d in use, after more runs; must be %d and none", len(got), len(m.frame.pool.owned), len(chunks))
	}
}

// Spellings of one thing become one step, and give what they gave; a value in the midst that the model gives stays.
func TestFusion(t *testing.T) {
	constants := map[string]*value.Value{
		"root2": floats(scalar, math.Sqrt2), "one": floats(scalar, 1), "half": floats(scalar, 0.5), "three": floats(scalar, 3), "six": floats(scalar, 6),
		"zero": floats(scalar, 0), "twoF": floats(scalar, 2), "eps": floats(scalar, 1e-5), "gamma": floats([]int{3}, 1, 2, 3), "beta": floats([]int{3}, .1, .2, .3),
	}
	x := floats([]int{2, 3}, -3.5, -1, -.2, .4, 1.5, 7)
	for _, c := range []struct {
		name  string
		nodes []string
		steps int
		f     func(row []float32, i int) float64
	}{
		{"gelu", []string{"a = Div(x, root2)", "b = Erf(a)", "c = Add(b, one)", "d = Mul(x, c)", "y = Mul(d, half)"}, 1, func(r []float32, i int) float64 {
			return float64(r[i]) / 2 * (1 + math.Erf(float64(r[i])/math.Sqrt2))
		}},
		{"gelu, half first", []string{"a = Div(x, root2)", "b = Erf(a)", "c = Add(one, b)", "d = Mul(x, half)", "y = Mul(c, d)"}, 1, func(r []float32, i int) float64 {
			return float64(r[i]) / 2 * (1 + math.Erf(float64(r[i])/math.Sqrt2))
		}},
		{"hard swish", []string{"a = Add(x, three)", "b = Clip(a, zero, six)", "c = Mul(x, b)", "y = Div(c, six)"}, 1, func(r []float32, i int) float64 {
			v := float64(r[i])
			return v * min(max(v+3, 0), 6) / 6
		}},
		{"swish", []string{"a = Sigmoid(x)", "y = Mul(x, a)"}, 1, func(r []float32, i int) float64 {
			return float64(r[i]) / (1 + math.Exp(-float64(r[i])))
		}},
		{"layer norm", []string{
			"m = ReduceMean(x; axes=-1)", "c = Sub(x, m)", "p = Pow(c, twoF)", "v = ReduceMean(p; axes=-1)", "e = Add(v, eps)", "r = Sqrt(e)", "d = Div(c, r)",
			"g = Mul(d, gamma)", "y = Add(g, beta)",
		}, 1, func(r []float32, i int) float64 {
			var mean, variance float64
			for _, v := range r {
				mean += float64(v) / 3
			}
			for _, v := range r {
				variance += (float64(v) - mean) * (float64(v) - mean) / 3
			}
			return (float64(r[i])-mean)/math.Sqrt(variance+1e-5)*float64(i+1) + .1*float64(i+1)
		}},
		// One operand of the last product but one is another: only Div with Erf, and the last product with the one before it, become one.
		{"no gelu: another argument", []string{"a = Div(x, root2)", "b = Erf(a)", "c = Add(b, one)", "d = Mul(c, a)", "y = Mul(d, half)"}, 3, func(r []float32, i int) float64 {
			v := float64(r[i]) / math.Sqrt2
			return v / 2 * (1 + math.Erf(v))
		}},
	} {
		for _, outputs := range []string{"y", "y " + strings.Fields(c.nodes[0])[0]} { // alone, and with the first value in the midst
			f := model(t, 17, 8, constants, outputs, c.nodes...)
			for _, n := range f.Graph.Nodes {
				for _, a := range n.Attributes {
					if a.Name == "axes" {
						a.Type, a.Ints = format.AttrInts, []int64{a.Int}
					}
				}
			}
			m := load(t, f)
			if outputs == "y" && len(m.program.steps) != c.steps {
				t.Errorf("%s: %d steps, must be %d", c.name, len(m.program.steps), c.steps)
			}
			var must []float32
			for r := range 2 {
				row := value.Data[float32](x)[3*r : 3*r+3]
				for i := range row {
					must = append(must, float32(c.f(row, i)))
				}
			}
			wantFloats(t, run(t, m, map[string]*value.Value{"x": x})["y"], []int{2, 3}, must...)
		}
	}
}

func TestLimit(t *testing.T) {
	f := model(t, 17, 8, map[string]*value.Value{"big": value.Ints(1<<20, 1<<20)}, "y", "z = ConstantOfShape(big)", "y = Add(z, x)")
	m := load(t, f)
	_, err := m.Run(map[string]*value.Value{"x": floats(scalar, 1)})
	if err == nil || !strings.Contains(err.Error(), "needs more than 1024 MiB, the limit of one result") {
		t.Error(err)
	}
}

func TestNarrowFloats(t *testing.T) {
	f := model(t, 17, 8, nil, "y", "h = Cast(x; to=10)", "z = Add(h, h)", "y = Cast(z; to=1)")
	m := load(t, f)
	out := run(t, m, map[string]*value.Value{"x": floats([]int{3}, 2049, 40000, 1e-8)})
	wantFloats(t, out["y"], []int{3}, 4096, float32(math.Inf(1)), 0) // 2049 is rounded to even; 80000 is above float16's range
}

// A product with a matrix that never changes, and the bias behind it, are one step, with the same bits as two.
func TestLinearLayers(t *testing.T) {
	const in, out = 24, 7
	numbers := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32((i*37+11)%29)/16 - 0.9
		}
		return x
	}
	w, row := floats([]int{in, out}, numbers(in*out)...), floats([]int{out}, numbers(out)...)
	one := map[string]*value.Value{"w": w, "b": row}
	for _, c := range []struct {
		nodes []string
		steps int
	}{
		{[]string{"a = MatMul(x, w)", "y = Add(a, b)"}, 1},
		{[]string{"a = MatMul(x, w)", "y = Add(b, a)"}, 1},
		{[]string{"y = Gemm(x, w, b)"}, 1},
		{[]string{"a = MatMul(x, w)", "b2 = Add(b, b)", "c = Add(a, b2)", "y = Relu(c)"}, 2},
	} {
		fused := load(t, model(t, 17, 8, one, "y", c.nodes...))
		if len(fused.program.steps) != c.steps {
			t.Errorf("%q: %d steps, must be %d", c.nodes, len(fused.program.steps), c.steps)
		}
		apart := load(t, model(t, 17, 8, nil, "y", c.nodes...)) // w and b are inputs
		for _, shape := range [][]int{{5, in}, {1, in}, {in}, {2, 3, in}, {40, in}} {
			if strings.HasPrefix(c.nodes[0], "y = Gemm") && len(shape) != 2 {
				continue
			}
			n, _ := value.Volume(shape)
			x := floats(shape, numbers(n)...)
			got := run(t, fused, map[string]*value.Value{"x": x})["y"]
			must := run(t, apart, map[string]*value.Value{"x": x, "w": w, "b": row})["y"]
			wantFloats(t, got, must.Shape, value.Data[float32](must)...)
		}
	}
}

// What follows a convolution (a batch norm, numbers of each channel, the sum at the end of a residual block, functions) is one step with it. With the values between them given as outputs, too, nothing
// is joined, and the results are the same but for rounding.
func TestConvolutionsAndWhatFollows(t *testing.T) {
	numbers := func(n, seed int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32((i*37+seed*11)%29)/16 - 0.9
		}
		return x
	}
	const channels = 6
	w := func(in, kernel int) *value.Value {
		return floats([]int{channels, in, kernel, kernel}, numbers(channels*in*kernel*kernel, 1)...)
	}
	constants := map[string]*value.Value{
		"w3": w(channels, 3), "w1": w(channels, 1), "deep": w(1, 3), "b": floats([]int{channels}, numbers(channels, 2)...),
		"gamma": floats([]int{channels}, numbers(channels, 3)...), "beta": floats([]int{channels}, numbers(channels, 4)...), "mean": floats([]int{channels}, numbers(channels, 5)...),
		"var": floats([]int{channels}, 0.5, 1, 2, 0.25, 3, 0.1), "c": floats([]int{1, channels, 1, 1}, numbers(channels, 6)...), "two": floats(scalar, 2), "three": floats(scalar, 3),
		"zero": floats(scalar, 0), "six": floats(scalar, 6), "row": floats([]int{7}, numbers(7, 7)...), "wide": floats([]int{2, 1, channels, 9, 7}, numbers(2*channels*63, 8)...),
	}
	x, z := floats([]int{2, channels, 9, 7}, numbers(2*channels*63, 9)...), floats([]int{2, channels, 9, 7}, numbers(2*channels*63, 10)...)
	for name, shape := range map[string][]int{"up": {24, 6, 1, 1}, "deep24": {24, 1, 3, 3}, "b24": {24}, "down": {6, 24, 1, 1}, "half": {3, 6, 1, 1}, "deep3": {3, 1, 3, 3}, "single": {1, 3, 1, 1}} {
		n := 1
		for _, d := range shape {
			n *= d
		}
		constants[name] = floats(shape, numbers(n, len(name))...)
	}
	z24 := floats([]int{2, 24, 9, 7}, numbers(2*24*63, 12)...)
	small := floats([]int{channels, 1, 7}, numbers(channels*7, 11)...)
	for _, c := range []struct {
		name  string
		nodes []string
		z     *value.Value
		steps int
	}{
		{"batch norm", []string{"a = Conv(x, w3, b)", "n = BatchNormalization(a, gamma, beta, mean, var)", "y = Relu(n)"}, nil, 1},
		{"scale and shift", []string{"a = Conv(x, w3)", "m = Mul(c, a)", "s = Add(m, two)", "d = Div(s, three)", "y = Sub(d, c)"}, nil, 1},
		{"residual block", []string{"a = Conv(x, w3, b)", "s = Add(z, a)", "y = Relu(s)"}, z, 1},
		{"two convolutions", []string{"a = Conv(x, w3, b)", "e = Conv(x, w1)", "s = Add(a, e)", "y = Relu(s)"}, nil, 2},
		{"inverted residual block", []string{"a = Conv(x, w1)", "e = Conv(a, w3)", "f = Clip(e, zero, six)", "g = Conv(f, w1)", "y = Add(a, g)"}, nil, 3},
		{"inverted residual block of a depthwise one", []string{"a = Conv(x, up)", "k = Clip(a, zero, six)", "e = Conv(k, deep24, b24; group=24)", "f = Clip(e, zero, six)", "g = Conv(f, down, b)", "y = Add(x, g)"}, nil, 1},
		{"the same with another sum", []string{"a = Conv(x, up)", "k = Clip(a, zero, six)", "e = Conv(k, deep24; group=24)", "g = Conv(e, down, b)", "n = BatchNormalization(g, gamma, beta, mean, var)", "s = Add(n, z)", "y = Relu(s)"}, z, 1},
		{"the same with a sum that broadcasts", []string{"a = Conv(x, up, b24)", "e = Conv(a, deep24; group=24)", "k = Sigmoid(e)", "g = Conv(k, down, b)", "s = Add(g, z)", "y = Relu(s)"}, small, 1},
		{"a depthwise one that is projected", []string{"a = Conv(x, deep; group=6)", "n = BatchNormalization(a, gamma, beta, mean, var)", "h = HardSwish(n)", "g = Conv(h, half)", "y = Mul(g, two)"}, nil, 1},
		{"two such", []string{"a = Conv(x, deep; group=6)", "g = Conv(a, half)", "r = Relu(g)", "d = Conv(r, deep3; group=3)", "y = Conv(d, single)"}, nil, 2},
		{"a depthwise one behind an expansion", []string{"a = Conv(x, up, b24)", "h = HardSwish(a)", "e = Conv(h, deep24, b24; group=24)", "s = Add(e, z)", "y = Sigmoid(s)"}, z24, 1},
		{"a depthwise one behind one of 3 by 3", []string{"a = Conv(x, w3, b)", "y = Conv(a, deep, b; group=6)"}, nil, 2},
		{"a depthwise one behind a sum", []string{"a = Conv(x, up, b24)", "s = Add(a, z)", "y = Conv(s, deep24, b24; group=24)"}, z24, 2},
		{"a depthwise one of as many channels as the others", []string{"a = Conv(x, w1)", "e = Conv(a, deep; group=6)", "y = Conv(e, w1)"}, nil, 3},
		{"sum that broadcasts", []string{"a = Conv(x, w3, b)", "s = Add(a, z)", "y = Relu(s)"}, small, 1},
		{"sum with a larger one", []string{"a = Conv(x, w1, b)", "s = Add(a, z)", "y = Relu(s)"}, constants["wide"], 1},
		{"relu6 of a depthwise one", []string{"a = Conv(x, deep, b; group=6)", "y = Clip(a, zero, six)"}, nil, 1},
		{"functions in a row", []string{"a = Conv(x, w1)", "h = HardSwish(a)", "m = Mul(h, two)", "y = Sigmoid(m)"}, nil, 1},
		{"a constant row", []string{"a = Conv(x, w3)", "y = Add(a, row)"}, nil, 2},
		{"a number from which is taken", []string{"a = Conv(x, w3)", "y = Sub(two, a)"}, nil, 1},
	} {
		build := func(outputs string) *Model {
			f := model(t, 17, 8, constants, outputs, c.nodes...)
			for _, n := range f.Graph.Nodes {
				if n.Op == "Conv" && n.Inputs[1] == "w3" || n.Op == "Conv" && strings.HasPrefix(n.Inputs[1], "deep") {
					n.Attributes = append(n.Attributes, &format.Attribute{Name: "pads", Type: format.AttrInts, Ints: []int64{1, 1, 1, 1}})
				}
			}
			return load(t, f)
		}
		in := map[string]*value.Value{"x": x}
		if c.z != nil {
			in["z"] = c.z
		}
		joined := build("y")
		if len(joined.program.steps) != c.steps {
			t.Errorf("%s: %d steps, must be %d", c.name, len(joined.program.steps), c.steps)
		}
		all := "y"
		for _, n := range c.nodes {
			if name := strings.Fields(n)[0]; name != "y" {
				all += " " + name
			}
		}
		apart := build(all)
		if len(apart.program.steps) != len(c.nodes) {
			t.Errorf("%s: %d steps apart, must be %d", c.name, len(apart.program.steps), len(c.nodes))
		}
		must := run(t, apart, in)["y"]
		for range 2 {
			got := run(t, joined, in)["y"]
			if !slices.Equal(got.Shape, must.Shape) {
				t.Fatalf("%s: shape %v, must be %v", c.name, got.Shape, must.Shape)
			}
			for i, v := range value.Data[float32](got) {
				if m := value.Data[float32](must)[i]; math.Abs(float64(v-m)) > 2e-5*(1+math.Abs(float64(m))) {
					t.Fatalf("%s: element %d is %v, must be %v", c.name, i, v, m)
				}
			}
		}
	}
}

// A depthwise convolution between others is one step with them for inputs of any number of dimensions and any size; what package gemm cannot compute is computed one after the other.
func TestBottlenecksOfOtherShapes(t *testing.T) {
	for _, shape := range [][]int{{3, 4, 11}, {1, 4, 1}, {2, 4, 5, 6, 7}, {2, 4, 5, 6}, {0, 4, 5, 6}, {1, 4, 30, 41}} {
		kernel, one := slices.Clone(shape), slices.Clone(shape)
		for i := 2; i < len(shape); i++ {
			kernel[i], one[i] = 2, 1
		}
		kernel[0], kernel[1] = 24, 1
		volume := func(shape []int) (n int) {
			for n = 1; len(shape) > 0; shape = shape[1:] {
				n *= shape[0]
			}
			return n
		}
		tensor := func(shape ...int) *value.Value {
			x := make([]float32, volume(shape))
			for i := range x {
				x[i] = float32(i*37%29)/16 - 0.9
			}
			return floats(shape, x...)
		}
		expand, project := slices.Clone(one), slices.Clone(one)
		expand[0], expand[1], project[0], project[1] = 24, 4, 5, 24
		constants := map[string]*value.Value{"expand": tensor(expand...), "deep": tensor(kernel...), "project": tensor(project...), "b": tensor(24)}
		nodes := []string{"a = Conv(x, expand, b)", "h = Relu(a)", "d = Conv(h, deep, b; group=24)", "g = Sigmoid(d)", "y = Conv(g, project)"}
		build := func(outputs string) *Model {
			f := model(t, 17, 8, constants, outputs, nodes...)
			pads := make([]int64, 2*(len(shape)-2))
			for i := range pads {
				pads[i] = int64(1 - i%2)
			}
			f.Graph.Nodes[2].Attributes = append(f.Graph.Nodes[2].Attributes, &format.Attribute{Name: "pads", Type: format.AttrInts, Ints: pads})
			return load(t, f)
		}
		joined, apart := build("y"), build("y a h d g")
		if len(joined.program.steps) != 1 {
			t.Errorf("%v: %d steps, must be 1", shape, len(joined.program.steps))
		}
		in := map[string]*value.Value{"x": tensor(shape...)}
		got, must := run(t, joined, in)["y"], run(t, apart, in)["y"]
		if !slices.Equal(got.Shape, must.Shape) {
			t.Fatalf("%v: result %v, must be %v", shape, got.Shape, must.Shape)
		}
		for i, v := range value.Data[float32](got) {
			if m := value.Data[float32](must)[i]; !(math.Abs(float64(v-m)) <= 1e-4*(1+math.Abs(float64(m)))) {
				t.Fatalf("%v: element %d is %v, must be %v", shape, i, v, m)
			}
		}
		if _, err := joined.Run(map[string]*value.Value{"x": floats([]int{1, 5, 9, 9}, make([]float32, 405)...)}); err == nil || !strings.Contains(err.Error(), "input") {
			t.Errorf("%v: an input of 5 channels gives error %v", shape, err)
		}
	}
}
