package op

import (
	"fmt"
	gomaps "maps"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

var intConvs = []Operator{
	{Name: "ConvInteger", Since: 10, In: [2]int{2, 4}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		k := &intConv{constant: n.Constant(1) != nil && (!n.HasInput(3) || n.Constant(3) != nil)}
		return k, k.taps.read(n)
	}},
	{Name: "QLinearConv", Since: 10, In: [2]int{8, 9}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		k := &quantConv{intConv: intConv{constant: n.Constant(3) != nil && n.Constant(5) != nil}}
		return k, k.taps.read(n)
	}},
}

// Where the kernels for pairs are not for a convolution, it is taken in float32, which is exact for as many terms as exactTerms: a difference of an element and its
// zero point is at most 255, and 255²·258 < 2²⁴. The sums of such stretches are added as int32.
const exactTerms = 258

// taps is where the window of a convolution reads, as the node's attributes have it.
type taps struct {
	auto                             string
	group                            int
	kernel, pads, strides, dilations []int
}

func (t *taps) read(n *Node) error {
	*t = taps{
		auto: n.Text("auto_pad", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"), group: n.Int("group", 1),
		kernel: n.Ints("kernel_shape"), pads: n.Ints("pads"), strides: n.Ints("strides"), dilations: n.Ints("dilations"),
	}
	if t.group < 1 {
		return fmt.Errorf("attribute \"group\" is %d, must be positive", t.group)
	}
	named := map[string][]int{"strides": t.strides, "dilations": t.dilations, "kernel_shape": t.kernel}
	for _, name := range slices.Sorted(gomaps.Keys(named)) {
		list := named[name]
		if slices.ContainsFunc(list, func(e int) bool { return e < 1 || e > scratchLimit }) {
			return fmt.Errorf("attribute %q is %v, must be positive", name, list)
		}
	}
	if slices.ContainsFunc(t.pads, func(e int) bool { return e < 0 || e > scratchLimit }) {
		return fmt.Errorf("attribute \"pads\" is %v, must not be negative", t.pads)
	}
	return nil
}

// field is the geometry of a convolution of an input.
type field struct {
	batch, in, out, group            int // in and out are channels
	size, kernel                     []int
	pads, strides, dilations, output []int // pads in front
}

func (t *taps) field(x, w *value.Value) (*field, error) {
	rank := len(x.Shape) - 2
	if rank < 1 || len(w.Shape) != rank+2 {
		return nil, fmt.Errorf("input is %s and weights %s, must have shapes [batch,channels,…] and [channels,channels/group,…]", x, w)
	}
	f := &field{
		batch: x.Shape[0], in: x.Shape[1], out: w.Shape[0], group: t.group, size: x.Shape[2:], kernel: w.Shape[2:],
		strides: orOnes(t.strides, rank), dilations: orOnes(t.dilations, rank), pads: make([]int, rank), output: make([]int, rank),
	}
	if w.Shape[1]*t.group != f.in || f.out%t.group != 0 {
		return nil, fmt.Errorf("weights %s and %d groups do not fit the %d channels of input %s", w, t.group, f.in, x)
	}
	if t.kernel != nil && !slices.Equal(t.kernel, f.kernel) {
		return nil, fmt.Errorf("attribute \"kernel_shape\" is %v, weights are %s", t.kernel, w)
	}
	pads := t.pads
	if pads == nil || t.auto != "NOTSET" {
		pads = make([]int, 2*rank)
	}
	if len(pads) != 2*rank || len(f.strides) != rank || len(f.dilations) != rank {
		return nil, fmt.Errorf("attributes \"pads\" %v, \"strides\" %v and \"dilations\" %v are not for %d dimensions", pads, f.strides, f.dilations, rank)
	}
	for i := range rank {
		reach := f.dilations[i]*(f.kernel[i]-1) + 1
		before, after := pads[i], pads[rank+i]
		if t.auto == "SAME_UPPER" || t.auto == "SAME_LOWER" {
			steps := (f.size[i] + f.strides[i] - 1) / f.strides[i]
			total := max(0, (steps-1)*f.strides[i]+reach-f.size[i])
			before = total / 2
			if t.auto == "SAME_LOWER" {
				before = total - total/2
			}
			after = total - before
		}
		if f.size[i]+before+after < reach || f.kernel[i] == 0 {
			return nil, fmt.Errorf("window of %d elements in dimension %d is larger than the padded input %s", reach, 2+i, x)
		}
		f.pads[i], f.output[i] = before, (f.size[i]+before+after-reach)/f.strides[i]+1
	}
	return f, nil
}

func orOnes(list []int, n int) []int {
	if list != nil {
		return list
	}
	list = make([]int, n)
	for i := range list {
		list[i] = 1
	}
	return list
}

// intConv computes the convolution of (x − x's zero point) with (w − w's zero point) as int32. Padding counts as the zero point.
// Where the kernels for float32 are not for it, it is a product of the weights with the elements under each tap, over stretches of the output and
// of the taps.
type intConv struct {
	taps
	constant bool      // the weights and their zero point never change
	w        []float32 // the weights less their zero point
	done     bool
	direct   directConv
}

func (k *intConv) Run(c *Call) error {
	f, err := k.field(c.In[0], c.In[1])
	if err != nil {
		return err
	}
	out, err := c.Result(0, format.Int32, append([]int{f.batch, f.out}, f.output...)...)
	if err != nil {
		return err
	}
	return k.convolve(f, c.In[0], c.In[1], c.Input(2), c.Input(3), value.Data[int32](out))
}

// tile is the number of outputs that are computed at once: with the terms of an exact stretch they stay in a core's cache.
const tile = 384

func (k *intConv) convolve(f *field, x, w, xZero, wZero *value.Value, y []int32) error {
	for _, v := range []*value.Value{x, w} {
		if v.Memory() != value.U8 && v.Memory() != value.I8 {
			return fmt.Errorf("input is %s, must be int8 or uint8", v)
		}
	}
	xz, err := zeros("zero point of the input", xZero, x, 1, 1)
	if err != nil {
		return err
	}
	wz, err := zeros("zero point of the weights", wZero, w, f.out, f.out)
	if err != nil {
		return err
	}
	each := w.Len() / max(1, f.out)
	fresh := !k.done
	if fresh {
		k.w = scratch.Sized(k.w, w.Len())
		for o := range f.out {
			minus(k.w[o*each:(o+1)*each], w, o*each, numberOf(wz, o, f.out))
		}
		k.done = k.constant
	}
	plane := volume(f.output)
	if len(y) == 0 || k.direct.run(f, x, numberOf(xz, 0, 1), k.w, y, fresh) {
		return nil
	}
	tiles := (plane + tile - 1) / tile
	simd.Run(f.batch*f.group*tiles, task(func(i int) {
		from := i % tiles * tile
		p := &patch{field: f, x: x, zero: numberOf(xz, 0, 1), from: from, n: min(tile, plane-from)}
		p.multiply(y, k.w, i/tiles/f.group, i/tiles%f.group, each)
	}))
	return nil
}

// minus gives the elements of a tensor of bytes, less a number each, as float32.
func minus(dst []float32, v *value.Value, from int, zero int32) {
	if v.Memory() == value.U8 {
		lessOf(dst, value.Data[uint8](v)[from:], zero)
	} else {
		lessOf(dst, value.Data[int8](v)[from:], zero)
	}
}

func lessOf[Q uint8 | int8](dst []float32, src []Q, zero int32) {
	src = src[:len(dst)]
	for i, e := range src {
		dst[i] = float32(int32(e) - zero)
	}
}

// multiplyExact computes Y = A·B, of integers within ±255 as float32, for A [m, k] and B [k, n]. spare has room for m·n elements.
func multiplyExact(y []int32, a, b, spare []float32, m, n, k int) {
	clear(y)
	if m == 0 || n == 0 {
		return
	}
	for at := 0; at < k; at += exactTerms {
		terms := min(exactTerms, k-at)
		if m > 2 {
			gemm.Mul(false, false, m, n, terms, a[at:], k, b[at*n:], n, 0, spare, n)
		} else {
			for i := range m {
				row := spare[i*n : (i+1)*n]
				clear(row)
				for j, e := range a[i*k+at : i*k+at+terms] {
					simd.AXPY(row, e, b[(at+j)*n:(at+j+1)*n])
				}
			}
		}
		addInts(y, spare, false)
	}
}

// patch is a stretch of outputs, and what it reads.
type patch struct {
	*field
	x       *value.Value
	zero    int32
	from, n int
}

// multiply computes the outputs of a group of channels.
func (p *patch) multiply(y []int32, w []float32, batch, group, each int) {
	rows := p.out / p.group
	plane := volume(p.output)
	terms := min(each, exactTerms)
	cols, part, sums := make([]float32, terms*p.n), make([]float32, rows*p.n), make([]int32, rows*p.n)
	panel := make([]float32, rows*terms)
	for at := 0; at < each; at += exactTerms {
		terms = min(exactTerms, each-at)
		for j := range terms {
			p.column(cols[j*p.n:(j+1)*p.n], batch, group, at+j)
		}
		for r := range rows {
			copy(panel[r*terms:(r+1)*terms], w[(group*rows+r)*each+at:])
		}
		out := sums
		if at > 0 {
			out = make([]int32, rows*p.n)
		}
		multiplyExact(out, panel[:rows*terms], cols, part, rows, p.n, terms)
		if at > 0 {
			for i, e := range out {
				sums[i] += e
			}
		}
	}
	for r := range rows {
		copy(y[(batch*p.out+group*rows+r)*plane+p.from:][:p.n], sums[r*p.n:])
	}
}

// column reads the elements under a tap, numbered through the channels of the group, for each output of the patch.
func (p *patch) column(dst []float32, batch, group, tap int) {
	size := volume(p.kernel)
	channels := p.in / p.group
	channel := group*channels + tap/size
	base := (batch*p.in + channel) * volume(p.size)
	rank := len(p.size)
	offset := make([]int, rank) // of the tap from the window's corner, less the padding
	for i, t := rank-1, tap%size; i >= 0; i-- {
		offset[i] = t%p.kernel[i]*p.dilations[i] - p.pads[i]
		t /= p.kernel[i]
	}
	last := rank - 1
	width := p.output[last]
	for done := 0; done < p.n; {
		row, col := (p.from+done)/width, (p.from+done)%width
		n := min(width-col, p.n-done)
		at, inside := base, true
		stride := p.size[last]
		for i := last - 1; i >= 0; i-- {
			pos := row%p.output[i]*p.strides[i] + offset[i]
			row /= p.output[i]
			inside = inside && pos >= 0 && pos < p.size[i]
			at += pos * stride
			stride *= p.size[i]
		}
		if inside {
			p.line(dst[done:done+n], at, col*p.strides[last]+offset[last])
		} else {
			clear(dst[done : done+n])
		}
		done += n
	}
}

// line reads every stride-th element of a line of the input from a position on; those outside are padding.
func (p *patch) line(dst []float32, at, pos int) {
	last := len(p.size) - 1
	width, stride := p.size[last], p.strides[last]
	begin := 0
	if pos < 0 {
		begin = min(len(dst), (-pos+stride-1)/stride)
	}
	end := begin
	if pos < width {
		end = max(begin, min(len(dst), (width-pos+stride-1)/stride))
	}
	clear(dst[:begin])
	clear(dst[end:])
	if begin == end {
		return
	}
	if p.x.Memory() == value.U8 {
		pick(dst[begin:end], value.Data[uint8](p.x)[at+pos+begin*stride:], stride, p.zero)
	} else {
		pick(dst[begin:end], value.Data[int8](p.x)[at+pos+begin*stride:], stride, p.zero)
	}
}

func pick[Q uint8 | int8](dst []float32, src []Q, stride int, zero int32) {
	if stride == 1 {
		lessOf(dst, src, zero)
		return
	}
	for i := range dst {
		dst[i] = float32(int32(src[i*stride]) - zero)
	}
}

// quantConv is QLinearConv: y = saturate(round((x ⋆ w + bias)·x's scale·w's scale/y's scale) + y's zero point), with the bias in units of the
// products of scales. Weights have a scale and a zero point for all or for each output channel.
type quantConv struct {
	intConv
	sums []int32
}

func (k *quantConv) Run(c *Call) error {
	x, w := c.In[0], c.In[3]
	f, err := k.field(x, w)
	if err != nil {
		return err
	}
	r := requantizer{zero: c.In[7]}
	if r.a, err = scales("scale of the input", c.In[1], 1, 1); err != nil {
		return err
	}
	if r.b, err = scales("scale of the weights", c.In[4], f.out, f.out); err != nil {
		return err
	}
	if err := r.output(c.In[6]); err != nil {
		return err
	}
	var bias []int32
	if b := c.Input(8); b != nil {
		if b.Kind != format.Int32 || !slices.Equal(b.Shape, []int{f.out}) {
			return fmt.Errorf("bias is %s, must be int32[%d]", b, f.out)
		}
		bias = value.Data[int32](b)
	}
	out, err := c.Result(0, c.In[7].Kind, append([]int{f.batch, f.out}, f.output...)...)
	if err != nil {
		return err
	}
	k.sums = scratch.Sized(k.sums, out.Len())
	if err := k.convolve(f, x, w, c.In[2], c.In[5], k.sums); err != nil {
		return err
	}
	plane := volume(f.output)
	inParts(f.batch*f.out, plane, func(from, to int) {
		for i := from; i < to; i++ {
			row := k.sums[i*plane : (i+1)*plane]
			if bias != nil {
				for j := range row {
					row[j] += bias[i%f.out]
				}
			}
			scale := r.a[0] * scaleOfRow(r.b, i%f.out, f.out)
			r.row(out, i*plane, row, scale, []float32{1}, 0, 1)
		}
	})
	return nil
}
