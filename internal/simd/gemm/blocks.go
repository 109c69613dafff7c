package gemm

import (
	"math"
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// A blocks is a convolution whose groups have one input channel each, or the greatest elements of windows, of a vector of channels at a time: some rows of them are
// brought onto a canvas on which a pixel is a vector, and the results, which are vectors, too, are brought back.
type blocks[T simd.Float] struct {
	engine[T]
	conv          Conv2D
	y, x, w, bias []T
	outH, outW    int
	columns       int   // of the canvas
	at            []int // where each tap reads, in bytes
	groups        int   // vectors of input channels
	bands         int   // parts of the rows of the results
	step          int   // of those, times vectors, in a task
	greatest      bool
	outside       T    // what padding holds
	bounds        [2]T // of the results
	finish        Finisher[T]
	places        []blocksPlace[T]
}

// blocksPlace is a worker's scratch.
type blocksPlace[T simd.Float] struct {
	canvas  []T // [rows, columns, lanes]
	results []T // [rows, columns, lanes]
	weights []T // [taps, lanes]
	bias    []T // a vector
	reader[T]
}

var blockPool pool

// rowsBytes is how much of a canvas a task has at a time, about: as much as stays in a core's first cache.
const rowsBytes = 32 << 10

func (j *blocks[T]) start() {
	c := &j.conv
	j.outH, j.outW = c.OutH(), c.OutW()
	j.columns = (j.outW-1)*c.StrideW + (c.KW-1)*c.DilationW + 1
	j.at = j.at[:0]
	for row := range c.KH {
		for col := range c.KW {
			j.at = append(j.at, (row*c.DilationH*j.columns+col*c.DilationW)*j.lanes*size[T]())
		}
	}
	j.groups = ceil(c.InC, j.lanes)
	j.bands = min(j.outH, ceil(j.canvasRows(j.outH)*j.columns*j.lanes*size[T](), rowsBytes))
	j.places = reserve(j.places)
	tasks := c.Batch * j.groups * j.bands
	work := c.OutC / c.InC * j.lanes * j.outH * j.outW * (4 + len(j.at)) / j.bands
	j.step = max(1, min(ceil(j.alone/16, max(1, work)), ceil(tasks, minTasks)))
	j.do(ceil(tasks, j.step), j, tasks*work)
}

// canvasRows is the number of rows of the canvas under some rows of the results.
func (j *blocks[T]) canvasRows(rows int) int {
	return (rows-1)*j.conv.StrideH + (j.conv.KH-1)*j.conv.DilationH + 1
}

// Do computes some rows of some vectors of channels.
func (j *blocks[T]) Do(task, worker int) {
	place := of(j.places, worker)
	for i := task * j.step; i < min((task+1)*j.step, j.conv.Batch*j.groups*j.bands); i++ {
		lo, hi := span(j.outH, j.bands, i%j.bands)
		block := i / j.bands
		j.draw(place, block/j.groups, block%j.groups*j.lanes, lo, hi)
		for m := range j.conv.OutC / j.conv.InC {
			j.filter(place, block/j.groups, block%j.groups*j.lanes, m, lo, hi)
		}
	}
}

// draw brings what is under rows lo to hi of the results of a vector of channels onto the canvas.
func (j *blocks[T]) draw(place *blocksPlace[T], image, channel, lo, hi int) {
	c := &j.conv
	rows := j.canvasRows(hi - lo)
	place.canvas = grow(place.canvas, rows*j.columns*j.lanes)
	cols := min(c.W, j.columns-c.PadLeft)
	first := lo*c.StrideH - c.PadTop // of the image's rows
	if cols < j.columns || first < 0 || first+rows > c.H {
		j.blank(place.canvas)
	}
	if cols <= 0 {
		return
	}
	x := (image*c.InC + channel) * c.H * c.W
	if j.bands == 1 {
		place.touch(j.x[x : x+min(j.lanes, c.InC-channel)*c.H*c.W])
	}
	for row := max(first, 0); row < min(first+rows, c.H); row++ {
		to := ((row-first)*j.columns + c.PadLeft) * j.lanes
		j.transpose(at(place.canvas, to), at(j.x, x+row*c.W), j.lanes, c.H*c.W, min(j.lanes, c.InC-channel), j.lanes, cols)
	}
}

// blank makes padding of a canvas.
func (j *blocks[T]) blank(x []T) {
	clear(x)
	if j.outside != 0 {
		for i := range x {
			x[i] = j.outside
		}
	}
}

// filter computes rows lo to hi of the results of filter m of a vector of channels.
func (j *blocks[T]) filter(place *blocksPlace[T], image, channel, m, lo, hi int) {
	c := &j.conv
	each, taps, rows := c.OutC/c.InC, len(j.at), hi-lo
	channels := min(j.lanes, c.InC-channel)
	out := channel*each + m // of the first lane; the others lie each apart
	place.results = grow(place.results, rows*j.outW*j.lanes)
	sum := T(0)
	if j.greatest {
		sum = T(simd.Sum(place.canvas))
	}
	careful := sum != sum // there may be NaN, which maxWindows must not see
	if !j.greatest {
		place.weights, place.bias = grow(place.weights, taps*j.lanes), grow(place.bias, j.lanes)
		j.transpose(at(place.weights, 0), at(j.w, out*taps), j.lanes, each*taps, channels, j.lanes, taps)
		clear(place.bias)
		if j.bias != nil {
			for i := range channels {
				place.bias[i] = j.bias[out+i*each]
			}
		}
	}
	for row := range rows {
		y, x := at(place.results, row*j.outW*j.lanes), at(place.canvas, row*c.StrideH*j.columns*j.lanes)
		switch {
		case !j.greatest:
			j.windows(y, x, j.at, place.weights, place.bias, j.outW, c.StrideW*j.lanes, j.bounds[0], j.bounds[1])
		case careful:
			maxWindowsGeneric(unsafe.Slice((*T)(y), j.outW*j.lanes), x, j.at, j.lanes, c.StrideW*j.lanes, j.outside)
		default:
			j.maxWindows(y, x, j.at, j.outW, c.StrideW*j.lanes, j.outside)
		}
	}
	area := j.outH * j.outW
	y := (image*c.OutC+out)*area + lo*j.outW
	if j.bands == 1 && each == 1 {
		place.touch(j.y[y : y+channels*area])
	}
	j.putBlock(at(j.y, y), at(place.results, 0), each*area, j.lanes, rows*j.outW, channels)
	if j.finish != nil {
		for range channels {
			j.finish.Finish(j.y[y:y+rows*j.outW], y)
			y += each * area
		}
	}
}

// putBlock writes n pixels of some channels, which lie channelStep apart in dst. In src the pixels lie pixelStep apart.
func (e engine[T]) putBlock(dst, src unsafe.Pointer, channelStep, pixelStep, n, channels int) {
	z := size[T]()
	for i := 0; i < n; i += e.lanes {
		if i+e.lanes > n && n >= e.lanes { // a whole vector of what partly was before
			i = n - e.lanes
		}
		pixels := min(n-i, e.lanes)
		e.transpose(unsafe.Add(dst, i*z), unsafe.Add(src, i*pixelStep*z), channelStep, pixelStep, pixels, pixels, channels)
	}
}

// windows computes n pixels of a vector of channels, step elements apart, as _asm/windows.go says.
func (e engine[T]) windows(y, x unsafe.Pointer, taps []int, w, bias []T, n, step int, low, high T) {
	step *= size[T]()
	switch e.level {
	case simd.AVX512:
		windowsAVX512(y, x, unsafe.Pointer(&taps[0]), unsafe.Pointer(&w[0]), unsafe.Pointer(&bias[0]), len(taps), n, step, float32(low), float32(high))
	case simd.AVX2:
		windowsAVX2(y, x, unsafe.Pointer(&taps[0]), unsafe.Pointer(&w[0]), unsafe.Pointer(&bias[0]), len(taps), n, step, float32(low), float32(high))
	default:
		windowsGeneric(unsafe.Slice((*T)(y), n*e.lanes), x, taps, w, bias, step, low, high)
	}
}

// maxWindows takes the greatest elements of n windows of a vector of channels, step elements apart. There must be no NaN.
func (e engine[T]) maxWindows(y, x unsafe.Pointer, taps []int, n, step int, least T) {
	switch e.level {
	case simd.AVX512:
		maxWindowsAVX512(y, x, unsafe.Pointer(&taps[0]), len(taps), n, step*size[T](), float32(least))
	case simd.AVX2:
		maxWindowsAVX2(y, x, unsafe.Pointer(&taps[0]), len(taps), n, step*size[T](), float32(least))
	default:
		maxWindowsGeneric(unsafe.Slice((*T)(y), n*e.lanes), x, taps, e.lanes, step, least)
	}
}

// windowsGeneric is windows, with the step in bytes.
func windowsGeneric[T simd.Float](y []T, x unsafe.Pointer, taps []int, w, bias []T, step int, low, high T) {
	lanes := len(bias)
	for i := range y {
		lane := i % lanes
		sum := bias[lane]
		for t, offset := range taps {
			sum += w[t*lanes+lane] * *(*T)(unsafe.Add(x, offset+i/lanes*step+lane*size[T]()))
		}
		y[i] = bounded(sum, low, high)
	}
}

// bounded is v between bounds; NaN stays.
func bounded[T simd.Float](v, low, high T) T {
	if v < low {
		v = low
	}
	if v > high {
		v = high
	}
	return v
}

// maxWindowsGeneric is maxWindows and gives NaN where there is one.
func maxWindowsGeneric[T simd.Float](y []T, x unsafe.Pointer, taps []int, lanes, step int, least T) {
	z := size[T]()
	for i := range y {
		most := least
		for _, offset := range taps {
			if v := *(*T)(unsafe.Add(x, offset+(i/lanes*step+i%lanes)*z)); v > most || v != v {
				most = v
			}
		}
		y[i] = most
	}
}

// A Clamp is a Finisher that keeps results within bounds; NaN stays. Kernels do it before they store a result.
type Clamp[T simd.Float] struct{ Low, High T }

// Finish bounds a part of the results.
func (c *Clamp[T]) Finish(y []T, _ int) {
	simd.AtLeast(y, y, c.Low)
	simd.AtMost(y, y, c.High)
}

// bounds takes a Clamp apart: the finisher that is left, and the bounds, which are infinite where there are none.
func bounds[T simd.Float](f Finisher[T]) (rest Finisher[T], bounds [2]T) {
	if c, ok := f.(*Clamp[T]); ok {
		return nil, [2]T{c.Low, c.High}
	}
	return f, [2]T{T(math.Inf(-1)), T(math.Inf(1))}
}
