package onnx

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/op"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// program is a graph that is ready to run: steps in order, over numbered slots that hold values.
type program struct {
	name     string
	steps    []step
	constant []*value.Value // by slot: what never changes, else nil
	inputs   []int          // slots
	initial  []*value.Value // of inputs that need not be set
	outputs  []int
	captures []capture           // for a graph inside a node: slots of the graph around it
	stated   []*format.ValueInfo // what the file says of the outputs
	weights  *weights            // of a model's own graph that is to be trained, else nil
	frame    *frame              // for a graph inside a node: of its runs
	folding  bool                // is run once, when the model is loaded
}

type capture struct{ outer, inner int }

type step struct {
	title    string // for errors: node "conv1" (Conv, opset 17)
	operator *op.Operator
	node     *op.Node
	kernel   op.Kernel
	batch    op.Kernel // of a program that is to be trained: normalises by the batch's statistics
	in, out  []int     // slots, or absent
	last     []int     // slots whose value nobody needs after this step
	graphs   []*program
	random   bool
}

// scope is where names have a meaning: a graph, or the body of a function, with those around it.
type scope struct {
	program  *program
	around   *scope
	names    map[string]int // slots
	opsets   map[string]int
	function map[string]*format.Attribute // in the body of a function: its attributes
	model    *compiler
	depth    int
}

// compiler holds what is the same for all graphs of a model.
type compiler struct {
	functions map[string]*format.Function // by domain, name and overload
	arranged  *op.Arranged
	trained   bool     // weights are kept apart from constants, and nodes are not fused
	fixed     []string // what is no weight
}

func newCompiler(f *format.Model) *compiler {
	c := &compiler{functions: map[string]*format.Function{}, arranged: new(op.Arranged)}
	for _, fn := range f.Functions {
		c.functions[functionKey(fn.Domain, fn.Name, fn.Overload)] = fn
	}
	return c
}

// deepest is how deep graphs and functions may lie in one another.
const deepest = 64

func functionKey(domain, name, overload string) string {
	return domain + "\x00" + name + "\x00" + overload
}

func (p *program) slot(v *value.Value) int {
	p.constant = append(p.constant, v)
	return len(p.constant) - 1
}

// absent is the slot of an input that a node or a function's call leaves out.
const absent = -1

// lookup finds the slot of a name, and brings one in from the graph around.
func (s *scope) lookup(name string) (int, bool) {
	if i, ok := s.names[name]; ok {
		return i, true
	}
	if s.around == nil {
		return 0, false
	}
	outer, ok := s.around.lookup(name)
	if !ok {
		return 0, false
	}
	if outer == absent || s.program == s.around.program { // the body of a function, in the same program
		return outer, true
	}
	i := s.program.slot(s.around.program.constant[outer])
	if s.program.constant[i] == nil {
		s.program.captures = append(s.program.captures, capture{outer, i})
	}
	s.names[name] = i
	return i, true
}

// compileGraph makes a program of a graph; around is nil for the model's own.
func (c *compiler) compileGraph(g *format.Graph, around *scope, opsets map[string]int, overridable bool) (*program, error) {
	p := &program{name: g.Name}
	if c.trained && around == nil {
		p.weights = newWeights(c.fixed)
	}
	s := &scope{program: p, around: around, names: map[string]int{}, opsets: opsets, model: c}
	if around != nil {
		s.function, s.depth = around.function, around.depth+1
	}
	if s.depth > deepest {
		return nil, fmt.Errorf("graphs and functions lie more than %d deep in one another", deepest)
	}
	initial, err := initializers(g)
	if err != nil {
		return nil, err
	}
	for _, in := range g.Inputs {
		if _, ok := s.names[in.Name]; ok {
			return nil, fmt.Errorf("input %q stands twice", in.Name)
		}
		if v := initial[in.Name]; v != nil && !overridable {
			continue // a constant that old files list among the inputs
		}
		i := p.slot(nil)
		s.names[in.Name] = i
		p.inputs, p.initial = append(p.inputs, i), append(p.initial, initial[in.Name])
	}
	for _, t := range g.Initializers {
		if _, ok := s.names[t.Name]; !ok {
			s.names[t.Name] = p.known(t.Name, initial[t.Name])
		}
	}
	if err := s.nodes(g.Nodes); err != nil {
		return nil, err
	}
	for _, out := range g.Outputs {
		i, ok := s.lookup(out.Name)
		if !ok {
			return nil, fmt.Errorf("output %q is computed by no node", out.Name)
		}
		p.outputs, p.stated = append(p.outputs, i), append(p.stated, out)
	}
	if !c.trained {
		if err := p.fuse(); err != nil {
			return nil, err
		}
	}
	p.tidy()
	if around == nil {
		*c.arranged = op.Arranged{} // nodes stay, and what none needs may go
	}
	return p, nil
}

func initializers(g *format.Graph) (map[string]*value.Value, error) {
	m := make(map[string]*value.Value, len(g.Initializers))
	for _, t := range g.Initializers {
		if m[t.Name] != nil {
			return nil, fmt.Errorf("initializer %q stands twice", t.Name)
		}
		v, err := value.FromTensor(t)
		if err != nil {
			return nil, err
		}
		m[t.Name] = v
	}
	return m, nil
}

func (s *scope) nodes(nodes []*format.Node) error {
	order, err := s.sorted(nodes)
	if err != nil {
		return err
	}
	for _, n := range order {
		if err := s.node(n); err != nil {
			return fmt.Errorf("%s: %w", s.title(n), err)
		}
	}
	return nil
}

// title names a node for errors.
func title(n *format.Node, opsets map[string]int) string {
	name := n.Op
	if n.Domain != "" {
		name = n.Domain + "." + n.Op
	}
	label := fmt.Sprintf("node %q", n.Name)
	if n.Name == "" && len(n.Outputs) > 0 {
		label = fmt.Sprintf("the node of output %q", n.Outputs[0])
	}
	return fmt.Sprintf("%s (%s, opset %d)", label, name, opsets[n.Domain])
}

func (s *scope) title(n *format.Node) string { return title(n, s.opsets) }

// node adds the step of a node, or its value where that never changes, or the body of a function.
func (s *scope) node(n *format.Node) error {
	n = s.bind(n)
	if f := s.model.functions[functionKey(n.Domain, n.Op, n.Overload)]; f != nil {
		return s.call(n, f)
	}
	version, ok := s.opsets[n.Domain]
	if !ok {
		return fmt.Errorf("the model imports no opset of domain %q", n.Domain)
	}
	operator, err := op.Lookup(n.Domain, n.Op, version)
	if err != nil {
		return err
	}
	node, err := op.NewNode(n, operator, version)
	if err != nil {
		return err
	}
	st := step{title: s.title(n), operator: operator}
	for _, name := range n.Inputs {
		i := absent
		if name != "" {
			if i, ok = s.lookup(name); !ok {
				return fmt.Errorf("input %q is computed by no node", name)
			}
		}
		st.in = append(st.in, i)
	}
	for i, slot := range st.in {
		node.Inputs[i] = slot != absent
	}
	if g := s.taken(n, &st); g != nil {
		return s.inline(n, g)
	}
	st.node = node
	node.Arranged = s.model.arranged
	node.Constant = s.program.constantOf(&st)
	node.Subgraph = func(g *format.Graph) (op.Graph, error) {
		p, err := s.model.compileGraph(g, s, s.opsets, true)
		if err != nil {
			return nil, err
		}
		st.graphs = append(st.graphs, p)
		return p, nil
	}
	if st.kernel, err = node.Kernel(); err != nil {
		return err
	}
	st.random = operator.Random || slices.ContainsFunc(st.graphs, (*program).random)
	results := s.fold(&st, len(n.Outputs))
	for i, name := range n.Outputs {
		slot := absent
		if name != "" {
			switch {
			case results == nil:
				slot = s.program.slot(nil)
			case operator.Name == "Constant" && s.depth == 0:
				slot = s.program.known(name, results[i])
			default:
				slot = s.program.slot(results[i])
			}
			if err := s.define(name, slot); err != nil {
				return err
			}
		}
		st.out = append(st.out, slot)
	}
	if results == nil {
		s.program.steps = append(s.program.steps, st)
	}
	return nil
}

// taken gives the branch of an If whose condition never changes, nil for every other node.
func (s *scope) taken(n *format.Node, st *step) *format.Graph {
	if n.Domain != "" || n.Op != "If" || len(st.in) != 1 || st.in[0] == absent {
		return nil
	}
	condition := s.program.constant[st.in[0]]
	if condition == nil || condition.Memory() != value.Bool || condition.Len() != 1 {
		return nil
	}
	name := "else_branch"
	if value.Data[bool](condition)[0] {
		name = "then_branch"
	}
	for _, a := range n.Attributes {
		if a.Name == name && a.Graph != nil && len(a.Graph.Inputs) == 0 && len(a.Graph.Outputs) == len(n.Outputs) {
			return a.Graph
		}
	}
	return nil
}

// inline compiles a branch instead of the node that it is of, in the same program. The other branch may then hold what is not supported.
func (s *scope) inline(n *format.Node, g *format.Graph) error {
	if s.depth >= deepest {
		return fmt.Errorf("graphs and functions lie more than %d deep in one another", deepest)
	}
	body := &scope{program: s.program, around: s, names: map[string]int{}, opsets: s.opsets, function: s.function, model: s.model, depth: s.depth + 1}
	initial, err := initializers(g)
	if err != nil {
		return err
	}
	for name, v := range initial {
		body.names[name] = s.program.slot(v)
	}
	if err := body.nodes(g.Nodes); err != nil {
		return err
	}
	for i, name := range n.Outputs {
		slot, ok := body.lookup(g.Outputs[i].Name)
		if !ok {
			return fmt.Errorf("output %q of the branch is computed by no node", g.Outputs[i].Name)
		}
		if name == "" {
			continue
		}
		if err := s.define(name, slot); err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) define(name string, slot int) error {
	if _, ok := s.names[name]; ok {
		return fmt.Errorf("output %q is also an input, an initializer or another node's", name)
	}
	s.names[name] = slot
	return nil
}

// bind puts the attributes of the function's call instead of references to them.
func (s *scope) bind(n *format.Node) *format.Node {
	if s.function == nil || !slices.ContainsFunc(n.Attributes, func(a *format.Attribute) bool { return a.Ref != "" }) {
		return n
	}
	bound := *n
	bound.Attributes = nil
	for _, a := range n.Attributes {
		if a.Ref == "" {
			bound.Attributes = append(bound.Attributes, a)
		} else if b := s.function[a.Ref]; b != nil {
			named := *b
			named.Name = a.Name
			bound.Attributes = append(bound.Attributes, &named)
		}
	}
	return &bound
}

// call compiles the body of a function instead of the node that calls it: with names and opsets of its own, in the same program.
func (s *scope) call(n *format.Node, f *format.Function) error {
	if s.depth >= deepest {
		return fmt.Errorf("graphs and functions lie more than %d deep in one another", deepest)
	}
	if len(n.Inputs) > len(f.Inputs) || len(n.Outputs) > len(f.Outputs) {
		return fmt.Errorf("has %d inputs and %d outputs, the function has %d and %d", len(n.Inputs), len(n.Outputs), len(f.Inputs), len(f.Outputs))
	}
	body := &scope{program: s.program, names: map[string]int{}, opsets: opsetsOf(f.Opsets), function: map[string]*format.Attribute{}, model: s.model, depth: s.depth + 1}
	for domain, version := range s.opsets {
		if _, ok := body.opsets[domain]; !ok {
			body.opsets[domain] = version
		}
	}
	for _, a := range slices.Concat(f.Defaults, n.Attributes) {
		body.function[a.Name] = a
	}
	for i, name := range f.Inputs {
		if i >= len(n.Inputs) || n.Inputs[i] == "" {
			body.names[name] = absent
			continue
		}
		slot, ok := s.lookup(n.Inputs[i])
		if !ok {
			return fmt.Errorf("input %q is computed by no node", n.Inputs[i])
		}
		body.names[name] = slot
	}
	if err := body.nodes(f.Nodes); err != nil {
		return fmt.Errorf("in function %s: %w", f.Name, err)
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		slot, ok := body.names[f.Outputs[i]]
		if !ok {
			return fmt.Errorf("function %s computes no output %q", f.Name, f.Outputs[i])
		}
		if err := s.define(name, slot); err != nil {
			return err
		}
	}
	return nil
}
