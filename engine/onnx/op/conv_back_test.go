package op

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// gaussian is a float64 tensor of random numbers, fixed by its shape.
func gaussian(shape ...int) *value.Value {
	seed := uint64(len(shape))
	for _, d := range shape {
		seed = seed*31 + uint64(d)
	}
	return randomTensor(rand.New(rand.NewPCG(seed, 3)), format.Double, shape...)
}

// distinct is a tensor of numbers no two of which are close, in random order.
func distinct(shape ...int) *value.Value {
	v := gaussian(shape...)
	for i, j := range rand.New(rand.NewPCG(uint64(v.Len()), 4)).Perm(v.Len()) {
		set(v, i, float64(j)*0.07-1)
	}
	return v
}

// positives is a tensor of numbers from 0.5 to about 3.
func positives(shape ...int) *value.Value {
	v := gaussian(shape...)
	for i := range v.Len() {
		set(v, i, 0.5+math.Abs(element(v, i)))
	}
	return v
}

var convSlopes = []slope{
	{testNode{op: "Conv", version: 11, attributes: map[string]any{"pads": []int{1, 0, 0, 1}, "strides": []int{2, 1}}}, []*value.Value{gaussian(2, 3, 5, 4), gaussian(4, 3, 3, 2), gaussian(4)}},
	{testNode{op: "Conv", version: 11, attributes: map[string]any{"group": 2, "dilations": []int{2, 1}}}, []*value.Value{gaussian(2, 4, 5, 3), gaussian(6, 2, 2, 2), gaussian(6)}},
	{testNode{op: "Conv", version: 11, attributes: map[string]any{"group": 3, "auto_pad": "SAME_LOWER", "strides": []int{2}}}, []*value.Value{gaussian(2, 3, 6), gaussian(6, 1, 3)}},
	{testNode{op: "Conv", version: 11, attributes: map[string]any{"pads": []int{1, 0, 1, 0, 1, 1}, "strides": []int{2, 1, 1}}}, []*value.Value{gaussian(2, 2, 4, 3, 3), gaussian(2, 2, 2, 2, 2), gaussian(2)}},
	{testNode{op: "Conv", version: 11, attributes: map[string]any{"group": 2, "dilations": []int{2, 1, 1}}}, []*value.Value{gaussian(1, 4, 4, 2, 3), gaussian(2, 2, 2, 1, 2)}},
	{testNode{op: "Conv", version: 11, attributes: map[string]any{"pads": []int{90, 90, 90, 90}, "strides": []int{90, 90}}}, []*value.Value{gaussian(1, 2, 3, 3), gaussian(2, 2, 2, 2)}},
	{testNode{op: "ConvTranspose", version: 11, attributes: map[string]any{"strides": []int{2, 2}, "output_padding": []int{1, 0}, "pads": []int{1, 0, 0, 1}}}, []*value.Value{gaussian(2, 3, 3, 2), gaussian(3, 2, 3, 2), gaussian(2)}},
	{testNode{op: "ConvTranspose", version: 11, attributes: map[string]any{"group": 2, "dilations": []int{2}, "output_padding": []int{2}}}, []*value.Value{gaussian(1, 4, 3), gaussian(4, 1, 2)}},
	{testNode{op: "ConvTranspose", version: 11, attributes: map[string]any{"strides": []int{2, 1, 1}}}, []*value.Value{gaussian(2, 2, 2, 2, 2), gaussian(2, 2, 2, 2, 1), gaussian(2)}},
}

// TestFusedConvBack compares the gradients with those of the convolution alone, of the output's gradient times the derivative of the activation.
func TestFusedConvBack(t *testing.T) {
	x, w, bias, z := converted(gaussian(2, 3, 4, 4), format.Float), converted(gaussian(2, 3, 3, 3), format.Float), converted(gaussian(2), format.Float), converted(gaussian(2, 2, 2, 2), format.Float)
	for _, c := range []struct {
		name   string
		params []float32
		slope  func(x float64) float64
	}{
		{"", nil, func(float64) float64 { return 1 }},
		{"Relu", nil, func(x float64) float64 { return step(x > 0) }},
		{"Tanh", nil, func(x float64) float64 { return 1 - math.Tanh(x)*math.Tanh(x) }},
		{"Sigmoid", nil, func(x float64) float64 { e := 1 / (1 + math.Exp(-x)); return e * (1 - e) }},
		{"LeakyRelu", []float32{0.25}, func(x float64) float64 { return 0.25 + 0.75*step(x > 0) }},
		{"Clip", []float32{-1, 2}, func(x float64) float64 { return step(x > -1 && x < 2) }},
		{"HardSigmoid", []float32{0.5, 0.25}, func(x float64) float64 { return 0.5 * step(x > -0.5 && x < 1.5) }},
	} {
		run := func(activation string, params []float32, up *value.Value) (*value.Value, *testStore) {
			n := testNode{domain: Microsoft, op: "FusedConv", version: 1, attributes: map[string]any{"activation": activation}}
			if params != nil {
				n.attributes["activation_params"] = params
			}
			in := []*value.Value{x, w, bias, z}
			k, err := n.kernel(in...)
			if err != nil {
				t.Fatal(err)
			}
			out, err := runKernel(k, 1, in...)
			if err != nil {
				t.Fatal(err)
			}
			s := newTestStore(in, false)
			if err := k.(Differentiable).Back(&Back{In: in, Out: out, Up: []*value.Value{up}, Store: s}); err != nil {
				t.Fatal(err)
			}
			return out[0], s
		}
		up := converted(gaussian(2, 2, 2, 2), format.Float)
		before, _ := run("", nil, up)
		through := up.Clone()
		for i := range up.Len() {
			set(through, i, element(up, i)*c.slope(element(before, i)))
		}
		_, must := run("", nil, through)
		_, have := run(c.name, c.params, up)
		for i, g := range have.grads {
			nearValue(t, c.name, g, must.grads[i].Shape, randomNumbers(must.grads[i]), 1e-5)
		}
	}
}

func step(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// TestConvBackWorkers: gradients have the same bits whatever the number of workers.
func TestConvBackWorkers(t *testing.T) {
	defer simd.SetThreads(0)
	for _, s := range convSlopes {
		in := make([]*value.Value, len(s.in))
		for i, v := range s.in {
			in[i] = converted(v, format.Float)
		}
		simd.SetThreads(1)
		one := s.node.gradients(t, in, false)
		simd.SetThreads(3)
		for i, g := range s.node.gradients(t, in, false) {
			nearValue(t, s.node.op, g, g.Shape, randomNumbers(one[i]), 0)
		}
	}
}
