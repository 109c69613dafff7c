package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// directConv is the convolution of integers of one dimension or two by the kernels for pairs of int16, which are those of neighbouring channels; where each group has one
// channel, by those for float32.
type directConv struct {
	filters []gemm.IntFilter // of each group
	pairs   []uint32         // the input less its zero point
	x       []float32        // likewise
	part    []float32        // sums of one image
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
	if in == 1 {
		d.depthwise(f, &whole, x, zero, w, y)
		return true
	}
	pairs, area, plane := (in+1)/2, whole.H*whole.W, volume(f.output)
	whole.InC = pairs
	if fresh || len(d.filters) != f.group {
		d.pack(f, &whole, w)
	}
	d.pairs = scratch.Sized(d.pairs, f.batch*f.group*pairs*area)
	inParts(f.batch*f.group*pairs, area, func(from, to int) {
		for i := from; i < to; i++ {
			channel := i/pairs*in + i%pairs*2
			channels(d.pairs[i*area:(i+1)*area], x, channel*area, i%pairs*2+1 < in, zero)
		}
	})
	if f.group == 1 {
		whole.Batch = f.batch
		gemm.ForwardInts(&whole, y, d.pairs, &d.filters[0])
		return true
	}
	for i := range f.batch * f.group {
		gemm.ForwardInts(&whole, y[i*out*plane:], d.pairs[i*pairs*area:], &d.filters[i%f.group])
	}
	return true
}

// depthwise computes groups that have a channel each.
func (d *directConv) depthwise(f *field, whole *gemm.Conv2D, x *value.Value, zero int32, w []float32, y []int32) {
	plane := volume(f.output)
	whole.InC, whole.OutC = f.in, f.out
	d.x, d.part = scratch.Sized(d.x, x.Len()), scratch.Sized(d.part, f.out*plane)
	minus(d.x, x, 0, zero)
	for b := range f.batch {
		gemm.Depthwise(whole, d.part, d.x[b*f.in*whole.H*whole.W:], w, nil, nil)
		addInts(y[b*f.out*plane:(b+1)*f.out*plane], d.part, true)
	}
}

// channels pairs the elements of a channel, from one on, with those of the next, if there is one.
func channels(pairs []uint32, v *value.Value, from int, two bool, zero int32) {
	if v.Memory() == value.U8 {
		channelsOf(pairs, value.Data[uint8](v)[from:], two, zero)
	} else {
		channelsOf(pairs, value.Data[int8](v)[from:], two, zero)
	}
}

func channelsOf[Q uint8 | int8](pairs []uint32, x []Q, two bool, zero int32) {
	n := len(pairs)
	first := x[:n]
	if !two {
		for i, e := range first {
			pairs[i] = uint32(uint16(int32(e) - zero))
		}
		return
	}
	second := x[n:][:n]
	for i, e := range first {
		pairs[i] = uint32(uint16(int32(e)-zero)) | uint32(int32(second[i])-zero)<<16
	}
}

// pack arranges the weights of each group.
func (d *directConv) pack(f *field, s *gemm.Conv2D, w []float32) {
	taps := s.KH * s.KW
	in, out := f.in/f.group, s.OutC
	d.filters = make([]gemm.IntFilter, f.group)
	for g := range d.filters {
		pairs := make([]uint32, out*s.InC*taps)
		for o := range out {
			for c := range in {
				to := pairs[(o*s.InC+c/2)*taps:][:taps]
				for t, e := range w[((g*out+o)*in+c)*taps:][:taps] {
					to[t] |= uint32(uint16(int16(e))) << (c % 2 * 16)
				}
			}
		}
		d.filters[g].Pack(s, pairs)
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
