package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

var pools = []Operator{
	pooled("MaxPool", 1, 1, newMaxPool), pooled("MaxPool", 8, 2, newMaxPool), pooled("MaxPool", 10, 2, newMaxPool),
	pooled("AveragePool", 7, 1, newAveragePool), pooled("AveragePool", 10, 1, newAveragePool), pooled("AveragePool", 19, 1, newAveragePool),
	pooled("LpPool", 2, 1, newLpPool), pooled("LpPool", 18, 1, newLpPool),
	pooled("GlobalAveragePool", 1, 1, globally(average)), pooled("GlobalMaxPool", 1, 1, globally(poolGreatest)), pooled("GlobalLpPool", 2, 1, newGlobalLpPool),
	{Name: "MaxUnpool", Since: 9, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: newMaxUnpool},
}

// pooled is an operator of one input.
func pooled(name string, since, outputs int, make func(n *Node) (Kernel, error)) Operator {
	return Operator{Name: name, Since: since, In: [2]int{1, 1}, Out: [2]int{1, outputs}, Make: make}
}

// pooling says what is made of the elements under a window.
type pooling int

const (
	poolGreatest pooling = iota // NaN if there is one; negative infinity, or the least integer, where there is only padding
	average                     // NaN where there is only padding and that does not count
	poolNorm                    // (Σ|x|ᵖ)^(1/p)
)

// pool makes one element of those under a window, for each place of the window on each channel.
type pool struct {
	window     *window
	what       pooling
	includePad bool // an average counts padding as zeros
	p          float64
	columns    bool // indices are counted with the first dimension of space the fastest
	indices    bool // are computed
	argmax     []int32

	single poolJob[float32]
}

// readPool reads what the operators have in common; ceil and dilations are the versions from which on they have these.
func readPool(n *Node, what pooling, ceil, dilations int) (*pool, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	if w.kernel == nil {
		return nil, fmt.Errorf("attribute \"kernel_shape\" is missing")
	}
	if n.Version >= ceil {
		w.ceil = n.Bool("ceil_mode", false)
	}
	if n.Version >= dilations {
		err = w.dilated(n)
	}
	return &pool{window: w, what: what}, err
}

func newMaxPool(n *Node) (Kernel, error) {
	k, err := readPool(n, poolGreatest, 10, 10)
	if err == nil && n.Version >= 8 {
		k.columns = n.Bool("storage_order", false)
		k.indices = n.HasOutput(1)
	}
	return k, err
}

func newAveragePool(n *Node) (Kernel, error) {
	k, err := readPool(n, average, 10, 19)
	if err == nil {
		k.includePad = n.Bool("count_include_pad", false)
	}
	return k, err
}

func newLpPool(n *Node) (Kernel, error) {
	k, err := readPool(n, poolNorm, 18, 18)
	if err == nil {
		k.p, err = readNorm(n)
	}
	return k, err
}

func readNorm(n *Node) (float64, error) {
	p := n.Int("p", 2)
	if p < 1 {
		return 0, fmt.Errorf("attribute \"p\" is %d, must be at least 1", p)
	}
	return float64(p), nil
}

// Run computes the pooling.
func (k *pool) Run(c *Call) error {
	x := c.In[0]
	if err := spatial("input 0", x); err != nil {
		return err
	}
	s, err := k.window.fit(x.Shape[2:], k.window.kernel)
	if err != nil {
		return err
	}
	shape := s.result(x.Shape[0], x.Shape[1], len(x.Shape))
	y, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	var indices []int64
	if k.indices {
		v, err := c.Result(1, format.Int64, shape...)
		if err != nil {
			return err
		}
		indices = value.Data[int64](v)
	}
	switch m := x.Memory(); {
	case m == value.F32:
		poolFloats(k, &k.single, s, value.Data[float32](y), value.Data[float32](x), indices)
	case m == value.F64:
		poolFloats(k, new(poolJob[float64]), s, value.Data[float64](y), value.Data[float64](x), indices)
	case m == value.I8 && k.what == poolGreatest:
		greatestOf(k, new(poolJob[int8]), s, value.Data[int8](y), value.Data[int8](x), indices, math.MinInt8)
	case m == value.U8 && k.what == poolGreatest:
		greatestOf(k, new(poolJob[uint8]), s, value.Data[uint8](y), value.Data[uint8](x), indices, 0)
	default:
		return notFor(x.Kind)
	}
	return nil
}

func poolFloats[T float32 | float64](k *pool, j *poolJob[T], s *space, y, x []T, indices []int64) {
	if poolPlain(k, s, y, x, indices) || poolPlanes(k, j, s, y, x, indices) {
		return
	}
	if k.what == poolGreatest {
		greatestOf(k, j, s, y, x, indices, T(math.Inf(-1)))
		return
	}
	j.fold = sumWindows[T]
	if k.what == poolNorm {
		j.before, j.after = poolPowers[T], roots[T]
	} else {
		j.after = averages[T]
	}
	j.run(k, s, y, x, nil)
}

// poolPlain leaves windows of 2×2 that tile the plane to package simd, which has kernels for them, and tells whether it did.
func poolPlain[T float32 | float64](k *pool, s *space, y, x []T, indices []int64) bool {
	d, h, w := &s[0], &s[1], &s[2]
	half := func(a *axis) bool {
		return a.kernel == 2 && a.stride == 2 && a.dilation == 1 && a.begin == 0 && 2*a.out <= a.in
	}
	if k.what == poolNorm || indices != nil || !d.still() || !half(h) || !half(w) || len(x) == 0 {
		return false
	}
	in, _, _ := s.volumes()
	p := simd.Pool2D{Batch: 1, C: len(x) / in * d.in, H: h.in, W: w.in, KH: 2, KW: 2, StrideH: 2, StrideW: 2}
	if k.what == poolGreatest {
		simd.MaxPool2D(&p, y, x, nil)
	} else {
		simd.AvgPool2D(&p, y, x)
	}
	return true
}

// poolPlanes leaves those in the plane to package gemm, an average as a convolution by ones, and tells whether it did.
func poolPlanes[T float32 | float64](k *pool, j *poolJob[T], s *space, y, x []T, indices []int64) bool {
	d, h, w := &s[0], &s[1], &s[2]
	if k.what == poolNorm || indices != nil || !d.still() || len(x) == 0 || len(y) == 0 || !s.roomy() {
		return false
	}
	in, out, kernel := s.volumes()
	planes := len(x) / in * d.in
	p := gemm.Conv2D{
		Batch: 1, InC: planes, H: h.in, W: w.in, OutC: planes, KH: h.kernel, KW: w.kernel,
		StrideH: h.stride, StrideW: w.stride, DilationH: h.dilation, DilationW: w.dilation,
		PadTop: h.begin, PadBottom: h.beyond(), PadLeft: w.begin, PadRight: w.beyond(),
	}
	if p.Validate() != nil || p.OutH() != h.out || p.OutW() != w.out {
		return false
	}
	if k.what == poolGreatest {
		gemm.MaxWindows(&p, y, x)
		return true
	}
	if len(j.ones) != planes*kernel {
		j.ones = scratch.Sized(j.ones, planes*kernel)
		for i := range j.ones {
			j.ones[i] = 1
		}
	}
	gemm.Depthwise(&p, y, x, j.ones, nil, nil)
	j.pool, j.space = k, s
	for i := range len(y) / out {
		averages(j, y[i*out:][:out])
	}
	return true
}

// beyond is the padding behind that the last window needs.
func (a *axis) beyond() int { return max(0, (a.out-1)*a.stride+a.span()-a.in-a.begin) }

func greatestOf[T value.Number](k *pool, j *poolJob[T], s *space, y, x []T, indices []int64, least T) {
	j.least, j.fold = least, greatestInWindows[T]
	j.run(k, s, y, x, indices)
}

// poolJob pools planes, each on its own.
type poolJob[T value.Number] struct {
	pool   *pool
	space  *space
	in     int // elements of a plane
	out    int
	planes int
	y, x   []T
	each   []int64 // indices
	least  T       // what is before anything is
	ones   []T     // weights of an average

	before func(j *poolJob[T], x []T) []T // changes the elements; nil for not
	fold   func(j *poolJob[T], y, x []T, indices []int64)
	after  func(j *poolJob[T], y []T) // changes the results
}

// light is about how many elements a task goes over.
const light = 1 << 15

func (j *poolJob[T]) run(k *pool, s *space, y, x []T, indices []int64) {
	if len(y) == 0 {
		return
	}
	j.pool, j.space, j.y, j.x, j.each = k, s, y, x, indices
	var kernel int
	j.in, j.out, kernel = s.volumes()
	j.planes = len(y) / j.out
	simd.Run(parts(j.planes, j.out*min(kernel, j.in)+j.in), j)
	j.y, j.x, j.each = nil, nil, nil
}

// parts cuts n things, each so much work, into tasks.
func parts(n, work int) int {
	return max(1, min(n, int(min(float64(n)*float64(work)/light, 1<<20))))
}

// Do pools a part of the planes.
func (j *poolJob[T]) Do(task, _ int) {
	n := parts(j.planes, j.out*min(j.space[0].kernel*j.space[1].kernel*j.space[2].kernel, j.in)+j.in)
	for p := j.planes * task / n; p < j.planes*(task+1)/n; p++ {
		x, y := j.x[p*j.in:][:j.in], j.y[p*j.out:][:j.out]
		if j.before != nil {
			x = j.before(j, x)
		}
		var indices []int64
		if j.each != nil {
			indices = j.each[p*j.out:][:j.out]
		}
		j.fold(j, y, x, indices)
		if indices != nil {
			j.whole(indices, p)
		}
		if j.after != nil {
			j.after(j, y)
		}
	}
}

// whole makes indices into a plane those into the tensor. That of a window with nothing but padding is -1.
func (j *poolJob[T]) whole(indices []int64, plane int) {
	d, h, w := j.space[0].in, j.space[1].in, j.space[2].in
	for i, at := range indices {
		if at < 0 {
			continue
		}
		if j.pool.columns {
			z, r, c := int(at)/w/h, int(at)/w%h, int(at)%w
			at = int64(z + d*(r+h*c))
		}
		indices[i] = at + int64(plane*j.in)
	}
}

// rows calls f for every stretch of the result that a row of the input gives to: n results from y on, of elements from x on, step apart.
func (s *space) rows(f func(y, x, n, step int)) {
	d, h, w := &s[0], &s[1], &s[2]
	for i := range d.out {
		d0, d1, z := d.taps(i)
		for j := range h.out {
			h0, h1, r := h.taps(j)
			for a := d0; a < d1; a++ {
				for e := h0; e < h1; e++ {
					row := ((z+(a-d0)*d.dilation)*h.in + r + (e-h0)*h.dilation) * w.in
					for tap := range w.reaching() {
						lo, hi, at := w.under(tap)
						if lo < hi {
							f((i*h.out+j)*w.out+lo, row+at, hi-lo, w.stride)
						}
					}
				}
			}
		}
	}
}

// reaching bounds the taps that lie on the input under any window.
func (a *axis) reaching() int {
	return min(a.kernel, (a.in+a.begin-1)/a.dilation+1)
}

func greatestInWindows[T value.Number](j *poolJob[T], y, x []T, indices []int64) {
	for i := range y {
		y[i] = j.least
	}
	for i := range indices {
		indices[i] = -1
	}
	j.space.rows(func(to, from, n, step int) {
		dst := y[to:][:n]
		if indices == nil {
			for i := range dst {
				if v := x[from]; v > dst[i] || v != v {
					dst[i] = v
				}
				from += step
			}
			return
		}
		index := indices[to:][:n]
		for i := range dst {
			if v := x[from]; index[i] < 0 || v > dst[i] || v != v {
				dst[i], index[i] = v, int64(from)
			}
			from += step
		}
	})
}

func sumWindows[T float32 | float64](j *poolJob[T], y, x []T, _ []int64) {
	clear(y)
	j.space.rows(func(to, from, n, step int) {
		dst := y[to:][:n]
		for i := range dst {
			dst[i] += x[from]
			from += step
		}
	})
}

// averages divides sums by the number of elements.
func averages[T float32 | float64](j *poolJob[T], y []T) {
	d, h, w := &j.space[0], &j.space[1], &j.space[2]
	count := func(a *axis, o int) int {
		if j.pool.includePad {
			return a.inside(o)
		}
		first, last, _ := a.taps(o)
		return last - first
	}
	low, high := 0, w.out // columns whose window lies on the input
	for low < high && count(w, low) < w.kernel {
		low++
	}
	for high > low && count(w, high-1) < w.kernel {
		high--
	}
	for i := range d.out {
		for r := range h.out {
			slice := count(d, i) * count(h, r)
			row := y[(i*h.out+r)*w.out:][:w.out]
			for l := range low {
				row[l] /= T(slice * count(w, l))
			}
			for l, v := range row[low:high] {
				row[low+l] = v / T(slice*w.kernel)
			}
			for l := high; l < w.out; l++ {
				row[l] /= T(slice * count(w, l))
			}
		}
	}
}

func poolPowers[T float32 | float64](j *poolJob[T], x []T) []T {
	z := make([]T, len(x))
	for i, v := range x {
		z[i] = T(math.Pow(math.Abs(float64(v)), j.pool.p))
	}
	return z
}

func roots[T float32 | float64](j *poolJob[T], y []T) {
	for i, v := range y {
		y[i] = T(math.Pow(float64(v), 1/j.pool.p))
	}
}
