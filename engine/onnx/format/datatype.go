package format

import "strconv"

// DataType is the type of a tensor's elements, by ONNX's number.
type DataType int32

// ONNX's types of elements.
const (
	Undefined      DataType = 0
	Float          DataType = 1
	Uint8          DataType = 2
	Int8           DataType = 3
	Uint16         DataType = 4
	Int16          DataType = 5
	Int32          DataType = 6
	Int64          DataType = 7
	String         DataType = 8
	Bool           DataType = 9
	Float16        DataType = 10
	Double         DataType = 11
	Uint32         DataType = 12
	Uint64         DataType = 13
	Complex64      DataType = 14
	Complex128     DataType = 15
	BFloat16       DataType = 16
	Float8E4M3FN   DataType = 17
	Float8E4M3FNUZ DataType = 18
	Float8E5M2     DataType = 19
	Float8E5M2FNUZ DataType = 20
	Uint4          DataType = 21
	Int4           DataType = 22
	Float4E2M1     DataType = 23
	Float8E8M0     DataType = 24
	Uint2          DataType = 25
	Int2           DataType = 26
	Float6E2M3     DataType = 27
	Float6E3M2     DataType = 28
)

// kinds says for each type its name, its width in bits, and the field of a TensorProto that holds it where raw_data does not.
var kinds = [...]struct {
	name  string
	bits  int
	field tensorField
}{
	Undefined:      {"undefined", 0, 0},
	Float:          {"float", 32, tensorFloats},
	Uint8:          {"uint8", 8, tensorInt32s},
	Int8:           {"int8", 8, tensorInt32s},
	Uint16:         {"uint16", 16, tensorInt32s},
	Int16:          {"int16", 16, tensorInt32s},
	Int32:          {"int32", 32, tensorInt32s},
	Int64:          {"int64", 64, tensorInt64s},
	String:         {"string", 0, tensorStrings},
	Bool:           {"bool", 8, tensorInt32s},
	Float16:        {"float16", 16, tensorInt32s},
	Double:         {"double", 64, tensorDoubles},
	Uint32:         {"uint32", 32, tensorUint64s},
	Uint64:         {"uint64", 64, tensorUint64s},
	Complex64:      {"complex64", 64, tensorFloats},
	Complex128:     {"complex128", 128, tensorDoubles},
	BFloat16:       {"bfloat16", 16, tensorInt32s},
	Float8E4M3FN:   {"float8e4m3fn", 8, tensorInt32s},
	Float8E4M3FNUZ: {"float8e4m3fnuz", 8, tensorInt32s},
	Float8E5M2:     {"float8e5m2", 8, tensorInt32s},
	Float8E5M2FNUZ: {"float8e5m2fnuz", 8, tensorInt32s},
	Uint4:          {"uint4", 4, tensorInt32s},
	Int4:           {"int4", 4, tensorInt32s},
	Float4E2M1:     {"float4e2m1", 4, tensorInt32s},
	Float8E8M0:     {"float8e8m0", 8, tensorInt32s},
	Uint2:          {"uint2", 2, tensorInt32s},
	Int2:           {"int2", 2, tensorInt32s},
	Float6E2M3:     {"float6e2m3", 6, tensorInt32s},
	Float6E3M2:     {"float6e3m2", 6, tensorInt32s},
}

// known says whether t is one of the constants but Undefined.
func (t DataType) known() bool { return t > Undefined && int(t) < len(kinds) }

// String is ONNX's name in lower case, such as "float16", or the number of a type that is unknown.
func (t DataType) String() string {
	if t == Undefined || t.known() {
		return kinds[t].name
	}
	return "type " + strconv.Itoa(int(t))
}

// Bits is the width of an element, 0 for strings and unknown types.
func (t DataType) Bits() int {
	if !t.known() {
		return 0
	}
	return kinds[t].bits
}

// Size is the number of bytes of an element: 0 for strings, unknown types, and those narrower than a byte (Bits below 8), which are packed.
func (t DataType) Size() int { return t.Bits() / 8 }

// AttributeType is the type of an attribute, by ONNX's number.
type AttributeType int32

// ONNX's types of attributes.
const (
	AttrUndefined     AttributeType = 0
	AttrFloat         AttributeType = 1
	AttrInt           AttributeType = 2
	AttrString        AttributeType = 3
	AttrTensor        AttributeType = 4
	AttrGraph         AttributeType = 5
	AttrFloats        AttributeType = 6
	AttrInts          AttributeType = 7
	AttrStrings       AttributeType = 8
	AttrTensors       AttributeType = 9
	AttrGraphs        AttributeType = 10
	AttrSparseTensor  AttributeType = 11 // not read
	AttrSparseTensors AttributeType = 12 // not read
	AttrType          AttributeType = 13
	AttrTypes         AttributeType = 14 // not read
)

// contents says for each type its name and the field of an AttributeProto that holds it.
var contents = [...]struct {
	name  string
	field attributeField
}{
	AttrUndefined:     {"undefined", 0},
	AttrFloat:         {"float", attributeFloat},
	AttrInt:           {"int", attributeInt},
	AttrString:        {"string", attributeString},
	AttrTensor:        {"tensor", attributeTensor},
	AttrGraph:         {"graph", attributeGraph},
	AttrFloats:        {"floats", attributeFloats},
	AttrInts:          {"ints", attributeInts},
	AttrStrings:       {"strings", attributeStrings},
	AttrTensors:       {"tensors", attributeTensors},
	AttrGraphs:        {"graphs", attributeGraphs},
	AttrSparseTensor:  {"sparse_tensor", attributeSparse},
	AttrSparseTensors: {"sparse_tensors", attributeSparses},
	AttrType:          {"type_proto", attributeType},
	AttrTypes:         {"type_protos", attributeTypes},
}

// String is ONNX's name in lower case, such as "ints", or the number of a type that is unknown.
func (t AttributeType) String() string {
	if t >= 0 && int(t) < len(contents) {
		return contents[t].name
	}
	return "type " + strconv.Itoa(int(t))
}
