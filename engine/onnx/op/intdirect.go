package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// directConv is the convolution of integers of one dimension or two by the kernels for float32, over as many channels at once as keep sums exact.
type directConv struct {
	filters []gemm.Filter[float32] // of each group, of each stretch of channels
	x       []float32              // the input less its zero point
	part    []float32              // sums of one image and group
	weights []float32
}

// plane is f as the kernels have it, for a number of channels; false where they are not for it, or would pad the input to many times its size.
func (f *field) plane(in, out int) (s gemm.Conv2D, ok bool) {
	s = gemm.Conv2D{Batch: 1, InC: in, OutC: out, H: 1, KH: 1}
	switch len(f.size) {
	case 1:
		s.W, s.KW, s.StrideW, s.DilationW = f.size[0], f.kernel[0], f.strides[0], f.dilations[0]
		s.PadLeft, s.PadRight = f.pads[0], f.after(0)
	case 2:
		s.H, s.KH, s.StrideH, s.DilationH = f.size[0], f.kernel[0], f.strides[0], f.dilations[0]
		s.W, s.KW, s.StrideW, s.DilationW = f.size[1], f.kernel[1], f.strides[1], f.dilations[1]
		s.PadTop, s.PadBottom, s.PadLeft, s.PadRight = f.pads[0], f.after(0), f.pads[1], f.after(1)
	default:
		return s, false
	}
	padded := (s.H + s.PadTop + s.PadBottom) * (s.W + s.PadLeft + s.PadRight)
	return s, s.KH*s.KW <= exactTerms && padded <= 4*s.H*s.W+1<<16 && s.Validate() == nil
}

// after is the padding behind a dimension that the outputs reach into.
func (f *field) after(i int) int {
	reach := f.dilations[i]*(f.kernel[i]-1) + 1
	return max(0, (f.output[i]-1)*f.strides[i]+reach-f.size[i]-f.pads[i])
}

// run computes y, with the weights w less their zero points; false where the kernels are not for the geometry. Filters that are there already are of w.
func (d *directConv) run(f *field, x *value.Value, zero int32, w []float32, y []int32, fresh bool) bool {
	in, out := f.in/f.group, f.out/f.group
	whole, ok := f.plane(max(1, in), max(1, out))
	if !ok || in == 0 || out == 0 {
		return false
	}
	d.x = scratch.Sized(d.x, x.Len())
	minus(d.x, x, 0, zero)
	plane := volume(f.output)
	if in == 1 { // each group has a channel, as depthwise convolutions have
		whole.InC, whole.OutC = f.in, f.out
		d.part = scratch.Sized(d.part, f.out*plane)
		for b := range f.batch {
			gemm.Depthwise(&whole, d.part, d.x[b*f.in*whole.H*whole.W:], w, nil, nil)
			addInts(y[b*f.out*plane:(b+1)*f.out*plane], d.part, true)
		}
		return true
	}
	each := exactTerms / (whole.KH * whole.KW) // channels
	stretches := (in + each - 1) / each
	if fresh || len(d.filters) != f.group*stretches {
		d.pack(f, &whole, w, each, stretches)
	}
	d.part = scratch.Sized(d.part, out*plane)
	for b := range f.batch {
		for g := range f.group {
			sums := y[(b*f.out+g*out)*plane:][:out*plane]
			for i := range stretches {
				s := whole
				s.InC = min(each, in-i*each)
				gemm.ForwardPacked(&s, d.part, d.x[(b*f.in+g*in+i*each)*s.H*s.W:], &d.filters[g*stretches+i], nil, nil)
				addInts(sums, d.part, i == 0)
			}
		}
	}
	return true
}

// pack arranges the weights of each group and stretch of channels.
func (d *directConv) pack(f *field, whole *gemm.Conv2D, w []float32, each, stretches int) {
	taps := whole.KH * whole.KW
	in, out := f.in/f.group, whole.OutC
	d.filters = make([]gemm.Filter[float32], f.group*stretches)
	d.weights = make([]float32, len(w))
	at := 0
	for g := range f.group {
		for i := range stretches {
			s := *whole
			s.InC = min(each, in-i*each)
			part := d.weights[at : at+out*s.InC*taps]
			for o := range out {
				copy(part[o*s.InC*taps:(o+1)*s.InC*taps], w[((g*out+o)*in+i*each)*taps:])
			}
			d.filters[g*stretches+i].Exact = true
			d.filters[g*stretches+i].Pack(&s, part)
			at += len(part)
		}
	}
}

// addInts adds integers that are kept as floats to y, or sets it to them.
func addInts(y []int32, x []float32, set bool) {
	x = x[:len(y)]
	if set {
		for i, e := range x {
			y[i] = int32(e)
		}
		return
	}
	for i, e := range x {
		y[i] += int32(e)
	}
}
