package op

import (
	"fmt"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// link is a node of a chain: input is the one that the node before it computes, the others are numbers.
type link struct {
	name  string
	attrs map[string]any
	input int
	in    []*value.Value
}

// varies is an input that is there, and is no number that never changes.
var varies = new(value.Value)

// node makes the node as a model does.
func (l link) node(t *testing.T) *Node {
	t.Helper()
	o, err := Lookup("", l.name, 24)
	if err != nil {
		t.Fatal(err)
	}
	f := &format.Node{Name: "test", Op: l.name, Outputs: []string{"y"}}
	for i, v := range l.in {
		name := fmt.Sprint("in", i)
		if v == nil && i != l.input {
			name = ""
		}
		f.Inputs = append(f.Inputs, name)
	}
	for name, v := range l.attrs {
		f.Attributes = append(f.Attributes, testAttribute(name, v))
	}
	n, err := NewNode(f, o, 24)
	if err != nil {
		t.Fatal(err)
	}
	n.Constant = func(i int) *value.Value {
		if l.in[i] == varies {
			return nil
		}
		return l.in[i]
	}
	return n
}

// fused makes one kernel of a first node and what follows; nil where it cannot be.
func fused(t *testing.T, first link, rest ...link) Kernel {
	t.Helper()
	k, err := first.node(t).Kernel()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range rest {
		f, ok := k.(Fuser)
		if !ok {
			return nil
		}
		if k, err = f.Fuse(l.node(t), l.input); err != nil {
			t.Fatal(err)
		}
		if k == nil {
			return nil
		}
	}
	return k
}

func TestChainsGiveTheSameBits(t *testing.T) {
	number := func(x float32) *value.Value { return array(nil, x) }
	free := []*value.Value{nil}
	add := link{name: "Add", in: []*value.Value{nil, varies}}
	first := map[string]link{"pair": add, "one": {name: "HardSwish", in: free}}
	chains := [][]link{
		{{name: "Relu", in: free}},
		{{name: "Mul", in: []*value.Value{nil, number(1.5)}}, {name: "Add", in: []*value.Value{number(-0.3), nil}, input: 1}},
		{{name: "Sub", in: []*value.Value{number(1), nil}, input: 1}, {name: "Div", in: []*value.Value{nil, number(3)}}, {name: "Div", in: []*value.Value{number(2), nil}, input: 1}},
		{{name: "Clip", in: []*value.Value{nil, number(-0.5), number(1)}}, {name: "Gelu", in: free}, {name: "Elu", attrs: attributes("alpha", 0.7), in: free}},
		{{name: "Clip", in: []*value.Value{nil, nil, number(0.25)}}, {name: "Sigmoid", in: free}, {name: "Neg", in: free}, {name: "HardSigmoid", in: free}},
		{{name: "Mul", in: []*value.Value{nil, array([]int{1, 1, 1}, float32(2))}}},
	}
	for what, f := range first {
		for i, rest := range chains {
			k := fused(t, f, rest...)
			if k == nil {
				t.Errorf("%s and chain %d are not fused", what, i)
				continue
			}
			for _, shapes := range [][2][]int{{{3, 5}, {5}}, {{2, 3*piece + 1}, {2, 1}}, {{0, 2}, {1}}, {{}, {}}} {
				in := []*value.Value{noise(1, shapes[0]...), noise(2, shapes[1]...)}[:len(f.in)]
				want := run(t, f.name, 24, nil, in...)
				for _, l := range rest {
					operands := append([]*value.Value(nil), l.in...)
					operands[l.input] = want
					want = run(t, l.name, 24, l.attrs, operands...)
				}
				got, err := runKernel(k, 1, append(in, make([]*value.Value, len(rest))...)...)
				if err != nil {
					t.Fatal(err)
				}
				same(t, got[0], want, 0)
			}
		}
	}
}

// TestChainsOfOtherKinds: results are rounded to float16 after each node, and numbers of another type are refused.
func TestChainsOfOtherKinds(t *testing.T) {
	add := link{name: "Add", in: []*value.Value{nil, varies}}
	k := fused(t, add, link{name: "Exp", in: []*value.Value{nil}}, link{name: "Sigmoid", in: []*value.Value{nil}})
	for _, kind := range []format.DataType{format.Double, format.Float16} {
		x := run(t, "Cast", 13, attributes("to", kind), noise(1, 50))
		want := run(t, "Sigmoid", 24, nil, run(t, "Exp", 24, nil, run(t, "Add", 24, nil, x, x)))
		got, err := runKernel(k, 1, x, x)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got[0], want, 0)
	}
	k = fused(t, add, link{name: "Mul", in: []*value.Value{nil, array(nil, float32(2))}})
	for in, text := range map[*value.Value]string{row(1.0): "must be of one type", row(true): "is not for tensors of bool"} {
		if _, err := runKernel(k, 1, in, in, nil); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error is %v, must hold %q", err, text)
		}
	}
	if _, err := runKernel(k, 1, row[float32](1), row(1.0), nil); err == nil {
		t.Error("operands of two types are added")
	}
}

func TestWhatDoesNotFuse(t *testing.T) {
	free := []*value.Value{nil}
	add := link{name: "Add", in: []*value.Value{nil, varies}}
	for _, l := range []link{
		{name: "Mish", in: free}, // reads its input twice
		{name: "IsNaN", in: free},
		{name: "Mul", in: []*value.Value{nil, varies}},
		{name: "Mul", in: []*value.Value{nil, row[float32](1, 2)}},
		{name: "Mul", in: []*value.Value{nil, array(nil, 2.0)}},
		{name: "Clip", in: []*value.Value{varies, nil}, input: 1},
		{name: "Clip", in: []*value.Value{nil, varies}},
		{name: "Pow", in: []*value.Value{nil, array(nil, float32(2))}},
		{name: "PRelu", in: []*value.Value{nil, array(nil, float32(2))}},
	} {
		if fused(t, add, l) != nil {
			t.Errorf("%s is fused", l.name)
		}
	}
	relu := link{name: "Relu", in: free}
	for _, f := range []link{{name: "IsNaN", in: free}, {name: "Less", in: []*value.Value{nil, varies}}, {name: "PRelu", in: []*value.Value{nil, varies}}} {
		if fused(t, f, relu) != nil {
			t.Errorf("%s fuses", f.name)
		}
	}
}
