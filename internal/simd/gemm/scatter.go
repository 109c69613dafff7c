package gemm

import "github.com/energo-ml/energo/internal/simd"

// A scatterGrad is the gradient by the input for strides other than 1 and for few input
// channels: for each image the products of the weights with the output's gradient, which
// are then added, tap by tap, where the tap read from on a canvas that holds the padded image.
//
// With many input channels the canvas is [rows, columns, channels], and what is added are
// pixels of all channels. With few it is [channels, rows, strideW, phaseW], the columns in
// strideW groups of those that are strideW apart, and what is added are rows of the output.
type scatterGrad[T simd.Float] struct {
	engine[T]
	conv             Conv2D
	outH, outW       int
	canvasH, canvasW int
	width            int // of the channels, padded; 0 for few
	phaseW           int // columns of a group, for few channels
	dx, dy, w        []T
	add              bool
	packed           []T // [OutC, KH·KW, width]
	pack             scatterWeights[T]
	scratch          []scatterScratch[T]
}

type scatterScratch[T simd.Float] struct {
	dy     []T // the last panel, [OutC, nr]
	cols   []T // [InC·KH·KW, outH·outW] or [outH·outW, KH·KW·width]
	canvas []T
	dx     []T // an image's, before it is added
}

var scatterGrads pool

func scatterInputGrad[T simd.Float](e engine[T], c Conv2D, dx, dy, w []T, add bool) {
	g := take[T, scatterGrad[T]](&scatterGrads)
	g.engine, g.conv, g.outH, g.outW = e, c, c.OutH(), c.OutW()
	g.canvasH = (g.outH-1)*c.StrideH + (c.KH-1)*c.DilationH + 1
	g.canvasW = (g.outW-1)*c.StrideW + (c.KW-1)*c.DilationW + 1
	g.phaseW = ceil(g.canvasW, c.StrideW)
	g.dx, g.dy, g.w, g.add = dx, dy, w, add
	g.scratch = reserve(g.scratch)
	g.width = 0
	if 2*c.InC >= e.lanes {
		g.width = g.padded(c.InC)
		g.packed = grow(g.packed, c.OutC*c.KH*c.KW*g.width)
		g.pack.grad = g
		g.do(c.OutC, &g.pack, 16*len(g.packed))
	}
	g.do(c.Batch, g, len(dy)*c.InC*c.KH*c.KW)
	g.dx, g.dy, g.w = nil, nil, nil
	give[T](&scatterGrads, g)
}

// scatterWeights brings the channels of the weights last: a task for each output channel.
type scatterWeights[T simd.Float] struct{ grad *scatterGrad[T] }

func (p *scatterWeights[T]) Do(channel, _ int) {
	g := p.grad
	taps := g.conv.KH * g.conv.KW
	g.transpose(at(g.packed, channel*taps*g.width), at(g.w, channel*g.conv.InC*taps), g.width, taps, g.conv.InC, g.width, taps)
}

// Do computes the gradient by one image.
func (g *scatterGrad[T]) Do(image, worker int) {
	s := of(g.scratch, worker)
	size := g.conv.InC * g.conv.H * g.conv.W
	dx := g.dx[image*size:][:size]
	if g.width == 0 {
		g.few(image, s, dx)
		return
	}
	if !g.add {
		g.many(image, s, dx)
		return
	}
	s.dx = grow(s.dx, size)
	g.many(image, s, s.dx)
	whole := size / g.nr
	g.sumRows(at(dx, 0), at(s.dx, 0), g.nr, g.nr, whole, g.nr)
	if rest := size % g.nr; rest > 0 {
		g.sumRows(at(dx, whole*g.nr), at(s.dx, whole*g.nr), 0, 0, 1, rest)
	}
}

// many writes the gradient by an image of many channels to dx.
func (g *scatterGrad[T]) many(image int, s *scatterScratch[T], dx []T) {
	c, area, z := &g.conv, g.outH*g.outW, size[T]()
	depth := c.KH * c.KW * g.width
	s.cols, s.canvas = grow(s.cols, area*depth), grow(s.canvas, g.canvasH*g.canvasW*g.width)
	t := tile{runs: &oneRun, runCount: 1, steps: c.OutC, aStep: area * z, bStep: depth * z, cStep: depth * z}
	pieces := ceil(area, g.mr)
	for col := 0; col < depth; col += g.nr {
		t.cols, t.b = min(depth-col, g.nr), at(g.packed, col)
		for i := range pieces {
			row, end := span(area, pieces, i)
			t.rows = end - row
			t.a, t.c = at(g.dy, image*c.OutC*area+row), at(s.cols, row*depth+col)
			g.multiply(&t)
		}
	}
	clear(s.canvas)
	for tap := range c.KH * c.KW {
		i, j := tap/c.KW*c.DilationH, tap%c.KW*c.DilationW
		for oh := range g.outH {
			to := ((oh*c.StrideH+i)*g.canvasW + j) * g.width
			g.sumRows(at(s.canvas, to), at(s.cols, oh*g.outW*depth+tap*g.width), c.StrideW*g.width, depth, g.outW, g.width)
		}
	}
	for h := range c.H { // what no tap has read gets zeros
		from, pixels := 0, 0
		if h+c.PadTop < g.canvasH && c.PadLeft < g.canvasW {
			from, pixels = ((h+c.PadTop)*g.canvasW+c.PadLeft)*g.width, min(g.canvasW-c.PadLeft, c.W)
		}
		g.transpose(at(dx, h*c.W), at(s.canvas, from), c.H*c.W, g.width, pixels, c.W, c.InC)
	}
}

// few writes the gradient by an image of few channels to dx, or adds it.
func (g *scatterGrad[T]) few(image int, s *scatterScratch[T], dx []T) {
	c, area, z := &g.conv, g.outH*g.outW, size[T]()
	depth, row := c.InC*c.KH*c.KW, c.StrideW*g.phaseW
	s.cols, s.dy, s.canvas = grow(s.cols, depth*area), grow(s.dy, c.OutC*g.nr), grow(s.canvas, c.InC*g.canvasH*row)
	t := tile{runs: &oneRun, runCount: 1, steps: c.OutC, aStep: depth * z, cStep: area * z}
	tiles := ceil(depth, g.mr)
	for col := 0; col < area; col += g.nr {
		t.cols = min(area-col, g.nr)
		from := at(g.dy, image*c.OutC*area+col)
		t.b, t.bStep = from, area*z
		if t.cols%g.lanes != 0 { // the tile would read beyond the end
			t.b, t.bStep = at(s.dy, 0), g.nr*z
			g.copyRows(t.b, from, g.nr, area, c.OutC, g.padded(t.cols), t.cols)
		}
		for i := range tiles {
			row, end := span(depth, tiles, i)
			t.rows = end - row
			t.a, t.c = at(g.w, row), at(s.cols, row*area+col)
			g.multiply(&t)
		}
	}
	clear(s.canvas)
	for tap := range depth {
		ch, i, j := tap/c.KW/c.KH, tap/c.KW%c.KH*c.DilationH, tap%c.KW*c.DilationW
		to := (ch*g.canvasH+i)*row + j%c.StrideW*g.phaseW + j/c.StrideW
		g.sumRows(at(s.canvas, to), at(s.cols, tap*area), c.StrideH*row, g.outW, g.outH, g.outW)
	}
	if !g.add {
		clear(dx)
	}
	for ch := range c.InC {
		for h := range min(c.H, g.canvasH-c.PadTop) {
			g.join(dx[(ch*c.H+h)*c.W:][:c.W], s.canvas[(ch*g.canvasH+h+c.PadTop)*row:][:row])
		}
	}
}

// join adds a row of the canvas, its columns in groups, to a row of the image.
func (g *scatterGrad[T]) join(dx, row []T) {
	stride, left := g.conv.StrideW, g.conv.PadLeft
	for phase := range stride {
		col := phase // of the canvas, the first of the group that lies on the image
		if col < left {
			col += ceil(left-col, stride) * stride
		}
		group := row[phase*g.phaseW:][:g.phaseW]
		for k, w := col/stride, col-left; k < len(group) && w < len(dx); k, w = k+1, w+stride {
			dx[w] += group[k]
		}
	}
}
