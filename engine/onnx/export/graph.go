// Package export writes networks of package nn as ONNX models, which other programs run.
//
// A Graph is built from its inputs to its outputs: Module adds the nodes of a layer or of a container as evaluation computes it (batch norms
// by their running values, dropout not at all), Add a node of its own. Every parameter becomes a constant with the parameter's name, the one
// that nn.Save writes, with two exceptions: the weights of recurrent layers stand in ONNX's order of gates, as W_l0, R_l0 and B_l0 instead of
// weight_ih_l0 and so on, both directions in one; and a weight under SpectralNorm is written divided, as weight instead of weight_orig.
//
// The models are of opset 17 and IR version 8. Networks are float32. Sizes that the network leaves open, such as the batch, stay open.
package export

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
)

// The versions of what is written.
const (
	opset     = 17 // the first with LayerNormalization
	irVersion = 8  // that of opset 17
)

// Producer is what a model that is written here names as its producer.
const Producer = "energo"

// A Value is a tensor of a graph: an input, a constant or what a node computes.
type Value struct {
	name string // "" is an input of a node that is left out
	kind format.DataType
	rank int
}

// As is the value with elements of another type, for the result of a node whose type is not that of its first input.
func (v Value) As(kind format.DataType) Value {
	v.kind = kind
	return v
}

// Rank is the number of dimensions.
func (v Value) Rank() int { return v.rank }

// A Port describes an input or an output of a graph.
type Port struct {
	Name  string
	Doc   string          // what it means, for people
	Kind  format.DataType // Undefined stands for Float
	Shape string          // dimensions joined by commas, each a number or, where it is open, a name: "batch,1,28,28"
}

// info is the port as a file has it.
func (p Port) info() *format.ValueInfo {
	t := &format.Type{Elem: p.Kind, HasShape: true}
	if p.Kind == format.Undefined {
		t.Elem = format.Float
	}
	for _, text := range strings.Split(p.Shape, ",") {
		d := format.Dim{Size: -1, Name: text}
		if n, err := strconv.Atoi(text); err == nil {
			d = format.Dim{Size: n}
		}
		t.Shape = append(t.Shape, d)
	}
	return &format.ValueInfo{Name: p.Name, Doc: p.Doc, Type: t}
}

// A Graph is an ONNX model that is being built. Its methods keep the first error, which Model returns; after it they do nothing.
type Graph struct {
	graph    format.Graph
	complete *format.Model // of Of: what is there already
	metadata []format.Entry
	doc      string
	err      error
}

// New returns an empty graph. doc says what the model is, for people.
func New(name, doc string) *Graph {
	return &Graph{graph: format.Graph{Name: name}, doc: doc}
}

// Of returns the graph of a model that is there already, of whatever version, to which nothing but metadata is added. doc is as for New.
func Of(m *format.Model, doc string) *Graph { return &Graph{complete: m, doc: doc} }

// Fail makes an error the graph's, unless it has one.
func (g *Graph) Fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// Metadata adds an entry to the model's metadata.
func (g *Graph) Metadata(key, value string) {
	g.metadata = append(g.metadata, format.Entry{Key: key, Value: value})
}

// JSON adds an entry to the model's metadata, as JSON.
func (g *Graph) JSON(key string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		g.Fail(fmt.Errorf("metadata %s: %w", key, err))
		return
	}
	g.Metadata(key, string(text))
}

// Input adds an input.
func (g *Graph) Input(p Port) Value {
	in := p.info()
	g.graph.Inputs = append(g.graph.Inputs, in)
	return Value{in.Name, in.Type.Elem, len(in.Type.Shape)}
}

// Output makes a value an output. A value can be several outputs.
func (g *Graph) Output(p Port, v Value) {
	out := p.info()
	if g.err == nil && (out.Type.Elem != v.kind || len(out.Type.Shape) != v.rank) {
		g.Fail(fmt.Errorf("output %q is of %v with shape %s; its value is of %v with %d dimensions", p.Name, out.Type.Elem, p.Shape, v.kind, v.rank))
	}
	g.graph.Nodes = append(g.graph.Nodes, &format.Node{Name: p.Name, Op: "Identity", Inputs: []string{v.name}, Outputs: []string{p.Name}})
	g.graph.Outputs = append(g.graph.Outputs, out)
}

// Add adds a node that computes a value of a rank, of the elements' type of its first input.
func (g *Graph) Add(op string, rank int, in []Value, attributes ...*format.Attribute) Value {
	if g.err != nil {
		return Value{}
	}
	name := fmt.Sprintf("%s_%d", op, len(g.graph.Nodes))
	n := &format.Node{Name: name, Op: op, Outputs: []string{name}, Attributes: attributes}
	for _, v := range in {
		n.Inputs = append(n.Inputs, v.name)
	}
	for len(n.Inputs) > 0 && n.Inputs[len(n.Inputs)-1] == "" {
		n.Inputs = n.Inputs[:len(n.Inputs)-1]
	}
	g.graph.Nodes = append(g.graph.Nodes, n)
	return Value{name, in[0].kind, rank}
}

// Unary adds a node of one input whose result has its shape.
func (g *Graph) Unary(op string, x Value, attributes ...*format.Attribute) Value {
	return g.Add(op, x.rank, []Value{x}, attributes...)
}

// Binary adds a node of two inputs, the one with fewer dimensions repeated as ONNX has it.
func (g *Graph) Binary(op string, x, y Value) Value {
	return g.Add(op, max(x.rank, y.rank), []Value{x, y})
}

// Cast adds a node that converts elements.
func (g *Graph) Cast(x Value, to format.DataType) Value {
	return g.Unary("Cast", x, Int("to", int(to))).As(to)
}

// Reshape adds a node that gives x other sizes: 0 keeps that of the same axis, one −1 is what is left.
func (g *Graph) Reshape(x Value, sizes ...int) Value {
	return g.Add("Reshape", len(sizes), []Value{x, g.Ints(sizes...)})
}

// Transpose adds a node whose axis i is x's axis order[i].
func (g *Graph) Transpose(x Value, order ...int) Value {
	return g.Add("Transpose", len(order), []Value{x}, Ints("perm", order...))
}

// Unsqueeze adds a node that puts axes of size 1 at places of its result.
func (g *Graph) Unsqueeze(x Value, axes ...int) Value {
	return g.Add("Unsqueeze", x.rank+len(axes), []Value{x, g.Ints(axes...)})
}

// Gather adds a node that picks from a table along an axis by whole numbers: those of rows, whose axes stand instead of the axis.
func (g *Graph) Gather(table, rows Value, axis int) Value {
	return g.Add("Gather", table.rank+rows.rank-1, []Value{table, rows}, Int("axis", axis))
}

// Shape adds a node that gives the sizes of x.
func (g *Graph) Shape(x Value) Value {
	return g.Add("Shape", 1, []Value{x}).As(format.Int64)
}

// toEnd as the end of a Slice is that of the axis.
const toEnd = math.MaxInt64

// Slice adds a node that takes what lies from one place of an axis to before another; a negative place counts from the end.
func (g *Graph) Slice(x Value, axis, from, to int) Value {
	return g.Add("Slice", x.rank, []Value{x, g.Ints(from), g.Ints(to), g.Ints(axis)})
}

// Concat adds a node that puts values one behind the other along an axis.
func (g *Graph) Concat(axis int, x ...Value) Value {
	return g.Add("Concat", x[0].rank, x, Int("axis", axis))
}

// Reduce adds a node that reduces the last axis, which is gone, by one of the operators that take axes as an attribute in opset 17: ReduceMean,
// ReduceSumSquare, ReduceLogSumExp.
func (g *Graph) Reduce(op string, x Value) Value {
	return g.Add(op, x.rank-1, []Value{x}, Ints("axes", x.rank-1), Int("keepdims", 0))
}

// Ints adds a constant: a vector of whole numbers.
func (g *Graph) Ints(v ...int) Value {
	name := "ints"
	var raw []byte
	for _, n := range v {
		name += "_" + strconv.Itoa(n)
		raw = binary.LittleEndian.AppendUint64(raw, uint64(n))
	}
	return g.constant(&format.Tensor{Name: name, Type: format.Int64, Dims: []int{len(v)}, Raw: raw})
}

// scalar adds a constant: a whole number.
func (g *Graph) scalar(v int) Value {
	raw := binary.LittleEndian.AppendUint64(nil, uint64(v))
	return g.constant(&format.Tensor{Name: "int_" + strconv.Itoa(v), Type: format.Int64, Raw: raw})
}

// Float adds a constant: a number.
func (g *Graph) Float(v float64) Value {
	raw := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v)))
	return g.constant(&format.Tensor{Name: "float_" + strconv.FormatFloat(v, 'g', -1, 64), Type: format.Float, Raw: raw})
}

// Doubles adds a constant by its name, once, as Tensor does: a vector of float64.
func (g *Graph) Doubles(name string, v ...float64) Value {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
	}
	return g.constant(&format.Tensor{Name: name, Type: format.Double, Dims: []int{len(v)}, Raw: raw})
}

// Tensor adds a constant by its name, once.
//
// Errors: another constant has the name.
func (g *Graph) Tensor(name string, x *tensor.Tensor) Value {
	values := x.Float32s()
	if values == nil {
		values = x.Convert(tensor.Float32).Float32s()
	}
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return g.constant(&format.Tensor{Name: name, Type: format.Float, Dims: slices.Clone(x.Shape()), Raw: raw})
}

// constant adds a constant, unless the same is there. Another of its name is an error.
func (g *Graph) constant(t *format.Tensor) Value {
	if i := slices.IndexFunc(g.graph.Initializers, func(other *format.Tensor) bool { return other.Name == t.Name }); i < 0 {
		g.graph.Initializers = append(g.graph.Initializers, t)
	} else if other := g.graph.Initializers[i]; other.Type != t.Type || !slices.Equal(other.Dims, t.Dims) || !bytes.Equal(other.Raw, t.Raw) {
		g.Fail(fmt.Errorf("two constants of the network are named %q", t.Name))
	}
	return Value{t.Name, t.Type, len(t.Dims)}
}

// Param adds a parameter as a constant of its name. nil is an input that is left out.
func (g *Graph) Param(p *autodiff.Param) Value {
	if p == nil {
		return Value{}
	}
	return g.Tensor(p.Name, p.Value)
}

// Model returns the model.
//
// Errors: the first that a method kept; a graph without an output; two values of one name.
func (g *Graph) Model() (*format.Model, error) {
	if g.err != nil {
		return nil, g.err
	}
	if g.complete != nil {
		m := *g.complete
		m.Producer, m.ProducerVersion, m.Doc, m.Metadata = Producer, "", g.doc, g.metadata
		return &m, nil
	}
	if len(g.graph.Outputs) == 0 {
		return nil, errors.New("the graph has no output")
	}
	names := map[string]bool{}
	once := func(name string) error {
		if name == "" || names[name] {
			return fmt.Errorf("a value of the graph is named %q; names must be some text, and different", name)
		}
		names[name] = true
		return nil
	}
	for _, in := range g.graph.Inputs {
		g.Fail(once(in.Name))
	}
	for _, t := range g.graph.Initializers {
		g.Fail(once(t.Name))
	}
	for _, n := range g.graph.Nodes {
		g.Fail(once(n.Outputs[0]))
	}
	return &format.Model{
		IRVersion: irVersion, Opsets: []format.Opset{{Version: opset}}, Producer: Producer, Doc: g.doc, Graph: &g.graph, Metadata: g.metadata,
	}, g.err
}

// Int is an attribute of a whole number.
func Int(name string, v int) *format.Attribute {
	return &format.Attribute{Name: name, Type: format.AttrInt, Int: int64(v)}
}

// Ints is an attribute of whole numbers.
func Ints(name string, v ...int) *format.Attribute {
	a := &format.Attribute{Name: name, Type: format.AttrInts}
	for _, n := range v {
		a.Ints = append(a.Ints, int64(n))
	}
	return a
}

// Float is an attribute of a number.
func Float(name string, v float64) *format.Attribute {
	return &format.Attribute{Name: name, Type: format.AttrFloat, Float: float32(v)}
}

// Text is an attribute of a text.
func Text(name, v string) *format.Attribute {
	return &format.Attribute{Name: name, Type: format.AttrString, Bytes: []byte(v)}
}
