package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// deformConv is a convolution whose taps are moved, each at each place by an offset, and weighed by a mask where there is one.
//
//	y[n, o, p] = b[o] + Σ_c Σ_k w[o, c, k] · mask[n, k, p] · x[n, c, stride·p + dilation·k − begin + offset[n, k, p]]
//
// Between its elements x is linear, and 0 outside. Channels have offsets in groups.
type deformConv struct {
	conv    *conv
	offsets int // groups
}

func newDeformConv(n *Node) (Kernel, error) {
	w := &window{kernel: n.Ints("kernel_shape"), strides: n.Ints("strides"), pads: n.Ints("pads"), auto: padNotSet}
	k := &deformConv{conv: &conv{window: w, group: n.Int("group", 1)}, offsets: n.Int("offset_group", 1)}
	if k.conv.group < 1 || k.offsets < 1 {
		return nil, fmt.Errorf("attributes \"group\" and \"offset_group\" are %d and %d, must be at least 1", k.conv.group, k.offsets)
	}
	return k, w.dilated(n)
}

// Run computes the convolution.
func (k *deformConv) Run(c *Call) error {
	x, w, offset, b, mask := c.In[0], c.In[1], c.In[2], c.Input(3), c.Input(4)
	if err := alike(c); err != nil {
		return err
	}
	s, err := k.conv.shapeOf(x, w, b)
	if err != nil {
		return err
	}
	if s.in%k.offsets != 0 {
		return fmt.Errorf("attribute \"offset_group\" is %d, must divide the %d channels of the input", k.offsets, s.in)
	}
	rank := len(x.Shape)
	shape := s.space.result(s.n, s.out, rank)
	_, _, kernel := s.space.volumes()
	per := slices.Clone(shape)
	per[1] = k.offsets * kernel
	if mask != nil {
		if err := shaped("input 4, the mask,", mask, per...); err != nil {
			return err
		}
	}
	per[1] *= rank - 2
	if err := shaped("input 2, the offsets,", offset, per...); err != nil {
		return err
	}
	y, err := c.Result(0, x.Kind, shape...)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Memory() {
	case value.F32:
		deform[float32](k, s, rank-2, y, x, w, offset, b, mask)
	case value.F64:
		deform[float64](k, s, rank-2, y, x, w, offset, b, mask)
	default:
		return notFor(x.Kind)
	}
	return nil
}

// deformPart bounds the elements of the columns that are made at once.
const deformPart = 1 << 20

// deform makes the columns of a few places at a time, what every tap reads of every channel, and multiplies them by the weights.
func deform[T float32 | float64](k *deformConv, s *convShape, dims int, yv, xv, wv, ov, bv, mv *value.Value) {
	y, x, w, offset := value.Data[T](yv), value.Data[T](xv), value.Data[T](wv), value.Data[T](ov)
	b, mask := dataOf[T](bv), dataOf[T](mv)
	in, out, kernel := s.space.volumes()
	depth := s.in * kernel
	part := min(out, max(1, deformPart/max(1, depth)))
	j := &deformed[T]{s: s, dims: dims, kernel: kernel, out: out, channels: s.in / k.offsets, columns: make([]T, depth*part)}
	perIn, perOut := depth/s.group, s.out/s.group
	for n := range s.n {
		j.x = x[n*s.in*in:][:s.in*in]
		size := k.offsets * kernel * out
		j.offset = offset[n*size*dims:][:size*dims]
		if mask != nil {
			j.mask = mask[n*size:][:size]
		}
		for first := 0; first < out; first += part {
			j.first, j.n = first, min(part, out-first)
			simd.Run(k.offsets*kernel, j)
			for g := range s.group {
				to := y[(n*s.out+g*perOut)*out+first:]
				for o := range perOut {
					bias := T(0)
					if b != nil {
						bias = b[g*perOut+o]
					}
					row := to[o*out:][:j.n]
					for i := range row {
						row[i] = bias
					}
				}
				gemm.Mul(false, false, perOut, j.n, perIn, w[g*perOut*perIn:], perIn, j.columns[g*perIn*j.n:], j.n, 1, to, out)
			}
		}
	}
}

// deformed makes the columns of places first to first+n of an image: [channels, taps, n].
type deformed[T float32 | float64] struct {
	s               *convShape
	dims            int
	kernel, out     int
	channels        int // of a group of offsets
	x, offset, mask []T
	columns         []T
	first, n        int
}

// Do fills in one tap of a group of channels.
func (j *deformed[T]) Do(task, _ int) {
	group, tap := task/j.kernel, task%j.kernel
	in, _, _ := j.s.space.volumes()
	for i := range j.n {
		at, weight := j.point(task, tap, j.first+i)
		var c corners
		c.find(at, j.sizes())
		for ch := group * j.channels; ch < (group+1)*j.channels; ch++ {
			j.columns[(ch*j.kernel+tap)*j.n+i] = T(weight * sample(&c, j.x[ch*in:][:in]))
		}
	}
}

// sizes are those of the input's space.
func (j *deformed[T]) sizes() [maxSpace]int {
	s := j.s.space
	return [maxSpace]int{s[0].in, s[1].in, s[2].in}
}

// point is where a tap of place p reads, and what the mask says of it.
func (j *deformed[T]) point(task, tap, p int) (at [maxSpace]float64, weight float64) {
	h, w := &j.s.space[1], &j.s.space[2]
	taps := [maxSpace]int{tap / w.kernel / h.kernel, tap / w.kernel % h.kernel, tap % w.kernel}
	place := [maxSpace]int{p / w.out / h.out, p / w.out % h.out, p % w.out}
	for a := range at {
		v := &j.s.space[a]
		at[a] = float64(place[a]*v.stride + taps[a]*v.dilation - v.begin)
		if o := a - (maxSpace - j.dims); o >= 0 {
			at[a] += float64(j.offset[(task*j.dims+o)*j.out+p])
		}
	}
	weight = 1
	if j.mask != nil {
		weight = float64(j.mask[task*j.out+p])
	}
	return at, weight
}

// corners are the elements around a point of space, those that are there, and their parts in what is linear between them.
type corners struct {
	n    int
	at   [8]int
	part [8]float64
}

// find finds the corners of a point in a space of the given sizes.
func (c *corners) find(p [maxSpace]float64, sizes [maxSpace]int) {
	c.n = 1
	c.at[0], c.part[0] = 0, 1
	for a, v := range p {
		if !(v > -1 && v < float64(sizes[a])) { // NaN is nowhere
			c.n = 0
			return
		}
		low := math.Floor(v)
		frac := v - low
		i := int(low)
		n := c.n
		for k := range n {
			at, part := c.at[k]*sizes[a]+i, c.part[k]
			c.at[k], c.part[k] = at, part*(1-frac)
			if i < 0 {
				c.part[k] = 0
			}
			if frac > 0 && i+1 < sizes[a] {
				c.at[c.n], c.part[c.n] = at+1, part*frac
				c.n++
			}
		}
	}
	kept := 0
	for k := range c.n {
		if c.part[k] != 0 {
			c.at[kept], c.part[kept] = c.at[k], c.part[k]
			kept++
		}
	}
	c.n = kept
}

// sample is the value at the point.
func sample[T float32 | float64](c *corners, x []T) float64 {
	var sum float64
	for i := range c.n {
		sum += float64(c.part[i] * float64(x[c.at[i]]))
	}
	return sum
}
