package simd

import (
	"math"
	"testing"
)

var poolings = []Pool2D{
	{Batch: 2, C: 3, H: 28, W: 28, KH: 2, KW: 2},
	{Batch: 1, C: 2, H: 7, W: 9, KH: 2, KW: 2, StrideH: 2, StrideW: 2},
	{Batch: 1, C: 1, H: 2, W: 2, KH: 2, KW: 2},
	{Batch: 0, C: 1, H: 2, W: 2, KH: 2, KW: 2},
	{Batch: 3, C: 1, H: 6, W: 130, KH: 2, KW: 2},
	{Batch: 40, C: 8, H: 24, W: 25, KH: 2, KW: 2},
	{Batch: 2, C: 2, H: 9, W: 8, KH: 3, KW: 2, StrideH: 2, StrideW: 1, PadH: 1, PadW: 1},
	{Batch: 1, C: 2, H: 10, W: 11, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1},
	{Batch: 1, C: 1, H: 8, W: 8, KH: 2, KW: 2, StrideH: 1, StrideW: 1},
	{Batch: 1, C: 1, H: 8, W: 8, KH: 2, KW: 2, StrideH: 3, StrideW: 3, PadH: 1},
	{Batch: 1, C: 1, H: 5, W: 5, KH: 5, KW: 5},
}

// widths adds 2×2 poolings of every width.
func eachPooling(f func(s *Pool2D)) {
	for i := range poolings {
		f(&poolings[i])
	}
	for w := 2; w < 90; w++ {
		f(&Pool2D{Batch: 1, C: 2, H: 4 + w%2, W: w, KH: 2, KW: 2})
	}
}

// eachWindow calls f for the elements of every window, nil where padding is.
func eachWindow(s *Pool2D, f func(out int, in []int)) {
	strideH, strideW := s.StrideH, s.StrideW
	if strideH == 0 {
		strideH = s.KH
	}
	if strideW == 0 {
		strideW = s.KW
	}
	out := 0
	for plane := range s.Batch * s.C {
		for top := -s.PadH; top+s.KH <= s.H+s.PadH; top += strideH {
			for left := -s.PadW; left+s.KW <= s.W+s.PadW; left += strideW {
				var in []int
				for h := top; h < top+s.KH; h++ {
					for w := left; w < left+s.KW; w++ {
						if h >= 0 && h < s.H && w >= 0 && w < s.W {
							in = append(in, (plane*s.H+h)*s.W+w)
						}
					}
				}
				f(out, in)
				out++
			}
		}
	}
}

func TestMaxPool(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	atLevels(t, func(t *testing.T) {
		eachPooling(func(s *Pool2D) {
			in, out := s.Batch*s.C*s.H*s.W, s.Batch*s.C*s.OutH()*s.OutW()
			r := rng(uint64(s.W))
			x, intactX := guarded[float32](in, 3)
			for i := range x { // few values, hence many ties, and some special ones
				x[i] = float32(r.IntN(4))
				switch r.IntN(20) {
				case 0:
					x[i] = nan
				case 1, 2, 3:
					x[i] = -inf
				case 4:
					x[i] = inf
				}
			}
			y, intactY := guarded[float32](out, 1)
			bare, intactBare := guarded[float32](out, 5)
			argmax := make([]int32, out)
			MaxPool2D(s, y, x, argmax)
			MaxPool2D(s, bare, x, nil)
			if !intactX() || !intactY() || !intactBare() {
				t.Fatalf("%+v: wrote outside of y", *s)
			}
			eachWindow(s, func(o int, in []int) {
				at := in[0]
				for _, i := range in {
					if x[i] > x[at] || x[i] != x[i] {
						at = i
					}
				}
				if got := y[o]; got != x[at] && !(got != got && x[at] != x[at]) || bare[o] != got && got == got {
					t.Fatalf("%+v: y[%d] = %g, bare %g, want %g", *s, o, got, bare[o], x[at])
				}
				if got := int(argmax[o]); got != at%(s.H*s.W) {
					t.Fatalf("%+v: argmax[%d] = %d, want %d", *s, o, got, at%(s.H*s.W))
				}
			})
			dy := normals(r, make([]float32, out))
			for _, add := range []bool{false, true} {
				dx, intact := guarded[float32](in, 1)
				want := make([]float32, in)
				normals(r, dx)
				if add {
					copy(want, dx)
				}
				eachWindow(s, func(o int, in []int) {
					want[in[0]/(s.H*s.W)*s.H*s.W+int(argmax[o])] += dy[o]
				})
				MaxPool2DGrad(s, dx, dy, argmax, add)
				if !intact() {
					t.Fatalf("%+v: wrote outside of dx", *s)
				}
				for i := range want {
					if dx[i] != want[i] {
						t.Fatalf("%+v, add %t: dx[%d] = %g, want %g", *s, add, i, dx[i], want[i])
					}
				}
			}
		})
	})
}

func TestAvgPool(t *testing.T) {
	eachPooling(func(s *Pool2D) { checkAvgPool[float64](t, s, 1e-14) })
	atLevels(t, func(t *testing.T) {
		eachPooling(func(s *Pool2D) { checkAvgPool[float32](t, s, 2e-6) })
	})
}

func checkAvgPool[T Float](t *testing.T, s *Pool2D, tolerance float64) {
	t.Helper()
	in, out := s.Batch*s.C*s.H*s.W, s.Batch*s.C*s.OutH()*s.OutW()
	r := rng(uint64(s.W))
	x, dy := normals(r, make([]T, in)), normals(r, make([]T, out))
	y, intactY := guarded[T](out, 1)
	dx, intactX := guarded[T](in, 3)
	normals(r, dx)
	want := make([]float64, in)
	area := float64(s.KH * s.KW)
	AvgPool2D(s, y, x)
	eachWindow(s, func(o int, in []int) {
		var sum float64
		for _, i := range in {
			sum += float64(x[i])
			want[i] += float64(dy[o]) / area
		}
		if math.Abs(float64(y[o])-sum/area) > tolerance {
			t.Fatalf("%+v: y[%d] = %g, want %g", *s, o, y[o], sum/area)
		}
	})
	AvgPool2DGrad(s, dx, dy, false)
	twice := append([]T(nil), dx...)
	AvgPool2DGrad(s, twice, dy, true)
	for i := range want {
		if math.Abs(float64(dx[i])-want[i]) > tolerance || math.Abs(float64(twice[i])-2*want[i]) > 2*tolerance {
			t.Fatalf("%+v: dx[%d] = %g, then %g, want %g", *s, i, dx[i], twice[i], want[i])
		}
	}
	if !intactY() || !intactX() {
		t.Fatalf("%+v: wrote outside", *s)
	}
}

func TestPoolValidate(t *testing.T) {
	good := Pool2D{Batch: 1, C: 1, H: 4, W: 4, KH: 2, KW: 2}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(s *Pool2D){
		func(s *Pool2D) { s.Batch = -1 },
		func(s *Pool2D) { s.C = 0 },
		func(s *Pool2D) { s.KH = 0 },
		func(s *Pool2D) { s.StrideW = -1 },
		func(s *Pool2D) { s.PadH = 2 },
		func(s *Pool2D) { s.KH = 5 },
	} {
		s := good
		spoil(&s)
		if s.Validate() == nil {
			t.Errorf("%+v is taken as valid", s)
		}
	}
}
