package op

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// array makes a tensor of the kind that elements of type T have.
func array[T value.Element](shape []int, x ...T) *value.Value { return tensor(x, shape...) }

// arrayOf makes a tensor of a kind that is kept as T.
func arrayOf[T value.Element](kind format.DataType, shape []int, x ...T) *value.Value {
	v, err := value.New(kind, shape...)
	if err != nil {
		panic(err)
	}
	copy(value.Data[T](v), x)
	return v
}

// row makes a tensor of rank 1.
func row[T value.Element](x ...T) *value.Value { return tensor(x, len(x)) }

// noise makes a tensor of normal numbers.
func noise(seed uint64, shape ...int) *value.Value {
	v, err := value.New(format.Float, shape...)
	if err != nil {
		panic(err)
	}
	g := rand.New(rand.NewPCG(seed, 1))
	for i := range value.Data[float32](v) {
		value.Data[float32](v)[i] = float32(g.NormFloat64())
	}
	return v
}

// attributes lists names with their values.
func attributes(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		x := pairs[i+1]
		switch e := x.(type) {
		case format.DataType:
			x = int(e)
		case float64:
			x = float32(e)
		}
		m[pairs[i].(string)] = x
	}
	return m
}

// node is a test's node of an operator, named with its domain.
func node(name string, version int, attrs map[string]any) testNode {
	domain := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		domain, name = name[:i], name[i+1:]
	}
	return testNode{domain: domain, op: name, version: version, attributes: attrs}
}

// run gives the one output of a node.
func run(t *testing.T, name string, version int, attrs map[string]any, in ...*value.Value) *value.Value {
	t.Helper()
	return node(name, version, attrs).one(t, in...)
}

// refuses checks that a node fails with an error that holds text.
func refuses(t *testing.T, text, name string, version int, attrs map[string]any, in ...*value.Value) {
	t.Helper()
	node(name, version, attrs).refuses(t, in, text)
}

// same checks that two tensors are alike, floats within tolerance of their size and NaN beside NaN.
func same(t *testing.T, got, want *value.Value, tolerance float64) {
	t.Helper()
	if got.Kind != want.Kind || !slices.Equal(got.Shape, want.Shape) {
		t.Fatalf("is %s, must be %s", got, want)
	}
	switch want.Memory() {
	case value.F32:
		near(t, value.Data[float32](got), value.Data[float32](want), tolerance)
	case value.F64:
		near(t, value.Data[float64](got), value.Data[float64](want), tolerance)
	case value.I8:
		near(t, value.Data[int8](got), value.Data[int8](want), 0)
	case value.I16:
		near(t, value.Data[int16](got), value.Data[int16](want), 0)
	case value.I32:
		near(t, value.Data[int32](got), value.Data[int32](want), 0)
	case value.I64:
		near(t, value.Data[int64](got), value.Data[int64](want), 0)
	case value.U8:
		near(t, value.Data[uint8](got), value.Data[uint8](want), 0)
	case value.U16:
		near(t, value.Data[uint16](got), value.Data[uint16](want), 0)
	case value.U32:
		near(t, value.Data[uint32](got), value.Data[uint32](want), 0)
	case value.U64:
		near(t, value.Data[uint64](got), value.Data[uint64](want), 0)
	case value.Bool:
		near(t, value.Bits[uint8](got), value.Bits[uint8](want), 0)
	}
}

func near[T value.Number](t *testing.T, got, want []T, tolerance float64) {
	t.Helper()
	for i, w := range want {
		g := got[i]
		if g == w || g != g && w != w {
			continue
		}
		if d := math.Abs(float64(g) - float64(w)); !(d <= tolerance*max(1, math.Abs(float64(w)))) {
			t.Fatalf("element %d is %v, must be %v", i, g, w)
		}
	}
}
