// Package onnx runs models in the ONNX format: it reads a file, checks it, makes every node a kernel, and computes the outputs from the inputs.
package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/engine/onnx/op"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// Options says how a model runs.
type Options struct {
	MaxResult int      // the most bytes of one node's result; 0 means 1 GiB
	Outputs   []string // what a run gives instead of the model's outputs: any values of the graph, by name
}

// Model is a model that is ready to run. Several goroutines may run it; they take turns.
type Model struct {
	Inputs, Outputs []Port
	Format          *format.Model // as the file has it

	mu      sync.Mutex
	program *program
	frame   *frame
	plans   []*plan
}

// Port is an input or an output.
type Port struct {
	Name     string
	Kind     format.DataType
	Shape    []format.Dim // nil where the rank is not known
	HasShape bool
	Optional bool // an input with an initial value
}

// String gives name, type and shape: x float[N,3,224,224].
func (p Port) String() string {
	if !p.HasShape {
		return fmt.Sprintf("%s %s of any shape", p.Name, p.Kind)
	}
	var dims []string
	for _, d := range p.Shape {
		switch {
		case d.Size >= 0:
			dims = append(dims, fmt.Sprint(d.Size))
		case d.Name != "":
			dims = append(dims, d.Name)
		default:
			dims = append(dims, "?")
		}
	}
	return fmt.Sprintf("%s %s[%s]", p.Name, p.Kind, strings.Join(dims, ","))
}

// ReadFile reads what a model is made of: from an ONNX file, or from a folder in the form of Hugging Face (package huggingface).
func ReadFile(path string) (*format.Model, error) {
	if huggingface.Is(path) {
		return huggingface.Read(path)
	}
	return format.ReadFile(path)
}

// Open reads a model, as ReadFile does.
func Open(path string, o *Options) (*Model, error) {
	f, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := New(f, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// New makes a model of what a file holds.
func New(f *format.Model, o *Options) (*Model, error) {
	if f.Graph == nil {
		return nil, errors.New("the model has no graph")
	}
	m := &Model{Format: f}
	limit := 1 << 30
	if o != nil && o.MaxResult > 0 {
		limit = o.MaxResult
	}
	opsets := opsetsOf(f.Opsets)
	if v, ok := opsets[""]; ok && v > op.Newest {
		return nil, fmt.Errorf("opset %d is newer than %d, the newest here", v, op.Newest)
	}
	graph := f.Graph
	var err error
	if m.Inputs, m.Outputs, err = Ports(f); err != nil {
		return nil, err
	}
	if o != nil && o.Outputs != nil {
		m.Outputs = nil
		for _, name := range o.Outputs {
			p, err := portOf(f.Graph, name)
			if err != nil {
				return nil, fmt.Errorf("output %w", err)
			}
			m.Outputs = append(m.Outputs, p)
		}
		graph = withOutputs(graph, o.Outputs...)
	}
	c := newCompiler(f)
	if m.program, err = c.compileGraph(graph, nil, opsets, f.IRVersion >= 4); err != nil {
		return nil, err
	}
	m.frame = newFrame(m.program, limit, newPool())
	return m, nil
}

// withOutputs is a graph that gives other values.
func withOutputs(g *format.Graph, names ...string) *format.Graph {
	other := *g
	other.Outputs = nil
	for _, name := range names {
		other.Outputs = append(other.Outputs, &format.ValueInfo{Name: name})
	}
	return &other
}

// portOf is a value of a graph by name, with the type and the shape that the file says, if it does.
func portOf(g *format.Graph, name string) (Port, error) {
	for _, v := range slices.Concat(g.Outputs, g.Values) {
		if v.Name == name {
			return port(v)
		}
	}
	return Port{Name: name}, nil
}

// Ports gives the inputs and the outputs of a model. Initial values that files before IR version 4 list among the inputs are constants.
func Ports(f *format.Model) (inputs, outputs []Port, err error) {
	initial := map[string]bool{}
	for _, t := range f.Graph.Initializers {
		initial[t.Name] = true
	}
	for _, in := range f.Graph.Inputs {
		if initial[in.Name] && f.IRVersion < 4 {
			continue
		}
		p, err := port(in)
		if err != nil {
			return nil, nil, fmt.Errorf("input %w", err)
		}
		p.Optional = initial[in.Name]
		inputs = append(inputs, p)
	}
	for _, out := range f.Graph.Outputs {
		p, err := port(out)
		if err != nil {
			return nil, nil, fmt.Errorf("output %w", err)
		}
		outputs = append(outputs, p)
	}
	return inputs, outputs, nil
}

func opsetsOf(list []format.Opset) map[string]int {
	m := map[string]int{}
	for _, o := range list {
		m[o.Domain] = int(o.Version)
	}
	return m
}

func port(v *format.ValueInfo) (Port, error) {
	p := Port{Name: v.Name}
	if v.Type == nil {
		return p, nil
	}
	if v.Type.Sequence != nil || v.Type.Optional != nil || v.Type.Map || v.Type.Sparse {
		return p, fmt.Errorf("%q is a sequence, an optional value, a map or a sparse tensor; only dense tensors are supported", v.Name)
	}
	if v.Type.Elem != 0 && value.MemoryOf(v.Type.Elem) == value.None {
		return p, fmt.Errorf("%q is a tensor of %s, which is not supported", v.Name, v.Type.Elem)
	}
	p.Kind, p.Shape, p.HasShape = v.Type.Elem, v.Type.Shape, v.Type.HasShape
	return p, nil
}

// Run computes the outputs from the inputs, by name. The inputs are only read; the outputs are the caller's.
func (m *Model) Run(inputs map[string]*value.Value) (map[string]*value.Value, error) {
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if !slices.ContainsFunc(m.Inputs, func(p Port) bool { return p.Name == name }) {
			return nil, fmt.Errorf("the model has no input %q; it takes %s", name, m.ports())
		}
	}
	in := make([]*value.Value, len(m.Inputs))
	for i, p := range m.Inputs {
		in[i] = inputs[p.Name]
	}
	results := make(map[string]*value.Value, len(m.Outputs))
	err := m.RunFunc(in, func(out []*value.Value) error {
		for i, p := range m.Outputs {
			results[p.Name] = out[i].Clone()
		}
		return nil
	})
	return results, err
}

// RunFunc computes the outputs from the inputs, in the order of Inputs, nil for an input that may be missing, and gives them to use, in the order of Outputs.
// They are good until use returns. A warm run with inputs of shapes that it has seen allocates next to nothing.
func (m *Model) RunFunc(inputs []*value.Value, use func(outputs []*value.Value) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.frame
	f.rounds = 0
	copy(f.slots, m.program.constant)
	if err := m.bind(inputs); err != nil {
		return err
	}
	defer func() { // also after an error
		for slot := range f.slots {
			f.drop(slot)
		}
	}()
	if err := m.compute(); err != nil {
		return err
	}
	return use(f.results())
}

// compute runs the steps, by the plan for such inputs where there is one.
func (m *Model) compute() error {
	f := m.frame
	if i := slices.IndexFunc(m.plans, func(p *plan) bool { return p.fits(f) }); i >= 0 {
		p := m.plans[i]
		for slot, v := range p.fixed {
			f.slots[slot] = v
		}
		for _, i := range p.steps {
			if err := f.step(i); err != nil {
				return err
			}
		}
		return nil
	}
	n := f.newPlanner()
	f.watch = n
	defer func() { f.watch = nil }()
	for i := range m.program.steps {
		if err := f.step(i); err != nil {
			return err
		}
	}
	if len(m.plans) == plans {
		m.plans = slices.Delete(m.plans, 0, 1)
	}
	m.plans = append(m.plans, n.finish(f))
	return nil
}

// fits tells whether the inputs have the plan's shapes.
func (p *plan) fits(f *frame) bool {
	for i, slot := range f.program.inputs {
		if !slices.Equal(f.slots[slot].Shape, p.shapes[i]) {
			return false
		}
	}
	return true
}

// bind checks the inputs and puts them in their slots.
func (m *Model) bind(inputs []*value.Value) error {
	if len(inputs) != len(m.Inputs) {
		return fmt.Errorf("%d inputs are given; the model takes %s", len(inputs), m.ports())
	}
	for i, p := range m.Inputs {
		v, slot := inputs[i], m.program.inputs[i]
		if v == nil {
			if v = m.program.initial[i]; v == nil {
				return fmt.Errorf("input %q is missing; the model takes %s", p.Name, m.ports())
			}
		} else if err := p.check(v); err != nil {
			return err
		}
		m.frame.slots[slot] = v
	}
	return nil
}

func (m *Model) ports() string {
	var s []string
	for _, p := range m.Inputs {
		s = append(s, p.String())
	}
	return strings.Join(s, ", ")
}

func (p Port) check(v *value.Value) error {
	if p.Kind != 0 && v.Kind != p.Kind {
		return fmt.Errorf("input %q is %s, must be %s", p.Name, v.Kind, p.Kind)
	}
	if !p.HasShape {
		return nil
	}
	ok := len(v.Shape) == len(p.Shape)
	for i := 0; ok && i < len(p.Shape); i++ {
		ok = p.Shape[i].Size < 0 || p.Shape[i].Size == v.Shape[i]
	}
	if !ok {
		return fmt.Errorf("input %q has the shape %v, must be %s", p.Name, v.Shape, p)
	}
	return nil
}
