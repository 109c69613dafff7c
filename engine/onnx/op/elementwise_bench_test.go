package op

import (
	"fmt"
	"testing"
	"time"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// keep is a Place that hands out the same memory again.
type keep struct{ v *value.Value }

func (k *keep) Result(c *Call, i int, kind format.DataType, shape []int) (*value.Value, error) {
	if k.v == nil {
		v, err := value.New(kind, shape...)
		if err != nil {
			return nil, err
		}
		k.v = v
	}
	c.Out[i] = k.v
	return k.v, nil
}

func (k *keep) Share(c *Call, i int, src *value.Value, _ []int) error {
	c.Out[i] = src
	return nil
}

// BenchmarkElementwise runs the shapes that convolutional networks and transformers have. The least time is what to compare on a busy machine.
func BenchmarkElementwise(b *testing.B) {
	image, matrix := noise(1, 1, 64, 56, 56), noise(2, 128, 1536)
	for _, c := range []struct {
		name    string
		version int
		attrs   map[string]any
		in      []*value.Value
	}{
		{"Add", 14, nil, []*value.Value{image, image}},
		{"Add", 14, nil, []*value.Value{image, noise(3, 1, 64, 1, 1)}},
		{"Add", 14, nil, []*value.Value{matrix, noise(3, 1536)}},
		{"Mul", 14, nil, []*value.Value{matrix, noise(3, 128, 1)}},
		{"Mul", 14, nil, []*value.Value{noise(3, 12544, 3), noise(4, 3)}},
		{"Div", 14, nil, []*value.Value{matrix, array[float32](nil, 8)}},
		{"Sub", 14, nil, []*value.Value{array[float32](nil, 1), matrix}},
		{"Pow", 14, nil, []*value.Value{matrix, array[float32](nil, 2)}},
		{"Pow", 14, nil, []*value.Value{matrix, array[float32](nil, 0.5)}},
		{"Relu", 14, nil, []*value.Value{image}},
		{"Clip", 13, nil, []*value.Value{image, array[float32](nil, 0), array[float32](nil, 6)}},
		{"HardSwish", 14, nil, []*value.Value{image}},
		{"HardSigmoid", 6, nil, []*value.Value{image}},
		{"LeakyRelu", 6, nil, []*value.Value{image}},
		{"Elu", 6, nil, []*value.Value{image}},
		{"Sigmoid", 13, nil, []*value.Value{matrix}},
		{"Tanh", 13, nil, []*value.Value{matrix}},
		{"Erf", 13, nil, []*value.Value{matrix}},
		{"Gelu", 20, nil, []*value.Value{matrix}},
		{"Gelu", 20, attributes("approximate", "tanh"), []*value.Value{matrix}},
		{"Floor", 13, nil, []*value.Value{matrix}},
		{"Sqrt", 13, nil, []*value.Value{matrix}},
		{"Exp", 13, nil, []*value.Value{matrix}},
		{"Softmax", 13, nil, []*value.Value{noise(3, 1536, 128)}},
		{"Softmax", 13, attributes("axis", 1), []*value.Value{noise(3, 1, 128, 1536)}},
		{"LogSoftmax", 13, nil, []*value.Value{noise(3, 40, 6625)}},
		{"ReduceMean", 13, attributes("axes", []int{-1}), []*value.Value{matrix}},
		{"ReduceMean", 13, attributes("axes", []int{2, 3}), []*value.Value{image}},
		{"ReduceMean", 13, attributes("axes", []int{1}), []*value.Value{image}},
		{"ReduceMax", 13, attributes("axes", []int{1}), []*value.Value{image}},
		{"ReduceMax", 13, attributes("axes", []int{-1}), []*value.Value{matrix}},
		{"ReduceSum", 11, attributes("axes", []int{0, 2, 3}), []*value.Value{image}},
		{"ReduceL2", 11, attributes("axes", []int{-1}), []*value.Value{matrix}},
		{"ArgMax", 13, attributes("axis", -1), []*value.Value{noise(3, 40, 6625)}},
		{"Where", 16, nil, []*value.Value{run2("Greater", 13, matrix, array[float32](nil, 0)), matrix, array[float32](nil, 0)}},
		{"Greater", 13, nil, []*value.Value{matrix, array[float32](nil, 0)}},
		{"Cast", 13, attributes("to", format.Int64), []*value.Value{matrix}},
		{"CumSum", 14, nil, []*value.Value{matrix, array[int64](nil, 1)}},
	} {
		name := c.name
		for _, v := range c.in {
			name += fmt.Sprint(v.Shape)
		}
		b.Run(name, func(b *testing.B) {
			k, err := node(c.name, c.version, c.attrs).kernel(c.in...)
			if err != nil {
				b.Fatal(err)
			}
			call := &Call{In: c.in, Out: make([]*value.Value, 1), Place: &keep{}}
			b.ReportAllocs()
			least := time.Hour
			for b.Loop() {
				start := time.Now()
				if err := k.Run(call); err != nil {
					b.Fatal(err)
				}
				least = min(least, time.Since(start))
			}
			b.ReportMetric(float64(least)/1e3, "least-µs")
		})
	}
}

func run2(name string, version int, in ...*value.Value) *value.Value {
	out, err := node(name, version, nil).run(in...)
	if err != nil {
		panic(err)
	}
	return out[0]
}
