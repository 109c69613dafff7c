package export

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/format"
)

// An Exporter is a module outside package nn that adds its own nodes.
type Exporter interface {
	nn.Module
	// Export adds the nodes of Forward to the graph.
	Export(g *Graph, x Value) Value
}

// Module adds the nodes of a module: a layer of package nn, or an Exporter.
//
// Errors: a layer of another type; an input with another number of dimensions than the layer takes.
func (g *Graph) Module(m nn.Module, x Value) Value {
	switch m := m.(type) {
	case Exporter:
		return m.Export(g, x)
	case *nn.Sequential:
		return g.chain(m.Layers(), x)
	case *nn.TCN:
		for _, b := range m.Blocks() {
			x = g.temporalBlock(b, x)
		}
		return x
	case *nn.TemporalBlock:
		return g.temporalBlock(m, x)
	case *nn.Linear:
		return g.weighted(m, g.Param(m.Weight), x)
	case *nn.Conv1D:
		return g.weighted(m, g.Param(m.Weight), x)
	case *nn.Conv2D:
		return g.weighted(m, g.Param(m.Weight), x)
	case *nn.SpectralNorm:
		return g.weighted(m.Layer(), g.Tensor(strings.TrimSuffix(m.Params()[0].Name, "_orig"), m.Weight()), x)
	case *nn.Embedding:
		return g.Gather(g.Param(m.Weight), g.whole(x), 0)
	case *nn.RNN:
		return g.elman(m, x)
	case *nn.GRU:
		return g.gru(m, x)
	case *nn.LSTM:
		return g.lstm(m, x)
	case *nn.ConvTranspose1D:
		return g.convTranspose1D(m, x)
	case *nn.ConvTranspose2D:
		return g.convTranspose2D(m, x)
	case *nn.BatchNorm:
		return g.batchNorm(m, x)
	case *nn.LayerNorm:
		return g.layerNorm(m, x)
	case *nn.GroupNorm:
		return g.groupNorm(m, x)
	case *nn.InstanceNorm:
		return g.instanceNorm(m, x)
	case *nn.MultiheadAttention:
		return g.attention(m, x)
	case *nn.TransformerEncoderLayer:
		return g.encoderLayer(m, x)
	case *nn.TransformerEncoder:
		for _, l := range m.Layers() {
			x = g.encoderLayer(l, x)
		}
		if n := m.Norm(); n != nil {
			x = g.layerNorm(n, x)
		}
		return x
	case *nn.Dropout:
		return x
	}
	return g.plain(m, x)
}

// plain adds the nodes of a layer without parameters.
func (g *Graph) plain(m nn.Module, x Value) Value {
	switch m := m.(type) {
	case nn.ReLU:
		return g.Unary("Relu", x)
	case nn.LeakyReLU:
		return g.Unary("LeakyRelu", x, Float("alpha", m.Slope))
	case nn.ELU:
		return g.Unary("Elu", x, Float("alpha", m.Alpha))
	case nn.HardSigmoid:
		return g.Unary("HardSigmoid", x, Float("alpha", 1.0/6))
	case nn.HardSwish:
		return g.Unary("HardSwish", x)
	case nn.Tanh:
		return g.Unary("Tanh", x)
	case nn.Sigmoid:
		return g.Unary("Sigmoid", x)
	case nn.Softplus:
		return g.Unary("Softplus", x)
	case nn.SiLU:
		return g.Binary("Mul", x, g.Unary("Sigmoid", x))
	case nn.GELU:
		return g.gelu(x)
	case nn.MaxPool2D:
		return g.pool("MaxPool", x, m.Kernel, m.Stride, m.Pad)
	case nn.AvgPool2D:
		return g.pool("AveragePool", x, m.Kernel, m.Stride, m.Pad, Int("count_include_pad", 1))
	case nn.GlobalAvgPool2D:
		g.takes(x, 4, m)
		return g.flatten(g.Unary("GlobalAveragePool", x))
	case nn.Flatten:
		return g.flatten(x)
	case nn.Unflatten:
		return g.Reshape(x, append([]int{0}, m.Sizes...)...)
	}
	g.Fail(fmt.Errorf("a layer of type %T has no form in ONNX; it must be one of package nn, or have a method Export", m))
	return Value{}
}

// chain adds layers one after another.
func (g *Graph) chain(layers []nn.Module, x Value) Value {
	for _, l := range layers {
		x = g.Module(l, x)
	}
	return x
}

// takes refuses an input with another number of dimensions than a layer takes.
func (g *Graph) takes(x Value, rank int, m nn.Module) {
	if g.err == nil && x.rank != rank {
		g.Fail(fmt.Errorf("a layer of type %T takes inputs of %d dimensions, not %d", m, rank, x.rank))
	}
}

func (g *Graph) flatten(x Value) Value { return g.Add("Flatten", 2, []Value{x}, Int("axis", 1)) }

// whole makes x whole numbers, as rows of a table.
func (g *Graph) whole(x Value) Value {
	if x.kind == format.Float {
		return g.Cast(x, format.Int64)
	}
	return x
}

// weighted adds a layer with the weight w, which need not be its own, and its activation.
func (g *Graph) weighted(l nn.Weighted, w, x Value) (y Value) {
	var act autodiff.Activation
	switch l := l.(type) {
	case *nn.Linear:
		y, act = g.linear(x, w, g.Param(l.Bias)), l.Activation
	case *nn.Conv1D:
		o := l.Options
		g.takes(x, 3, l)
		x, pads := g.padded(x, l.PadMode, o.PadLeft, o.PadRight)
		y, act = g.Add("Conv", 3, []Value{x, w, g.Param(l.Bias)}, grouped(o.Groups, Ints("kernel_shape", l.Weight.Value.Dim(2)),
			Ints("strides", cmp.Or(o.Stride, 1)), Ints("dilations", cmp.Or(o.Dilation, 1)), Ints("pads", pads...))...), l.Activation
	case *nn.Conv2D:
		o := l.Options
		g.takes(x, 4, l)
		x, pads := g.padded(x, l.PadMode, o.PadH+o.PadTop, o.PadW+o.PadLeft, o.PadH+o.PadBottom, o.PadW+o.PadRight)
		y, act = g.Add("Conv", 4, []Value{x, w, g.Param(l.Bias)}, grouped(o.Groups, Ints("kernel_shape", l.Weight.Value.Dim(2), l.Weight.Value.Dim(3)),
			Ints("strides", cmp.Or(o.StrideH, 1), cmp.Or(o.StrideW, 1)), Ints("dilations", cmp.Or(o.DilationH, 1), cmp.Or(o.DilationW, 1)),
			Ints("pads", pads...))...), l.Activation
	default:
		g.Fail(fmt.Errorf("a layer of type %T has no form in ONNX", l))
	}
	switch act {
	case autodiff.Identity:
		return y
	case autodiff.Rectify:
		return g.Unary("Relu", y)
	}
	g.Fail(fmt.Errorf("a layer of type %T has the activation %d, which has no form in ONNX", l, act))
	return Value{}
}

// grouped adds the number of groups to a convolution's attributes where there are several.
func grouped(groups int, attributes ...*format.Attribute) []*format.Attribute {
	if groups > 1 {
		attributes = append(attributes, Int("group", groups))
	}
	return attributes
}

// gelu adds x·Φ(x) = x/2·(1 + erf(x/√2)).
func (g *Graph) gelu(x Value) Value {
	cdf := g.Binary("Add", g.Unary("Erf", g.Binary("Div", x, g.Float(math.Sqrt2))), g.Float(1))
	return g.Binary("Mul", g.Binary("Mul", x, cdf), g.Float(0.5))
}

// linear adds x·Wᵀ + b along the last axis.
func (g *Graph) linear(x, w, b Value) Value {
	if x.rank == 2 {
		return g.Add("Gemm", 2, []Value{x, w, b}, Int("transB", 1))
	}
	y := g.Binary("MatMul", x, g.Transpose(w, 1, 0))
	if b.name == "" {
		return y
	}
	return g.Binary("Add", y, b)
}

// pool adds a pooling of square windows.
func (g *Graph) pool(op string, x Value, kernel, stride, pad int, attributes ...*format.Attribute) Value {
	if g.err == nil && x.rank != 4 {
		g.Fail(fmt.Errorf("a pooling takes inputs of 4 dimensions, not %d", x.rank))
	}
	stride = cmp.Or(stride, kernel)
	return g.Unary(op, x, append(attributes, Ints("kernel_shape", kernel, kernel), Ints("strides", stride, stride), Ints("pads", pad, pad, pad, pad))...)
}

// temporalBlock adds a block of a temporal convolutional network.
func (g *Graph) temporalBlock(b *nn.TemporalBlock, x Value) Value {
	first, second, downsample := b.Convolutions()
	y := g.Module(second, g.Module(first, x))
	if downsample != nil {
		x = g.Module(downsample, x)
	}
	return g.Unary("Relu", g.Binary("Add", y, x))
}
