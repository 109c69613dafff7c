package export

import (
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
)

// A layer of a recurrent network of package nn is [B, T, in] → [B, T, directions·H]; ONNX's operator takes [T, B, in] and gives
// [T, directions, B, H].

// recurrentLayer is what RNN, GRU and LSTM have.
type recurrentLayer interface {
	nn.Module
	Bidirectional() bool
	Biased() bool
}

func (g *Graph) elman(m *nn.RNN, x Value) Value {
	activation := "Tanh"
	if m.ReLU {
		activation = "Relu"
	}
	each := &format.Attribute{Name: "activations", Type: format.AttrStrings, Strings: [][]byte{[]byte(activation)}}
	if m.Bidirectional() {
		each.Strings = append(each.Strings, []byte(activation))
	}
	return g.recurrent("RNN", m, x, []int{0}, each)
}

func (g *Graph) gru(m *nn.GRU, x Value) Value { // r, z, n → z, r, h
	return g.recurrent("GRU", m, x, []int{1, 0, 2}, Int("linear_before_reset", 1))
}

func (g *Graph) lstm(m *nn.LSTM, x Value) Value { // i, f, g, o → i, o, f, c
	return g.recurrent("LSTM", m, x, []int{0, 3, 1, 2})
}

// recurrent adds the layers of a recurrent network. order says which of PyTorch's gates each of ONNX's is.
func (g *Graph) recurrent(op string, m recurrentLayer, x Value, order []int, attributes ...*format.Attribute) Value {
	g.takes(x, 3, m)
	directions, direction := 1, "forward"
	if m.Bidirectional() {
		directions, direction = 2, "bidirectional"
	}
	each := 2 // parameters of a direction
	if m.Biased() {
		each = 4
	}
	for layer := range slices.Chunk(m.Params(), each*directions) {
		hidden := layer[1].Value.Dim(1)
		in := []Value{
			g.Transpose(x, 1, 0, 2),
			g.gates(layer, each, order, "weight_ih", "W", 0), g.gates(layer, each, order, "weight_hh", "R", 1),
		}
		if m.Biased() {
			in = append(in, g.gates(layer, each, order, "bias_ih", "B", 2, 3))
		}
		all := append([]*format.Attribute{Int("hidden_size", hidden), Text("direction", direction)}, attributes...)
		y := g.Transpose(g.Add(op, 4, in, all...), 2, 0, 1, 3) // [B, T, directions, H]
		x = g.Reshape(y, 0, 0, directions*hidden)
	}
	return x
}

// gates adds one of the operator's weights: the parameters at some places of each direction, which has each of them, one behind the other, with the gates in ONNX's order.
// Its name is that of the first, renamed.
func (g *Graph) gates(layer []*autodiff.Param, each int, order []int, old, name string, places ...int) Value {
	var values []float32
	rows, width := 0, 1
	for direction := range slices.Chunk(layer, each) {
		rows = 0
		for _, place := range places {
			p := direction[place].Value
			x, part := p.Convert(tensor.Float32).Float32s(), p.Len()/len(order)
			for _, gate := range order {
				values = append(values, x[gate*part:(gate+1)*part]...)
			}
			rows += p.Dim(0)
			width = p.Len() / p.Dim(0)
		}
	}
	shape := []int{len(layer) / each, rows}
	if len(places) == 1 { // weights, not biases
		shape = append(shape, width)
	}
	t, err := tensor.FromFloat32(values, shape...)
	if err != nil {
		g.Fail(err)
		return Value{}
	}
	return g.Tensor(strings.Replace(layer[places[0]].Name, old, name, 1), t)
}
