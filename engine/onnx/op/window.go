package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// window is how a kernel slides over the space of a tensor [N, C, d1, d2, …], as the attributes of a node say.
type window struct {
	kernel, strides, dilations, pads []int // nil where the node does not say
	auto                             string
	ceil                             bool // the last window may reach beyond the padded input
}

// The ways of padding.
const (
	padNotSet    = "NOTSET"
	padValid     = "VALID"
	padSameUpper = "SAME_UPPER"
	padSameLower = "SAME_LOWER"
)

// maxExtent bounds kernels, strides, dilations and pads, so that products of two of them are far from overflow.
const maxExtent = 1 << 30

// maxSpace is the number of dimensions of space that windows slide over, at most.
const maxSpace = 3

// readWindow reads the attributes of windows. Ceil mode and dilations are asked for by those operators that have them.
func readWindow(n *Node) (*window, error) {
	w := &window{
		kernel: n.Ints("kernel_shape"), strides: n.Ints("strides"), pads: n.Ints("pads"),
		auto: n.Text("auto_pad", padNotSet, padNotSet, padValid, padSameUpper, padSameLower),
	}
	return w, w.check()
}

func (w *window) check() error {
	for _, a := range []struct {
		name  string
		sizes []int
		least int
	}{{"kernel_shape", w.kernel, 1}, {"strides", w.strides, 1}, {"dilations", w.dilations, 1}, {"pads", w.pads, 0}} {
		for _, x := range a.sizes {
			if x < a.least || x > maxExtent {
				return fmt.Errorf("attribute %q is %v, must be at least %d and at most %d", a.name, a.sizes, a.least, maxExtent)
			}
		}
	}
	return nil
}

// dilated reads dilations, too.
func (w *window) dilated(n *Node) error {
	w.dilations = n.Ints("dilations")
	return w.check()
}

// axis is a window along one dimension.
type axis struct {
	in, out                  int
	kernel, stride, dilation int
	begin, end               int // padding
}

// span is the number of elements from the first tap to the last.
func (a *axis) span() int { return a.dilation*(a.kernel-1) + 1 }

// taps gives the taps of the window at o that lie on the input, from first to before last, and where the first of them is.
func (a *axis) taps(o int) (first, last, at int) {
	start := o*a.stride - a.begin
	if start < 0 {
		first = (-start + a.dilation - 1) / a.dilation
	}
	if start < a.in {
		last = min(a.kernel, (a.in-1-start)/a.dilation+1)
	}
	return min(first, last), last, start + min(first, last)*a.dilation
}

// inside counts the taps of the window at o that lie on the padded input.
func (a *axis) inside(o int) int {
	return min(a.kernel, (a.in+a.end-1-(o*a.stride-a.begin))/a.dilation+1)
}

// under gives the windows whose given tap lies on the input, from lo to before hi, and where it lies for the first of them.
func (a *axis) under(tap int) (lo, hi, at int) {
	off := tap*a.dilation - a.begin
	if off < 0 {
		lo = (-off + a.stride - 1) / a.stride
	}
	if off < a.in {
		hi = min(a.out, (a.in-1-off)/a.stride+1)
	}
	return lo, max(lo, hi), lo*a.stride + off
}

// still is an axis over which a window of one element stays as it is.
func still(size int) axis {
	return axis{in: size, out: size, kernel: 1, stride: 1, dilation: 1}
}

// space is the windows of a tensor of one, two or three dimensions of space: depth, height and width, the first of which are 1 where there are fewer.
type space [maxSpace]axis

// fit lays the window over a tensor whose dimensions of space are in.
func (w *window) fit(in, kernel []int) (*space, error) {
	n := len(in)
	if n < 1 || n > maxSpace {
		return nil, fmt.Errorf("input has %d dimensions of space, must have 1 to %d", n, maxSpace)
	}
	if len(kernel) != n {
		return nil, fmt.Errorf("kernel %v has %d dimensions, must have %d as the input has", kernel, len(kernel), n)
	}
	for _, a := range []struct {
		name string
		have []int
		must int
	}{{"strides", w.strides, n}, {"dilations", w.dilations, n}, {"pads", w.pads, 2 * n}} {
		if a.have != nil && len(a.have) != a.must {
			return nil, fmt.Errorf("attribute %q is %v, must have %d numbers", a.name, a.have, a.must)
		}
	}
	s := &space{still(1), still(1), still(1)}
	for i := range n {
		a := &s[maxSpace-n+i]
		a.in, a.kernel = in[i], kernel[i]
		if w.strides != nil {
			a.stride = w.strides[i]
		}
		if w.dilations != nil {
			a.dilation = w.dilations[i]
		}
		if w.pads != nil && w.auto == padNotSet {
			a.begin, a.end = w.pads[i], w.pads[n+i]
		}
		if err := a.place(w); err != nil {
			return nil, fmt.Errorf("dimension %d of space: %w", i, err)
		}
	}
	return s, s.countable()
}

// countable refuses windows whose elements an int does not count.
func (s *space) countable() error {
	for _, of := range []func(a *axis) int{func(a *axis) int { return a.in }, func(a *axis) int { return a.out }, func(a *axis) int { return a.kernel }} {
		if _, err := value.Volume([]int{of(&s[0]), of(&s[1]), of(&s[2])}); err != nil {
			return err
		}
	}
	return nil
}

// place computes the number of windows and, where it is automatic, the padding.
func (a *axis) place(w *window) error {
	if a.kernel < 1 {
		return fmt.Errorf("the kernel has size %d, must have at least 1", a.kernel)
	}
	if w.auto == padSameUpper || w.auto == padSameLower {
		a.out = (a.in + a.stride - 1) / a.stride
		total := max(0, (a.out-1)*a.stride+a.span()-a.in)
		a.begin = total / 2
		if w.auto == padSameLower {
			a.begin = total - total/2
		}
		a.end = total - a.begin
		a.single()
		return nil
	}
	room := a.in + a.begin + a.end - a.span()
	if room < 0 {
		return fmt.Errorf("the kernel of %d with dilation %d spans %d elements, the padded input has %d", a.kernel, a.dilation, a.span(), a.in+a.begin+a.end)
	}
	a.out = room/a.stride + 1
	if w.ceil && room%a.stride != 0 && a.out*a.stride < a.in+a.begin {
		a.out++
	}
	a.single()
	return nil
}

// single shortens the stride of a window that stands at one place to the least that gives one place, so that nobody makes room for a large one.
func (a *axis) single() {
	if a.out == 1 {
		a.stride = min(a.stride, max(1, a.in+a.begin+a.end-a.span()+1))
	}
}

// volumes counts the elements of a plane of the input, of the result and of the kernel.
func (s *space) volumes() (in, out, kernel int) {
	in, out, kernel = 1, 1, 1
	for i := range s {
		in, out, kernel = in*s[i].in, out*s[i].out, kernel*s[i].kernel
	}
	return in, out, kernel
}

// result is the shape of a tensor [n, c, …] whose dimensions of space are the numbers of windows; rank is that of the shape.
func (s *space) result(n, c, rank int) []int {
	shape := []int{n, c}
	for _, a := range s[maxSpace+2-rank:] {
		shape = append(shape, a.out)
	}
	return shape
}

// spatial refuses a tensor that has no dimension of space or too many of them.
func spatial(what string, v *value.Value) error {
	if r := len(v.Shape); r < 3 || r > maxSpace+2 {
		return fmt.Errorf("%s is %s, must have 3 to %d dimensions", what, v, maxSpace+2)
	}
	return nil
}

// alike refuses inputs that are not of the type of the first.
func alike(c *Call) error {
	for i, v := range c.In {
		if v != nil && v.Kind != c.In[0].Kind {
			return fmt.Errorf("input %d is %s, must be %s as input 0 is", i, v, c.In[0].Kind)
		}
	}
	return nil
}

// shaped refuses a tensor of another shape.
func shaped(what string, v *value.Value, shape ...int) error {
	if !slices.Equal(v.Shape, shape) {
		return fmt.Errorf("%s is %s, must have shape %v", what, v, slices.Clone(shape))
	}
	return nil
}
