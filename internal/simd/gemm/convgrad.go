package gemm

import (
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// A weightGrad sums, over the images and pixels, the products of each output channel's
// gradient with the inputs under each tap. Channels come last in its scratch, so that a
// tile is (channels under a row of taps) × (output channels) and its steps are pixels.
//
// The images are cut into groups, each a task with sums of its own, by the batch's size
// alone; the sums are added up in the groups' order.
type weightGrad[T simd.Float] struct {
	engine[T]
	conv          Conv2D
	outH, outW    int
	canvasH       int
	canvasW       int
	width         int // outC padded to whole vectors
	groups        int
	block         int // images whose pixels a tile sums before it adds to the sums
	dw, db, x, dy []T
	add           bool
	runs          []run
	sums          []T // [groups, KH·KW·InC + 1, width]; the last row is for the bias
	scratch       []weightScratch[T]
	one           T
	sum           weightSum[T]
}

type weightScratch[T simd.Float] struct {
	x  canvas[T] // [block, canvasH, canvasW, InC]
	dy []T       // [block, outH·outW, width]
}

var weightGrads pool

const (
	maxGroups   = 16
	blockPixels = 400
)

func (g *weightGrad[T]) start() {
	c := &g.conv
	g.outH, g.outW = c.OutH(), c.OutW()
	g.canvasH = (g.outH-1)*c.StrideH + (c.KH-1)*c.DilationH + 1
	g.canvasW = (g.outW-1)*c.StrideW + (c.KW-1)*c.DilationW + 1
	g.width = g.padded(c.OutC)
	g.groups = min(c.Batch, maxGroups)
	g.sums = grow(g.sums, max(2, g.groups)*g.stride())
	g.one = 1
	g.runs = g.runs[:0]
	z := size[T]()
	g.block = min(max(1, blockPixels/(g.outH*g.outW)), ceil(c.Batch, g.groups))
	for i := range g.block * g.outH {
		row := i/g.outH*g.canvasH + i%g.outH*c.StrideH
		g.runs = append(g.runs, run{row * g.canvasW * c.InC * z, i * g.outW * g.width * z})
	}
	g.scratch = reserve(g.scratch)
	for i := range g.scratch {
		g.scratch[i].x.clean = false
	}
	g.do(g.groups, g, c.Batch*g.outH*g.outW*c.OutC*c.InC*c.KH*c.KW)
	g.sum.grad = g
	g.do(c.KH*c.KW, &g.sum, 4*g.groups*g.stride())
	g.deliver()
	g.dw, g.db, g.x, g.dy = nil, nil, nil, nil
}

// depth is the number of weights of an output channel.
func (g *weightGrad[T]) depth() int { return g.conv.KH * g.conv.KW * g.conv.InC }

// stride is the size of a group's sums.
func (g *weightGrad[T]) stride() int { return (g.depth() + 1) * g.width }

// Do sums a group of images.
func (g *weightGrad[T]) Do(group, worker int) {
	s := of(g.scratch, worker)
	lo, hi := span(g.conv.Batch, g.groups, group)
	canvas, area := g.canvasH*g.canvasW*g.conv.InC, g.outH*g.outW
	s.dy = grow(s.dy, g.block*area*g.width)
	if n := g.block * canvas; !s.x.clean || n != len(s.x.x) {
		s.x.x = grow(s.x.x, n)
		clear(s.x.x)
		s.x.clean = true
	}
	for first := lo; first < hi; first += g.block {
		images := min(g.block, hi-first)
		for i := range images {
			g.draw(first+i, s.x.x[i*canvas:][:canvas], s.dy[i*area*g.width:])
		}
		flags := 0
		if first > lo {
			flags = flagAdd
		}
		for col := 0; col < g.width; col += g.nr {
			g.panel(group, col, s, images, flags)
		}
	}
}

// draw brings an image and its gradient into the scratch's layout.
func (g *weightGrad[T]) draw(image int, on, dy []T) {
	c := &g.conv
	x := g.x[image*c.InC*c.H*c.W:]
	rows, cols := min(g.canvasH-c.PadTop, c.H), min(g.canvasW-c.PadLeft, c.W)
	switch {
	case rows <= 0 || cols <= 0:
	case c.InC == 1:
		g.copyBlock(on[c.PadTop*g.canvasW+c.PadLeft:], x, g.canvasW, c.W, rows, cols)
	default:
		for i := range rows {
			dst := ((c.PadTop+i)*g.canvasW + c.PadLeft) * c.InC
			g.transpose(at(on, dst), at(x, i*c.W), c.InC, c.H*c.W, c.InC, c.InC, cols)
		}
	}
	area := g.outH * g.outW
	g.transpose(at(dy, 0), at(g.dy, image*c.OutC*area), g.width, area, c.OutC, g.width, area)
}

// panel adds some images' part to the sums of nr output channels.
func (g *weightGrad[T]) panel(group, col int, s *weightScratch[T], images, flags int) {
	c := &g.conv
	z := size[T]()
	sums := g.sums[group*g.stride():]
	t := tile{
		runs: &g.runs[0], runCount: images * g.outH, steps: g.outW,
		aStep: c.StrideW * c.InC * z, bStep: g.width * z, cStep: g.width * z,
		cols: min(g.width-col, g.nr), flags: flags,
	}
	t.b = at(s.dy, col)
	across, wide := 1, c.KW*c.InC // taps next to each other are one block of rows
	if c.DilationW != 1 {
		across, wide = c.KW, c.InC
	}
	pieces := ceil(wide, g.mr)
	for i := range c.KH {
		for j := range across {
			x := (i*c.DilationH*g.canvasW + j*c.DilationW) * c.InC
			sum := (i*c.KW+j)*c.InC*g.width + col
			for piece := range pieces {
				row, end := span(wide, pieces, piece)
				t.rows = end - row
				t.a = at(s.x.x, x+row)
				t.c = at(sums, sum+row*g.width)
				g.multiply(&t)
			}
		}
	}
	if g.db != nil {
		t.a, t.c, t.rows, t.aStep = unsafe.Pointer(&g.one), at(sums, g.depth()*g.width+col), 1, 0
		t.runs, t.runCount, t.steps = &oneRun, 1, images*g.outH*g.outW
		g.multiply(&t)
	}
}

// weightSum adds up the groups' sums: a task adds the rows of a tap, the last one the bias too.
type weightSum[T simd.Float] struct{ grad *weightGrad[T] }

func (p *weightSum[T]) Do(tap, _ int) {
	g := p.grad
	lo, hi := tap*g.conv.InC*g.width, (tap+1)*g.conv.InC*g.width
	if tap == g.conv.KH*g.conv.KW-1 {
		hi = g.stride()
	}
	if g.db == nil {
		hi = min(hi, g.depth()*g.width)
	}
	for group := 1; group < g.groups; group++ {
		simd.AddTo(g.sums[lo:hi], g.sums[group*g.stride():][lo:hi])
	}
}

// deliver brings the first group's sums, [taps, InC, width], into the weights' order.
func (g *weightGrad[T]) deliver() {
	c := &g.conv
	taps := c.KH * c.KW
	to := g.dw
	if g.add { // the second group's sums are no longer needed
		to = g.sums[g.stride():][:len(g.dw)]
	}
	for ch := range c.InC {
		g.transpose(at(to, ch*taps), at(g.sums, ch*g.width), c.InC*taps, c.InC*g.width, taps, taps, c.OutC)
	}
	if g.add {
		simd.AddTo(g.dw, to)
	}
	bias := g.sums[g.depth()*g.width:]
	for i := range g.db {
		if g.add {
			g.db[i] += bias[i]
		} else {
			g.db[i] = bias[i]
		}
	}
}
