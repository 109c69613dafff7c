package op

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// testNode is a node that a test runs on its own.
type testNode struct {
	domain, op string
	version    int            // of the domain
	attributes map[string]any // int, []int, float32, []float32, string, *value.Value
	outputs    int            // 1 where it is 0
	constant   bool           // whether the node is made with the inputs known
	arranged   *Arranged      // of several nodes
}

// testPlace hands out memory that holds what no result is.
type testPlace struct{}

func (testPlace) Result(c *Call, i int, kind format.DataType, shape []int) (*value.Value, error) {
	if n, err := value.Volume(shape); err != nil || n > 1<<24 {
		return nil, fmt.Errorf("output %d of shape %v is too large: %v", i, shape, err)
	}
	v, err := value.New(kind, shape...)
	if err != nil {
		return nil, err
	}
	switch v.Memory() {
	case value.F32:
		fillWith(value.Data[float32](v), float32(math.NaN()))
	case value.F64:
		fillWith(value.Data[float64](v), math.NaN())
	case value.I64:
		fillWith(value.Data[int64](v), -77)
	}
	if i < len(c.Out) {
		c.Out[i] = v
	}
	return v, nil
}

func fillWith[T any](x []T, v T) {
	for i := range x {
		x[i] = v
	}
}

func (testPlace) Share(c *Call, i int, src *value.Value, shape []int) error {
	v := new(value.Value)
	v.View(src, shape...)
	if i < len(c.Out) {
		c.Out[i] = v
	}
	return nil
}

// kernel makes the kernel of the node for inputs, nil for those that are missing.
func (n testNode) kernel(in ...*value.Value) (Kernel, error) {
	o, err := Lookup(n.domain, n.op, n.version)
	if err != nil {
		return nil, err
	}
	f := &format.Node{Name: "test", Op: n.op, Domain: n.domain}
	for i, v := range in {
		name := ""
		if v != nil {
			name = fmt.Sprint("in", i)
		}
		f.Inputs = append(f.Inputs, name)
	}
	for i := range max(1, n.outputs) {
		f.Outputs = append(f.Outputs, fmt.Sprint("out", i))
	}
	for name, v := range n.attributes {
		f.Attributes = append(f.Attributes, testAttribute(name, v))
	}
	node, err := NewNode(f, o, n.version)
	if err != nil {
		return nil, err
	}
	node.Constant = func(i int) *value.Value {
		if !n.constant || i >= len(in) {
			return nil
		}
		return in[i]
	}
	node.Arranged = n.arranged
	return node.Kernel()
}

func testAttribute(name string, v any) *format.Attribute {
	a := &format.Attribute{Name: name}
	switch v := v.(type) {
	case int:
		a.Type, a.Int = format.AttrInt, int64(v)
	case []int:
		a.Type = format.AttrInts
		for _, x := range v {
			a.Ints = append(a.Ints, int64(x))
		}
	case float32:
		a.Type, a.Float = format.AttrFloat, v
	case []float32:
		a.Type, a.Floats = format.AttrFloats, v
	case string:
		a.Type, a.Bytes = format.AttrString, []byte(v)
	case []string:
		a.Type = format.AttrStrings
		for _, x := range v {
			a.Strings = append(a.Strings, []byte(x))
		}
	case *value.Value:
		a.Type, a.Tensor = format.AttrTensor, v.Tensor(name)
	default:
		panic(fmt.Sprintf("attribute %s of type %T", name, v))
	}
	return a
}

// run computes the node once.
func (n testNode) run(in ...*value.Value) ([]*value.Value, error) {
	k, err := n.kernel(in...)
	if err != nil {
		return nil, err
	}
	return runKernel(k, max(1, n.outputs), in...)
}

func runKernel(k Kernel, outputs int, in ...*value.Value) ([]*value.Value, error) {
	c := &Call{In: in, Out: make([]*value.Value, outputs), Place: testPlace{}}
	if err := k.Run(c); err != nil {
		return nil, err
	}
	for _, v := range c.Out {
		if v != nil && value.Narrow(v.Kind) {
			value.Round(v.Kind, value.Data[float32](v))
		}
	}
	return c.Out, nil
}

// one computes a node that has one output.
func (n testNode) one(t *testing.T, in ...*value.Value) *value.Value {
	t.Helper()
	out, err := n.run(in...)
	if err != nil {
		t.Fatalf("%s: %v", n.op, err)
	}
	return out[0]
}

// refuses checks that the node gives an error that has all of the parts.
func (n testNode) refuses(t *testing.T, in []*value.Value, parts ...string) {
	t.Helper()
	_, err := n.run(in...)
	if err == nil {
		t.Errorf("%s %v of %v: no error, expected one with %q", n.op, n.attributes, in, parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%s: error %q lacks %q", n.op, err, p)
		}
	}
}

// tensor wraps data in a tensor.
func tensor[T value.Element](data []T, shape ...int) *value.Value {
	v, err := value.Of(data, shape...)
	if err != nil {
		panic(err)
	}
	return v
}

// floats is a tensor of float32 of one dimension.
func floats(x ...float32) *value.Value { return tensor(x, len(x)) }

// ramp is a tensor of float32 0, 1, 2 and so on.
func ramp(shape ...int) *value.Value {
	v, err := value.New(format.Float, shape...)
	if err != nil {
		panic(err)
	}
	for i, x := 0, value.Data[float32](v); i < len(x); i++ {
		x[i] = float32(i)
	}
	return v
}

// holds checks shape and elements, floats within 1e-5 of one another.
func holds[T value.Number](t *testing.T, what string, v *value.Value, shape []int, data ...T) {
	t.Helper()
	if v.Kind != value.KindOf[T]() || !slices.Equal(v.Shape, shape) {
		t.Errorf("%s: is %s, must be %s", what, v, value.Describe(value.KindOf[T](), shape))
		return
	}
	for i, x := range value.Data[T](v) {
		if x != data[i] && !(math.Abs(float64(x)-float64(data[i])) <= 1e-5*max(1, math.Abs(float64(data[i])))) && (x == x || data[i] == data[i]) {
			t.Errorf("%s: element %d is %v, must be %v; all: %v", what, i, x, data[i], value.Data[T](v))
			return
		}
	}
}
