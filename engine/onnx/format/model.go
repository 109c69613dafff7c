// Package format reads and writes the structures of an ONNX file: models, graphs, nodes, attributes, tensors, types and functions, as
// onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) defines them up to IR version 14. It knows no operator.
//
// Names are opaque bytes. The default domain has two spellings, "" and "ai.onnx"; here it is always "".
//
// Read, but not kept: training information, quantisation annotations, configurations of devices, denotations, metadata of anything but the
// model, and the types that a function states of its values. Refused, by errors that say so: sparse initializers and attributes, opaque types,
// segmented tensors. A file where a message that can stand once stands twice is refused, too; of a number or text, the last counts.
//
// What is read takes at most some hundred times the memory of the file, and that only where the file has nothing but empty messages. Messages
// nest at most 100 deep, as in other readers of protocol buffers.
package format

// A Model is a graph with the operator sets that its nodes are of.
type Model struct {
	IRVersion int64 // of the file format
	Opsets    []Opset

	Producer, ProducerVersion, Domain, Doc string

	Version   int64 // of the model itself
	Graph     *Graph
	Metadata  []Entry
	Functions []*Function
}

// An Opset is a version of the operators of a domain.
type Opset struct {
	Domain  string // "" for ONNX's own
	Version int64
}

// An Entry is a key of the metadata with its value.
type Entry struct{ Key, Value string }

// A Graph computes Outputs from Inputs by Nodes, in any order.
type Graph struct {
	Name, Doc    string
	Nodes        []*Node
	Initializers []*Tensor // constants, by name; where an input has that name, its default

	Inputs, Outputs, Values []*ValueInfo // Values says what is known of the others
}

// A Node applies an operator. An input or output named "" is absent.
type Node struct {
	Name, Op, Domain, Overload, Doc string

	Inputs, Outputs []string
	Attributes      []*Attribute
}

// An Attribute is a parameter of a node: Type says which of the fields holds it.
type Attribute struct {
	Name string
	Ref  string // inside a function: the attribute of the call that is taken instead, which may be absent
	Doc  string
	Type AttributeType

	Float    float32
	Int      int64
	Bytes    []byte // AttrString
	Tensor   *Tensor
	Graph    *Graph
	Floats   []float32
	Ints     []int64
	Strings  [][]byte
	Tensors  []*Tensor
	Graphs   []*Graph
	ElemType *Type // AttrType
}

// A Function is an operator that the model itself defines, by nodes.
type Function struct {
	Name, Domain, Overload, Doc string

	Inputs, Outputs []string
	Attributes      []string     // those without a default
	Defaults        []*Attribute // the others
	Nodes           []*Node
	Opsets          []Opset
}

// A Tensor is an array of constants. Without Dims it is a scalar; a dimension may be 0.
type Tensor struct {
	Name, Doc string
	Type      DataType
	Dims      []int

	// Raw holds the elements of all types but String, row-major, on every machine little-endian, whatever field of the file they stood in.
	// Complex numbers are pairs, a Bool is a byte that is not 0 for true, and elements that are narrower than a byte are packed from the least
	// significant bit on, the last byte filled with zeros. Raw may share memory with the input of Decode or with another tensor, so that it must
	// not be written to, and need not be aligned to its elements.
	Raw     []byte
	Strings [][]byte // the elements of a String tensor
}

// A ValueInfo names a value. Type is nil where nothing is known of it.
type ValueInfo struct {
	Name, Doc string
	Type      *Type
}

// A Type is that of a tensor (dense, or Sparse), unless Sequence, Optional or Map is set.
type Type struct {
	Elem     DataType // Undefined if the file does not say
	Shape    []Dim
	HasShape bool // without a shape, not even the rank is known
	Sparse   bool

	Sequence *Type // of the elements of a sequence
	Optional *Type // of what may be absent
	Map      bool  // whose keys and values are not kept, so that it cannot be written
}

// A Dim is a dimension: a number, a name that stands for the same number wherever it is, or unknown.
type Dim struct {
	Size int    // -1 where it is not a number
	Name string // "" where it has none
}
