// Package surround puts nodes before and behind the graph of an ONNX model, as a network does that begins with one.
package surround

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// A Model is a model to which nodes are added. Names that are asked for get "energo." before them, as often as it takes, where the model has them: it may have been surrounded before.
type Model struct {
	File *format.Model
	Last string // the value that the next node takes

	taken map[string]bool
}

// Of returns a model with what is there. The original stays as it is.
func Of(m *format.Model) *Model {
	file, graph := *m, *m.Graph
	file.Graph = &graph
	graph.Initializers, graph.Nodes = slices.Clone(graph.Initializers), slices.Clone(graph.Nodes)
	graph.Inputs, graph.Outputs = slices.Clone(graph.Inputs), slices.Clone(graph.Outputs)
	s := &Model{File: &file, taken: map[string]bool{}}
	for _, v := range slices.Concat(graph.Inputs, graph.Outputs) {
		s.taken[v.Name] = true
	}
	for _, t := range graph.Initializers {
		s.taken[t.Name] = true
	}
	for _, n := range graph.Nodes {
		s.taken[n.Name] = true
		for _, name := range n.Outputs {
			s.taken[name] = true
		}
	}
	return s
}

// Fresh is a name that nothing has yet.
func (m *Model) Fresh(name string) string {
	for m.taken[name] {
		name = "energo." + name
	}
	m.taken[name] = true
	return name
}

// Add adds a node of the last value and more, and makes its result the last value.
func (m *Model) Add(op, name string, attributes []*format.Attribute, more ...string) {
	name = m.Fresh(name)
	g := m.File.Graph
	g.Nodes = append(g.Nodes, &format.Node{Name: name, Op: op, Inputs: append([]string{m.Last}, more...), Outputs: []string{name}, Attributes: attributes})
	m.Last = name
}

// Constant adds an initializer, and returns its name.
func (m *Model) Constant(name string, v *value.Value) string {
	name = m.Fresh(name)
	m.File.Graph.Initializers = append(m.File.Graph.Initializers, v.Tensor(name))
	return name
}

// Before makes another input instead of one that the model has: the nodes that add adds, one at least, compute the old input from the new one. One new input may stand for several.
func (m *Model) Before(in *format.ValueInfo, replaces string, add func()) {
	g := m.File.Graph
	model := g.Nodes
	g.Nodes, m.Last = nil, in.Name
	add()
	g.Nodes[len(g.Nodes)-1].Outputs[0] = replaces
	g.Nodes = append(g.Nodes, model...)
	g.Inputs = slices.DeleteFunc(g.Inputs, func(v *format.ValueInfo) bool { return v.Name == replaces || v.Name == in.Name })
	g.Inputs = append(g.Inputs, in)
	m.Last = ""
}

// Outputs makes the last value the model's only output, of floats of some sizes; −1 is open.
func (m *Model) Outputs(sizes ...int) {
	m.File.Graph.Outputs = []*format.ValueInfo{Floats(m.Last, sizes...)}
}

// Floats describes a tensor of float32; a size of −1 is open, and the first of them is the batch's.
func Floats(name string, sizes ...int) *format.ValueInfo {
	t := &format.Type{Elem: format.Float, HasShape: true}
	for i, n := range sizes {
		d := format.Dim{Size: n}
		if n < 0 && i == 0 {
			d.Name = "batch"
		}
		t.Shape = append(t.Shape, d)
	}
	return &format.ValueInfo{Name: name, Type: t}
}

// Int is an attribute of a whole number, as a list.
func Int(name string, v int) []*format.Attribute {
	return []*format.Attribute{{Name: name, Type: format.AttrInt, Int: int64(v)}}
}

// Ints is an attribute of whole numbers, as a list.
func Ints(name string, v ...int64) []*format.Attribute {
	return []*format.Attribute{{Name: name, Type: format.AttrInts, Ints: v}}
}
