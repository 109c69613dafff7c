package gemm

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/simd"
)

// Depthwise computes a convolution whose groups have one input channel each,
//
//	y[b, c·M + m] = x[b, c] ⋆ w[c·M + m] + bias[c·M + m]
//
// with M = OutC/InC filters a channel. Shapes: y [Batch, OutC, OutH, OutW], x [Batch, InC, H, W],
// w [OutC, KH, KW], bias [OutC] or nil; finish, if there is one, changes the results. y must not overlap the others. A geometry that
// Validate refuses, OutC that is no multiple of InC and a slice that is too short panic.
func Depthwise[T simd.Float](s *Conv2D, y, x, w, bias []T, finish Finisher[T]) {
	s.checkGroups(len(y), len(x), len(w), s.InC)
	if s.OutC%s.InC != 0 {
		panic(fmt.Sprintf("gemm: %d channels of the output are no multiple of the input's %d", s.OutC, s.InC))
	}
	s.checkBias(len(bias), bias != nil)
	j := take[T, blocks[T]](&blockPool)
	j.engine, j.conv, j.greatest, j.outside = newEngine[T](), s.withDefaults(), false, 0
	j.y, j.x, j.w, j.bias = y, x, w, bias
	j.finish, j.bounds = bounds(finish)
	j.start()
	j.y, j.x, j.w, j.bias, j.finish = nil, nil, nil, nil, nil
	give[T](&blockPool, j)
}

// MaxWindows takes the greatest element of each channel under the kernel at every place, NaN if there
// is one, and −Inf where there is only padding.
//
// Shapes: y [Batch, InC, OutH, OutW], x [Batch, InC, H, W]; OutC is InC. What panics is as Depthwise has it.
func MaxWindows[T simd.Float](s *Conv2D, y, x []T) {
	s.checkGroups(len(y), len(x), s.OutC*s.KH*s.KW, s.InC)
	if s.OutC != s.InC {
		panic(fmt.Sprintf("gemm: the output has %d channels, not the input's %d", s.OutC, s.InC))
	}
	j := take[T, blocks[T]](&blockPool)
	j.engine, j.conv, j.greatest, j.outside = newEngine[T](), s.withDefaults(), true, T(math.Inf(-1))
	j.y, j.x = y, x
	j.start()
	j.y, j.x = nil, nil
	give[T](&blockPool, j)
}

// A depthwise is what the gradients have in common. They compute a plane in one stretch: it is laid out so that what a
// tap needs of it lies in one piece, with a few elements between the rows that belong to no result.
//
// The padded plane is parted into StrideH·StrideW phases: phase (i, j) holds the rows and columns
// that are i and j beyond a multiple of the strides. Under every tap, neighbours in the result are
// neighbours in one phase.
type depthwise[T simd.Float] struct {
	engine[T]
	conv           Conv2D
	y, x, w        []T
	outH, outW     int
	phaseH, phaseW int   // rows and columns of a phase
	at             []int // where the piece of each tap begins, in bytes
	stretch        int   // elements of a piece
	step           int   // planes in a task
}

// depthwisePlace is a worker's scratch.
type depthwisePlace[T simd.Float] struct {
	x, y []T
	reader[T]
}

// A reader brings to a core's cache what would come from memory in an order that processors do not foresee, as vectors of channels do, or columns.
type reader[T simd.Float] struct{ seen T }

// touch reads x in memory's order.
func (r *reader[T]) touch(x []T) {
	var sum T
	for i := 0; i < len(x); i += 64 / size[T]() {
		sum += x[i]
	}
	r.seen = sum
}

// plan lays out the canvas.
func (j *depthwise[T]) plan() {
	c := &j.conv
	j.outH, j.outW = c.OutH(), c.OutW()
	j.phaseH = j.outH + c.DilationH*(c.KH-1)/c.StrideH
	j.phaseW = j.outW + c.DilationW*(c.KW-1)/c.StrideW
	j.at = j.at[:0]
	for row := range c.KH {
		for col := range c.KW {
			h, w := row*c.DilationH, col*c.DilationW
			phase := h%c.StrideH*c.StrideW + w%c.StrideW
			j.at = append(j.at, ((phase*j.phaseH+h/c.StrideH)*j.phaseW+w/c.StrideW)*size[T]())
		}
	}
	j.stretch = (j.outH-1)*j.phaseW + j.outW
}

// draw lays a plane out in phases.
func (j *depthwise[T]) draw(on, x []T) {
	c := &j.conv
	rows := min(c.H, c.StrideH*j.phaseH-c.PadTop)
	cols := min(c.W, c.StrideW*j.phaseW-c.PadLeft)
	if rows <= 0 || cols <= 0 {
		return
	}
	for first := range min(c.StrideH, rows) { // the rows of a phase, c.StrideH apart
		row := first + c.PadTop
		n := ceil(rows-first, c.StrideH)
		to := (row%c.StrideH*c.StrideW*j.phaseH + row/c.StrideH) * j.phaseW
		from := x[first*c.W:]
		switch {
		case c.StrideW == 1:
			j.copyBlock(on[to+c.PadLeft:], from, j.phaseW, c.StrideH*c.W, n, cols)
		case c.StrideW == 2 && cols > 1:
			even, odd := to+j.column(c.PadLeft), to+j.column(c.PadLeft+1)
			j.splitRows(at(on, even), at(on, odd), at(from, 0), j.phaseW, c.StrideH*c.W, n, cols)
		default:
			for i := range n {
				for k, v := range from[i*c.StrideH*c.W:][:cols] {
					on[to+i*j.phaseW+j.column(c.PadLeft+k)] = v
				}
			}
		}
	}
}

// column is where column col of the canvas lies, from the phase of column 0 on.
func (j *depthwise[T]) column(col int) int {
	return col%j.conv.StrideW*j.phaseH*j.phaseW + col/j.conv.StrideW
}
