package format

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Decode reads a model that is whole in data: a tensor whose elements stand in another file is an error, since there is no folder to look in.
// The model shares memory with data.
func Decode(data []byte) (*Model, error) { return new(decoder).model(data) }

// DecodeTensor reads a tensor by itself (a TensorProto), as ONNX's test data has them. It shares memory with data. Elements in another file are
// an error.
func DecodeTensor(data []byte) (*Tensor, error) {
	t := &Tensor{}
	if err := new(decoder).tensor(data, t); err != nil {
		return nil, in(err, "%s", t.place())
	}
	return t, nil
}

// A decoder reads one file.
type decoder struct {
	depth  int
	folder *folder // with the elements that stand in other files; nil if there is none
}

// inside reads a message inside another.
func (d *decoder) inside(f field, read func(message []byte) error) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	if d.depth == maxDepth {
		return fmt.Errorf("messages nest more than %d deep", maxDepth)
	}
	d.depth++
	defer func() { d.depth-- }()
	return read(f.bytes)
}

// message visits the fields of a message inside another.
func (d *decoder) message(f field, visit func(field) error) error {
	return d.inside(f, func(message []byte) error { return fields(message, visit) })
}

// errTwice refuses a message that protocol buffers would merge with an earlier one.
var errTwice = errors.New("it stands twice")

func (d *decoder) model(data []byte) (*Model, error) {
	m := &Model{}
	err := fields(data, func(f field) error {
		switch f.number {
		case modelIR:
			return f.int(&m.IRVersion)
		case modelProducer:
			return f.text(&m.Producer)
		case modelProducerVersion:
			return f.text(&m.ProducerVersion)
		case modelDomain:
			return f.text(&m.Domain)
		case modelVersion:
			return f.int(&m.Version)
		case modelDoc:
			return f.text(&m.Doc)
		case modelOpsets:
			return in(d.opset(f, &m.Opsets), "operator sets")
		case modelMetadata:
			return in(d.entry(f, &m.Metadata), "metadata")
		case modelGraph:
			if m.Graph != nil {
				return in(errTwice, "graph")
			}
			m.Graph = &Graph{}
			return d.graph(f, m.Graph)
		case modelFunctions:
			n := &Function{}
			m.Functions = append(m.Functions, n)
			if err := d.function(f, n); err != nil {
				return in(err, "function %d (%q)", len(m.Functions)-1, excerpt.Of(n.Name))
			}
		}
		return nil
	})
	if err == nil && m.Graph == nil {
		err = errors.New("there is no graph, so that it is no ONNX model")
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (d *decoder) opset(f field, into *[]Opset) error {
	var o Opset
	err := d.message(f, func(f field) error {
		switch f.number {
		case opsetDomain:
			return f.domain(&o.Domain)
		case opsetVersion:
			return f.int(&o.Version)
		}
		return nil
	})
	*into = append(*into, o)
	return err
}

// domain reads the name of a domain, ONNX's own in its shorter spelling.
func (f field) domain(into *string) error {
	err := f.text(into)
	if *into == "ai.onnx" {
		*into = ""
	}
	return err
}

func (d *decoder) entry(f field, into *[]Entry) error {
	var e Entry
	err := d.message(f, func(f field) error {
		switch f.number {
		case entryKey:
			return f.text(&e.Key)
		case entryValue:
			return f.text(&e.Value)
		}
		return nil
	})
	*into = append(*into, e)
	return err
}

func (d *decoder) graph(f field, g *Graph) error {
	return d.message(f, func(f field) error {
		switch f.number {
		case graphNodes:
			return d.node(f, &g.Nodes)
		case graphName:
			return f.text(&g.Name)
		case graphInitializers:
			return d.tensors(f, "initializer", &g.Initializers)
		case graphDoc:
			return f.text(&g.Doc)
		case graphInputs:
			return d.value(f, "input", &g.Inputs)
		case graphOutputs:
			return d.value(f, "output", &g.Outputs)
		case graphValues:
			return d.value(f, "value", &g.Values)
		case graphSparse:
			return errors.New("sparse initializers are not read; only dense ones are")
		}
		return nil
	})
}

func (d *decoder) node(f field, into *[]*Node) error {
	n := &Node{}
	*into = append(*into, n)
	err := d.message(f, func(f field) error {
		switch f.number {
		case nodeInputs:
			return f.texts(&n.Inputs)
		case nodeOutputs:
			return f.texts(&n.Outputs)
		case nodeName:
			return f.text(&n.Name)
		case nodeOp:
			return f.text(&n.Op)
		case nodeAttributes:
			return d.attribute(f, &n.Attributes)
		case nodeDoc:
			return f.text(&n.Doc)
		case nodeDomain:
			return f.domain(&n.Domain)
		case nodeOverload:
			return f.text(&n.Overload)
		}
		return nil
	})
	if err == nil {
		err = n.check()
	}
	if err != nil {
		return in(err, "%s", n.place(len(*into)-1))
	}
	return nil
}

// check refuses what is no application of an operator.
func (n *Node) check() error {
	if n.Op == "" {
		return errors.New("it has no operator")
	}
	return nil
}

// place names the i-th node in an error.
func (n *Node) place(i int) string {
	return fmt.Sprintf("node %d (%q, %q)", i, excerpt.Of(n.Name), excerpt.Of(n.Op))
}

func (d *decoder) function(f field, n *Function) error {
	return d.message(f, func(f field) error {
		switch f.number {
		case functionName:
			return f.text(&n.Name)
		case functionInputs:
			return f.texts(&n.Inputs)
		case functionOutputs:
			return f.texts(&n.Outputs)
		case functionAttributes:
			return f.texts(&n.Attributes)
		case functionNodes:
			return d.node(f, &n.Nodes)
		case functionDoc:
			return f.text(&n.Doc)
		case functionOpsets:
			return in(d.opset(f, &n.Opsets), "operator sets")
		case functionDomain:
			return f.domain(&n.Domain)
		case functionDefaults:
			return d.attribute(f, &n.Defaults)
		case functionOverload:
			return f.text(&n.Overload)
		}
		return nil
	})
}

func (d *decoder) attribute(f field, into *[]*Attribute) error {
	a := &Attribute{}
	*into = append(*into, a)
	var filled uint32 // the fields with content, by number
	err := d.message(f, func(f field) error {
		for _, c := range contents {
			if c.field == f.number && c.field != 0 {
				filled |= 1 << c.field
			}
		}
		return d.attributeField(f, a)
	})
	if err == nil {
		err = a.check(filled)
	}
	if err != nil {
		return in(err, "attribute %q", excerpt.Of(a.Name))
	}
	return nil
}

func (d *decoder) attributeField(f field, a *Attribute) error {
	switch f.number {
	case attributeName:
		return f.text(&a.Name)
	case attributeFloat:
		return f.float(&a.Float)
	case attributeInt:
		return f.int(&a.Int)
	case attributeString:
		return f.blob(&a.Bytes)
	case attributeTensor:
		if a.Tensor != nil {
			return in(errTwice, "tensor")
		}
		a.Tensor = &Tensor{}
		return d.inner(f, a.Tensor)
	case attributeGraph:
		if a.Graph != nil {
			return in(errTwice, "graph")
		}
		a.Graph = &Graph{}
		return d.graph(f, a.Graph)
	case attributeFloats:
		return f.floats(&a.Floats)
	case attributeInts:
		return f.varints(func(v uint64) error {
			a.Ints = append(a.Ints, int64(v))
			return nil
		})
	case attributeStrings:
		return f.blobs(&a.Strings)
	case attributeTensors:
		return d.tensors(f, "tensor", &a.Tensors)
	case attributeGraphs:
		i, g := len(a.Graphs), &Graph{}
		a.Graphs = append(a.Graphs, g)
		return in(d.graph(f, g), "graph %d", i)
	case attributeDoc:
		return f.text(&a.Doc)
	case attributeType:
		if a.ElemType != nil {
			return in(errTwice, "type")
		}
		a.ElemType = &Type{}
		return d.typ(f, a.ElemType)
	case attributeKind:
		return f.enum((*int32)(&a.Type))
	case attributeRef:
		return f.text(&a.Ref)
	case attributeSparse, attributeSparses, attributeTypes:
		return fmt.Errorf("sparse tensors and lists of types are not read (field %d)", f.number)
	}
	return nil
}

// check holds the type against the fields with content, a set of their numbers. A scalar that is 0 may be absent.
func (a *Attribute) check(filled uint32) error {
	if a.Name == "" {
		return errors.New("it has no name")
	}
	if a.Type <= AttrUndefined || int(a.Type) >= len(contents) {
		return fmt.Errorf("its type is %v; known are 1 (%v) to %d (%v)", a.Type, AttrFloat, len(contents)-1, AttrTypes)
	}
	if other := filled &^ (1 << contents[a.Type].field); other != 0 {
		return fmt.Errorf("its type is %v, and it has content of another type", a.Type)
	}
	if a.Ref != "" {
		if filled != 0 {
			return fmt.Errorf("it refers to the attribute %q of the function's call, and has content as well", excerpt.Of(a.Ref))
		}
		return nil
	}
	switch a.Type {
	case AttrTensor, AttrGraph, AttrType:
		if filled == 0 {
			return fmt.Errorf("its type is %v, and it has none", a.Type)
		}
	}
	return nil
}

// inner reads a tensor inside another message.
func (d *decoder) inner(f field, t *Tensor) error {
	err := d.inside(f, func(message []byte) error { return d.tensor(message, t) })
	if err != nil {
		return in(err, "%s", t.place())
	}
	return nil
}

func (d *decoder) value(f field, kind string, into *[]*ValueInfo) error {
	v := &ValueInfo{}
	*into = append(*into, v)
	err := d.message(f, func(f field) error {
		switch f.number {
		case valueName:
			return f.text(&v.Name)
		case valueType:
			if v.Type != nil {
				return in(errTwice, "type")
			}
			v.Type = &Type{}
			return d.typ(f, v.Type)
		case valueDoc:
			return f.text(&v.Doc)
		}
		return nil
	})
	if err != nil {
		return in(err, "%s %d (%q)", kind, len(*into)-1, excerpt.Of(v.Name))
	}
	return nil
}

func (d *decoder) typ(f field, t *Type) error {
	kinds := 0
	return d.message(f, func(f field) error {
		switch f.number {
		case typeTensor, typeSequence, typeMap, typeOpaque, typeSparse, typeOptional:
			if kinds++; kinds > 1 {
				return errors.New("a type is one of a tensor, a sparse one, a sequence, a map, an optional; several are set")
			}
		}
		switch f.number {
		case typeTensor, typeSparse:
			t.Sparse = f.number == typeSparse
			return d.tensorType(f, t)
		case typeSequence:
			t.Sequence = &Type{}
			return in(d.elem(f, t.Sequence), "sequence")
		case typeOptional:
			t.Optional = &Type{}
			return in(d.elem(f, t.Optional), "optional")
		case typeMap:
			t.Map = true
			return f.is(protowire.BytesType)
		case typeOpaque:
			return errors.New("opaque types are not read")
		}
		return nil
	})
}

// elem reads the type of what a sequence or optional holds.
func (d *decoder) elem(f field, t *Type) error {
	seen := false
	return d.message(f, func(f field) error {
		if f.number != elemType {
			return nil
		}
		if seen {
			return in(errTwice, "type")
		}
		seen = true
		return d.typ(f, t)
	})
}

func (d *decoder) tensorType(f field, t *Type) error {
	return d.message(f, func(f field) error {
		switch f.number {
		case tensorTypeElem:
			return f.enum((*int32)(&t.Elem))
		case tensorTypeShape:
			if t.HasShape {
				return in(errTwice, "shape")
			}
			t.HasShape = true
			return in(d.shape(f, &t.Shape), "shape")
		}
		return nil
	})
}

func (d *decoder) shape(f field, into *[]Dim) error {
	return d.message(f, func(f field) error {
		if f.number != shapeDims {
			return nil
		}
		i := len(*into)
		*into = append(*into, Dim{Size: -1})
		return in(d.dim(f, &(*into)[i]), "dimension %d", i)
	})
}

// dim reads a dimension. A number or a name, whichever stands later, counts; -1 is written by some for an unknown one.
func (d *decoder) dim(f field, into *Dim) error {
	return d.message(f, func(f field) error {
		switch f.number {
		case dimValue:
			var v int64
			if err := f.int(&v); err != nil {
				return err
			}
			if v < -1 || int64(int(v)) != v {
				return fmt.Errorf("it is %d; it must be -1 (unknown), 0 or more, and fit an int", v)
			}
			*into = Dim{Size: int(v)}
		case dimParam:
			*into = Dim{Size: -1}
			return f.text(&into.Name)
		}
		return nil
	})
}
