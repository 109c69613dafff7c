package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Back gives the gradients by the input, the weights and the bias.
func (k *conv) Back(b *Back) error {
	var bias *value.Value
	if len(b.In) > 2 {
		bias = b.In[2]
	}
	s, err := k.shapeOf(b.In[0], b.In[1], bias)
	if err != nil || b.Up[0] == nil {
		return err
	}
	return onFloats(b.In[0], func() error { return convBack(s, b, value.Data[float32](b.Up[0])) }, func() error { return convBack(s, b, value.Data[float64](b.Up[0])) })
}

func convBack[T simd.Float](s *convShape, b *Back, up []T) error {
	a := newAdjoint[T](s)
	if g, add := b.Over(0); g != nil {
		a.inputGrad(value.Data[T](g), up, value.Data[T](b.In[1]), add)
	}
	if g, add := b.Over(1); g != nil {
		a.weightGrad(value.Data[T](g), value.Data[T](b.In[0]), up, add)
	}
	if g, add := b.Over(2); g != nil {
		channelSums(value.Data[T](g), up, s.n, add)
	}
	return nil
}

// Back gives the gradients by the input, the weights, the bias and the tensor that is added. Those of the functions are taken from their results: an element that Clip has set to a bound
// has derivative 0.
func (f *fusedConv) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	up := value.Data[float32](b.Up[0])
	if f.slope != nil {
		dy := make([]float32, len(up))
		f.slope(dy, up, value.Data[float32](b.Out[0]))
		up = dy
	}
	if g, add := b.Over(3); g != nil {
		if add {
			simd.AddTo(value.Data[float32](g), up)
		} else {
			copy(value.Data[float32](g), up)
		}
	}
	var bias *value.Value
	if len(b.In) > 2 {
		bias = b.In[2]
	}
	s, err := f.conv.shapeOf(b.In[0], b.In[1], bias)
	if err != nil {
		return err
	}
	return convBack(s, b, up)
}

// clipSlope is the derivative of a function that has a constant slope between two results and is constant beyond.
func clipSlope(slope, low, high float32) func(dx, dy, y []float32) {
	return func(dx, dy, y []float32) {
		for i, v := range y {
			if dx[i] = 0; v > low && v < high || v != v {
				dx[i] = slope * dy[i]
			}
		}
	}
}

// Back gives the gradients by the input, the weights and the bias: that by the input is a convolution, of which this is the adjoint.
func (k *convTranspose) Back(b *Back) error {
	x, w := b.In[0], b.In[1]
	if b.Up[0] == nil {
		return nil
	}
	s := &convShape{n: x.Shape[0], in: w.Shape[1] * k.group, out: x.Shape[1], group: k.group}
	var err error
	if s.space, err = k.place(x.Shape[2:], w.Shape[2:]); err != nil {
		return err
	}
	return onFloats(x, func() error { return convTransposeBack[float32](s, b) }, func() error { return convTransposeBack[float64](s, b) })
}

func convTransposeBack[T simd.Float](s *convShape, b *Back) error {
	a, up := newAdjoint[T](s), value.Data[T](b.Up[0])
	if g, add := b.Over(0); g != nil {
		a.forward(value.Data[T](g), up, value.Data[T](b.In[1]), add)
	}
	if g, add := b.Over(1); g != nil {
		a.weightGrad(value.Data[T](g), up, value.Data[T](b.In[0]), add)
	}
	if g, add := b.Over(2); g != nil {
		channelSums(value.Data[T](g), up, s.n, add)
	}
	return nil
}

// channelSums sums the planes of each channel of x [n, len(dst), …].
func channelSums[T simd.Float](dst, x []T, n int, add bool) {
	if len(dst) == 0 {
		return
	}
	if !add {
		clear(dst)
	}
	area := len(x) / len(dst) / max(n, 1)
	inParts(len(dst), n*area, func(from, to int) {
		for c := from; c < to; c++ {
			sum := 0.0
			for i := range n {
				sum += simd.Sum(x[(i*len(dst)+c)*area:][:area])
			}
			dst[c] += T(sum)
		}
	})
}

// adjoint computes a convolution and its derivatives, by package gemm where that can do it. Of three dimensions each slice of the result is an image in the plane, whose channels are the slices
// under its window.
type adjoint[T simd.Float] struct {
	shape *convShape
	plane gemm.Conv2D
	whole bool // the plane holds all slices of all images
	plain bool // package gemm cannot do it
	x, y  []T  // an image, slice by slice
}

func newAdjoint[T simd.Float](s *convShape) *adjoint[T] {
	d := denseConv{shape: s}
	a := &adjoint[T]{shape: s, whole: d.plan(), plane: d.plane}
	a.plane.InC, a.plane.OutC = a.plane.InC*s.group, a.plane.OutC*s.group
	a.plane.Batch = s.space[0].out
	slices := s.space[0].out
	if a.whole {
		a.plane.Batch, slices = s.n, 1
	}
	_, out, _ := s.space.volumes()
	a.plain = !d.takes(s) || a.plane.Validate() != nil || slices*a.plane.OutH()*a.plane.OutW() != out
	return a
}

// inputGrad computes the gradient dx of the convolution's input from dy, that of its result.
func (a *adjoint[T]) inputGrad(dx, dy, w []T, add bool) {
	if a.whole && !a.plain {
		gemm.InputGradGroups(&a.plane, a.shape.group, dx, dy, w, add)
		return
	}
	if !add {
		clear(dx)
	}
	if a.plain {
		a.each(func(y, x, k int) { dx[x] += T(dy[y] * w[k]) })
		return
	}
	for i := range a.shape.n {
		a.results(i, func(slice, whole []T) { copy(slice, whole) }, dy)
		a.x = scratch.Sized(a.x, a.plane.Batch*a.plane.InC*a.plane.H*a.plane.W)
		gemm.InputGradGroups(&a.plane, a.shape.group, a.x, a.y, w, false)
		a.under(i, func(slice, whole []T) { simd.AddTo(whole, slice) }, dx)
	}
}

// weightGrad computes the gradient dw of the weights from the convolution's input and the gradient dy of its result.
func (a *adjoint[T]) weightGrad(dw, x, dy []T, add bool) {
	if a.whole && !a.plain {
		gemm.WeightGradGroups(&a.plane, a.shape.group, dw, nil, x, dy, add)
		return
	}
	if !add {
		clear(dw)
	}
	if a.plain {
		a.each(func(y, x0, k int) { dw[k] += T(dy[y] * x[x0]) })
		return
	}
	for i := range a.shape.n {
		a.results(i, func(slice, whole []T) { copy(slice, whole) }, dy)
		a.gather(i, x)
		gemm.WeightGradGroups(&a.plane, a.shape.group, dw, nil, a.x, a.y, true)
	}
}

// forward computes the convolution, or adds it to y.
func (a *adjoint[T]) forward(y, x, w []T, add bool) {
	if !add {
		clear(y)
	}
	switch {
	case a.plain:
		a.each(func(to, from, k int) { y[to] += T(x[from] * w[k]) })
	case a.whole:
		to := y
		if add {
			a.y = scratch.Sized(a.y, len(y))
			to = a.y
		}
		gemm.ForwardGroups(&a.plane, a.shape.group, to, x, w, nil, false)
		if add {
			simd.AddTo(y, to)
		}
	default:
		for i := range a.shape.n {
			a.gather(i, x)
			a.y = scratch.Sized(a.y, a.plane.Batch*a.plane.OutC*a.plane.OutH()*a.plane.OutW())
			gemm.ForwardGroups(&a.plane, a.shape.group, a.y, a.x, w, nil, false)
			a.results(i, func(slice, whole []T) { simd.AddTo(whole, slice) }, y)
		}
	}
}

// gather brings the slices of image i of x under each window together.
func (a *adjoint[T]) gather(i int, x []T) {
	a.x = scratch.Sized(a.x, a.plane.Batch*a.plane.InC*a.plane.H*a.plane.W)
	clear(a.x)
	a.under(i, func(slice, whole []T) { copy(slice, whole) }, x)
}

// under calls f for every slice of image i of x that lies under a window, with its place in a.x.
func (a *adjoint[T]) under(i int, f func(slice, whole []T), x []T) {
	s, e := a.shape, &a.shape.space[0]
	area := a.plane.H * a.plane.W
	inParts(s.in, e.out*e.kernel*area, func(from, to int) {
		for o := range e.out {
			first, last, at := e.taps(o)
			for ch := from; ch < to; ch++ {
				for k := first; k < last; k++ {
					f(a.x[((o*s.in+ch)*e.kernel+k)*area:][:area], x[((i*s.in+ch)*e.in+at+(k-first)*e.dilation)*area:][:area])
				}
			}
		}
	})
}

// results calls f for every slice of image i of the result y, with its place in a.y.
func (a *adjoint[T]) results(i int, f func(slice, whole []T), y []T) {
	s, e := a.shape, &a.shape.space[0]
	area := a.plane.OutH() * a.plane.OutW()
	a.y = scratch.Sized(a.y, e.out*s.out*area)
	inParts(s.out, e.out*area, func(from, to int) {
		for ch := from; ch < to; ch++ {
			for o := range e.out {
				f(a.y[(o*s.out+ch)*area:][:area], y[((i*s.out+ch)*e.out+o)*area:][:area])
			}
		}
	})
}

// each calls f for every product of the convolution, with places in result, input and weights.
func (a *adjoint[T]) each(f func(y, x, w int)) {
	s := a.shape
	in, out, kernel := s.space.volumes()
	perIn, perOut := s.in/s.group, s.out/s.group
	for n := range s.n {
		for o := range s.out {
			for ch := range perIn {
				y, x, w := (n*s.out+o)*out, (n*s.in+o/perOut*perIn+ch)*in, (o*perIn+ch)*kernel
				s.space.each(func(to, from, tap int) { f(y+to, x+from, w+tap) })
			}
		}
	}
}

// each calls f for every tap of every window that lies on the input, with the places of window, element and tap.
func (s *space) each(f func(y, x, tap int)) {
	d, h, v := &s[0], &s[1], &s[2]
	y := 0
	for i := range d.out {
		d0, d1, z := d.taps(i)
		for j := range h.out {
			h0, h1, r := h.taps(j)
			for l := range v.out {
				w0, w1, q := v.taps(l)
				for a := d0; a < d1; a++ {
					for e := h0; e < h1; e++ {
						x := ((z+(a-d0)*d.dilation)*h.in+r+(e-h0)*h.dilation)*v.in + q
						for t := w0; t < w1; t++ {
							f(y, x+(t-w0)*v.dilation, (a*h.kernel+e)*v.kernel+t)
						}
					}
				}
				y++
			}
		}
	}
}
