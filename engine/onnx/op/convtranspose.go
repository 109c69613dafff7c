package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// convTranspose is the adjoint of a convolution: what an element of x is under a tap goes to the place that a convolution of the result would read.
//
//	y[n, o, stride·p + dilation·k − begin] += w[c, o, k] · x[n, c, p]
//
// summed over the channels c of o's group, b[o] added. x [N, C, d…], w [C, M/group, k…], b [M].
type convTranspose struct {
	window         *window
	group          int
	padding, shape []int // output_padding and output_shape

	phases transposedPhases

	conv gemm.Conv2D // of which this is the adjoint
	y, x []float32
	w, b []float32
}

func newConvTranspose(n *Node) (Kernel, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	k := &convTranspose{window: w, group: n.Int("group", 1), padding: n.Ints("output_padding"), shape: n.Ints("output_shape")}
	if k.group < 1 {
		return nil, fmt.Errorf("attribute \"group\" is %d, must be at least 1", k.group)
	}
	for _, p := range k.padding {
		if p < 0 || p > maxExtent {
			return nil, fmt.Errorf("attribute \"output_padding\" is %v, must be at least 0 and at most %d", k.padding, maxExtent)
		}
	}
	for _, d := range k.shape {
		if d < 0 || d > maxExtent {
			return nil, fmt.Errorf("attribute \"output_shape\" is %v, must be at least 0 and at most %d", k.shape, maxExtent)
		}
	}
	if v := n.Constant(1); v != nil && v.Memory() == value.F32 {
		k.phases.constant = value.Data[float32](v)
	}
	return k, w.dilated(n)
}

// place gives the windows of the convolution whose adjoint this is: in and out change their meaning.
func (k *convTranspose) place(in, kernel []int) (*space, error) {
	w, n := k.window, len(in)
	for _, a := range []struct {
		name string
		have []int
		must int
	}{{"strides", w.strides, n}, {"dilations", w.dilations, n}, {"pads", w.pads, 2 * n}, {"output_padding", k.padding, n}} {
		if a.have != nil && len(a.have) != a.must {
			return nil, fmt.Errorf("attribute %q is %v, must have %d numbers", a.name, a.have, a.must)
		}
	}
	shape := k.shape
	if len(shape) == n+2 { // of the whole result, as some exporters write it
		shape = shape[2:]
	}
	if shape != nil && len(shape) != n {
		return nil, fmt.Errorf("attribute \"output_shape\" is %v, must have %d numbers", k.shape, n)
	}
	s := &space{still(1), still(1), still(1)}
	for i := range n {
		a := &s[maxSpace-n+i]
		a.out, a.kernel = in[i], kernel[i]
		if a.kernel < 1 {
			return nil, fmt.Errorf("the kernel %v has dimensions of size 0", kernel)
		}
		if w.strides != nil {
			a.stride = w.strides[i]
		}
		if w.dilations != nil {
			a.dilation = w.dilations[i]
		}
		more := 0
		if k.padding != nil {
			more = k.padding[i]
		}
		full := (a.out-1)*a.stride + a.span() + more // the result without padding
		switch {
		case shape != nil:
			a.in = shape[i]
			a.split(full-a.in, w.auto)
		case w.auto == padSameUpper || w.auto == padSameLower:
			a.in = a.out * a.stride
			a.split(full-a.in, w.auto)
		default:
			if w.pads != nil && w.auto == padNotSet {
				a.begin, a.end = w.pads[i], w.pads[n+i]
			}
			a.in = full - a.begin - a.end
		}
		if a.in < 0 {
			return nil, fmt.Errorf("dimension %d of space: the result would have %d elements: %d less pads of %d and %d", i, a.in, full, a.begin, a.end)
		}
	}
	return s, nil
}

// split parts padding between begin and end: of an odd number the greater part is at the end for SAME_UPPER, else in front.
func (a *axis) split(total int, auto string) {
	total = max(total, 0)
	a.begin = total - total/2
	if auto == padSameUpper {
		a.begin = total / 2
	}
	a.end = total - a.begin
}

// Run computes the transposed convolution.
func (k *convTranspose) Run(c *Call) error {
	x, w, b := c.In[0], c.In[1], c.Input(2)
	if err := alike(c); err != nil {
		return err
	}
	if err := spatial("input 0", x); err != nil {
		return err
	}
	if len(w.Shape) != len(x.Shape) || w.Shape[0] != x.Shape[1] || w.Shape[0]%k.group != 0 {
		return fmt.Errorf("weights %s do not fit the input %s in %d groups: must be [%d, M/%d, …], %d a multiple of %d", w, x, k.group, x.Shape[1], k.group, x.Shape[1], k.group)
	}
	if k.window.kernel != nil && !slices.Equal(k.window.kernel, w.Shape[2:]) {
		return fmt.Errorf("attribute \"kernel_shape\" is %v, weights are %s", k.window.kernel, w)
	}
	s := &convShape{n: x.Shape[0], in: w.Shape[1] * k.group, out: x.Shape[1], group: k.group}
	if b != nil {
		if err := shaped("bias", b, s.in); err != nil {
			return err
		}
	}
	var err error
	if s.space, err = k.place(x.Shape[2:], w.Shape[2:]); err != nil {
		return err
	}
	shape := []int{s.n, s.in}
	for _, a := range s.space[maxSpace+2-len(x.Shape):] {
		shape = append(shape, a.in)
	}
	y, err := c.Result(0, x.Kind, shape...)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Memory() {
	case value.F32:
		switch {
		case k.phases.takes(s):
			k.phases.run(s, y, x, w, b)
		case k.plan(s):
			k.run(s, y, x, w, b)
		default:
			spread[float32](s, y, x, w, b)
		}
	case value.F64:
		spread[float64](s, y, x, w, b)
	default:
		return notFor(x.Kind)
	}
	return nil
}

// plan makes the convolution in the plane, and tells whether package gemm can do its adjoint.
func (k *convTranspose) plan(s *convShape) bool {
	e, h, w := &s.space[0], &s.space[1], &s.space[2]
	k.conv = gemm.Conv2D{
		Batch: 1, InC: s.in / s.group, H: h.in, W: w.in, OutC: s.out / s.group, KH: h.kernel, KW: w.kernel,
		StrideH: h.stride, StrideW: w.stride, DilationH: h.dilation, DilationW: w.dilation,
		PadTop: h.begin, PadBottom: h.end, PadLeft: w.begin, PadRight: w.end,
	}
	if !e.still() || e.in != 1 || k.conv.Validate() != nil || k.conv.OutH() != h.out || k.conv.OutW() != w.out {
		return false
	}
	return s.space.roomy()
}

func (k *convTranspose) run(s *convShape, y, x, w, b *value.Value) {
	k.y, k.x, k.w, k.b = value.Data[float32](y), value.Data[float32](x), value.Data[float32](w), dataOf[float32](b)
	if s.group == 1 {
		k.conv.Batch = s.n
		gemm.InputGrad(&k.conv, k.y, k.x, k.w, false)
	} else {
		simd.Run(s.n*s.group, k)
	}
	if k.b != nil {
		in, _, _ := s.space.volumes()
		for i := range s.n * s.in {
			plane := k.y[i*in:][:in]
			simd.AddScalar(plane, plane, k.b[i%s.in])
		}
	}
	k.y, k.x, k.w, k.b = nil, nil, nil, nil
}

// Do computes a group of an image.
func (k *convTranspose) Do(task, _ int) {
	v := &k.conv
	in, out := v.InC*v.H*v.W, v.OutC*v.OutH()*v.OutW()
	size := v.OutC * v.InC * v.KH * v.KW
	gemm.InputGrad(v, k.y[task*in:][:in], k.x[task*out:][:out], k.w[task%k.group*size:][:size], false)
}

// spread computes a transposed convolution in plain loops. s is the convolution whose adjoint it is.
func spread[T float32 | float64](s *convShape, yv, xv, wv, bv *value.Value) {
	y, x, w, b := value.Data[T](yv), value.Data[T](xv), value.Data[T](wv), dataOf[T](bv)
	in, out, kernel := s.space.volumes()
	perIn, perOut := s.in/s.group, s.out/s.group
	sum := make([]float64, in)
	for n := range s.n {
		for o := range s.in {
			bias := 0.0
			if b != nil {
				bias = float64(b[o])
			}
			for i := range sum {
				sum[i] = bias
			}
			for p := range perOut {
				ch := o/perIn*perOut + p
				spreadPlane(s.space, sum, x[(n*s.out+ch)*out:][:out], w[(ch*perIn+o%perIn)*kernel:][:kernel])
			}
			to := y[(n*s.in+o)*in:][:in]
			for i, e := range sum {
				to[i] = T(e)
			}
		}
	}
}

// spreadPlane adds what one channel gives to one channel of the result.
func spreadPlane[T float32 | float64](s *space, y []float64, x, w []T) {
	d, h, v := &s[0], &s[1], &s[2]
	at := 0
	for i := range d.out {
		d0, d1, z := d.taps(i)
		for j := range h.out {
			h0, h1, r := h.taps(j)
			for l := range v.out {
				w0, w1, q := v.taps(l)
				from := float64(x[at])
				at++
				for a := d0; a < d1; a++ {
					for e := h0; e < h1; e++ {
						to := ((z+(a-d0)*d.dilation)*h.in+r+(e-h0)*h.dilation)*v.in + q
						for f := w0; f < w1; f++ {
							y[to+(f-w0)*v.dilation] += float64(from * float64(w[(a*h.kernel+e)*v.kernel+f]))
						}
					}
				}
			}
		}
	}
}
