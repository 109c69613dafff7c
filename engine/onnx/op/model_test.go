package op_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// graph is a graph of the file: nodes over names. Inputs that no node computes are the graph's own, and outputs those that it lists.
type graph struct {
	nodes         []*format.Node
	inputs        []string
	outputs       []string
	constants     map[string]*value.Value
	types         map[string]*format.Type // of outputs, where they are stated
	opset         int
	contributions bool // imports com.microsoft, too
}

// node makes a node. Attributes are names and values in turn; a name with a dot has the domain before it.
func node(op string, in, out []string, attributes ...any) *format.Node {
	n := &format.Node{Name: "n", Op: op, Inputs: in, Outputs: out}
	if i := strings.LastIndexByte(op, '.'); i >= 0 {
		n.Domain, n.Op = op[:i], op[i+1:]
	}
	for i := 0; i < len(attributes); i += 2 {
		a := &format.Attribute{Name: attributes[i].(string)}
		switch x := attributes[i+1].(type) {
		case int:
			a.Type, a.Int = format.AttrInt, int64(x)
		case float32:
			a.Type, a.Float = format.AttrFloat, x
		case string:
			a.Type, a.Bytes = format.AttrString, []byte(x)
		case []int:
			a.Type = format.AttrInts
			for _, e := range x {
				a.Ints = append(a.Ints, int64(e))
			}
		case []float32:
			a.Type, a.Floats = format.AttrFloats, x
		case *value.Value:
			a.Type, a.Tensor = format.AttrTensor, x.Tensor("")
		case graph:
			a.Type, a.Graph = format.AttrGraph, x.file()
		default:
			panic(fmt.Sprintf("attribute of %T", x))
		}
		n.Attributes = append(n.Attributes, a)
	}
	return n
}

func (g *graph) file() *format.Graph {
	f := &format.Graph{Name: "g", Nodes: g.nodes}
	for _, name := range g.inputs {
		f.Inputs = append(f.Inputs, &format.ValueInfo{Name: name})
	}
	for _, name := range g.outputs {
		f.Outputs = append(f.Outputs, &format.ValueInfo{Name: name, Type: g.types[name]})
	}
	for name, v := range g.constants {
		f.Initializers = append(f.Initializers, v.Tensor(name))
	}
	return f
}

func (g *graph) model() (*onnx.Model, error) {
	opset := g.opset
	if opset == 0 {
		opset = 21
	}
	m := &format.Model{IRVersion: 9, Opsets: []format.Opset{{Version: int64(opset)}}, Graph: g.file()}
	if g.contributions {
		m.Opsets = append(m.Opsets, format.Opset{Domain: "com.microsoft", Version: 1})
	}
	return onnx.New(m, &onnx.Options{MaxResult: 1 << 26})
}

// run computes the graph twice from the same inputs: the second time memory holds what the first has left there.
func (g *graph) run(inputs map[string]*value.Value) (out map[string]*value.Value, err error) {
	m, err := g.model()
	if err != nil {
		return nil, err
	}
	for range 2 {
		if out, err = m.Run(inputs); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// single runs one node of an opset, inputs that are nil missing: once with inputs that come with each run, and once with constants. Both must give the same.
func single(opset int, op string, outputs int, in []*value.Value, attributes ...any) ([]*value.Value, error) {
	g := graph{opset: opset, contributions: true, constants: map[string]*value.Value{}}
	inputs := map[string]*value.Value{}
	var names []string
	for i, v := range in {
		name := ""
		if v != nil {
			name = fmt.Sprint("in", i)
			inputs[name] = v
			g.inputs = append(g.inputs, name)
		}
		names = append(names, name)
	}
	for i := range outputs {
		g.outputs = append(g.outputs, fmt.Sprint("out", i))
	}
	g.nodes = []*format.Node{node(op, names, g.outputs, attributes...)}
	out, err := g.run(inputs)
	fixed := g
	fixed.inputs, fixed.constants = nil, inputs
	folded, errFolded := fixed.run(nil)
	if (err == nil) != (errFolded == nil) {
		return nil, fmt.Errorf("with inputs the error is %v, with constants %v", err, errFolded)
	}
	if err != nil {
		return nil, err
	}
	var list []*value.Value
	for i := range outputs {
		v, f := out[g.outputs[i]], folded[g.outputs[i]]
		if problem := differs(f, v, 0); problem != "" {
			return nil, fmt.Errorf("output %d of constants and of inputs differ: %s", i, problem)
		}
		list = append(list, v)
	}
	return list, nil
}

// one runs a node with one output.
func one(t *testing.T, opset int, op string, in []*value.Value, attributes ...any) *value.Value {
	t.Helper()
	out, err := single(opset, op, 1, in, attributes...)
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	return out[0]
}

// refused checks that a node fails with an error that holds text.
func refused(t *testing.T, text string, opset int, op string, outputs int, in []*value.Value, attributes ...any) {
	t.Helper()
	_, err := single(opset, op, outputs, in, attributes...)
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: error is %v, must hold %q", op, err, text)
	}
}

// of makes a tensor.
func of[T value.Element](shape []int, x ...T) *value.Value {
	v, err := value.Of(x, shape...)
	if err != nil {
		panic(err)
	}
	return v
}

func list(x ...int64) *value.Value { return value.Ints(x...) }

func scalar[T value.Element](x T) *value.Value { return of(nil, x) }

func ins(v ...*value.Value) []*value.Value { return v }

// counted makes a tensor of float32 0, 1, 2 and so on.
func counted(shape ...int) *value.Value {
	v, err := value.New(format.Float, shape...)
	if err != nil {
		panic(err)
	}
	for i, x := 0, value.Data[float32](v); i < len(x); i++ {
		x[i] = float32(i)
	}
	return v
}

// normal makes a tensor of normal numbers.
func normal(r *rand.Rand, shape ...int) *value.Value {
	v := counted(shape...)
	for i, x := 0, value.Data[float32](v); i < len(x); i++ {
		x[i] = float32(r.NormFloat64())
	}
	return v
}

// is checks kind, shape and elements, floats within tolerance.
func is(t *testing.T, got, want *value.Value, tolerance float64) {
	t.Helper()
	if s := differs(got, want, tolerance); s != "" {
		t.Error(s)
	}
}

func differs(got, want *value.Value, tolerance float64) string {
	if got.Kind != want.Kind || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Sprintf("is %s, must be %s", got, want)
	}
	a, b := elements(got), elements(want)
	for i := range a {
		if a[i] != b[i] && !(math.Abs(a[i]-b[i]) <= tolerance) && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) {
			return fmt.Sprintf("element %d is %v, must be %v; all: %v", i, a[i], b[i], a)
		}
	}
	return ""
}

// elements gives the elements as float64.
func elements(v *value.Value) (list []float64) {
	switch v.Memory() {
	case value.F32:
		for _, e := range value.Data[float32](v) {
			list = append(list, float64(e))
		}
	case value.F64:
		return value.Data[float64](v)
	case value.U64:
		for _, e := range value.Data[uint64](v) {
			list = append(list, float64(e))
		}
	case value.Bool:
		for _, e := range value.Bits[uint8](v) {
			list = append(list, float64(e))
		}
	default:
		x, err := value.Integers(v)
		if err != nil {
			panic(err)
		}
		for _, e := range x {
			list = append(list, float64(e))
		}
	}
	return list
}

// coordinates calls f for every index of a shape.
func coordinates(shape []int, f func(at []int)) {
	at := make([]int, len(shape))
	for i := range volume(shape) {
		for k := len(shape) - 1; k >= 0; k-- {
			at[k] = i % shape[k]
			i /= shape[k]
		}
		f(at)
	}
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// place is where an index lies in a tensor.
func place(shape, at []int) int {
	n := 0
	for i, d := range shape {
		n = n*d + at[i]
	}
	return n
}
