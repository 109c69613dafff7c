// Package op computes the operators of ONNX, one node at a time. An Operator makes a Kernel of a node when a model is loaded: it reads the
// attributes, refuses what it cannot do, and packs weights that never change. The kernel then runs as often as the model does.
//
// A kernel writes its results where the Call says, so that it neither knows nor cares whether memory is fresh or used again.
package op

import (
	"cmp"
	"fmt"
	gomaps "maps"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// Newest is the newest version of the default domain whose operators this package has.
const Newest = 28

// Domains other than the default one.
const (
	Microsoft = "com.microsoft" // contributed operators that exported models have
	Preview   = "ai.onnx.preview"
)

// Kernel computes one node. Run may keep scratch from one call to the next; it is not called twice at a time.
type Kernel interface {
	Run(c *Call) error
}

// Fuser is a kernel that can do in passing what the next node does, as a convolution can add a bias, the result of another, and cut off below 0.
type Fuser interface {
	Kernel
	// Fuse gives the kernel of both, nil where it cannot be: next takes this kernel's only result as its given input. The new kernel's inputs are this one's, then the
	// other inputs of next.
	Fuse(next *Node, input int) (Kernel, error)
}

// KernelFunc is a kernel without state.
type KernelFunc func(c *Call) error

// Run calls f.
func (f KernelFunc) Run(c *Call) error { return f(c) }

// Operator is an operator from one version of its domain on, until the next of its name.
type Operator struct {
	Domain, Name string
	Since        int    // the version of its domain that brought it or changed it
	In, Out      [2]int // the least and the greatest number of inputs and outputs; Many for any
	Removed      bool   // from Since on there is no such operator
	Random       bool   // draws, so that a node of constants is not computed once for all
	Make         func(n *Node) (Kernel, error)
}

// Many as the greatest number of inputs or outputs stands for any.
const Many = 1 << 30

// All lists every operator, by domain, name and version.
func All() []Operator {
	all := slices.Concat(families...)
	slices.SortFunc(all, func(a, b Operator) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Name, b.Name), a.Since-b.Since)
	})
	return all
}

var index = func() map[[2]string][]Operator {
	m := map[[2]string][]Operator{}
	for _, o := range All() {
		k := [2]string{o.Domain, o.Name}
		m[k] = append(m[k], o)
	}
	return m
}()

// Lookup finds the operator of a name that is in force at a version of its domain: the newest that is not newer. The error names what is near.
func Lookup(domain, name string, version int) (*Operator, error) {
	versions := index[[2]string{domain, name}]
	for i := len(versions) - 1; i >= 0; i-- {
		o := &versions[i]
		if o.Since > version {
			continue
		}
		if o.Removed {
			return nil, fmt.Errorf("operator %s was removed from opset %d on, the model has %d", title(domain, name), o.Since, version)
		}
		return o, nil
	}
	if len(versions) > 0 {
		return nil, fmt.Errorf("operator %s is there from opset %d on, the model has %d", title(domain, name), versions[0].Since, version)
	}
	return nil, unknown(domain, name)
}

func title(domain, name string) string {
	if domain == "" {
		return name
	}
	return domain + "." + name
}

// Node is what an operator makes its kernel of.
type Node struct {
	Name       string
	Op         *Operator
	Version    int                                // of the operator's domain, as the model imports it
	Inputs     []bool                             // which are there
	Outputs    []bool                             // which are asked for
	Constant   func(i int) *value.Value           // input i where it never changes, else nil
	Subgraph   func(*format.Graph) (Graph, error) // makes a graph of an attribute runnable
	Arranged   *Arranged                          // of the model; nil: the node arranges its weights for itself
	attributes map[string]*format.Attribute
	asked      map[string]bool
	err        error
}

// NewNode prepares a node of the file.
func NewNode(n *format.Node, o *Operator, version int) (*Node, error) {
	node := &Node{Name: n.Name, Op: o, Version: version, attributes: map[string]*format.Attribute{}, asked: map[string]bool{}}
	for _, a := range n.Attributes {
		if node.attributes[a.Name] != nil {
			return nil, fmt.Errorf("attribute %q stands twice", a.Name)
		}
		node.attributes[a.Name] = a
	}
	for _, s := range n.Inputs {
		node.Inputs = append(node.Inputs, s != "")
	}
	for _, s := range n.Outputs {
		node.Outputs = append(node.Outputs, s != "")
	}
	return node, nil
}

// Kernel makes the kernel, and refuses attributes of the wrong type and those that nobody asked for.
func (n *Node) Kernel() (Kernel, error) {
	if err := n.arity("inputs", len(n.Inputs), n.Op.In); err != nil {
		return nil, err
	}
	if err := n.arity("outputs", len(n.Outputs), n.Op.Out); err != nil {
		return nil, err
	}
	for i := range n.Op.In[0] {
		if !n.Inputs[i] {
			return nil, fmt.Errorf("input %d is missing", i)
		}
	}
	k, err := n.Op.Make(n)
	if n.err != nil {
		return nil, n.err
	}
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(gomaps.Keys(n.attributes)) {
		if !n.asked[name] {
			return nil, fmt.Errorf("attribute %q is not known to it", name)
		}
	}
	return k, nil
}

func (n *Node) arity(what string, have int, allowed [2]int) error {
	if have >= allowed[0] && have <= allowed[1] {
		return nil
	}
	switch {
	case allowed[1] == Many:
		return fmt.Errorf("has %d %s, must have at least %d", have, what, allowed[0])
	case allowed[0] == allowed[1]:
		return fmt.Errorf("has %d %s, must have %d", have, what, allowed[0])
	}
	return fmt.Errorf("has %d %s, must have %d to %d", have, what, allowed[0], allowed[1])
}

// HasInput tells whether input i is there.
func (n *Node) HasInput(i int) bool { return i < len(n.Inputs) && n.Inputs[i] }

// HasOutput tells whether output i is needed.
func (n *Node) HasOutput(i int) bool { return i < len(n.Outputs) && n.Outputs[i] }

// Has tells whether there is an attribute of that name.
func (n *Node) Has(name string) bool { return n.attributes[name] != nil }

func (n *Node) attribute(name string, t format.AttributeType) *format.Attribute {
	n.asked[name] = true
	a := n.attributes[name]
	if a == nil {
		return nil
	}
	if a.Type != t {
		n.fail(fmt.Errorf("attribute %q is of type %s, must be %s", name, a.Type, t))
		return nil
	}
	return a
}

func (n *Node) fail(err error) {
	if n.err == nil {
		n.err = err
	}
}

// Int gives an integer attribute, or what stands for it where there is none.
func (n *Node) Int(name string, otherwise int) int {
	if a := n.attribute(name, format.AttrInt); a != nil {
		return int(a.Int)
	}
	return otherwise
}

// Bool gives an integer attribute that is 0 or 1.
func (n *Node) Bool(name string, otherwise bool) bool {
	i := 0
	if otherwise {
		i = 1
	}
	i = n.Int(name, i)
	if i != 0 && i != 1 {
		n.fail(fmt.Errorf("attribute %q is %d, must be 0 or 1", name, i))
	}
	return i == 1
}

// Float gives a float attribute.
func (n *Node) Float(name string, otherwise float32) float32 {
	if a := n.attribute(name, format.AttrFloat); a != nil {
		return a.Float
	}
	return otherwise
}

// Ints gives a list of integers, nil where there is none.
func (n *Node) Ints(name string) []int {
	a := n.attribute(name, format.AttrInts)
	if a == nil {
		return nil
	}
	x := make([]int, len(a.Ints))
	for i, e := range a.Ints {
		x[i] = int(e)
	}
	return x
}

// Floats gives a list of floats, nil where there is none.
func (n *Node) Floats(name string) []float32 {
	if a := n.attribute(name, format.AttrFloats); a != nil {
		return a.Floats
	}
	return nil
}

// Text gives a string attribute, one of allowed where there are any.
func (n *Node) Text(name, otherwise string, allowed ...string) string {
	s := otherwise
	if a := n.attribute(name, format.AttrString); a != nil {
		s = string(a.Bytes)
	}
	if len(allowed) > 0 && !slices.Contains(allowed, s) {
		n.fail(fmt.Errorf("attribute %q is %q, must be one of %q", name, s, allowed))
	}
	return s
}

// Texts gives a list of strings, nil where there is none.
func (n *Node) Texts(name string) []string {
	a := n.attribute(name, format.AttrStrings)
	if a == nil {
		return nil
	}
	x := make([]string, len(a.Strings))
	for i, e := range a.Strings {
		x[i] = string(e)
	}
	return x
}

// Kind gives an attribute that names an element type, as Cast's "to".
func (n *Node) Kind(name string, otherwise format.DataType) format.DataType {
	k := format.DataType(n.Int(name, int(otherwise)))
	if value.MemoryOf(k) == value.None {
		n.fail(fmt.Errorf("attribute %q is %s, which is not supported", name, k))
	}
	return k
}

// Tensor gives a tensor attribute, nil where there is none.
func (n *Node) Tensor(name string) *value.Value {
	a := n.attribute(name, format.AttrTensor)
	if a == nil {
		return nil
	}
	v, err := value.FromTensor(a.Tensor)
	if err != nil {
		n.fail(fmt.Errorf("attribute %q: %w", name, err))
	}
	return v
}

// Graph gives a graph attribute, ready to run. It must be there.
func (n *Node) Graph(name string) Graph {
	a := n.attribute(name, format.AttrGraph)
	if a == nil {
		n.fail(fmt.Errorf("attribute %q, a graph, is missing", name))
		return nil
	}
	g, err := n.Subgraph(a.Graph)
	if err != nil {
		n.fail(fmt.Errorf("attribute %q: %w", name, err))
	}
	return g
}

// Graph is a graph inside a node, which sees the names of the graphs around it.
type Graph interface {
	Inputs() int
	Outputs() int
	Output(i int) *format.ValueInfo // what the file says of output i
	// Run computes the graph once. What it gives is good until the node's call ends.
	Run(c *Call, in []*value.Value) ([]*value.Value, error)
}

// Call is one run of a kernel.
type Call struct {
	In    []*value.Value // nil where an input is missing
	Out   []*value.Value // filled by Result and Share
	Place Place
	Limit int // the most bytes that a result may have, and what a kernel collects before it; 0 for no limit
	Scope any // of the graph that runs, for graphs inside nodes
}

// Place hands out the memory of results.
type Place interface {
	// Result is output i of the call, of that kind and shape, with memory that holds anything.
	Result(c *Call, i int, kind format.DataType, shape []int) (*value.Value, error)
	// Share makes output i a view of src, or src itself where the shape is the same.
	Share(c *Call, i int, src *value.Value, shape []int) error
}

// Input gives input i, nil where it is missing.
func (c *Call) Input(i int) *value.Value { return inputOf(c.In, i) }

// inputOf gives input i, nil where it is missing.
func inputOf(in []*value.Value, i int) *value.Value {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// Room refuses what needs more bytes than a result may have.
func (c *Call) Room(bytes int) error {
	if c.Limit > 0 && bytes > c.Limit {
		return fmt.Errorf("needs more than %d MiB, the limit of one result", c.Limit>>20)
	}
	return nil
}

// Needs tells whether anybody uses output i.
func (c *Call) Needs(i int) bool { return i < len(c.Out) }

// Result gives the memory of output i, which holds anything. Every output that is needed is asked for once a call.
func (c *Call) Result(i int, kind format.DataType, shape ...int) (*value.Value, error) {
	return c.Place.Result(c, i, kind, shape)
}

// Share makes output i a view of src in another shape, of as many elements.
func (c *Call) Share(i int, src *value.Value, shape ...int) error {
	return c.Place.Share(c, i, src, shape)
}
