package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var convolutions = []Operator{
	{Name: "Conv", Since: 1, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return newConv(n) }},
	{Domain: Microsoft, Name: "FusedConv", Since: 1, In: [2]int{2, 4}, Out: [2]int{1, 1}, Make: newFusedConv},
	{Name: "ConvTranspose", Since: 1, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: newConvTranspose},
	{Name: "DeformConv", Since: 19, In: [2]int{3, 5}, Out: [2]int{1, 1}, Make: newDeformConv},
	{Name: "Col2Im", Since: 18, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: newCol2Im},
}

// conv is a convolution, in the sense of networks: the kernel is not mirrored.
//
//	y[n, o, p] = b[o] + Σ_c Σ_k w[o, c, k] · x[n, c, stride·p + dilation·k − begin]
//
// c goes over the channels of o's group, and x is 0 where there is padding. x [N, C, d…], w [M, C/group, k…], b [M].
type conv struct {
	window *window
	group  int
	inputs int // of the nodes that are joined
	dense  denseConv

	// Where they are float32 and never change, else nil: what the nodes behind scale and shift is in them, not in the inputs.
	weights, bias *value.Value
}

func newConv(n *Node) (*conv, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	k := &conv{window: w, group: n.Int("group", 1)}
	if k.group < 1 {
		return nil, fmt.Errorf("attribute \"group\" is %d, must be at least 1", k.group)
	}
	if v := n.Constant(1); v != nil && v.Memory() == value.F32 {
		k.dense.constant = value.Data[float32](v)
	}
	k.inputs = len(n.Inputs)
	if w, b := n.Constant(1), n.Constant(2); w != nil && w.Kind == format.Float && len(w.Shape) > 2 &&
		(!n.HasInput(2) || b != nil && b.Kind == format.Float && slices.Equal(b.Shape, w.Shape[:1])) {
		k.weights, k.bias = w, b
	}
	return k, w.dilated(n)
}

// shapeOf checks the operands and lays the window over x.
func (k *conv) shapeOf(x, w, b *value.Value) (*convShape, error) {
	if err := spatial("input 0", x); err != nil {
		return nil, err
	}
	if len(w.Shape) != len(x.Shape) {
		return nil, fmt.Errorf("weights are %s, must have %d dimensions as the input %s has", w, len(x.Shape), x)
	}
	s := &convShape{n: x.Shape[0], in: x.Shape[1], out: w.Shape[0], group: k.group}
	if s.out%k.group != 0 || w.Shape[1]*k.group != s.in {
		return nil, fmt.Errorf("weights %s do not fit the input %s in %d groups: must be [M, %d/%d, …] with M a multiple of %d", w, x, k.group, s.in, k.group, k.group)
	}
	if k.window.kernel != nil && !slices.Equal(k.window.kernel, w.Shape[2:]) {
		return nil, fmt.Errorf("attribute \"kernel_shape\" is %v, weights are %s", k.window.kernel, w)
	}
	if b != nil {
		if err := shaped("bias", b, s.out); err != nil {
			return nil, err
		}
	}
	var err error
	s.space, err = k.window.fit(x.Shape[2:], w.Shape[2:])
	return s, err
}

// operands gives the input, the weights and the bias, nil for none.
func (k *conv) operands(c *Call) (x, w, b *value.Value) {
	if k.weights != nil {
		return c.In[0], k.weights, k.bias
	}
	return c.In[0], c.In[1], c.Input(2)
}

// result is the shape of the result.
func (k *conv) result(c *Call) ([]int, error) {
	s, err := k.shapeOf(k.operands(c))
	if err != nil {
		return nil, err
	}
	return s.space.result(s.n, s.out, len(c.In[0].Shape)), nil
}

// convShape is the sizes of a convolution.
type convShape struct {
	n, in, out, group int // images, channels in and out, groups
	space             *space
}

// Run computes the convolution.
func (k *conv) Run(c *Call) error {
	x, w, b := k.operands(c)
	if err := alike(c); err != nil {
		return err
	}
	s, err := k.shapeOf(x, w, b)
	if err != nil {
		return err
	}
	y, err := c.Result(0, x.Kind, s.space.result(s.n, s.out, len(x.Shape))...)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Memory() {
	case value.F32:
		if k.dense.takes(s) {
			k.dense.run(s, y, x, w, b)
			break
		}
		convolve[float32](s, y, x, w, b)
		if k.dense.finish != nil {
			k.dense.finish.Finish(value.Data[float32](y), 0)
		}
	case value.F64:
		convolve[float64](s, y, x, w, b)
	default:
		return notFor(x.Kind)
	}
	return nil
}

// dataOf gives the elements of v, nil where there is no v.
func dataOf[T value.Element](v *value.Value) []T {
	if v == nil {
		return nil
	}
	return value.Data[T](v)
}

// convolve computes a convolution in plain loops, its sums in float64.
func convolve[T float32 | float64](s *convShape, yv, xv, wv, bv *value.Value) {
	y, x, w, b := value.Data[T](yv), value.Data[T](xv), value.Data[T](wv), dataOf[T](bv)
	in, out, kernel := s.space.volumes()
	perIn, perOut := s.in/s.group, s.out/s.group
	for n := range s.n {
		for o := range s.out {
			from := x[(n*s.in+o/perOut*perIn)*in:][:perIn*in]
			bias := 0.0
			if b != nil {
				bias = float64(b[o])
			}
			convolvePlane(s.space, y[(n*s.out+o)*out:][:out], from, w[o*perIn*kernel:][:perIn*kernel], bias)
		}
	}
}

// convolvePlane computes one channel of the result of one image; x and w hold all channels that go into it.
func convolvePlane[T float32 | float64](s *space, y, x, w []T, bias float64) {
	d, h, v := &s[0], &s[1], &s[2]
	in, _, kernel := s.volumes()
	at := 0
	for i := range d.out {
		d0, d1, z := d.taps(i)
		for j := range h.out {
			h0, h1, r := h.taps(j)
			for l := range v.out {
				w0, w1, q := v.taps(l)
				sum := bias
				for ch := range len(w) / kernel {
					for a := d0; a < d1; a++ {
						for e := h0; e < h1; e++ {
							tap := ((ch*d.kernel+a)*h.kernel + e) * v.kernel
							src := ch*in + ((z+(a-d0)*d.dilation)*h.in+r+(e-h0)*h.dilation)*v.in + q
							for f := w0; f < w1; f++ {
								sum += float64(float64(x[src+(f-w0)*v.dilation]) * float64(w[tap+f]))
							}
						}
					}
				}
				y[at] = T(sum)
				at++
			}
		}
	}
}
