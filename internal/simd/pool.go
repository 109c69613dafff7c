package simd

import (
	"fmt"
	"math"
)

// Pool2D is the shape of a pooling of images [Batch, C, H, W] to [Batch, C, OutH, OutW].
// A stride of zero means the kernel's size. Padding is at most half of the kernel.
type Pool2D struct {
	Batch, C, H, W   int
	KH, KW           int
	StrideH, StrideW int
	PadH, PadW       int
}

// OutH returns ⌊(H + 2·PadH − KH)/StrideH⌋ + 1.
func (s *Pool2D) OutH() int { return (s.H+2*s.PadH-s.KH)/s.strideH() + 1 }

// OutW returns ⌊(W + 2·PadW − KW)/StrideW⌋ + 1.
func (s *Pool2D) OutW() int { return (s.W+2*s.PadW-s.KW)/s.strideW() + 1 }

func (s *Pool2D) strideH() int {
	if s.StrideH == 0 {
		return s.KH
	}
	return s.StrideH
}

func (s *Pool2D) strideW() int {
	if s.StrideW == 0 {
		return s.KW
	}
	return s.StrideW
}

// Validate reports sizes that make no pooling.
func (s *Pool2D) Validate() error {
	switch {
	case s.Batch < 0 || s.C < 1 || s.H < 1 || s.W < 1:
		return fmt.Errorf("simd: pooling of [%d, %d, %d, %d]: C, H and W must be positive", s.Batch, s.C, s.H, s.W)
	case s.KH < 1 || s.KW < 1 || s.StrideH < 0 || s.StrideW < 0:
		return fmt.Errorf("simd: pooling window %d×%d, stride %d×%d: must be positive", s.KH, s.KW, s.StrideH, s.StrideW)
	case s.PadH < 0 || s.PadW < 0 || 2*s.PadH > s.KH || 2*s.PadW > s.KW:
		return fmt.Errorf("simd: pooling padding %d×%d: must be 0 to half of the window %d×%d", s.PadH, s.PadW, s.KH, s.KW)
	case s.H+2*s.PadH < s.KH || s.W+2*s.PadW < s.KW:
		return fmt.Errorf("simd: pooling window %d×%d is larger than the padded image %d×%d",
			s.KH, s.KW, s.H+2*s.PadH, s.W+2*s.PadW)
	}
	return nil
}

// MaxPool2D computes the greatest element of each window and, if argmax is not nil, its
// index h·W + w within the image plane: the first of equals, but the last NaN if there
// is one, as PyTorch. Padding is never chosen.
func MaxPool2D[T Float](s *Pool2D, y, x []T, argmax []int32) {
	run := tableOf[T]().maxPool
	if s.halves() {
		run = tableOf[T]().maxPool2
	}
	if argmax != nil {
		sameLength("argmax", "y", len(argmax), len(y))
	}
	pool(run, s, y, x, argmax, false)
}

// MaxPool2DGrad sends each element of dy to the place in dx that argmax names; dx is
// overwritten, or added to if add is set.
func MaxPool2DGrad[T Float](s *Pool2D, dx, dy []T, argmax []int32, add bool) {
	run := tableOf[T]().maxPoolGrad
	if s.halves() && !add {
		run = tableOf[T]().maxPool2Grad
	}
	sameLength("argmax", "dy", len(argmax), len(dy))
	pool(run, s, dy, dx, argmax, add)
}

// AvgPool2D computes each window's sum over KH·KW; padding counts as zeros, as with
// PyTorch's count_include_pad.
func AvgPool2D[T Float](s *Pool2D, y, x []T) {
	run := tableOf[T]().avgPool
	if s.halves() {
		run = tableOf[T]().avgPool2
	}
	pool(run, s, y, x, nil, false)
}

// AvgPool2DGrad spreads dy/(KH·KW) over each window of dx; dx is overwritten, or added
// to if add is set.
func AvgPool2DGrad[T Float](s *Pool2D, dx, dy []T, add bool) {
	run := tableOf[T]().avgPoolGrad
	if s.halves() && !add {
		run = tableOf[T]().avgPool2Grad
	}
	pool(run, s, dy, dx, nil, add)
}

// halves reports whether windows are 2×2 and tile the image.
func (s *Pool2D) halves() bool {
	return s.KH == 2 && s.KW == 2 && s.strideH() == 2 && s.strideW() == 2 && s.PadH == 0 && s.PadW == 0
}

// A pooling goes over whole image planes, from x to y or, a gradient, from y to x.
type pooling[T Float] func(s *Pool2D, y, x []T, argmax []int32, add bool)

// A poolJob is a pooling cut into runs of step planes.
type poolJob[T Float] struct {
	run          pooling[T]
	shape        Pool2D
	y, x         []T
	argmax       []int32
	add          bool
	planes, step int
}

func (j *poolJob[T]) Do(task, _ int) {
	lo := task * j.step
	hi := min(lo+j.step, j.planes)
	in, out := j.shape.H*j.shape.W, len(j.y)/j.planes
	argmax := j.argmax
	if argmax != nil {
		argmax = argmax[lo*out : hi*out]
	}
	j.run(&j.shape, j.y[lo*out:hi*out], j.x[lo*in:hi*in], argmax, j.add)
}

func pool[T Float](run pooling[T], s *Pool2D, y, x []T, argmax []int32, add bool) {
	if err := s.Validate(); err != nil {
		panic(err.Error())
	}
	planes := s.Batch * s.C
	sameLength("image", "Batch·C·H·W", len(x), planes*s.H*s.W)
	sameLength("pooled image", "Batch·C·OutH·OutW", len(y), planes*s.OutH()*s.OutW())
	if planes == 0 {
		return
	}
	step := max(1, lightChunk/(s.H*s.W))
	free := &jobsOf[T]().pools
	j := free.get()
	*j = poolJob[T]{run, *s, y, x, argmax, add, planes, step}
	if planes <= 2*step {
		j.step = planes
		j.Do(0, 0)
	} else {
		Run((planes+step-1)/step, j)
	}
	*j = poolJob[T]{}
	free.put(j)
}

// window returns the rows or columns of window i that lie in an image of size n.
func window(i, stride, pad, kernel, n int) (lo, hi int) {
	lo = i*stride - pad
	return max(lo, 0), min(lo+kernel, n)
}

func maxPool[T Float](s *Pool2D, y, x []T, argmax []int32, _ bool) {
	outH, outW, plane := s.OutH(), s.OutW(), s.H*s.W
	i := 0
	for ; len(x) > 0; x = x[plane:] {
		for oh := range outH {
			h0, h1 := window(oh, s.strideH(), s.PadH, s.KH, s.H)
			for ow := range outW {
				w0, w1 := window(ow, s.strideW(), s.PadW, s.KW, s.W)
				top, at := T(math.Inf(-1)), h0*s.W+w0
				for h := h0; h < h1; h++ {
					for w := w0; w < w1; w++ {
						if v := x[h*s.W+w]; v > top || v != v {
							top, at = v, h*s.W+w
						}
					}
				}
				y[i] = top
				if argmax != nil {
					argmax[i] = int32(at)
				}
				i++
			}
		}
	}
}

func maxPoolGrad[T Float](s *Pool2D, dy, dx []T, argmax []int32, add bool) {
	if !add {
		clear(dx)
	}
	out := s.OutH() * s.OutW()
	for ; len(dy) > 0; dx, dy, argmax = dx[s.H*s.W:], dy[out:], argmax[out:] {
		for i, at := range argmax[:out] {
			dx[at] += dy[i]
		}
	}
}

func avgPool[T Float](s *Pool2D, y, x []T, _ []int32, _ bool) {
	outH, outW, plane := s.OutH(), s.OutW(), s.H*s.W
	share := 1 / T(s.KH*s.KW)
	i := 0
	for ; len(x) > 0; x = x[plane:] {
		for oh := range outH {
			h0, h1 := window(oh, s.strideH(), s.PadH, s.KH, s.H)
			for ow := range outW {
				w0, w1 := window(ow, s.strideW(), s.PadW, s.KW, s.W)
				var total T
				for h := h0; h < h1; h++ {
					for _, v := range x[h*s.W+w0 : h*s.W+w1] {
						total += v
					}
				}
				y[i] = total * share
				i++
			}
		}
	}
}

func avgPoolGrad[T Float](s *Pool2D, dy, dx []T, _ []int32, add bool) {
	if !add {
		clear(dx)
	}
	outH, outW, plane := s.OutH(), s.OutW(), s.H*s.W
	share := 1 / T(s.KH*s.KW)
	i := 0
	for ; len(dx) > 0; dx = dx[plane:] {
		for oh := range outH {
			h0, h1 := window(oh, s.strideH(), s.PadH, s.KH, s.H)
			for ow := range outW {
				w0, w1 := window(ow, s.strideW(), s.PadW, s.KW, s.W)
				for h := h0; h < h1; h++ {
					for w := w0; w < w1; w++ {
						dx[h*s.W+w] += dy[i] * share
					}
				}
				i++
			}
		}
	}
}
