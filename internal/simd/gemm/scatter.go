package gemm

import "github.com/energo-ml/energo/internal/simd"

// A scatterGrad is the gradient by the input for strides other than 1 and for few input
// channels: for each image the products of the weights with the output's gradient, [InC·KH·KW, OutH·OutW], each
// row of which is then added where its tap read from.
type scatterGrad[T simd.Float] struct {
	engine[T]
	conv       Conv2D
	outH, outW int
	dx, dy, w  []T
	add        bool
	scratch    []scatterScratch[T]
}

type scatterScratch[T simd.Float] struct {
	dy   []T // the last panel, [OutC, nr]
	cols []T // [InC·KH·KW, outH·outW]
}

var scatterGrads pool

func scatterInputGrad[T simd.Float](e engine[T], c Conv2D, dx, dy, w []T, add bool) {
	g := take[T, scatterGrad[T]](&scatterGrads)
	g.engine, g.conv, g.outH, g.outW = e, c, c.OutH(), c.OutW()
	g.dx, g.dy, g.w, g.add = dx, dy, w, add
	g.scratch = reserve(g.scratch)
	g.do(c.Batch, g, len(dy)*c.InC*c.KH*c.KW)
	g.dx, g.dy, g.w = nil, nil, nil
	give[T](&scatterGrads, g)
}

// Do computes the gradient by one image.
func (g *scatterGrad[T]) Do(image, worker int) {
	c, s := &g.conv, of(g.scratch, worker)
	depth, area, z := c.InC*c.KH*c.KW, g.outH*g.outW, size[T]()
	s.cols, s.dy = grow(s.cols, depth*area), grow(s.dy, c.OutC*g.nr)
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
	size := c.InC * c.H * c.W
	dx := g.dx[image*size:][:size]
	if !g.add {
		clear(dx)
	}
	g.scatter(dx, s.cols)
}

// scatter adds cols, [InC, KH, KW, outH, outW], to the inputs that they came from.
func (g *scatterGrad[T]) scatter(dx, cols []T) {
	c := &g.conv
	for ch := range c.InC {
		for i := range c.KH {
			for j := range c.KW {
				from := cols[((ch*c.KH+i)*c.KW+j)*g.outH*g.outW:]
				first, last := inside(j*c.DilationW-c.PadLeft, c.StrideW, c.W, g.outW)
				for oh := range g.outH {
					h := oh*c.StrideH + i*c.DilationH - c.PadTop
					if h < 0 || h >= c.H || first >= last {
						continue
					}
					w := first*c.StrideW + j*c.DilationW - c.PadLeft
					to := dx[(ch*c.H+h)*c.W+w:]
					for k, v := range from[oh*g.outW:][first:last] {
						to[k*c.StrideW] += v
					}
				}
			}
		}
	}
}

// inside returns the range of k in [0, n) for which offset + k·stride is in [0, size).
func inside(offset, stride, size, n int) (first, last int) {
	if offset < 0 {
		first = ceil(-offset, stride)
	}
	if offset < size {
		last = min(n, ceil(size-offset, stride))
	}
	return first, last
}
