package format

import (
	"errors"
	"fmt"
	"math"
	"os"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/wholefile"
)

// Encode writes a model, the elements of its tensors inside (as raw_data). Decode reads the same model. The same model gives the same bytes.
//
// It refuses what Decode refuses: a model without a graph, nodes without an operator, attributes whose content is not their type's, tensors whose
// elements are not as many as the dimensions say, messages that nest more than 100 deep, more than 2 GiB; and the types of maps, which are not kept.
func (m *Model) Encode() ([]byte, error) {
	e := &encoder{}
	if err := e.model(m); err != nil {
		return nil, err
	}
	if len(e.b) > maxFile {
		return nil, fmt.Errorf("the model has %d bytes; a protocol buffer has at most %d", len(e.b), maxFile)
	}
	return e.b, nil
}

// WriteFile writes a model to a file, as Encode does. It appears whole or not at all.
func WriteFile(path string, m *Model) error {
	data, err := m.Encode()
	if err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return wholefile.Write(path, data)
}

// An encoder appends the fields of a message to b, each by its number. Texts and numbers of the empty value are left out.
type encoder struct {
	b     []byte
	depth int
}

func (e *encoder) text(n protowire.Number, s string) {
	if s != "" {
		e.eachText(n, s)
	}
}

// eachText appends elements of a repeated text, which may be empty.
func (e *encoder) eachText(n protowire.Number, all ...string) {
	for _, s := range all {
		e.b = protowire.AppendString(protowire.AppendTag(e.b, n, protowire.BytesType), s)
	}
}

func (e *encoder) blobs(n protowire.Number, all ...[]byte) {
	for _, s := range all {
		e.b = protowire.AppendBytes(protowire.AppendTag(e.b, n, protowire.BytesType), s)
	}
}

func (e *encoder) int(n protowire.Number, v int64) {
	if v != 0 {
		e.ints(n, v)
	}
}

// ints appends elements of a repeated number, as one field each: onnx.proto has them so.
func (e *encoder) ints(n protowire.Number, all ...int64) {
	for _, v := range all {
		e.b = protowire.AppendVarint(protowire.AppendTag(e.b, n, protowire.VarintType), uint64(v))
	}
}

func (e *encoder) floats(n protowire.Number, all ...float32) {
	for _, v := range all {
		e.b = protowire.AppendFixed32(protowire.AppendTag(e.b, n, protowire.Fixed32Type), math.Float32bits(v))
	}
}

// message appends a message whose fields write appends.
func (e *encoder) message(n protowire.Number, write func() error) error {
	if e.depth == maxDepth {
		return fmt.Errorf("messages nest more than %d deep", maxDepth)
	}
	e.depth++
	defer func() { e.depth-- }()
	e.b = protowire.AppendTag(e.b, n, protowire.BytesType)
	start := len(e.b)
	if err := write(); err != nil {
		return err
	}
	size := len(e.b) - start
	var length [10]byte
	prefix := protowire.AppendVarint(length[:0], uint64(size))
	e.b = append(e.b, prefix...)
	copy(e.b[start+len(prefix):], e.b[start:start+size])
	copy(e.b[start:], prefix)
	return nil
}

// messages appends each of a list by write, which gets its index.
func messages[T any](e *encoder, n protowire.Number, kind string, all []*T, write func(i int, one *T) error) error {
	for i, one := range all {
		if one == nil {
			return fmt.Errorf("%s %d is nil", kind, i)
		}
		if err := e.message(n, func() error { return write(i, one) }); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) model(m *Model) error {
	if m == nil || m.Graph == nil {
		return errors.New("there is no graph to write")
	}
	e.int(modelIR, m.IRVersion)
	e.text(modelProducer, m.Producer)
	e.text(modelProducerVersion, m.ProducerVersion)
	e.text(modelDomain, m.Domain)
	e.int(modelVersion, m.Version)
	e.text(modelDoc, m.Doc)
	if err := e.message(modelGraph, func() error { return e.graph(m.Graph) }); err != nil {
		return err
	}
	if err := e.opsets(modelOpsets, m.Opsets); err != nil {
		return err
	}
	for _, entry := range m.Metadata {
		if err := e.message(modelMetadata, func() error {
			e.text(entryKey, entry.Key)
			e.text(entryValue, entry.Value)
			return nil
		}); err != nil {
			return err
		}
	}
	return messages(e, modelFunctions, "function", m.Functions, func(i int, f *Function) error {
		if err := e.function(f); err != nil {
			return in(err, "function %d (%q)", i, excerpt.Of(f.Name))
		}
		return nil
	})
}

func (e *encoder) opsets(n protowire.Number, all []Opset) error {
	for _, o := range all {
		if err := e.message(n, func() error {
			e.eachText(opsetDomain, o.Domain) // also an empty one, as others write it
			e.ints(opsetVersion, o.Version)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) graph(g *Graph) error {
	if err := e.nodes(graphNodes, g.Nodes); err != nil {
		return err
	}
	e.text(graphName, g.Name)
	if err := e.tensors(graphInitializers, "initializer", g.Initializers); err != nil {
		return err
	}
	e.text(graphDoc, g.Doc)
	if err := e.values(graphInputs, "input", g.Inputs); err != nil {
		return err
	}
	if err := e.values(graphOutputs, "output", g.Outputs); err != nil {
		return err
	}
	return e.values(graphValues, "value", g.Values)
}

func (e *encoder) nodes(n protowire.Number, all []*Node) error {
	return messages(e, n, "node", all, func(i int, one *Node) error {
		err := one.check()
		if err == nil {
			err = e.node(one)
		}
		if err != nil {
			return in(err, "%s", one.place(i))
		}
		return nil
	})
}

func (e *encoder) node(n *Node) error {
	e.eachText(nodeInputs, n.Inputs...)
	e.eachText(nodeOutputs, n.Outputs...)
	e.text(nodeName, n.Name)
	e.text(nodeOp, n.Op)
	if err := e.attributes(nodeAttributes, n.Attributes); err != nil {
		return err
	}
	e.text(nodeDoc, n.Doc)
	e.text(nodeDomain, n.Domain)
	e.text(nodeOverload, n.Overload)
	return nil
}

func (e *encoder) function(f *Function) error {
	e.text(functionName, f.Name)
	e.eachText(functionInputs, f.Inputs...)
	e.eachText(functionOutputs, f.Outputs...)
	e.eachText(functionAttributes, f.Attributes...)
	if err := e.nodes(functionNodes, f.Nodes); err != nil {
		return err
	}
	e.text(functionDoc, f.Doc)
	if err := e.opsets(functionOpsets, f.Opsets); err != nil {
		return err
	}
	e.text(functionDomain, f.Domain)
	if err := e.attributes(functionDefaults, f.Defaults); err != nil {
		return err
	}
	e.text(functionOverload, f.Overload)
	return nil
}

func (e *encoder) attributes(n protowire.Number, all []*Attribute) error {
	return messages(e, n, "attribute", all, func(_ int, a *Attribute) error {
		err := a.check(a.filled())
		if err == nil {
			err = e.attribute(a)
		}
		if err != nil {
			return in(err, "attribute %q", excerpt.Of(a.Name))
		}
		return nil
	})
}

// filled is the set of fields with content, as a decoder counts them.
func (a *Attribute) filled() (set uint32) {
	for f, has := range map[attributeField]bool{
		attributeFloat: a.Float != 0, attributeInt: a.Int != 0, attributeString: len(a.Bytes) > 0, attributeTensor: a.Tensor != nil,
		attributeGraph: a.Graph != nil, attributeFloats: len(a.Floats) > 0, attributeInts: len(a.Ints) > 0, attributeStrings: len(a.Strings) > 0,
		attributeTensors: len(a.Tensors) > 0, attributeGraphs: len(a.Graphs) > 0, attributeType: a.ElemType != nil,
	} {
		if has {
			set |= 1 << f
		}
	}
	return set
}

func (e *encoder) attribute(a *Attribute) error {
	e.text(attributeName, a.Name)
	if a.Ref == "" {
		if err := e.content(a); err != nil {
			return err
		}
	}
	e.text(attributeDoc, a.Doc)
	e.int(attributeKind, int64(a.Type))
	e.text(attributeRef, a.Ref)
	return nil
}

// content appends what the attribute holds, also where that is 0 or empty.
func (e *encoder) content(a *Attribute) error {
	n := contents[a.Type].field
	switch a.Type {
	case AttrFloat:
		e.floats(n, a.Float)
	case AttrInt:
		e.ints(n, a.Int)
	case AttrString:
		e.blobs(n, a.Bytes)
	case AttrTensor:
		return e.message(n, func() error { return e.tensor(a.Tensor) })
	case AttrGraph:
		return e.message(n, func() error { return e.graph(a.Graph) })
	case AttrFloats:
		e.floats(n, a.Floats...)
	case AttrInts:
		e.ints(n, a.Ints...)
	case AttrStrings:
		e.blobs(n, a.Strings...)
	case AttrTensors:
		return e.tensors(n, "tensor", a.Tensors)
	case AttrGraphs:
		return messages(e, n, "graph", a.Graphs, func(i int, g *Graph) error { return in(e.graph(g), "graph %d", i) })
	case AttrType:
		return e.message(n, func() error { return e.typ(a.ElemType) })
	default:
		return fmt.Errorf("its type is %v, which is not written", a.Type)
	}
	return nil
}

func (e *encoder) tensors(n protowire.Number, kind string, all []*Tensor) error {
	return messages(e, n, kind, all, func(i int, t *Tensor) error { return in(e.tensor(t), "%s %d", kind, i) })
}

func (e *encoder) tensor(t *Tensor) error {
	count, err := t.check()
	if err == nil {
		err = t.checkElements(count)
	}
	if err != nil {
		return in(err, "%s", t.place())
	}
	for _, size := range t.Dims {
		e.ints(tensorDims, int64(size))
	}
	e.int(tensorType, int64(t.Type))
	e.blobs(tensorStrings, t.Strings...)
	e.text(tensorName, t.Name)
	if t.Type != String {
		e.blobs(tensorRaw, t.Raw)
	}
	e.text(tensorDoc, t.Doc)
	return nil
}

func (e *encoder) values(n protowire.Number, kind string, all []*ValueInfo) error {
	return messages(e, n, kind, all, func(i int, v *ValueInfo) error {
		e.text(valueName, v.Name)
		if v.Type != nil {
			if err := e.message(valueType, func() error { return e.typ(v.Type) }); err != nil {
				return in(err, "%s %d (%q)", kind, i, excerpt.Of(v.Name))
			}
		}
		e.text(valueDoc, v.Doc)
		return nil
	})
}

func (e *encoder) typ(t *Type) error {
	switch {
	case t.Map:
		return errors.New("it is the type of a map, whose keys and values are not kept")
	case t.Sequence != nil && t.Optional != nil:
		return errors.New("the type is of a sequence and of an optional at once")
	case t.Sequence != nil:
		return in(e.elem(typeSequence, t.Sequence), "sequence")
	case t.Optional != nil:
		return in(e.elem(typeOptional, t.Optional), "optional")
	case t.Sparse:
		return e.message(typeSparse, func() error { return e.tensorType(t) })
	case t.Elem == Undefined && !t.HasShape && len(t.Shape) == 0: // nothing is known, not even that it is a tensor
		return nil
	}
	return e.message(typeTensor, func() error { return e.tensorType(t) })
}

// elem appends the type of what a sequence or optional holds.
func (e *encoder) elem(n protowire.Number, t *Type) error {
	return e.message(n, func() error {
		return e.message(elemType, func() error { return e.typ(t) })
	})
}

func (e *encoder) tensorType(t *Type) error {
	e.int(tensorTypeElem, int64(t.Elem))
	if !t.HasShape {
		if len(t.Shape) > 0 {
			return fmt.Errorf("it has %d dimensions and says that it has no shape", len(t.Shape))
		}
		return nil
	}
	return e.message(tensorTypeShape, func() error {
		for i, d := range t.Shape {
			if err := e.message(shapeDims, func() error { return e.dim(d) }); err != nil {
				return in(err, "dimension %d", i)
			}
		}
		return nil
	})
}

func (e *encoder) dim(d Dim) error {
	switch {
	case d.Size < -1, d.Size >= 0 && d.Name != "":
		return fmt.Errorf("it is %d with the name %q; it must be 0 or more without a name, or -1", d.Size, excerpt.Of(d.Name))
	case d.Size >= 0:
		e.ints(dimValue, int64(d.Size))
	default:
		e.text(dimParam, d.Name)
	}
	return nil
}
