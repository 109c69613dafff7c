package export

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
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
	case *nn.BatchNorm:
		return g.Add("BatchNormalization", x.rank, []Value{x, g.Param(m.Weight), g.Param(m.Bias), g.Param(m.RunningMean), g.Param(m.RunningVar)}, Float("epsilon", m.Eps))
	case *nn.LayerNorm:
		return g.Add("LayerNormalization", x.rank, []Value{x, g.Param(m.Weight), g.Param(m.Bias)}, Int("axis", -1), Float("epsilon", m.Eps))
	case *nn.GroupNorm:
		return g.groupNorm(m, x)
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
	case nn.Tanh:
		return g.Unary("Tanh", x)
	case nn.Sigmoid:
		return g.Unary("Sigmoid", x)
	case nn.Softplus:
		return g.Unary("Softplus", x)
	case nn.SiLU:
		return g.Binary("Mul", x, g.Unary("Sigmoid", x))
	case nn.GELU: // x·Φ(x) = x/2·(1 + erf(x/√2))
		cdf := g.Binary("Add", g.Unary("Erf", g.Binary("Div", x, g.Float(math.Sqrt2))), g.Float(1))
		return g.Binary("Mul", g.Binary("Mul", x, cdf), g.Float(0.5))
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
		y, act = g.Add("Conv", 3, []Value{x, w, g.Param(l.Bias)}, Ints("kernel_shape", l.Weight.Value.Dim(2)),
			Ints("strides", cmp.Or(o.Stride, 1)), Ints("dilations", cmp.Or(o.Dilation, 1)), Ints("pads", o.PadLeft, o.PadRight)), l.Activation
	case *nn.Conv2D:
		o := l.Options
		g.takes(x, 4, l)
		y, act = g.Add("Conv", 4, []Value{x, w, g.Param(l.Bias)}, Ints("kernel_shape", l.Weight.Value.Dim(2), l.Weight.Value.Dim(3)),
			Ints("strides", cmp.Or(o.StrideH, 1), cmp.Or(o.StrideW, 1)), Ints("dilations", cmp.Or(o.DilationH, 1), cmp.Or(o.DilationW, 1)),
			Ints("pads", o.PadH, o.PadW, o.PadH, o.PadW)), l.Activation
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

// groupNorm adds a group norm: an instance norm of the groups, then each channel's weight and bias. ONNX's own GroupNormalization has a weight
// for each channel only from opset 21 on.
func (g *Graph) groupNorm(m *nn.GroupNorm, x Value) Value {
	one, zero := tensor.New(tensor.Float32, m.Groups), tensor.New(tensor.Float32, m.Groups)
	one.Fill(1)
	shape := g.Add("Shape", 1, []Value{x})
	y := g.Reshape(x, 0, m.Groups, -1)
	y = g.Add("InstanceNormalization", 3, []Value{y, g.Tensor(m.Weight.Name+".groups", one), g.Tensor(m.Bias.Name+".groups", zero)}, Float("epsilon", m.Eps))
	y = g.Add("Reshape", x.rank, []Value{y, shape})
	return g.Binary("Add", g.Binary("Mul", y, g.channels(m.Weight, x.rank)), g.channels(m.Bias, x.rank))
}

// channels adds a vector of a number for each channel, as it is repeated over values of a rank.
func (g *Graph) channels(p *autodiff.Param, rank int) Value {
	v := g.Param(p)
	if rank == 2 {
		return v
	}
	var axes []int
	for i := 1; i < rank-1; i++ {
		axes = append(axes, i)
	}
	return g.Unsqueeze(v, axes...)
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
