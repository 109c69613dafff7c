package gemm

import (
	"fmt"

	"github.com/energo-ml/energo/internal/simd"
)

// Conv2D is the geometry of a two-dimensional convolution, in PyTorch's sense
// (a cross-correlation), of images [Batch, InC, H, W] with weights
// [OutC, InC, KH, KW] into [Batch, OutC, OutH, OutW], all row-major.
// A one-dimensional convolution is one with H and KH 1.
type Conv2D struct {
	Batch, InC, H, W     int
	OutC, KH, KW         int
	StrideH, StrideW     int // 0 means 1
	DilationH, DilationW int // 0 means 1
	PadTop, PadBottom    int // rows of zeros
	PadLeft, PadRight    int // columns of zeros
}

func orOne(n int) int {
	if n == 0 {
		return 1
	}
	return n
}

// OutH returns the height of the output.
func (s *Conv2D) OutH() int {
	return outSize(s.H+s.PadTop+s.PadBottom, s.KH, orOne(s.StrideH), orOne(s.DilationH))
}

// OutW returns the width of the output.
func (s *Conv2D) OutW() int {
	return outSize(s.W+s.PadLeft+s.PadRight, s.KW, orOne(s.StrideW), orOne(s.DilationW))
}

func outSize(padded, kernel, stride, dilation int) int {
	span := dilation*(kernel-1) + 1
	if padded < span {
		return 0
	}
	return (padded-span)/stride + 1
}

// Validate reports the first field that makes no convolution.
func (s *Conv2D) Validate() error {
	for _, f := range []struct {
		name       string
		value, min int
	}{
		{"Batch", s.Batch, 0},
		{"InC", s.InC, 1},
		{"H", s.H, 1},
		{"W", s.W, 1},
		{"OutC", s.OutC, 1},
		{"KH", s.KH, 1},
		{"KW", s.KW, 1},
		{"StrideH", s.StrideH, 0},
		{"StrideW", s.StrideW, 0},
		{"DilationH", s.DilationH, 0},
		{"DilationW", s.DilationW, 0},
		{"PadTop", s.PadTop, 0},
		{"PadBottom", s.PadBottom, 0},
		{"PadLeft", s.PadLeft, 0},
		{"PadRight", s.PadRight, 0},
	} {
		if f.value < f.min {
			return fmt.Errorf("gemm: Conv2D.%s is %d; it must be at least %d", f.name, f.value, f.min)
		}
	}
	if s.OutH() == 0 || s.OutW() == 0 {
		return fmt.Errorf("gemm: Conv2D's kernel of %d×%d with dilation %d×%d does not fit into the padded image of %d×%d",
			s.KH, s.KW, orOne(s.DilationH), orOne(s.DilationW), s.H+s.PadTop+s.PadBottom, s.W+s.PadLeft+s.PadRight)
	}
	return nil
}

// each calls f for every product of the convolution: offsets into y, x and w.
func (s *Conv2D) each(f func(y, x, w int)) {
	oh, ow := s.OutH(), s.OutW()
	for b := range s.Batch {
		for o := range s.OutC {
			for i := range oh {
				for j := range ow {
					for c := range s.InC {
						for p := range s.KH {
							for q := range s.KW {
								h := i*orOne(s.StrideH) + p*orOne(s.DilationH) - s.PadTop
								w := j*orOne(s.StrideW) + q*orOne(s.DilationW) - s.PadLeft
								if h < 0 || h >= s.H || w < 0 || w >= s.W {
									continue
								}
								f(((b*s.OutC+o)*oh+i)*ow+j, ((b*s.InC+c)*s.H+h)*s.W+w, ((o*s.InC+c)*s.KH+p)*s.KW+q)
							}
						}
					}
				}
			}
		}
	}
}

// Forward computes y = conv(x, w) + bias; bias, one value an output channel, may be nil.
// With relu, negative results become 0.
func Forward[T simd.Float](s *Conv2D, y, x, w, bias []T, relu bool) {
	clear(y)
	s.each(func(i, j, k int) { y[i] += x[j] * w[k] })
	area := s.OutH() * s.OutW()
	for i := range y {
		if bias != nil {
			y[i] += bias[i/area%s.OutC]
		}
		if relu && y[i] < 0 {
			y[i] = 0
		}
	}
}

// InputGrad computes the gradient by x: dx (+)= convᵀ(dy, w).
func InputGrad[T simd.Float](s *Conv2D, dx, dy, w []T, add bool) {
	if !add {
		clear(dx)
	}
	s.each(func(i, j, k int) { dx[j] += dy[i] * w[k] })
}

// WeightGrad computes the gradients by w and by the bias (db may be nil).
func WeightGrad[T simd.Float](s *Conv2D, dw, db, x, dy []T, add bool) {
	if !add {
		clear(dw)
		clear(db)
	}
	s.each(func(i, j, k int) { dw[k] += dy[i] * x[j] })
	area := s.OutH() * s.OutW()
	if db != nil {
		for i := range dy {
			db[i/area%s.OutC] += dy[i]
		}
	}
}
