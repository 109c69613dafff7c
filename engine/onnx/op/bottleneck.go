package op

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// bottleneck is a depthwise convolution with a pointwise one before it, or behind it, or both, and with what follows each of them. Of float32 what is between them never comes to memory.
type bottleneck struct {
	parts  []*finishedConv // in order
	middle int             // the part that is depthwise
	inputs int             // of all nodes that are joined

	kernel gemm.Bottleneck[float32]
	shape  []int // of the input for which plane and result are
	plane  gemm.Conv2D
	result []int // nil where package gemm cannot compute it
}

// How many times as many channels the depthwise convolution must have as there are before the expansion and behind the projection. With fewer of them there is little
// between them to keep from memory, and convolutions alone have better orders of their operands.
const (
	expansion  = 3
	projection = 2
)

// followed is the convolution with the next one behind it, nil where the two are no bottleneck.
func (f *finishedConv) followed(next *Node, input int) (*bottleneck, error) {
	if f.residual > 0 || !f.conv.pointwise() && !f.conv.depthwise() {
		return nil, nil
	}
	b := &bottleneck{parts: []*finishedConv{f}, inputs: f.inputs}
	if f.conv.pointwise() {
		b.middle = 1
	}
	return b.followed(next, input)
}

// followed is the bottleneck with the next convolution behind it, nil where that is no part of it.
func (b *bottleneck) followed(next *Node, input int) (*bottleneck, error) {
	if input != 0 || next.Op.Domain != "" || next.Op.Name != "Conv" || len(b.parts) > b.middle+1 || b.last().residual > 0 {
		return nil, nil
	}
	k, err := next.Kernel()
	if err != nil {
		return nil, err
	}
	c := k.(*conv)
	if len(b.parts) == b.middle && !c.depthwise() || len(b.parts) == b.middle+1 && !c.pointwise() {
		return nil, nil
	}
	before, after := b.last().conv.weights.Shape, c.weights.Shape
	if after[1]*c.group != before[0] {
		return nil, nil
	}
	if len(b.parts) == b.middle && before[0] < expansion*before[1] || len(b.parts) == b.middle+1 && after[1] < projection*after[0] {
		return nil, nil
	}
	inputs := b.inputs + len(next.Inputs) - 1
	parts := append(slices.Clone(b.parts), &finishedConv{conv: c, inputs: inputs})
	return &bottleneck{parts: parts, middle: b.middle, inputs: inputs}, nil
}

func (b *bottleneck) last() *finishedConv { return b.parts[len(b.parts)-1] }

// Fuse lets the next node follow: a convolution that is the next part, or what the last part's convolution can do in passing.
func (b *bottleneck) Fuse(next *Node, input int) (Kernel, error) {
	more, err := b.followed(next, input)
	if err != nil {
		return nil, err
	}
	if more != nil {
		return more, nil
	}
	last := b.last()
	if last.residual == 0 && len(last.stages) == 0 {
		scaled, err := last.conv.scaledBy(next, input)
		if err != nil {
			return nil, err
		}
		if scaled != nil {
			last.conv = scaled
			b.inputs += len(next.Inputs) - 1
			last.inputs = b.inputs
			return b, nil
		}
	}
	joined, err := last.join(next, input)
	if err != nil || !joined {
		return nil, err
	}
	b.inputs = last.inputs
	return b, nil
}

// pointwise tells whether the weights never change, and the kernel has one element, and each place of the input gives one of the result.
func (k *conv) pointwise() bool {
	if k.weights == nil || k.group != 1 {
		return false
	}
	others := func(list []int, x int) bool { return slices.ContainsFunc(list, func(y int) bool { return x != y }) }
	return !others(k.weights.Shape[2:], 1) && !others(k.window.strides, 1) && !others(k.window.pads, 0)
}

// depthwise tells whether the weights never change, and each channel is a group.
func (k *conv) depthwise() bool {
	return k.weights != nil && k.group > 1 && k.weights.Shape[0] == k.group && k.weights.Shape[1] == 1
}

// layer is the convolution of a part.
func (f *finishedConv) layer() *gemm.Layer[float32] {
	l := &gemm.Layer[float32]{Weights: value.Data[float32](f.conv.weights), Bias: dataOf[float32](f.conv.bias)}
	switch {
	case f.residual == 0 && len(f.stages) == 0:
	case f.residual == 0 && len(f.stages) == 1 && f.stages[0].clamp != nil:
		l.Finish = f.stages[0].clamp
	default:
		l.Finish = f
	}
	return l
}

// fit settles how an input of that shape is computed.
func (b *bottleneck) fit(x *value.Value) error {
	if slices.Equal(b.shape, x.Shape) {
		return nil
	}
	if b.kernel.Channels == 0 {
		b.kernel = gemm.Bottleneck[float32]{Channels: b.parts[b.middle].conv.group, Depthwise: *b.parts[b.middle].layer()}
		if b.middle == 1 {
			b.kernel.Expand = b.parts[0].layer()
		}
		if len(b.parts) > b.middle+1 {
			b.kernel.Project = b.last().layer()
		}
	}
	b.shape = nil
	fits := true
	result := x.Shape
	for i, f := range b.parts {
		s, err := f.conv.shapeOf(&value.Value{Kind: x.Kind, Shape: result}, f.conv.weights, f.conv.bias)
		if err != nil {
			return err
		}
		d := denseConv{shape: s}
		fits = fits && d.takes(s) && s.n > 0
		if i == b.middle {
			fits = fits && d.plan()
			b.plane = d.plane
			b.plane.Batch = s.n
		}
		result = s.space.result(s.n, s.out, len(x.Shape))
	}
	b.plane.InC, b.plane.OutC = x.Shape[1], b.last().conv.weights.Shape[0]
	if b.result = result; !fits {
		b.result = nil
	}
	b.shape = slices.Clone(x.Shape)
	return nil
}

// Run computes the convolutions and what follows them.
func (b *bottleneck) Run(c *Call) error {
	x, last := c.In[0], b.last()
	var z *value.Value
	if last.residual > 0 {
		z = c.In[last.residual]
	}
	if x.Kind != format.Float || spatial("input 0", x) != nil {
		return b.apart(c)
	}
	if err := b.fit(x); err != nil {
		return err
	}
	if b.result == nil || z != nil && (z.Kind != x.Kind || !slices.Equal(z.Shape, b.result)) {
		return b.apart(c)
	}
	y, err := c.Result(0, x.Kind, b.result...)
	if err != nil {
		return err
	}
	if z != nil {
		last.added = value.Data[float32](z)
		defer func() { last.added = nil }()
	}
	b.kernel.Run(&b.plane, value.Data[float32](y), value.Data[float32](x))
	return nil
}

// apart computes the parts one after the other.
func (b *bottleneck) apart(c *Call) error {
	in := c.In
	defer func() { c.In = in }()
	x := in[0]
	for i, f := range b.parts {
		inputs := make([]*value.Value, max(3, f.conv.inputs, f.residual+1))
		inputs[0], inputs[1], inputs[2] = x, f.conv.weights, f.conv.bias
		if f.residual > 0 {
			inputs[f.residual] = in[f.residual]
		}
		if i == len(b.parts)-1 {
			c.In = inputs
			return f.Run(c)
		}
		p := &Call{In: inputs, Out: []*value.Value{nil}, Place: alonePlace{}, Limit: c.Limit, Scope: c.Scope}
		if err := f.Run(p); err != nil {
			return err
		}
		x = p.Out[0]
		if value.Narrow(x.Kind) {
			value.Round(x.Kind, value.Data[float32](x))
		}
	}
	return nil
}
