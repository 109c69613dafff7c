package gemm

import "fmt"

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

// withDefaults returns s with its zero strides and dilations replaced by 1.
func (s *Conv2D) withDefaults() Conv2D {
	d := *s
	d.StrideH, d.StrideW = orOne(s.StrideH), orOne(s.StrideW)
	d.DilationH, d.DilationW = orOne(s.DilationH), orOne(s.DilationW)
	return d
}

// check panics if s is no convolution or a slice is too short for it; y has the shape of the output.
func (s *Conv2D) check(y, x, w int) {
	if err := s.Validate(); err != nil {
		panic(err.Error())
	}
	for _, f := range [...]struct {
		name       string
		have, want int
	}{
		{"output", y, s.Batch * s.OutC * s.OutH() * s.OutW()},
		{"input", x, s.Batch * s.InC * s.H * s.W},
		{"weight", w, s.OutC * s.InC * s.KH * s.KW},
	} {
		if f.have < f.want {
			panic(fmt.Sprintf("gemm: the convolution's %s has %d values, not the %d that %+v needs", f.name, f.have, f.want, *s))
		}
	}
}
