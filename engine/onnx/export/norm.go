package export

import (
	"fmt"
	"strconv"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// batchNorm adds a batch norm by its running values, or by the batch's where it has none.
func (g *Graph) batchNorm(m *nn.BatchNorm, x Value) Value {
	if m.RunningMean == nil {
		return g.batchNormOf(m, x)
	}
	channels := m.RunningMean.Value.Len()
	in := []Value{x, g.paramOr(m.Weight, 1, channels), g.paramOr(m.Bias, 0, channels), g.Param(m.RunningMean), g.Param(m.RunningVar)}
	return g.Add("BatchNormalization", x.rank, in, Float("epsilon", m.Eps))
}

// batchNormOf adds a batch norm by the mean and the variance of the batch.
func (g *Graph) batchNormOf(m *nn.BatchNorm, x Value) Value {
	axes := []int{0}
	for i := 2; i < x.rank; i++ {
		axes = append(axes, i)
	}
	mean := func(x Value) Value { return g.Unary("ReduceMean", x, Ints("axes", axes...)) }
	d := g.Binary("Sub", x, mean(x))
	variance := mean(g.Binary("Mul", d, d))
	y := g.Binary("Div", d, g.Unary("Sqrt", g.Binary("Add", variance, g.Float(m.Eps))))
	return g.affine(y, m.Weight, m.Bias)
}

// layerNorm adds a layer norm over the last axes.
func (g *Graph) layerNorm(m *nn.LayerNorm, x Value) Value {
	g.takesAtLeast(x, len(m.Sizes), m)
	return g.Add("LayerNormalization", x.rank, []Value{x, g.paramOr(m.Weight, 1, m.Sizes...), g.Param(m.Bias)},
		Int("axis", -len(m.Sizes)), Float("epsilon", m.Eps))
}

// groupNorm adds a group norm: an instance norm of the groups, then each channel's weight and bias. ONNX's own GroupNormalization has a weight
// for each channel only from opset 21 on.
func (g *Graph) groupNorm(m *nn.GroupNorm, x Value) Value {
	shape := g.Shape(x)
	y := g.Reshape(x, 0, m.Groups, -1)
	y = g.Add("InstanceNormalization", 3, []Value{y, g.filled(1, m.Groups), g.filled(0, m.Groups)}, Float("epsilon", m.Eps))
	return g.affine(g.Add("Reshape", x.rank, []Value{y, shape}), m.Weight, m.Bias)
}

// instanceNorm adds an instance norm.
func (g *Graph) instanceNorm(m *nn.InstanceNorm, x Value) Value {
	g.takesAtLeast(x, 3, m)
	return g.Add("InstanceNormalization", x.rank, []Value{x, g.paramOr(m.Weight, 1, m.Channels), g.paramOr(m.Bias, 0, m.Channels)}, Float("epsilon", m.Eps))
}

// takesAtLeast refuses an input with fewer dimensions than a layer takes.
func (g *Graph) takesAtLeast(x Value, rank int, m nn.Module) {
	if g.err == nil && x.rank < rank {
		g.Fail(fmt.Errorf("a layer of type %T takes inputs of %d dimensions or more, not %d", m, rank, x.rank))
	}
}

// affine adds each channel's weight and bias; nil is one that the norm has not.
func (g *Graph) affine(x Value, weight, bias *autodiff.Param) Value {
	if weight != nil {
		x = g.Binary("Mul", x, g.channels(weight, x.rank))
	}
	if bias != nil {
		x = g.Binary("Add", x, g.channels(bias, x.rank))
	}
	return x
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

// paramOr adds a parameter, or a constant filled with v where there is none.
func (g *Graph) paramOr(p *autodiff.Param, v float64, sizes ...int) Value {
	if p != nil {
		return g.Param(p)
	}
	return g.filled(v, sizes...)
}

// filled adds a constant filled with v.
func (g *Graph) filled(v float64, sizes ...int) Value {
	name := "filled_" + strconv.FormatFloat(v, 'g', -1, 64)
	for _, n := range sizes {
		name += "_" + strconv.Itoa(n)
	}
	t := tensor.New(tensor.Float32, sizes...)
	t.Fill(v)
	return g.Tensor(name, t)
}
