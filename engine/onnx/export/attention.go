package export

import (
	"math"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/format"
)

// attention adds attention of x to itself.
func (g *Graph) attention(m *nn.MultiheadAttention, x Value) Value {
	g.takes(x, 3, m)
	width := m.Weight.Value.Dim(1)
	if !m.BatchFirst {
		x = g.Transpose(x, 1, 0, 2)
	}
	all := g.linear(x, g.Param(m.Weight), g.Param(m.Bias)) // [B, T, 3·width]
	heads := func(i int, order ...int) Value {
		part := g.Slice(all, 2, i*width, (i+1)*width)
		return g.Transpose(g.Reshape(part, 0, 0, m.Heads, width/m.Heads), order...)
	}
	q, k, v := heads(0, 0, 2, 1, 3), heads(1, 0, 2, 3, 1), heads(2, 0, 2, 1, 3)
	scores := g.Binary("Mul", g.Binary("MatMul", q, k), g.Float(1/math.Sqrt(float64(width/m.Heads)))) // [B, heads, T, T]
	if m.Causal {
		scores = g.causal(scores)
	}
	y := g.Binary("MatMul", g.Unary("Softmax", scores, Int("axis", -1)), v)
	y = g.Reshape(g.Transpose(y, 0, 2, 1, 3), 0, 0, width)
	if !m.BatchFirst {
		y = g.Transpose(y, 1, 0, 2)
	}
	return g.Module(m.Output, y)
}

// causal adds −Inf to the scores [B, heads, T, T] of keys behind their query.
func (g *Graph) causal(scores Value) Value {
	sizes := g.Slice(g.Shape(scores), 0, 2, toEnd)
	behind := g.Add("Trilu", 2, []Value{g.Add("Expand", 2, []Value{g.Float(1), sizes}), g.scalar(1)}, Int("upper", 1))
	hidden := g.Add("Where", 2, []Value{g.Cast(behind, format.Bool), g.Float(math.Inf(-1)), g.Float(0)}).As(format.Float)
	return g.Binary("Add", scores, hidden)
}

// encoderLayer adds an encoder layer of a transformer.
func (g *Graph) encoderLayer(m *nn.TransformerEncoderLayer, x Value) Value {
	feed := func(x Value) Value {
		y := g.Module(m.Inner, x)
		if m.GELU {
			y = g.gelu(y)
		}
		return g.Module(m.Outer, y)
	}
	if m.NormFirst {
		x = g.Binary("Add", x, g.attention(m.Attention, g.layerNorm(m.Norm1, x)))
		return g.Binary("Add", x, feed(g.layerNorm(m.Norm2, x)))
	}
	x = g.layerNorm(m.Norm1, g.Binary("Add", x, g.attention(m.Attention, x)))
	return g.layerNorm(m.Norm2, g.Binary("Add", x, feed(x)))
}
