package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// A slide is a convolution in the form that the forward pass has in common with, for
// stride 1, the gradient by the input: a kernel slides over a canvas onto which each
// image is copied, and an output row is computed in tiles of pixels by output channels.
//
// The canvas is [rows, inC, strideW, phaseW]: the columns of each row and channel in
// strideW groups of those that are strideW apart, so that neighbours in the output are
// neighbours on the canvas for any stride. A step of a tile reads one channel under one
// tap for each of its pixels.
type slide[T simd.Float] struct {
	engine[T]
	slideShape
	y, x, weights, bias []T
	relu, add           bool
	adjoint             bool // the weights are of the convolution whose gradient this is
	finish              Finisher[T]
	bounds              [2]T // of the results, where bounded
	bounded             bool

	phaseW   int  // columns of a group
	row      int  // elements of a row of the canvas
	direct   bool // the image is its own canvas
	bands    int  // parts of an image's rows, each a task
	byPanel  bool // a task has one panel of the weights, which do not all fit a core's cache, and all canvases are there before
	runs     []run
	steps    int // of a run
	step     int // from one step of a run to the next, on the canvas
	packed   []T // panels of output channels, each [inC·kernelH·kernelW, nr]
	pack     slideWeights[T]
	canvases []canvas[T] // one a worker, or one an image
	paint    slideCanvas[T]
}

type slideShape struct {
	batch, inC, h, w     int
	outC, outH, outW     int
	kernelH, kernelW     int
	strideH, strideW     int
	dilationH, dilationW int
	top, left            int // where the image's corner lies on the canvas; negative crops it
}

// A canvas is clean when all of it that no image covers is zero.
type canvas[T simd.Float] struct {
	x     []T
	clean bool
}

var slides pool

// forward makes s the forward pass of a convolution.
func (s *slide[T]) forward(conv *Conv2D) {
	c := conv.withDefaults()
	s.engine = newEngine[T]()
	s.slideShape = slideShape{
		batch: c.Batch, inC: c.InC, h: c.H, w: c.W,
		outC: c.OutC, outH: c.OutH(), outW: c.OutW(), kernelH: c.KH, kernelW: c.KW,
		strideH: c.StrideH, strideW: c.StrideW, dilationH: c.DilationH, dilationW: c.DilationW,
		top: c.PadTop, left: c.PadLeft,
	}
	s.add, s.adjoint, s.bounded = false, false, false
}

// start computes the convolution with panels, or with s.weights where panels is nil.
func (s *slide[T]) start(panels []T) {
	s.plan()
	own := s.packed
	if panels != nil {
		s.packed = panels
	} else {
		s.packed = grow(own, s.panelsLen())
		own = s.packed
		s.packWeights()
	}
	tasks := s.batch * s.bands
	if s.byPanel {
		tasks *= ceil(s.outC, s.nr)
		s.paint.slide = s
		s.do(s.batch, &s.paint, 16*s.batch*s.canvasRows(s.outH)*s.row)
	}
	s.do(tasks, s, s.batch*s.outH*s.outW*s.outC*s.inC*s.kernelH*s.kernelW)
	s.y, s.x, s.weights, s.bias, s.packed = nil, nil, nil, nil, own
}

// panelsLen is the size of the packed weights.
func (s *slide[T]) panelsLen() int { return ceil(s.outC, s.nr) * s.nr * s.inC * s.kernelH * s.kernelW }

func (s *slide[T]) packWeights() {
	s.pack.slide = s
	s.do(ceil(s.outC, s.nr), &s.pack, 16*len(s.packed))
}

func (s *slide[T]) plan() {
	taps := s.kernelH * s.kernelW
	s.direct = taps == 1 && s.strideH == 1 && s.strideW == 1 &&
		s.top == 0 && s.left == 0 && s.outH == s.h && s.outW == s.w
	if s.direct {
		s.outH, s.outW = 1, s.outH*s.outW
	}
	s.phaseW = ceil((s.outW-1)*s.strideW+(s.kernelW-1)*s.dilationW+1, s.strideW)
	s.row = s.inC * s.strideW * s.phaseW
	s.bands = min(ceil(minTasks, max(s.batch, 1)), s.outH)
	s.planRuns()
	s.canvases = reserve(s.canvases)
	one, weights := s.canvasRows(s.outH)*s.row*size[T](), s.panelsLen()*size[T]()
	if s.byPanel = !s.direct && weights > max(weightBytes, one) && s.batch*one <= canvasBytes; s.byPanel {
		s.bands = min(ceil(minTasks, max(s.batch, 1)*ceil(s.outC, s.nr)), s.outH)
		for len(s.canvases) < s.batch {
			s.canvases = append(s.canvases, canvas[T]{})
		}
	} else if !s.direct {
		s.bands = min(max(s.bands, ceil(one, bandBytes)), s.outH)
	}
	for i := range s.canvases {
		s.canvases[i].clean = false
	}
}

const (
	weightBytes = 128 << 10 // of weights that each task reads all
	canvasBytes = 32 << 20  // of canvases that are kept at a time
	bandBytes   = 192 << 10 // of a canvas that a task goes over once for each panel, about: as much as stays in a core's own cache
)

// canvasRows is the number of rows of the canvas under some rows of the output.
func (s *slide[T]) canvasRows(rows int) int {
	return (rows-1)*s.strideH + (s.kernelH-1)*s.dilationH + 1
}

// slideCanvas copies the images onto their canvases: a task copies one.
type slideCanvas[T simd.Float] struct{ slide *slide[T] }

func (p *slideCanvas[T]) Do(image, _ int) {
	p.slide.draw(image, 0, p.slide.outH, &p.slide.canvases[image])
}

// planRuns lists the runs of steps, in the order of the weights: channel, row, column.
func (s *slide[T]) planRuns() {
	s.runs = s.runs[:0]
	z := size[T]()
	switch group := s.strideW * s.phaseW; {
	case s.kernelH*s.kernelW == 1:
		s.steps, s.step = s.inC, group
		s.runs = append(s.runs, run{})
	case s.strideW == 1:
		s.steps, s.step = s.kernelW, s.dilationW
		for c := range s.inC {
			for i := range s.kernelH {
				s.runs = append(s.runs, run{(i*s.dilationH*s.row + c*group) * z, (c*s.kernelH + i) * s.kernelW * s.nr * z})
			}
		}
	default:
		s.steps, s.step = 1, 0
		for c := range s.inC {
			for i := range s.kernelH {
				for j := range s.kernelW {
					col := j * s.dilationW
					col = col%s.strideW*s.phaseW + col/s.strideW
					s.runs = append(s.runs, run{(i*s.dilationH*s.row + c*group + col) * z, len(s.runs) * s.nr * z})
				}
			}
		}
	}
}

// slideWeights packs the weights: a task packs a panel.
type slideWeights[T simd.Float] struct{ slide *slide[T] }

func (p *slideWeights[T]) Do(panel, _ int) {
	s := p.slide
	taps := s.kernelH * s.kernelW
	depth := s.inC * taps
	first := panel * s.nr
	cols := min(s.outC-first, s.nr)
	width := s.padded(cols)
	dst := panel * s.nr * depth
	switch {
	case !s.adjoint:
		s.transpose(at(s.packed, dst), at(s.weights, first*depth), s.nr, depth, cols, width, depth)
	case taps == 1:
		s.copyRows(at(s.packed, dst), at(s.weights, first), s.nr, s.outC, s.inC, width, cols)
	default: // [inC, outC, taps], and the taps in reverse
		for c := range s.inC {
			s.transpose(at(s.packed, dst+(c*taps+taps-1)*s.nr), at(s.weights, (c*s.outC+first)*taps), -s.nr, taps, cols, width, taps)
		}
	}
}

// Do computes a band of the rows of an image.
func (s *slide[T]) Do(task, worker int) {
	panel, panels := 0, ceil(s.outC, s.nr)
	if s.byPanel {
		panel, panels = task/(s.batch*s.bands), 1
		task %= s.batch * s.bands
	}
	image, band := task/s.bands, task%s.bands
	lo, hi := span(s.outH, s.bands, band)
	var on []T // from row lo of the output on
	if s.byPanel {
		on = s.canvases[image].x[lo*s.strideH*s.row:]
	} else {
		on = s.draw(image, lo, hi, of(s.canvases, worker))
	}
	for range panels {
		s.fill(image, lo, hi, on, panel*s.nr)
		panel++
	}
}

// fill computes the output channels of a panel, from first on, in a band.
func (s *slide[T]) fill(image, lo, hi int, on []T, first int) {
	z := size[T]()
	area := s.outH * s.outW
	t := tile{
		runs: &s.runs[0], runCount: len(s.runs), steps: s.steps,
		aStep: s.step * z, bStep: s.nr * z, cStep: area * z, flags: flagTranspose,
		cols: min(s.outC-first, s.nr), b: at(s.packed, first*s.inC*s.kernelH*s.kernelW),
	}
	if s.relu {
		t.flags |= flagReLU
	}
	if s.add {
		t.flags |= flagAdd
	}
	if s.bounded {
		t.bounds = unsafe.Pointer(&s.bounds)
	}
	if s.bias != nil {
		t.bias = at(s.bias, first)
	}
	pieces := ceil(s.outW, s.mr)
	y := (image*s.outC + first) * area
	for i := lo; i < hi; i++ {
		for piece := range pieces {
			col, end := span(s.outW, pieces, piece)
			t.rows = end - col
			t.a = at(on, (i-lo)*s.strideH*s.row+col)
			t.c = at(s.y, y+i*s.outW+col)
			s.multiply(&t)
		}
	}
	if s.finish != nil && hi > lo {
		for range t.cols {
			s.finish.Finish(s.y[y+lo*s.outW:y+hi*s.outW], y+lo*s.outW)
			y += area
		}
	}
}

// draw returns the canvas under rows lo to hi of the output, with the image on it.
func (s *slide[T]) draw(image, lo, hi int, c *canvas[T]) []T {
	size := s.inC * s.h * s.w
	x := s.x[image*size:][:size]
	if s.direct {
		return x
	}
	first := lo * s.strideH // of the canvas
	rows := s.canvasRows(hi) - first
	if n := rows * s.row; !c.clean || s.bands > 1 && !s.byPanel || n != len(c.x) {
		c.x = grow(c.x, n)
		clear(c.x)
		c.clean = true
	}
	from, to := max(first-s.top, 0), min(first+rows-s.top, s.h)         // rows of the image
	left, right := max(-s.left, 0), min(s.phaseW*s.strideW-s.left, s.w) // its columns
	if from >= to || left >= right {
		return c.x
	}
	start := (s.top + from - first) * s.row
	for ch := range s.inC {
		dst := start + ch*s.strideW*s.phaseW
		src := (ch*s.h+from)*s.w + left
		if s.strideW == 1 {
			s.copyBlock(c.x[dst+s.left+left:], x[src:], s.row, s.w, to-from, right-left)
			continue
		}
		if s.strideW == 2 && right-left > 1 {
			col := s.left + left
			even, odd := col%2*s.phaseW+col/2, (col+1)%2*s.phaseW+(col+1)/2
			s.splitRows(at(c.x, dst+even), at(c.x, dst+odd), at(x, src), s.row, s.w, to-from, right-left)
			continue
		}
		for i := range to - from {
			s.spread(c.x[dst+i*s.row:][:s.strideW*s.phaseW], x[src+i*s.w:][:right-left], s.left+left)
		}
	}
	return c.x
}

// spread puts a row's values, the first of which is column first of the canvas, into their
// groups of columns.
func (s *slide[T]) spread(row, x []T, first int) {
	for i := range min(s.strideW, len(x)) {
		col := first + i
		group := row[col%s.strideW*s.phaseW+col/s.strideW:]
		for k, j := 0, i; j < len(x); k, j = k+1, j+s.strideW {
			group[k] = x[j]
		}
	}
}

// copyBlock copies rows of any width, in whole vectors where they are long enough: the last vectors may overlap those before.
func (e engine[T]) copyBlock(dst, src []T, dstStep, srcStep, rows, cols int) {
	step := e.nr
	if cols < step && cols >= e.lanes {
		step = e.lanes
	}
	for j := 0; j < cols; j += step {
		if j+step > cols && cols >= step {
			j = cols - step
		}
		n := min(cols-j, step)
		e.copyRows(at(dst, j), at(src, j), dstStep, srcStep, rows, n, n)
	}
}
