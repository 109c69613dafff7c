package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// filterGroups computes rows lo to hi of some groups of v; where v is the result, it is brought to y.
func (j *bottleneck[T]) filterGroups(place *bottleneckPlace[T], v []T, image, lo, hi, first, last int) {
	c := &j.conv
	place.canvas = grow(place.canvas, j.ring*j.columns*j.nr)
	clear(place.canvas)
	perGroup := j.nr / j.lanes
	if j.Project == nil {
		place.v = grow(place.v, perGroup*j.block())
	}
	for group := first; group < last; group++ {
		to := v
		if j.Project == nil {
			to = place.v
		} else {
			to = v[group*perGroup*j.block():]
		}
		if j.Expand == nil {
			j.fetch(place, image, lo, hi, group*j.nr, min((group+1)*j.nr, j.Channels))
		}
		blocks := min(perGroup, j.blocks-group*perGroup)
		done := lo * c.StrideH // rows that are on the canvas
		for row := lo; row < hi; row += j.strip {
			n := min(j.strip, hi-row)
			done = max(done, row*c.StrideH)
			end := (row+n-1)*c.StrideH + (c.KH-1)*c.DilationH + 1
			j.draw(place, image, group, done, end)
			done = end
			for k := range blocks {
				j.windowRows(place, to[k*j.block()+(row-lo)*j.outW*j.lanes:], group*perGroup+k, k, row, n)
			}
		}
		if j.Project == nil {
			for k := range blocks {
				j.put(to[k*j.block():], image, group*perGroup+k, lo, hi)
			}
		}
	}
}

// fetch reads what some channels of x hold under rows lo to hi of v, channel by channel.
func (j *bottleneck[T]) fetch(place *bottleneckPlace[T], image, lo, hi, firstChannel, lastChannel int) {
	c := &j.conv
	first := max(0, lo*c.StrideH-c.PadTop)
	last := min(c.H, (hi-1)*c.StrideH+(c.KH-1)*c.DilationH+1-c.PadTop)
	for ch := firstChannel; ch < lastChannel && first < last; ch++ {
		place.touch(j.x[((image*c.InC+ch)*c.H+first)*c.W : ((image*c.InC+ch)*c.H+last)*c.W])
	}
}

// draw brings rows first to last, which begin with those of padding, of a group onto the canvas.
func (j *bottleneck[T]) draw(place *bottleneckPlace[T], image, group, first, last int) {
	c := &j.conv
	from, to := max(first, c.PadTop), min(last, c.PadTop+c.H)
	for row := first; row < last; row++ {
		if row < from || row >= to {
			clear(place.canvas[row%j.ring*j.columns*j.nr:][:j.columns*j.nr])
		}
	}
	if from >= to || j.width == 0 {
		return
	}
	if j.Expand != nil && j.together {
		n := (to - from) * c.W
		place.rows = grow(place.rows, n*j.nr)
		j.expand(place.rows, image, group, (from-c.PadTop)*c.W, n)
	}
	for row := from; row < to; row++ {
		on := place.canvas[(row%j.ring*j.columns+c.PadLeft)*j.nr:][:j.width*j.nr]
		switch {
		case j.Expand == nil:
			j.turn(on, image, group, row-c.PadTop)
		case j.together:
			copy(on, place.rows[(row-from)*len(on):])
		default:
			j.expand(on, image, group, (row-c.PadTop)*c.W, j.width)
		}
	}
}

// turn copies a row of a group of x.
func (j *bottleneck[T]) turn(on []T, image, group, row int) {
	c := &j.conv
	for lane := 0; lane < j.nr && group*j.nr+lane < j.Channels; lane += j.lanes {
		channel := group*j.nr + lane
		j.transpose(at(on, lane), at(j.x, ((image*c.InC+channel)*c.H+row)*c.W), j.nr, c.H*c.W, min(j.lanes, j.Channels-channel), j.lanes, j.width)
	}
}

// expand computes n pixels of a group of u.
func (j *bottleneck[T]) expand(on []T, image, group, first, n int) {
	c, layer := &j.conv, &j.layers[expandLayer]
	x := at(j.x, image*c.InC*c.H*c.W+first)
	w, bias := at(layer.weights, group*j.nr*c.InC), at(layer.bias, group*j.nr)
	if channels := j.Channels - group*j.nr; n >= j.mr && channels > j.lanes {
		j.channelsOf(at(on, 0), x, w, bias, &j.bounds[expandLayer], c.InC, c.H*c.W, n)
	} else {
		j.expandTiles(on, x, w, bias, min(channels, j.nr), n)
	}
	if j.finish[expandLayer] != nil {
		j.finish[expandLayer].Finish(on[:n*j.nr], 0)
	}
}

// expandTiles is the same for few pixels or channels.
func (j *bottleneck[T]) expandTiles(on []T, x, w, bias unsafe.Pointer, channels, n int) {
	c, z := &j.conv, size[T]()
	t := tile{
		runs: &oneRun, runCount: 1, steps: c.InC, aStep: c.H * c.W * z, bStep: j.nr * z, cStep: j.nr * z, cols: channels,
		b: w, bias: bias, bounds: unsafe.Pointer(&j.bounds[expandLayer]),
	}
	pieces := ceil(n, j.mr)
	for i := range pieces {
		lo, hi := span(n, pieces, i)
		t.rows = hi - lo
		t.a, t.c = unsafe.Add(x, lo*z), at(on, lo*j.nr)
		j.multiply(&t)
	}
}

// channelsOf sets nr channels of n pixels, at least mr of them, to bias + Σ_s w[s]·x[s·step+p] within bounds, as _asm/pixels.go says. The step is in elements.
func (e engine[T]) channelsOf(y, x, w, bias unsafe.Pointer, bounds *[2]T, steps, step, n int) {
	step *= size[T]()
	switch e.level {
	case simd.AVX512:
		pixelsAVX512(y, x, w, bias, unsafe.Pointer(bounds), steps, step, n)
	case simd.AVX2:
		pixelsAVX2(y, x, w, bias, unsafe.Pointer(bounds), steps, step, n)
	default:
		pixelsGeneric(unsafe.Slice((*T)(y), n*e.nr), x, unsafe.Slice((*T)(w), steps*e.nr), unsafe.Slice((*T)(bias), e.nr), bounds, step)
	}
}

// pixelsGeneric is channelsOf, with the step in bytes.
func pixelsGeneric[T simd.Float](y []T, x unsafe.Pointer, w, bias []T, bounds *[2]T, step int) {
	nr, z := len(bias), size[T]()
	for p := range len(y) / nr {
		to := y[p*nr:][:nr]
		copy(to, bias)
		for s := range len(w) / nr {
			v := *(*T)(unsafe.Add(x, s*step+p*z))
			for i, weight := range w[s*nr:][:nr] {
				to[i] += weight * v
			}
		}
		for i, v := range to {
			to[i] = bounded(v, bounds[0], bounds[1])
		}
	}
}

// windowRows computes n rows of a block of v, the k-th of its group, from the canvas.
func (j *bottleneck[T]) windowRows(place *bottleneckPlace[T], v []T, block, k, row, n int) {
	c, layer := &j.conv, &j.layers[depthwiseLayer]
	taps := c.KH * c.KW
	b := j.bounds[depthwiseLayer]
	for i := range n {
		first := (row + i) * c.StrideH % j.ring
		j.windows(at(v, i*j.outW*j.lanes), at(place.canvas, k*j.lanes), j.at[first*taps:][:taps],
			layer.weights[block*taps*j.lanes:], layer.bias[block*j.lanes:][:j.lanes], j.outW, c.StrideW*j.nr, b[0], b[1])
	}
	if j.Project != nil && j.finish[depthwiseLayer] != nil {
		j.finish[depthwiseLayer].Finish(v[:n*j.outW*j.lanes], 0)
	}
}

// put brings rows lo to hi of a block of v to y.
func (j *bottleneck[T]) put(v []T, image, block, lo, hi int) {
	area, n := j.outH*j.outW, (hi-lo)*j.outW
	channels := min(j.lanes, j.Channels-block*j.lanes)
	y := (image*j.Channels+block*j.lanes)*area + lo*j.outW
	j.putBlock(at(j.y, y), at(v, 0), area, j.lanes, n, channels)
	j.finishChannels(depthwiseLayer, y, n, channels)
}

// finishChannels finishes n pixels of some channels of y.
func (j *bottleneck[T]) finishChannels(layer, y, n, channels int) {
	if j.finish[layer] == nil {
		return
	}
	for range channels {
		j.finish[layer].Finish(j.y[y:y+n], y)
		y += j.outH * j.outW
	}
}

// project computes a panel of output channels from rows lo to hi of v, at the pixels of some tiles.
func (j *bottleneck[T]) project(place *bottleneckPlace[T], v []T, image, lo, hi, panel, firstTile, lastTile int) {
	c, z := &j.conv, size[T]()
	pixels, area := (hi-lo)*j.outW, j.outH*j.outW
	tiles := j.tiles(pixels)
	first, _ := span(pixels, tiles, firstTile)
	_, last := span(pixels, tiles, lastTile-1)
	place.results = grow(place.results, (last-first)*j.nr)
	t := tile{aStep: z, aRow: j.lanes * z, bStep: j.nr * z, cStep: j.nr * z, cols: min(c.OutC-panel*j.nr, j.nr)}
	for i := firstTile; i < lastTile; i++ {
		from, to := span(pixels, tiles, i)
		t.rows = to - from
		t.a, t.c = at(v, from*j.lanes), at(place.results, (from-first)*j.nr)
		j.sum(&t, panel)
	}
	y := (image*c.OutC+panel*j.nr)*area + lo*j.outW + first
	j.putBlock(at(j.y, y), at(place.results, 0), area, j.nr, last-first, t.cols)
	j.finishChannels(projectLayer, y, last-first, t.cols)
}

// sum computes a tile of y: the sum over all whole blocks of v, and then that over the channels of the last one, whose other lanes hold anything.
func (j *bottleneck[T]) sum(t *tile, panel int) {
	layer := &j.layers[projectLayer]
	whole, rest := j.Channels/j.lanes, j.Channels%j.lanes
	t.b = at(layer.weights, panel*j.nr*j.Channels)
	t.bias, t.bounds, t.flags = nil, nil, 0
	t.runs, t.runCount, t.steps = &j.runs[0], whole, j.lanes
	if rest > 0 && whole > 0 {
		j.multiplyRows(t)
		t.flags = flagAdd
	}
	if rest > 0 {
		t.runs, t.runCount, t.steps = &j.runs[whole], 1, rest
	}
	t.bias, t.bounds = at(layer.bias, panel*j.nr), unsafe.Pointer(&j.bounds[projectLayer])
	j.multiplyRows(t)
}
