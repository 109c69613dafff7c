package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// A winograd is a convolution by kernels of 3×3 with stride 1 that takes fewer multiplications: Winograd's F(m×m, 3×3) with m = 2 or 4,
//
//	Y = Aᵀ·[Σ_c (G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A
//
// for tiles of m×m results, where d is the (m+2)×(m+2) inputs under a tile and g the kernel, both of channel c. Each of the (m+2)² parts of the sum is a
// matrix product over channels, of (m+2)²/m² multiplications a result in place of 9.
//
// The transforms are those of the points 0, ±1, ∞ for m = 2 and 0, ±3/4, ±3/2, ∞ for m = 4. Of the latter the rounding errors are about twice those of a plain sum; of
// 0, ±1, ±2, ∞, which need fewer operations, they would be four times as large (Barabasz et al., ACM TOMS 46(4), 2020).
//
// The results of tiles are computed by rows of tiles, counted through all images: first the parts of the inputs of many, then the products and the results.
type winograd[T simd.Float] struct {
	engine[T]
	conv           Conv2D
	m, n           int // results and inputs a side of a tile
	outH, outW     int
	tilesH, tilesW int // of an image
	channels       int // of the input, padded to whole vectors
	panels         int // of nr output channels
	y, x, bias     []T
	weights        []T // the parts of the kernels: [panels, n², InC, nr]
	finish         Finisher[T]

	first, last int // rows of tiles of this round
	parts       []T // of the inputs: [n², tiles, channels], a little apart
	partStep    int
	rowsIn      int // rows of tiles in a task of the first half
	blocksIn    int // vectors of channels in one
	rowsOut     int // rows of tiles in a task of the second half, at most
	group       int // panels of output channels in one, at most
	places      []winogradPlace[T]
	transform   winogradInputs[T]
}

// winogradPlace is a worker's scratch.
type winogradPlace[T simd.Float] struct {
	canvas   []T // the inputs under some rows of tiles with their padding: [rows, columns, lanes]
	products []T // [n², tiles, panels·nr], a little apart
	results  []T // [rows, columns, lanes]
	bias     []T // a vector
	spare    []T // of a transform
}

var winograds pool

const (
	roundBytes  = 4 << 20 // of the inputs' parts that are kept at a time
	tilesInTask = 48      // about
	// apart keeps what is read together out of the same lines of a cache, which hold addresses that are a power of two apart.
	apart = 16
)

// start computes the convolution.
func (j *winograd[T]) start() {
	c := &j.conv
	j.outH, j.outW = c.OutH(), c.OutW()
	j.tilesH, j.tilesW = ceil(j.outH, j.m), ceil(j.outW, j.m)
	j.channels, j.panels = j.padded(c.InC), ceil(c.OutC, j.nr)
	j.places = reserve(j.places)
	j.transform.winograd = j
	all := c.Batch * j.tilesH
	j.rowsOut = min(max(1, tilesInTask/j.tilesW), j.tilesH)
	round := max(j.rowsOut, roundBytes/(size[T]()*j.n*j.n*j.tilesW*j.channels))
	rounds := ceil(all, round)
	for i := range rounds {
		j.first, j.last = span(all, rounds, i)
		j.round()
	}
}

// round computes the results of some rows of tiles.
func (j *winograd[T]) round() {
	rows, blocks := j.last-j.first, j.channels/j.lanes
	j.partStep = rows*j.tilesW*j.channels + apart
	j.parts = grow(j.parts, j.n*j.n*j.partStep)
	j.rowsIn = min(4, rows)
	j.blocksIn = ceil(blocks, min(blocks, ceil(minTasks, ceil(rows, j.rowsIn))))
	work := rows * j.tilesW * j.n * j.n * j.conv.InC
	j.do(ceil(rows, j.rowsIn)*ceil(blocks, j.blocksIn), &j.transform, 4*work)
	chunks := ceil(rows, j.rowsOut)
	j.group = min(j.panels, 2)
	if chunks*ceil(j.panels, j.group) < minTasks {
		j.group = 1
	}
	j.do(chunks*ceil(j.panels, j.group), j, work*j.conv.OutC)
}

// winogradInputs is the first half: a task computes the parts of some rows of tiles and some channels.
type winogradInputs[T simd.Float] struct{ winograd *winograd[T] }

func (p *winogradInputs[T]) Do(task, worker int) {
	j := p.winograd
	place := of(j.places, worker)
	place.spare = grow(place.spare, j.n*j.n*j.lanes)
	groups := ceil(j.channels/j.lanes, j.blocksIn)
	block, row := task%groups*j.blocksIn, j.first+task/groups*j.rowsIn
	end := min(row+j.rowsIn, j.last)
	for row < end {
		image, top := row/j.tilesH, row%j.tilesH
		rows := min(end-row, j.tilesH-top)
		j.blank(place, rows)
		for b := block; b < min(block+j.blocksIn, j.channels/j.lanes); b++ {
			j.draw(place.canvas, image, top, rows, b)
			for i := range rows {
				j.partsOf(place, row+i, i, b)
			}
		}
		row += rows
	}
}

// columns is the width of a canvas.
func (j *winograd[T]) columns() int { return j.m*j.tilesW + 2 }

// blank makes an empty canvas for some rows of tiles.
func (j *winograd[T]) blank(place *winogradPlace[T], rows int) {
	place.canvas = grow(place.canvas, (j.m*rows+2)*j.columns()*j.lanes)
	clear(place.canvas)
}

// draw brings a vector of channels of an image onto the canvas, under rows of tiles from top on. What it leaves blank is the same for all channels.
func (j *winograd[T]) draw(canvas []T, image, top, rows, block int) {
	c := &j.conv
	channel := block * j.lanes
	area := c.H * c.W
	cols := min(c.W, j.columns()-c.PadLeft)
	x := (image*c.InC + channel) * area
	for i := range j.m*rows + 2 {
		if row := j.m*top + i - c.PadTop; row >= 0 && row < c.H && cols > 0 {
			j.transpose(at(canvas, (i*j.columns()+c.PadLeft)*j.lanes), at(j.x, x+row*c.W), j.lanes, area, min(j.lanes, c.InC-channel), j.lanes, cols)
		}
	}
}

// partsOf computes the parts of a row of tiles, row i of the canvas, for a vector of channels.
func (j *winograd[T]) partsOf(place *winogradPlace[T], row, i, block int) {
	dst := (row-j.first)*j.tilesW*j.channels + block*j.lanes
	src := i * j.m * j.columns() * j.lanes
	j.winogradIn(j.m, at(j.parts, dst), at(place.canvas, src), at(place.spare, 0), j.tilesW, j.columns()*j.lanes, j.m*j.lanes, j.channels, j.partStep)
}

// Do is the second half: some rows of tiles of some panels of output channels.
func (j *winograd[T]) Do(task, worker int) {
	place := of(j.places, worker)
	place.spare = grow(place.spare, j.n*j.n*j.lanes)
	rows := j.last - j.first
	chunks := ceil(rows, j.rowsOut)
	panel := task / chunks * j.group
	lo, hi := span(rows, chunks, task%chunks)
	panels := min(j.group, j.panels-panel)
	j.multiplyParts(place, lo, hi, panel, panels)
	for v := range panels * j.nr / j.lanes {
		if channel := panel*j.nr + v*j.lanes; channel < j.conv.OutC {
			j.results(place, lo, hi, channel, v*j.lanes, panels*j.nr)
		}
	}
}

// productStep is the distance of the parts of products.
func (j *winograd[T]) productStep(tiles, width int) int { return tiles*width + apart }

// multiplyParts computes the products of some rows of tiles and panels.
func (j *winograd[T]) multiplyParts(place *winogradPlace[T], lo, hi, panel, panels int) {
	z, depth, width := size[T](), j.conv.InC, panels*j.nr
	count := (hi - lo) * j.tilesW
	step := j.productStep(count, width)
	place.products = grow(place.products, j.n*j.n*step)
	pieces := ceil(count, j.mrRows)
	t := tile{runs: &oneRun, runCount: 1, steps: depth, aRow: j.channels * z, aStep: z, bStep: j.nr * z, cStep: width * z, cols: j.nr}
	for part := range j.n * j.n {
		a := part*j.partStep + lo*j.tilesW*j.channels
		for p := range panels {
			t.b = at(j.weights, ((panel+p)*j.n*j.n+part)*depth*j.nr)
			for i := range pieces {
				first, end := span(count, pieces, i)
				t.rows = end - first
				t.a = at(j.parts, a+first*j.channels)
				t.c = at(place.products, part*step+first*width+p*j.nr)
				j.multiplyRows(&t)
			}
		}
	}
}

// results writes a vector of output channels, from column from of the products on.
func (j *winograd[T]) results(place *winogradPlace[T], lo, hi, channel, from, width int) {
	place.bias = grow(place.bias, j.lanes)
	clear(place.bias)
	if j.bias != nil {
		copy(place.bias, j.bias[channel:j.conv.OutC])
	}
	row, count := lo, (hi-lo)*j.tilesW
	for row < hi {
		image, top := (j.first+row)/j.tilesH, (j.first+row)%j.tilesH
		rows := min(hi-row, j.tilesH-top)
		// What tiles have beyond the right edge goes where the next row begins, and is written before what belongs there: from right to left, from top to bottom.
		place.results = grow(place.results, ((rows*j.m+1)*j.outW+j.m*j.m)*j.lanes)
		for i := range rows {
			last := j.tilesW - 1
			dst := (i*j.m*j.outW + last*j.m) * j.lanes
			src := ((row-lo+i)*j.tilesW+last)*width + from
			j.winogradOut(j.m, at(place.results, dst), at(place.products, src), at(place.bias, 0), at(place.spare, 0), j.tilesW, -width, j.productStep(count, width), -j.m*j.lanes, j.outW*j.lanes)
		}
		j.store(place.results, image, top*j.m, min((top+rows)*j.m, j.outH), channel)
		row += rows
	}
}

// store writes rows lo to hi of a vector of channels to the result.
func (j *winograd[T]) store(results []T, image, lo, hi, channel int) {
	area, n := j.outH*j.outW, (hi-lo)*j.outW
	y := (image*j.conv.OutC+channel)*area + lo*j.outW
	channels := min(j.lanes, j.conv.OutC-channel)
	j.putBlock(at(j.y, y), at(results, 0), area, j.lanes, n, channels)
	if j.finish == nil {
		return
	}
	for range channels {
		j.finish.Finish(j.y[y:y+n], y)
		y += area
	}
}

// winogradIn takes tiles of n×n vectors, rows srcRow apart, to their n² parts, dstPart apart. Distances are in elements; spare holds n² vectors.
func (e engine[T]) winogradIn(m int, dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int) {
	z := size[T]()
	srcRow, srcTile, dstTile, dstPart = srcRow*z, srcTile*z, dstTile*z, dstPart*z
	switch {
	case e.level == simd.AVX512 && m == 2:
		winogradIn2AVX512(dst, src, spare, tiles, srcRow, srcTile, dstTile, dstPart)
	case e.level == simd.AVX512:
		winogradIn4AVX512(dst, src, spare, tiles, srcRow, srcTile, dstTile, dstPart)
	case e.level == simd.AVX2 && m == 2:
		winogradIn2AVX2(dst, src, spare, tiles, srcRow, srcTile, dstTile, dstPart)
	case e.level == simd.AVX2:
		winogradIn4AVX2(dst, src, spare, tiles, srcRow, srcTile, dstTile, dstPart)
	default:
		winogradInGeneric[T](m, e.lanes, dst, src, tiles, srcRow, srcTile, dstTile, dstPart)
	}
}

// winogradOut takes the n² parts of tiles, srcPart apart, to m×m vectors, rows dstRow apart, and adds a vector of biases.
func (e engine[T]) winogradOut(m int, dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int) {
	z := size[T]()
	srcTile, srcPart, dstTile, dstRow = srcTile*z, srcPart*z, dstTile*z, dstRow*z
	switch {
	case e.level == simd.AVX512 && m == 2:
		winogradOut2AVX512(dst, src, bias, spare, tiles, srcTile, srcPart, dstTile, dstRow)
	case e.level == simd.AVX512:
		winogradOut4AVX512(dst, src, bias, spare, tiles, srcTile, srcPart, dstTile, dstRow)
	case e.level == simd.AVX2 && m == 2:
		winogradOut2AVX2(dst, src, bias, spare, tiles, srcTile, srcPart, dstTile, dstRow)
	case e.level == simd.AVX2:
		winogradOut4AVX2(dst, src, bias, spare, tiles, srcTile, srcPart, dstTile, dstRow)
	default:
		winogradOutGeneric[T](m, e.lanes, dst, src, bias, tiles, srcTile, srcPart, dstTile, dstRow)
	}
}
