package export

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
)

// padded adds the padding of the last axes where it is not of zeros, which a convolution pads itself: pads has that before each
// axis and then that behind each. It returns what the convolution has left to pad.
func (g *Graph) padded(x Value, mode autodiff.PadMode, pads ...int) (y Value, rest []int) {
	axes := len(pads) / 2
	switch mode {
	case autodiff.PadZeros:
		return x, pads
	case autodiff.PadReflect:
		y = g.pad(x, "reflect", pads)
	case autodiff.PadReplicate:
		y = g.pad(x, "edge", pads)
	case autodiff.PadCircular: // Pad has it from opset 19 on
		y = x
		for i := range axes {
			y = g.wrapped(y, x.rank-axes+i, pads[i], pads[axes+i])
		}
	default:
		g.Fail(fmt.Errorf("padding mode %d has no form in ONNX", mode))
	}
	return y, make([]int, len(pads))
}

// pad adds a padding of the last axes.
func (g *Graph) pad(x Value, mode string, pads []int) Value {
	axes := len(pads) / 2
	none := make([]int, max(x.rank-axes, 0))
	return g.Add("Pad", x.rank, []Value{x, g.Ints(slices.Concat(none, pads[:axes], none, pads[axes:])...)}, Text("mode", mode))
}

// wrapped adds a padding of one axis by the other end of it.
func (g *Graph) wrapped(x Value, axis, before, after int) Value {
	parts := []Value{x}
	if before > 0 {
		parts = append([]Value{g.Slice(x, axis, -before, toEnd)}, parts...)
	}
	if after > 0 {
		parts = append(parts, g.Slice(x, axis, 0, after))
	}
	if len(parts) == 1 {
		return x
	}
	return g.Concat(axis, parts...)
}

// convTranspose adds a transposed convolution. PyTorch's output padding is what ONNX's is.
func (g *Graph) convTranspose2D(m *nn.ConvTranspose2D, x Value) Value {
	g.takes(x, 4, m)
	o, w := m.Options, m.Weight.Value
	return g.Add("ConvTranspose", 4, []Value{x, g.Param(m.Weight), g.Param(m.Bias)}, grouped(o.Groups, Ints("kernel_shape", w.Dim(2), w.Dim(3)),
		Ints("strides", cmp.Or(o.StrideH, 1), cmp.Or(o.StrideW, 1)), Ints("dilations", cmp.Or(o.DilationH, 1), cmp.Or(o.DilationW, 1)),
		Ints("pads", o.PadH+o.PadTop, o.PadW+o.PadLeft, o.PadH+o.PadBottom, o.PadW+o.PadRight), Ints("output_padding", o.OutputPadH, o.OutputPadW))...)
}

func (g *Graph) convTranspose1D(m *nn.ConvTranspose1D, x Value) Value {
	g.takes(x, 3, m)
	o := m.Options
	return g.Add("ConvTranspose", 3, []Value{x, g.Param(m.Weight), g.Param(m.Bias)}, grouped(o.Groups, Ints("kernel_shape", m.Weight.Value.Dim(2)),
		Ints("strides", cmp.Or(o.Stride, 1)), Ints("dilations", cmp.Or(o.Dilation, 1)), Ints("pads", o.PadLeft, o.PadRight), Ints("output_padding", o.OutputPad))...)
}
