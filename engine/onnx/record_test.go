package onnx

import (
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
)

// inner is a graph inside a node, of nodes as parse reads them.
func inner(t *testing.T, inputs, outputs []string, nodes ...string) *format.Graph {
	t.Helper()
	g := &format.Graph{Name: "inner"}
	for _, line := range nodes {
		g.Nodes = append(g.Nodes, parse(t, line))
	}
	for _, name := range inputs {
		g.Inputs = append(g.Inputs, &format.ValueInfo{Name: name})
	}
	for _, name := range outputs {
		g.Outputs = append(g.Outputs, &format.ValueInfo{Name: name})
	}
	return g
}

// with gives the node that computes a value a graph as an attribute.
func with(m *format.Model, output, name string, g *format.Graph) {
	for _, n := range m.Graph.Nodes {
		if n.Outputs[0] == output {
			n.Attributes = append(n.Attributes, &format.Attribute{Name: name, Type: format.AttrGraph, Graph: g})
		}
	}
}

// TestBackThroughControl compares derivatives through graphs inside nodes with differences.
func TestBackThroughControl(t *testing.T) {
	w, _ := value.Of([]float32{0.5, -1.5, 0.25}, 3)
	constants := map[string]*value.Value{"w": w, "three": value.Ints(3), "zero": value.Ints(0)}
	branch := model(t, 17, 8, constants, "y", "s = ReduceSum(x; keepdims=0)", "c = Greater(s, n)", "y = If(c)", "n = Mul(s, two)")
	branch.Graph.Initializers = append(branch.Graph.Initializers, number(t, "two", 2))
	branch.Graph.Inputs = branch.Graph.Inputs[:1]
	with(branch, "y", "then_branch", inner(t, nil, []string{"a"}, "b = Mul(x, w)", "a = Add(b, x)"))
	with(branch, "y", "else_branch", inner(t, nil, []string{"a"}, "b = Mul(w, w)", "a = Mul(b, x)"))

	loop := model(t, 17, 8, constants, "y", "m, all = Loop(three, , x)", "r = ReduceSum(all; keepdims=0)", "y = Mul(m, r)")
	with(loop, "m", "body", inner(t, []string{"i", "on", "h"}, []string{"go", "next", "seen"},
		"go = Identity(on)", "a = Mul(h, w)", "next = Add(a, x)", "seen = Tanh(next)"))

	scan := model(t, 17, 8, constants, "y", "last, all = Scan(w, x; num_scan_inputs=1)", "r = ReduceSum(all; keepdims=0)", "y = Mul(last, r)")
	with(scan, "last", "body", inner(t, []string{"h", "v"}, []string{"next", "seen"}, "a = Mul(h, v)", "next = Add(a, v)", "seen = Tanh(next)"))
	for name, f := range map[string]*format.Model{"If": branch, "Loop": loop, "Scan": scan} {
		t.Run(name, func(t *testing.T) {
			m, err := load(t, f).Module(nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, sign := range []float64{1, -1} {
				x := tensor.New(tensor.Float64, 3)
				for i, v := range []float64{0.3, 0.7, -0.2} {
					x.Float64s()[i] = sign * v
				}
				differs(t, m, x)
			}
		})
	}
}

func number(t *testing.T, name string, x float32) *format.Tensor {
	t.Helper()
	v, err := value.Of([]float32{x})
	if err != nil {
		t.Fatal(err)
	}
	return v.Tensor(name)
}

// differs compares the derivatives of the sum of squares of a module's output, by its input and its parameters, with differences.
func differs(t *testing.T, m *Module, x *tensor.Tensor) {
	t.Helper()
	tape := autodiff.NewTape(tensor.Float64)
	for _, p := range m.Params() {
		p.Value, p.Grad = p.Value.Convert(tensor.Float64), nil
	}
	loss := func() (*autodiff.Var, *autodiff.Var) {
		tape.Reset()
		in := tape.Input(x)
		return in, autodiff.Sum(autodiff.Square(m.Forward(in)))
	}
	in, y := loss()
	tape.Backward(y)
	tensors, grads := []*tensor.Tensor{x}, [][]float64{append([]float64{}, in.Grad().Float64s()...)}
	for _, p := range m.Params() {
		tensors, grads = append(tensors, p.Value), append(grads, append([]float64{}, p.Grad.Float64s()...))
	}
	const h = 1e-5
	for i, v := range tensors {
		for j := range v.Float64s() {
			at := v.Float64s()[j]
			v.Float64s()[j] = at + h
			_, above := loss()
			up := above.Value.Float64s()[0]
			v.Float64s()[j] = at - h
			_, below := loss()
			slope := (up - below.Value.Float64s()[0]) / (2 * h)
			v.Float64s()[j] = at
			if g := grads[i][j]; math.Abs(g-slope) > 1e-6*(1+math.Abs(slope)) {
				t.Fatalf("tensor %d, element %d: derivative %.9g, by differences %.9g", i, j, g, slope)
			}
		}
	}
}
