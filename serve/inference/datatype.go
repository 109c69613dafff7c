package inference

import (
	"strings"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
)

// datatypes are the element types of the protocol that models here take.
var datatypes = []struct {
	name string
	kind format.DataType
	size int // bytes of an element
}{
	{"BOOL", format.Bool, 1},
	{"UINT8", format.Uint8, 1},
	{"UINT16", format.Uint16, 2},
	{"UINT32", format.Uint32, 4},
	{"UINT64", format.Uint64, 8},
	{"INT8", format.Int8, 1},
	{"INT16", format.Int16, 2},
	{"INT32", format.Int32, 4},
	{"INT64", format.Int64, 8},
	{"FP16", format.Float16, 2},
	{"BF16", format.BFloat16, 2},
	{"FP32", format.Float, 4},
	{"FP64", format.Double, 8},
}

// datatype is the protocol's name of an element type, and the bytes of an element; "" where it has none.
func datatype(kind format.DataType) (name string, size int) {
	for _, d := range datatypes {
		if d.kind == kind {
			return d.name, d.size
		}
	}
	return "", 0
}

// shapeOf is that of a port as the protocol has it: −1 is a free dimension. A tensor whose shape the model does not say has [-1].
func shapeOf(p onnx.Port) []int {
	if !p.HasShape {
		return []int{-1}
	}
	shape := make([]int, len(p.Shape))
	for i, d := range p.Shape {
		shape[i] = max(-1, int(d.Size))
	}
	return shape
}

// names lists ports.
func names(ports []onnx.Port) string {
	var all []string
	for _, p := range ports {
		all = append(all, p.Name)
	}
	return strings.Join(all, ", ")
}
