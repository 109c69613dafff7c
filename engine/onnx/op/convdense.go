package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// denseConv computes float32 convolutions by the kernels of package gemm: each group, and of three dimensions each slice of the result, is a convolution in the plane.
type denseConv struct {
	constant []float32 // weights that never change, else nil

	filters []gemm.Filter[float32] // one a group
	places  []convPlace            // one a worker

	shape      *convShape
	plane      gemm.Conv2D
	whole      bool // the plane holds all slices of an image
	y, x, w, b []float32
	areaIn     int // elements of a channel
	areaOut    int
	finish     gemm.Finisher[float32] // of the results, nil for none
	finished   bool                   // the kernels have done it
}

// convPlace is a worker's scratch.
type convPlace struct{ x, y []float32 }

// slack is how many times as large as input and result together a padded image may be. Beyond, plain loops are used, which need no memory.
const slack = 16

// takes tells whether the kernels can compute it.
func (d *denseConv) takes(s *convShape) bool {
	in, out, _ := s.space.volumes()
	return s.in > 0 && in > 0 && out > 0 && s.space.roomy()
}

// roomy tells whether the padded input is not much larger than input and result.
func (s *space) roomy() bool {
	in, out, _ := s.volumes()
	padded := 1
	for i := range s {
		a := &s[i]
		padded *= max(a.in+a.begin+a.end, (a.out-1)*a.stride+a.span())
		if padded > slack*(in+out)+1<<12 {
			return false
		}
	}
	return true
}

func (d *denseConv) run(s *convShape, y, x, w, b *value.Value) {
	d.compute(s, y, x, w, b)
	if d.finish != nil && !d.finished {
		d.finish.Finish(value.Data[float32](y), 0)
	}
}

func (d *denseConv) compute(s *convShape, y, x, w, b *value.Value) {
	d.shape, d.finished = s, false
	d.y, d.x, d.w, d.b = value.Data[float32](y), value.Data[float32](x), value.Data[float32](w), dataOf[float32](b)
	d.areaIn, d.areaOut, _ = s.space.volumes()
	defer func() { d.y, d.x, d.w, d.b = nil, nil, nil, nil }()
	d.whole = d.plan()
	if s.group > 1 && s.group == s.in && d.whole {
		d.plane.Batch, d.plane.InC, d.plane.OutC = s.n, s.in, s.out
		gemm.Depthwise(&d.plane, d.y, d.x, d.w, d.b, d.finish)
		d.finished = true
		return
	}
	d.pack()
	if s.group == 1 && d.whole {
		d.plane.Batch = s.n
		d.forward(0, d.y, d.x, d.finish)
		d.finished = d.filters != nil
		return
	}
	for len(d.places) < simd.Threads() {
		d.places = append(d.places, convPlace{})
	}
	tasks := s.n * s.group
	if !d.whole {
		tasks *= s.space[0].out
	}
	simd.Run(tasks, d)
}

// still tells whether the windows are the elements themselves.
func (a *axis) still() bool { return *a == still(a.in) }

// plan makes the geometry of a convolution in the plane, and tells whether it does all slices of an image at once.
func (d *denseConv) plan() (whole bool) {
	s := d.shape
	e, h, w := &s.space[0], &s.space[1], &s.space[2]
	d.plane = gemm.Conv2D{
		Batch: 1, InC: s.in / s.group, H: h.in, W: w.in, OutC: s.out / s.group, KH: h.kernel, KW: w.kernel,
		StrideH: h.stride, StrideW: w.stride, DilationH: h.dilation, DilationW: w.dilation,
		PadTop: h.begin, PadBottom: h.end, PadLeft: w.begin, PadRight: w.end,
	}
	if e.still() && (e.in == 1 || h.still() && w.still()) { // a window of one element knows no slices: all rows are as those of one
		d.plane.H *= e.in
		return true
	}
	d.plane.InC *= e.kernel // the slices under a window are channels, too
	return false
}

// pack brings the weights of the groups into the order of the kernels, once if they never change.
func (d *denseConv) pack() {
	if d.constant == nil || d.filters != nil {
		return
	}
	d.filters = make([]gemm.Filter[float32], d.shape.group)
	size := len(d.w) / d.shape.group
	for i := range d.filters {
		d.filters[i].Pack(&d.plane, d.w[i*size:][:size])
	}
}

// forward computes the convolution of a group. finish is done here where the weights are packed, else after all.
func (d *denseConv) forward(group int, y, x []float32, finish gemm.Finisher[float32]) {
	var b []float32
	if d.b != nil {
		b = d.b[group*d.plane.OutC:][:d.plane.OutC]
	}
	if d.filters != nil {
		gemm.ForwardPacked(&d.plane, y, x, &d.filters[group], b, finish)
		return
	}
	size := len(d.w) / d.shape.group
	gemm.Forward(&d.plane, y, x, d.w[group*size:][:size], b, false)
}

// Do computes a group of an image, or a slice of it.
func (d *denseConv) Do(task, worker int) {
	s := d.shape
	in, out := s.in/s.group, d.plane.OutC
	if d.whole {
		d.forward(task%s.group, d.y[task*out*d.areaOut:][:out*d.areaOut], d.x[task*in*d.areaIn:][:in*d.areaIn], nil)
		return
	}
	e := &s.space[0]
	slice := task % e.out
	task /= e.out
	place := &d.places[worker]
	sliceIn, sliceOut := d.areaIn/e.in, d.areaOut/e.out
	place.x, place.y = scratch.Sized(place.x, d.plane.InC*sliceIn), scratch.Sized(place.y, out*sliceOut)
	first, last, at := e.taps(slice)
	clear(place.x)
	for ch := range in {
		for k := first; k < last; k++ {
			from := (task*in+ch)*d.areaIn + (at+(k-first)*e.dilation)*sliceIn
			copy(place.x[(ch*e.kernel+k)*sliceIn:][:sliceIn], d.x[from:])
		}
	}
	d.forward(task%s.group, place.y, place.x, nil)
	for ch := range out {
		copy(d.y[(task*out+ch)*d.areaOut+slice*sliceOut:], place.y[ch*sliceOut:][:sliceOut])
	}
}
