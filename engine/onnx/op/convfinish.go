package op

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// finishedConv is a convolution with what the nodes behind it do: a tensor of the result's shape is added, as at the end of a residual block, then come elementwise stages. Of float32
// both are done while a result is in the cache.
type finishedConv struct {
	conv     *conv
	residual int // the input that is added; 0 for none
	inputs   int // of all nodes that are joined
	stages   []*stage

	added []float32
	plain Call // of the convolution alone, where the sum broadcasts
	alone alonePlace
	sum   *pairKernel
}

// Fuse puts a scale and a shift of each channel into weights and bias that never change, as a batch norm's, and lets another function, a sum or a convolution follow.
func (k *conv) Fuse(next *Node, input int) (Kernel, error) {
	scaled, err := k.scaledBy(next, input)
	if err != nil {
		return nil, err
	}
	if scaled != nil {
		return scaled, nil
	}
	return (&finishedConv{conv: k, inputs: k.inputs}).Fuse(next, input)
}

// scaledBy is the convolution with the scale and the shift of each channel that the next node does; nil where it does something else.
func (k *conv) scaledBy(next *Node, input int) (*conv, error) {
	if k.weights == nil {
		return nil, nil
	}
	scale, shift, err := k.affine(next, input)
	if err != nil || scale == nil {
		return nil, err
	}
	return k.scaled(scale, shift, k.inputs+len(next.Inputs)-1), nil
}

// Fuse lets the next node's sum, function or convolution follow the others.
func (f *finishedConv) Fuse(next *Node, input int) (Kernel, error) {
	b, err := f.followed(next, input)
	if err != nil {
		return nil, err
	}
	if b != nil {
		return b, nil
	}
	joined, err := f.join(next, input)
	if err != nil || !joined {
		return nil, err
	}
	return f, nil
}

// join takes the next node's sum or function, and tells whether it can.
func (f *finishedConv) join(next *Node, input int) (bool, error) {
	s, err := stageOf(next, input)
	if err != nil {
		return false, err
	}
	switch {
	case s != nil && s.rank <= 3: // a convolution's result has three dimensions at least
		f.stages = append(f.stages, s)
	case s == nil && next.Constant(1-min(input, 1)) == nil && f.residual == 0 && len(f.stages) == 0 && next.Op.Domain == "" && next.Op.Name == "Add" && len(next.Inputs) == 2 && next.Inputs[0] && next.Inputs[1]:
		k, err := next.Kernel()
		if err != nil {
			return false, err
		}
		f.residual, f.sum = f.inputs, k.(*pairKernel)
	default:
		return false, nil
	}
	f.inputs += len(next.Inputs) - 1
	return true, nil
}

// Finish adds, and computes the stages, over a part of the result.
func (f *finishedConv) Finish(y []float32, at int) {
	if f.added != nil {
		simd.AddTo(y, f.added[at:at+len(y)])
	}
	for _, s := range f.stages {
		s.f32(y)
	}
}

// Run computes the convolution and what follows it.
func (f *finishedConv) Run(c *Call) error {
	var z *value.Value
	if f.residual > 0 {
		z = c.In[f.residual]
	}
	joined := c.In
	defer func() { c.In, f.added, f.conv.dense.finish = joined, nil, nil }()
	c.In = joined[:f.conv.inputs]
	x := c.In[0]
	if x.Kind != format.Float || z != nil && z.Kind != x.Kind {
		return f.apart(c, z)
	}
	if z != nil {
		shape, err := f.conv.result(c)
		if err != nil {
			return err
		}
		if !slices.Equal(shape, z.Shape) {
			return f.apart(c, z)
		}
		f.added = value.Data[float32](z)
	}
	f.conv.dense.finish = f
	if f.added == nil && len(f.stages) == 1 && f.stages[0].clamp != nil {
		f.conv.dense.finish = f.stages[0].clamp
	}
	return f.conv.Run(c)
}

// apart computes the convolution, the sum, which may broadcast, and the stages one after the other, each result rounded to its kind.
func (f *finishedConv) apart(c *Call, z *value.Value) error {
	if z == nil {
		if err := f.conv.Run(c); err != nil {
			return err
		}
	} else {
		f.plain.In, f.plain.Place = c.In, &f.alone
		f.plain.Out = append(f.plain.Out[:0], nil)
		if err := f.conv.Run(&f.plain); err != nil {
			return err
		}
		y := f.plain.Out[0]
		if value.Narrow(y.Kind) {
			value.Round(y.Kind, value.Data[float32](y))
		}
		c.In = []*value.Value{y, z}
		if err := f.sum.Run(c); err != nil {
			return err
		}
	}
	y := c.Out[0]
	for _, s := range f.stages {
		if value.Narrow(y.Kind) {
			value.Round(y.Kind, value.Data[float32](y))
		}
		if err := s.all(y); err != nil {
			return err
		}
	}
	return nil
}

// alonePlace gives a kernel within another fresh memory.
type alonePlace struct{}

func (alonePlace) Result(c *Call, i int, kind format.DataType, shape []int) (*value.Value, error) {
	v, err := value.New(kind, shape...)
	if err == nil && i < len(c.Out) {
		c.Out[i] = v
	}
	return v, err
}

func (alonePlace) Share(c *Call, i int, src *value.Value, shape []int) error {
	v := new(value.Value)
	v.View(src, shape...)
	c.Out[i] = v
	return nil
}

// affine gives what a node multiplies each channel by and then adds to it; nil where it does something else.
func (k *conv) affine(next *Node, input int) (scale, shift []float64, err error) {
	channels := k.weights.Shape[0]
	if next.Op.Domain != "" || channels == 0 {
		return nil, nil, nil
	}
	if next.Op.Name == "BatchNormalization" {
		return k.norm(next)
	}
	if len(next.Inputs) != 2 {
		return nil, nil, nil
	}
	numbers := k.perChannel(next.Constant(1 - input))
	if numbers == nil {
		return nil, nil, nil
	}
	scale, shift = make([]float64, channels), make([]float64, channels)
	for i, x := range numbers {
		scale[i] = 1
		switch {
		case next.Op.Name == "Add":
			shift[i] = x
		case next.Op.Name == "Sub" && input == 0:
			shift[i] = -x
		case next.Op.Name == "Mul":
			scale[i] = x
		case next.Op.Name == "Div" && input == 0 && x != 0:
			scale[i] = 1 / x
		default:
			return nil, nil, nil
		}
	}
	return scale, shift, nil
}

// perChannel gives the numbers of a constant of float32 that has one for all channels or one for each, else nil.
func (k *conv) perChannel(v *value.Value) []float64 {
	channels, rank := k.weights.Shape[0], len(k.weights.Shape)
	if v == nil || v.Kind != format.Float || len(v.Shape) > rank || v.Len() != 1 && v.Len() != channels {
		return nil
	}
	if v.Len() > 1 && (len(v.Shape) < rank-1 || v.Shape[len(v.Shape)-rank+1] != channels) {
		return nil
	}
	x, numbers := value.Data[float32](v), make([]float64, channels)
	for i := range numbers {
		numbers[i] = float64(x[i%len(x)])
		if math.IsInf(numbers[i], 0) || math.IsNaN(numbers[i]) {
			return nil
		}
	}
	return numbers
}

// norm gives the scale and the shift of a batch norm whose statistics never change.
func (k *conv) norm(next *Node) (scale, shift []float64, err error) {
	kernel, err := next.Kernel()
	if err != nil {
		return nil, nil, err
	}
	channels := k.weights.Shape[0]
	n, ok := kernel.(*batchNorm)
	if !ok || n.training || n.places {
		return nil, nil, nil
	}
	var of [4][]float32 // scale, bias, mean, variance
	for i := range of {
		v := next.Constant(i + 1)
		if v == nil || v.Kind != format.Float || len(v.Shape) != 1 || v.Len() != channels {
			return nil, nil, nil
		}
		of[i] = value.Data[float32](v)
	}
	scale, shift = make([]float64, channels), make([]float64, channels)
	for i := range scale {
		scale[i] = float64(of[0][i]) / math.Sqrt(float64(of[3][i])+n.epsilon)
		shift[i] = float64(of[1][i]) - float64(float64(of[2][i])*scale[i])
	}
	return scale, shift, nil
}

// scaled is the convolution with a scale and a shift of each channel in its weights and bias.
func (k *conv) scaled(scale, shift []float64, inputs int) *conv {
	w, b := k.weights.Clone(), make([]float32, len(scale))
	data := value.Data[float32](w)
	each := len(data) / len(scale)
	for i, s := range scale {
		for j := range each {
			data[i*each+j] = float32(float64(data[i*each+j]) * s)
		}
		t := shift[i]
		if k.bias != nil {
			t += float64(float64(value.Data[float32](k.bias)[i]) * s)
		}
		b[i] = float32(t)
	}
	bias, err := value.Of(b, len(b))
	if err != nil {
		panic(err) // a list of its own length
	}
	return &conv{window: k.window, group: k.group, inputs: inputs, weights: w, bias: bias, dense: denseConv{constant: data}}
}
