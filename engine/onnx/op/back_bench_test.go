package op

import (
	"fmt"
	"testing"
	"time"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// BenchmarkBack goes back through operators with the shapes that convolutional networks and transformers have, beside their runs forth. The least time is what to compare on a busy machine.
func BenchmarkBack(b *testing.B) {
	image, matrix, heads := noise(1, 4, 64, 56, 56), noise(2, 512, 1536), noise(3, 8, 128, 128)
	for _, c := range []struct {
		name    string
		version int
		attrs   map[string]any
		in      []*value.Value
	}{
		{"Add", 14, nil, []*value.Value{image, image}},
		{"Add", 14, nil, []*value.Value{image, noise(3, 1, 64, 1, 1)}},
		{"Add", 14, nil, []*value.Value{matrix, noise(3, 1536)}},
		{"Mul", 14, nil, []*value.Value{matrix, noise(3, 1536)}},
		{"Mul", 14, nil, []*value.Value{matrix, noise(3, 512, 1)}},
		{"Mul", 14, nil, []*value.Value{matrix, matrix}},
		{"Div", 14, nil, []*value.Value{matrix, noise(3, 512, 1)}},
		{"Pow", 14, nil, []*value.Value{matrix, array[float32](nil, 2)}},
		{"Where", 16, nil, []*value.Value{truths(512, 1536), matrix, array[float32](nil, 2)}},
		{"Relu", 14, nil, []*value.Value{image}},
		{"Clip", 6, attributes("min", 0.0, "max", 6.0), []*value.Value{image}},
		{"HardSwish", 14, nil, []*value.Value{image}},
		{"LeakyRelu", 16, nil, []*value.Value{image}},
		{"Sigmoid", 13, nil, []*value.Value{image}},
		{"Gelu", 20, nil, []*value.Value{matrix}},
		{"Gelu", 20, attributes("approximate", "tanh"), []*value.Value{matrix}},
		{"Erf", 13, nil, []*value.Value{matrix}},
		{"Mish", 18, nil, []*value.Value{image}},
		{"Softmax", 13, nil, []*value.Value{heads}},
		{"Softmax", 13, attributes("axis", 1), []*value.Value{heads}},
		{"ReduceMean", 18, nil, []*value.Value{matrix, value.Ints(1)}},
		{"ReduceMax", 18, nil, []*value.Value{matrix, value.Ints(1)}},
		{"Transpose", 13, attributes("perm", []int{0, 2, 1}), []*value.Value{heads}},
		{"Concat", 13, attributes("axis", 1), []*value.Value{image, image}},
		{"Slice", 13, nil, []*value.Value{image, value.Ints(1), value.Ints(55), value.Ints(3)}},
		{"Gather", 13, nil, []*value.Value{noise(5, 5000, 384), value.Ints(indices(512, 5000)...)}},
		{"Pad", 13, attributes("mode", "reflect"), []*value.Value{image, value.Ints(0, 0, 1, 1, 0, 0, 1, 1)}},
	} {
		b.Run(fmt.Sprint(c.name, c.attrs, shapesOf(c.in)), func(b *testing.B) {
			n := node(c.name, c.version, c.attrs)
			k, err := n.kernel(c.in...)
			if err != nil {
				b.Fatal(err)
			}
			call := &Call{In: c.in, Out: make([]*value.Value, 1), Place: &keep{}}
			if err := k.Run(call); err != nil {
				b.Fatal(err)
			}
			up, err := value.New(call.Out[0].Kind, call.Out[0].Shape...)
			if err != nil {
				b.Fatal(err)
			}
			s := newTestStore(c.in, false)
			for i, v := range c.in {
				if len(v.Shape) == 0 {
					s.grads[i] = nil // numbers are no weights
				}
			}
			back := &Back{In: c.in, Out: call.Out, Up: []*value.Value{up}, Store: s}
			forth, least := time.Hour, time.Hour
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if err := k.Run(call); err != nil {
					b.Fatal(err)
				}
				mid := time.Now()
				clear(s.seen)
				if err := k.(Differentiable).Back(back); err != nil {
					b.Fatal(err)
				}
				forth, least = min(forth, mid.Sub(start)), min(least, time.Since(mid))
			}
			b.ReportMetric(float64(forth.Microseconds()), "forth-µs")
			b.ReportMetric(float64(least.Microseconds()), "back-µs")
		})
	}
}

// indices gives n numbers below limit.
func indices(n, limit int) []int64 {
	x := make([]int64, n)
	for i := range x {
		x[i] = int64(i * 7919 % limit)
	}
	return x
}

func shapesOf(in []*value.Value) (s [][]int) {
	for _, v := range in {
		s = append(s, v.Shape)
	}
	return s
}
