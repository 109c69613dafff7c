package format

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
)

// golden reads a file that oracle/onnx_files.py wrote.
func golden(t *testing.T, name string) *Model {
	t.Helper()
	m, err := ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var goldens = []string{"types.onnx", "shapes.onnx", "nodes.onnx", "functions.onnx", "external.onnx"}

// writable reads a golden file, without the type of a map, which cannot be written.
func writable(t *testing.T, name string) *Model {
	t.Helper()
	m := golden(t, name)
	if name == "shapes.onnx" {
		m.Graph.Inputs = m.Graph.Inputs[:len(m.Graph.Inputs)-1]
	}
	return m
}

// TestRoundTrip: what is written is read as the same, and the same model gives the same bytes.
func TestRoundTrip(t *testing.T) {
	for _, name := range goldens {
		m := writable(t, name)
		data, err := m.Encode()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		path := filepath.Join(t.TempDir(), "a.onnx")
		if err := WriteFile(path, m); err != nil {
			t.Fatal(err)
		}
		again, err := ReadFile(path)
		if err != nil {
			t.Errorf("%s, written: %v", name, err)
			continue
		}
		if diff := cmp.Diff(m, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s, written and read (-was +is):\n%s", name, diff)
		}
		if second, err := again.Encode(); err != nil || !bytes.Equal(data, second) {
			t.Errorf("%s gives other bytes the second time (%v)", name, err)
		}
	}
}

func TestModel(t *testing.T) {
	m := golden(t, "functions.onnx")
	graph, functions := m.Graph, m.Functions
	m.Graph, m.Functions = nil, nil
	want := &Model{
		IRVersion: 10, Opsets: []Opset{{"", 17}, {"org.example", 1}}, Producer: "oracle", ProducerVersion: "1", Domain: "org.example",
		Doc: "a test", Version: 3, Metadata: []Entry{{"author", "energo"}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("the model (-want +got):\n%s", diff)
	}
	call := []*Node{{
		Op: "Leaky", Domain: "org.example", Inputs: []string{"x"}, Outputs: []string{"y"},
		Attributes: []*Attribute{{Name: "slope", Type: AttrFloat, Float: 0.5}},
	}}
	if diff := cmp.Diff(call, graph.Nodes); diff != "" {
		t.Errorf("the nodes (-want +got):\n%s", diff)
	}
	leaky := []*Function{{
		Name: "Leaky", Domain: "org.example", Inputs: []string{"a"}, Outputs: []string{"b"}, Attributes: []string{"slope"},
		Defaults: []*Attribute{{Name: "gain", Type: AttrFloat, Float: 2}}, Opsets: []Opset{{"", 17}},
		Nodes: []*Node{{
			Op: "LeakyRelu", Inputs: []string{"a"}, Outputs: []string{"b"},
			Attributes: []*Attribute{{Name: "alpha", Ref: "slope", Type: AttrFloat}},
		}},
	}}
	if diff := cmp.Diff(leaky, functions); diff != "" {
		t.Errorf("the functions (-want +got):\n%s", diff)
	}
}

// TestTypes: elements are the same bytes whatever field they stand in, and all types are there.
func TestTypes(t *testing.T) {
	all := map[string]*Tensor{}
	for _, one := range golden(t, "types.onnx").Graph.Initializers {
		all[one.Name] = one
	}
	for kind := Float; kind.known(); kind++ {
		if kind == String {
			continue
		}
		typed, raw := all["typed."+kind.String()], all["raw."+kind.String()]
		if typed == nil || raw == nil {
			t.Errorf("testdata has no %v", kind)
			continue
		}
		if typed.Type != kind || !bytes.Equal(typed.Raw, raw.Raw) || len(raw.Raw) != (3*kind.Bits()+7)/8 {
			t.Errorf("%v: elements are %x of type %v in the field of the type, %x in raw_data", kind, typed.Raw, typed.Type, raw.Raw)
		}
	}
	if half := all["typed.float16"]; !bytes.Equal(half.Raw, []byte{0, 0x3c, 0, 0xc0, 0, 0}) {
		t.Errorf("float16 1, -2, 0 are % x", half.Raw)
	}
	scalar, empty, text := all["scalar"], all["empty"], all["strings"]
	if len(scalar.Dims) != 0 || len(scalar.Raw) != 4 {
		t.Errorf("the scalar has dimensions %v and %d bytes", scalar.Dims, len(scalar.Raw))
	}
	if fmt.Sprint(empty.Dims) != "[2 0 3]" || len(empty.Raw) != 0 {
		t.Errorf("the empty tensor has dimensions %v and %d bytes", empty.Dims, len(empty.Raw))
	}
	if got := fmt.Sprintf("%q", text.Strings); got != `["a" "" "\xff" "é"]` {
		t.Errorf("the strings are %s", got)
	}
	if Float.Size() != 4 || Complex128.Size() != 16 || Int4.Size() != 0 || Int4.Bits() != 4 || String.Size() != 0 || DataType(99).Bits() != 0 {
		t.Error("sizes of elements are wrong")
	}
	if got := fmt.Sprint(BFloat16, Float8E4M3FN, DataType(99), DataType(-1), AttrInts, AttributeType(99)); got != "bfloat16 float8e4m3fn type 99 type -1 ints type 99" {
		t.Errorf("names are %s", got)
	}
}

// TestShapes: a scalar, a size of 0, a name, an unknown dimension and no shape are five things.
func TestShapes(t *testing.T) {
	g := golden(t, "shapes.onnx").Graph
	unknown := Dim{Size: -1}
	n := Dim{Size: -1, Name: "n"}
	want := map[string]*Type{
		"scalar":   {Elem: Float, HasShape: true},
		"no_shape": {Elem: Float},
		"dims":     {Elem: Int64, HasShape: true, Shape: []Dim{{Size: 2}, {Size: 0}, n, unknown}},
		"sequence": {Sequence: &Type{Elem: Float, HasShape: true, Shape: []Dim{n}}},
		"optional": {Optional: &Type{Sequence: &Type{Elem: String}}},
		"sparse":   {Elem: Float, Sparse: true, HasShape: true, Shape: []Dim{{Size: 4}}},
		"map":      {Map: true},
	}
	if len(g.Inputs) != len(want) {
		t.Errorf("%d inputs, want %d", len(g.Inputs), len(want))
	}
	for _, v := range g.Inputs {
		if diff := cmp.Diff(want[v.Name], v.Type); diff != "" || v.Doc != "of "+v.Name {
			t.Errorf("%s, %q (-want +got):\n%s", v.Name, v.Doc, diff)
		}
	}
	if len(g.Values) != 1 || g.Values[0].Type != nil {
		t.Errorf("a value without a type is %+v", g.Values)
	}
	if _, err := golden(t, "shapes.onnx").Encode(); err == nil || !strings.Contains(err.Error(), `input 6 ("map"): it is the type of a map`) {
		t.Errorf("the type of a map is written: %v", err)
	}
}

// TestAttributes: every type of content, absent inputs, names with points and slashes.
func TestAttributes(t *testing.T) {
	many := golden(t, "nodes.onnx").Graph.Nodes[0]
	k := &Tensor{Name: "k", Type: Float, Dims: []int{2}, Raw: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}}
	branch := func(name, op, out string) *Graph {
		row := &Type{Elem: Float, HasShape: true, Shape: []Dim{{Size: -1, Name: "n"}, {Size: 3}}}
		return &Graph{
			Name: name, Nodes: []*Node{{Op: op, Inputs: []string{"x"}, Outputs: []string{out}}},
			Outputs: []*ValueInfo{{Name: out, Type: row}},
		}
	}
	b, c := branch("branch", "Identity", "b"), branch("other", "Neg", "c")
	want := &Node{
		Name: "many", Op: "Many", Domain: "org.example", Overload: "v2", Doc: "doc",
		Inputs: []string{"x", "", "z.1/a:0"}, Outputs: []string{"m", ""},
		Attributes: []*Attribute{
			{Name: "f", Type: AttrFloat, Float: 1.5},
			{Name: "i", Type: AttrInt, Int: -7},
			{Name: "s", Type: AttrString, Bytes: []byte("text")},
			{Name: "t", Type: AttrTensor, Tensor: k},
			{Name: "g", Type: AttrGraph, Graph: b},
			{Name: "fs", Type: AttrFloats, Floats: []float32{1, 2.5}},
			{Name: "is", Type: AttrInts, Ints: []int64{1, -2, 3}},
			{Name: "ss", Type: AttrStrings, Strings: [][]byte{[]byte("a"), []byte("b")}},
			{Name: "ts", Type: AttrTensors, Tensors: []*Tensor{k, k}},
			{Name: "gs", Type: AttrGraphs, Graphs: []*Graph{b, c}},
			{Name: "tp", Type: AttrType, ElemType: &Type{Elem: Float, HasShape: true, Shape: []Dim{{Size: -1, Name: "n"}}}},
			{Name: "none", Type: AttrInts},
		},
	}
	if diff := cmp.Diff(want, many); diff != "" {
		t.Errorf("the node (-want +got):\n%s", diff)
	}
}

func TestDecodeTensor(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "tensor.pb"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeTensor(data)
	if err != nil {
		t.Fatal(err)
	}
	want := &Tensor{Name: "input", Type: Int16, Dims: []int{2, 3}, Raw: []byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tensor (-want +got):\n%s", diff)
	}
}

// A message of a test, by its fields.
type message []byte

func (m message) int(n protowire.Number, all ...int64) message {
	for _, v := range all {
		m = protowire.AppendVarint(protowire.AppendTag(m, n, protowire.VarintType), uint64(v))
	}
	return m
}

func (m message) bytes(n protowire.Number, b []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, n, protowire.BytesType), b)
}

func (m message) text(n protowire.Number, s string) message { return m.bytes(n, []byte(s)) }

func (m message) packed(n protowire.Number, all ...int64) message {
	var b []byte
	for _, v := range all {
		b = protowire.AppendVarint(b, uint64(v))
	}
	return m.bytes(n, b)
}

func (m message) float(n protowire.Number, all ...float32) message {
	for _, v := range all {
		m = protowire.AppendFixed32(protowire.AppendTag(m, n, protowire.Fixed32Type), math.Float32bits(v))
	}
	return m
}

// tensorOf is a TensorProto with a type and dimensions.
func tensorOf(kind DataType, dims ...int64) message {
	return message{}.int(tensorDims, dims...).int(tensorType, int64(kind))
}

// TestEncodings: repeated fields are read packed, not packed, in parts, before the type; fields of unknown numbers are skipped.
func TestEncodings(t *testing.T) {
	floats := message{}.float(tensorFloats, 1, 2)
	half := message{}.float(0, 1)[1:]
	for name, data := range map[string]message{
		"not packed":       append(tensorOf(Float, 2), floats...),
		"packed":           tensorOf(Float, 2).bytes(tensorFloats, append(bytes.Clone(half), message{}.float(0, 2)[1:]...)),
		"in two parts":     tensorOf(Float, 2).bytes(tensorFloats, half).bytes(tensorFloats, message{}.float(0, 2)[1:]),
		"mixed":            tensorOf(Float, 2).bytes(tensorFloats, half).float(tensorFloats, 2),
		"before the type":  append(bytes.Clone(floats), tensorOf(Float, 2)...),
		"dimensions later": message{}.float(tensorFloats, 1, 2).int(tensorType, int64(Float)).packed(tensorDims, 2),
		"unknown fields": append(tensorOf(Float, 2).int(99, 5).text(98, "x").float(97, 1).bytes(16, nil),
			append(protowire.AppendTag(protowire.AppendTag(nil, 96, protowire.StartGroupType), 96, protowire.EndGroupType), floats...)...),
	} {
		got, err := DecodeTensor(data)
		if err != nil || !bytes.Equal(got.Raw, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, data := range map[string]message{
		"not packed": message{}.int(attributeInts, 1, -2), "packed": message{}.packed(attributeInts, 1, -2),
	} {
		m, err := Decode(model(node(data.int(attributeKind, int64(AttrInts)).text(attributeName, "a"))))
		if err != nil || fmt.Sprint(m.Graph.Nodes[0].Attributes[0].Ints) != "[1 -2]" {
			t.Errorf("ints, %s: %v", name, err)
		}
	}
}

// model is a ModelProto with one node, node a NodeProto with one attribute.
func model(node message) message {
	return message{}.bytes(modelGraph, message{}.bytes(graphNodes, node))
}

func node(attribute message) message {
	return message{}.text(nodeName, "n").text(nodeOp, "Op").bytes(nodeAttributes, attribute)
}

// TestRefusedTensors: errors name the tensor, the value and what is allowed.
func TestRefusedTensors(t *testing.T) {
	name := func(m message) message { return append(message{}.text(tensorName, "w"), m...) }
	for want, data := range map[string]message{
		"its elements are of undefined; known are 1 (float) to 28 (float6e3m2)": {},
		"its elements are of type 99":                                           tensorOf(99),
		"dimension 1 is -2; it must be 0 or more":                               tensorOf(Float, 1, -2),
		"more elements than memory can have":                                    tensorOf(Float, 1<<40, 1<<40, 0),
		"has 4 bytes, and 2 elements of float (dimensions [2]) have 8":          tensorOf(Float, 2).float(tensorFloats, 1),
		"has 0 bytes, and 1 elements of float (dimensions []) have 4":           tensorOf(Float),
		"has 1 strings, and 2 elements":                                         tensorOf(String, 2).text(tensorStrings, "a"),
		"elements in float_data; those of int32 stand in int32_data or raw":     tensorOf(Int32, 1).float(tensorFloats, 1),
		"elements in raw_data; those of string stand in string_data":            tensorOf(String, 1).text(tensorRaw, "a"),
		"elements in int32_data and in raw_data":                                tensorOf(Int32, 1).int(tensorInt32s, 1).text(tensorRaw, "abcd"),
		"int32_data is 256; those of uint8 are from 0 to 255":                   tensorOf(Uint8, 1).int(tensorInt32s, 256),
		"int32_data is -129; those of int8 are from -128 to 127":                tensorOf(Int8, 1).int(tensorInt32s, -129),
		"int32_data is 65536; those of float16 are from -32768 to 65535":        tensorOf(Float16, 1).int(tensorInt32s, 1<<16),
		"int32_data is 64; those of float6e2m3 are from 0 to 63":                tensorOf(Float6E2M3, 1).int(tensorInt32s, 64),
		"uint64_data is 4294967296; those of uint32":                            tensorOf(Uint32, 1).int(tensorUint64s, 1<<32),
		"field 4 is a varint, not a fixed32":                                    tensorOf(Float, 1).int(tensorFloats, 1),
		"field 4 has 3 bytes, which is no multiple of 4":                        tensorOf(Float, 1).text(tensorFloats, "abc"),
		"field 7: it is cut off or no list of varints, at byte 0 of 1":          tensorOf(Int64, 1).text(tensorInt64s, "\xff"),
		"it is in segments": tensorOf(Float, 1).bytes(tensorSegment, nil),
		"location is 2; known are 0 (in the model) and 1 (external)": tensorOf(Float, 1).int(tensorLocation, 2),
		"no folder to look in":              tensorOf(Float, 1).int(tensorLocation, 1).bytes(tensorExternal, message{}.text(entryKey, "location").text(entryValue, "a")),
		"external, which strings cannot be": tensorOf(String, 1).int(tensorLocation, 1),
	} {
		_, err := DecodeTensor(name(data))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `tensor "w": `) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	if got, err := DecodeTensor(tensorOf(Float16, 1).int(tensorInt32s, -1)); err != nil || !bytes.Equal(got.Raw, []byte{0xff, 0xff}) {
		t.Errorf("a pattern with a sign: %+v, %v", got, err)
	}
}

// TestRefused: errors name graph, node, attribute.
func TestRefused(t *testing.T) {
	attribute := func(kind AttributeType) message {
		return message{}.text(attributeName, "a").int(attributeKind, int64(kind))
	}
	input := func(kind message) message {
		return message{}.bytes(modelGraph, message{}.bytes(graphInputs, message{}.text(valueName, "x").bytes(valueType, kind)))
	}
	dim := func(d message) message {
		return input(message{}.bytes(typeTensor, message{}.bytes(tensorTypeShape, message{}.bytes(shapeDims, d))))
	}
	const at = `node 0 ("n", "Op"): attribute "a": `
	for want, data := range map[string]message{
		"there is no graph":                               {},
		"cut off or no protocol":                          message("no model at all"),
		"graph: it stands twice":                          message{}.bytes(modelGraph, nil).bytes(modelGraph, nil),
		"field 7 is a varint, not":                        message{}.int(modelGraph, 1),
		"sparse initializers are":                         message{}.bytes(modelGraph, message{}.bytes(graphSparse, nil)),
		"it has no operator":                              model(message{}.text(nodeName, "n")),
		`attribute "": it has no na`:                      model(node(message{}.int(attributeKind, 2))),
		at + "its type is undefined; known are 1 (float)": model(node(attribute(0))),
		at + "its type is type 77":                        model(node(attribute(77))),
		at + "its type is int, and it has content of":     model(node(attribute(AttrInt).float(attributeFloat, 1))),
		at + "its type is graph, and it has none":         model(node(attribute(AttrGraph))),
		at + "it refers to the attribute \"b\" of":        model(node(attribute(AttrInt).int(attributeInt, 1).text(attributeRef, "b"))),
		at + "sparse tensors and lists of types":          model(node(attribute(AttrSparseTensor).bytes(attributeSparse, nil))),
		at + "tensor: it stands twice": model(node(attribute(AttrTensor).
			bytes(attributeTensor, tensorOf(Float, 0)).bytes(attributeTensor, tensorOf(Float, 0)))),
		at + `tensor 1: tensor "": its elements`:                     model(node(attribute(AttrTensors).bytes(attributeTensors, tensorOf(Float, 0)).bytes(attributeTensors, nil))),
		`input 0 ("x"): opaque types`:                                input(message{}.bytes(typeOpaque, nil)),
		`input 0 ("x"): a type is one of`:                            input(message{}.bytes(typeTensor, nil).bytes(typeMap, nil)),
		`input 0 ("x"): shape: dimension 0: it is -2; it must be -1`: dim(message{}.int(dimValue, -2)),
	} {
		if _, err := Decode(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	m, err := Decode(dim(message{}.int(dimValue, -1)))
	if err != nil || m.Graph.Inputs[0].Type.Shape[0] != (Dim{Size: -1}) {
		t.Errorf("a dimension of -1: %v", err)
	}
}

// TestDepth: messages that nest too deep are refused when read and when written, and their errors stay short.
func TestDepth(t *testing.T) {
	nested := func(n int) message {
		inner := message{}
		for range n {
			inner = message{}.bytes(graphNodes, node(message{}.text(attributeName, "a").bytes(attributeGraph, inner).int(attributeKind, int64(AttrGraph))))
		}
		return message{}.bytes(modelGraph, inner)
	}
	if _, err := Decode(nested(33)); err != nil {
		t.Errorf("100 messages deep: %v", err)
	}
	_, err := Decode(nested(500))
	if err == nil || !strings.Contains(err.Error(), "more than 100 deep") || len(err.Error()) > 300 {
		t.Errorf("1500 messages deep: %v", err)
	}
	loop := &Model{Graph: &Graph{}}
	loop.Graph.Nodes = []*Node{{Op: "If", Attributes: []*Attribute{{Name: "a", Type: AttrGraph, Graph: loop.Graph}}}}
	if _, err := loop.Encode(); err == nil || !strings.Contains(err.Error(), "more than 100 deep") {
		t.Errorf("a graph inside itself: %v", err)
	}
	of := &Type{}
	of.Sequence = of
	endless := &Model{Graph: &Graph{Inputs: []*ValueInfo{{Name: "x", Type: of}}}}
	if _, err := endless.Encode(); err == nil || !strings.Contains(err.Error(), "more than 100 deep") {
		t.Errorf("a type of itself: %v", err)
	}
}

// TestMemory: files of nothing but small messages take a bounded multiple of their size.
func TestMemory(t *testing.T) {
	const n = 1 << 12
	named := message{}.text(attributeName, "a").int(attributeKind, int64(AttrGraphs))
	many := message{}
	for range 100 {
		many = many.bytes(attributeGraphs, nil)
	}
	for name, one := range map[string]message{
		"nodes":      message{}.bytes(graphNodes, message{}.text(nodeOp, "a")),
		"attributes": message{}.bytes(graphNodes, message{}.text(nodeOp, "a").bytes(nodeAttributes, named).bytes(nodeAttributes, named)),
		"graphs":     message{}.bytes(graphNodes, message{}.text(nodeOp, "a").bytes(nodeAttributes, append(many, named...))),
		"values":     message{}.bytes(graphInputs, nil),
		"tensors":    message{}.bytes(graphInitializers, tensorOf(Float, 0)),
		"huge":       message{}.bytes(graphInitializers, tensorOf(Int64, 1<<50).packed(tensorInt64s, 1)),
	} {
		data := message{}.bytes(modelGraph, bytes.Repeat(one, n))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(data)
		runtime.ReadMemStats(&after)
		if err != nil && name != "huge" {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(150*len(data)) {
			t.Errorf("%s: %d bytes of the file took %d of memory", name, len(data), used)
		}
	}
}

// TestEncodeRefuses: what cannot be read again is not written.
func TestEncodeRefuses(t *testing.T) {
	one := func(a *Attribute) *Model {
		return &Model{Graph: &Graph{Nodes: []*Node{{Op: "Op", Attributes: []*Attribute{a}}}}}
	}
	typed := func(t *Type) *Model { return &Model{Graph: &Graph{Inputs: []*ValueInfo{{Name: "x", Type: t}}}} }
	initializer := func(t *Tensor) *Model { return &Model{Graph: &Graph{Initializers: []*Tensor{t}}} }
	for want, m := range map[string]*Model{
		"there is no graph": {},
		"node 0 is nil":     {Graph: &Graph{Nodes: []*Node{nil}}},
		"it has no op":      {Graph: &Graph{Nodes: []*Node{{}}}},
		`attribute "a": its type is graph, and it has none`:         one(&Attribute{Name: "a", Type: AttrGraph}),
		`attribute "a": its type is int, and it has content of`:     one(&Attribute{Name: "a", Type: AttrInt, Float: 1}),
		`attribute "a": its type is sparse_tensor, which is not wr`: one(&Attribute{Name: "a", Type: AttrSparseTensor}),
		`initializer 0: tensor "w": it has 3 bytes, and 1 elements`: initializer(&Tensor{Name: "w", Type: Float, Raw: make([]byte, 3)}),
		"dimensions are [-1]; each must be 0 or more":               initializer(&Tensor{Type: Float, Dims: []int{-1}}),
		"it has strings and 1 bytes":                                initializer(&Tensor{Type: String, Raw: make([]byte, 1)}),
		"elements are of float, and it has 1 strings":               initializer(&Tensor{Type: Float, Strings: make([][]byte, 1)}),
		"of a sequence and of an optional at once":                  typed(&Type{Sequence: &Type{}, Optional: &Type{}}),
		"it has 1 dimensions and says that it has no":               typed(&Type{Shape: []Dim{{}}}),
		`dimension 0: it is 2 with the name "n"`:                    typed(&Type{HasShape: true, Shape: []Dim{{Size: 2, Name: "n"}}}),
	} {
		if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "a.onnx")
	if err := WriteFile(path, &Model{}); err == nil || !strings.Contains(err.Error(), "a.onnx") {
		t.Errorf("a file without a graph: %v", err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a file was written: %v", err)
	}
}

// TestChecker: ONNX's own checker takes what Encode writes, where a Python along PATH has it.
func TestChecker(t *testing.T) {
	python := ""
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		p := filepath.Join(dir, "python3")
		if python == "" && exec.Command(p, "-c", "import onnx.checker").Run() == nil {
			python = p
		}
	}
	if python == "" {
		t.Skip("no python3 along PATH can import onnx")
	}
	dir := t.TempDir()
	args := []string{"-c", "import sys, onnx\nfor f in sys.argv[1:]: onnx.checker.check_model(onnx.load(f))"}
	for _, name := range goldens {
		m := writable(t, name)
		if name == "shapes.onnx" {
			m.Graph.Values = nil // the checker refuses values without a type, and tensors without a shape
			m.Graph.Inputs = slices.DeleteFunc(m.Graph.Inputs, func(v *ValueInfo) bool { return v.Name == "no_shape" || v.Name == "optional" })
		}
		path := filepath.Join(dir, name)
		if err := WriteFile(path, m); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
