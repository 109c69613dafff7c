package format

import "google.golang.org/protobuf/encoding/protowire"

// The numbers of the fields of each message, from onnx.proto.
const (
	modelIR              = 1
	modelProducer        = 2
	modelProducerVersion = 3
	modelDomain          = 4
	modelVersion         = 5
	modelDoc             = 6
	modelGraph           = 7
	modelOpsets          = 8
	modelMetadata        = 14
	modelFunctions       = 25

	opsetDomain  = 1
	opsetVersion = 2

	entryKey   = 1
	entryValue = 2

	graphNodes        = 1
	graphName         = 2
	graphInitializers = 5
	graphDoc          = 10
	graphInputs       = 11
	graphOutputs      = 12
	graphValues       = 13
	graphSparse       = 15

	nodeInputs     = 1
	nodeOutputs    = 2
	nodeName       = 3
	nodeOp         = 4
	nodeAttributes = 5
	nodeDoc        = 6
	nodeDomain     = 7
	nodeOverload   = 8

	functionName       = 1
	functionInputs     = 4
	functionOutputs    = 5
	functionAttributes = 6
	functionNodes      = 7
	functionDoc        = 8
	functionOpsets     = 9
	functionDomain     = 10
	functionDefaults   = 11
	functionOverload   = 13

	valueName = 1
	valueType = 2
	valueDoc  = 3

	typeTensor   = 1
	typeSequence = 4
	typeMap      = 5
	typeOpaque   = 7
	typeSparse   = 8
	typeOptional = 9

	tensorTypeElem  = 1
	tensorTypeShape = 2

	elemType = 1 // of a sequence and of an optional

	shapeDims = 1

	dimValue = 1
	dimParam = 2
)

// attributeField numbers a field of an AttributeProto.
type attributeField = protowire.Number

const (
	attributeName    attributeField = 1
	attributeFloat   attributeField = 2
	attributeInt     attributeField = 3
	attributeString  attributeField = 4
	attributeTensor  attributeField = 5
	attributeGraph   attributeField = 6
	attributeFloats  attributeField = 7
	attributeInts    attributeField = 8
	attributeStrings attributeField = 9
	attributeTensors attributeField = 10
	attributeGraphs  attributeField = 11
	attributeDoc     attributeField = 13
	attributeType    attributeField = 14
	attributeTypes   attributeField = 15
	attributeKind    attributeField = 20
	attributeRef     attributeField = 21
	attributeSparse  attributeField = 22
	attributeSparses attributeField = 23
)

// tensorField numbers a field of a TensorProto.
type tensorField = protowire.Number

const (
	tensorDims     tensorField = 1
	tensorType     tensorField = 2
	tensorSegment  tensorField = 3
	tensorFloats   tensorField = 4
	tensorInt32s   tensorField = 5
	tensorStrings  tensorField = 6
	tensorInt64s   tensorField = 7
	tensorName     tensorField = 8
	tensorRaw      tensorField = 9
	tensorDoubles  tensorField = 10
	tensorUint64s  tensorField = 11
	tensorDoc      tensorField = 12
	tensorExternal tensorField = 13
	tensorLocation tensorField = 14
)

// tensorData names the fields that hold elements.
var tensorData = map[tensorField]string{
	tensorFloats: "float_data", tensorInt32s: "int32_data", tensorStrings: "string_data", tensorInt64s: "int64_data",
	tensorRaw: "raw_data", tensorDoubles: "double_data", tensorUint64s: "uint64_data",
}
