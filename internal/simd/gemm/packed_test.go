package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

func testPacked[T simd.Float](t *testing.T) {
	forConvs[T](t, func(t *testing.T, rng *rand.Rand, s *Conv2D) {
		n := s.Batch * s.OutC * s.OutH() * s.OutW()
		x, w, bias := random[T](rng, s.Batch*s.InC*s.H*s.W), random[T](rng, s.OutC*s.InC*s.KH*s.KW), random[T](rng, s.OutC)
		if rng.IntN(3) == 0 {
			bias = nil
		}
		var f Filter[T]
		f.Pack(s, w)
		whole, y := guarded[T](n)
		ForwardPacked(s, y, x, &f, bias, nil)
		checkGuards(t, whole)
		forward := make([]T, n)
		Forward(s, forward, x, w, bias, false)
		if !s.pointwise() {
			for i, v := range forward {
				if v != y[i] {
					t.Fatalf("%+v: element %d is %v, Forward's is %v", *s, i, y[i], v)
				}
			}
		}
		area := s.OutH() * s.OutW()
		want := newSums(n)
		s.each(func(i, j, k int) { want.add(i, float64(x[j])*float64(w[k])) })
		for i := range want.value {
			if bias != nil {
				want.add(i, float64(bias[i/area%s.OutC]))
			}
		}
		checkSums(t, "ForwardPacked", s, y, want)
	})
}

func TestForwardPackedFloat32(t *testing.T) { testPacked[float32](t) }
func TestForwardPackedFloat64(t *testing.T) { testPacked[float64](t) }

// TestFilterOtherLevel: weights that were packed for other kernels are packed anew.
func TestFilterOtherLevel(t *testing.T) {
	defer simd.Use(simd.Current())
	s := &Conv2D{Batch: 1, InC: 3, H: 5, W: 7, OutC: 9, KH: 3, KW: 2}
	rng := rand.New(rand.NewPCG(1, 2))
	x, w := random[float32](rng, 3*35), random[float32](rng, 9*18)
	var f Filter[float32]
	simd.Use(simd.Best())
	f.Pack(s, w)
	y, must := make([]float32, 9*3*6), make([]float32, 9*3*6)
	simd.Use(simd.Generic)
	ForwardPacked(s, y, x, &f, nil, nil)
	Forward(s, must, x, w, nil, false)
	for i, v := range must {
		if y[i] != v {
			t.Fatalf("element %d is %v, must be %v", i, y[i], v)
		}
	}
}

func testDepthwise[T simd.Float](t *testing.T) {
	forConvs[T](t, func(t *testing.T, rng *rand.Rand, s *Conv2D) {
		d := *s
		filters := 1 + rng.IntN(2) // a channel
		d.OutC = d.InC * filters
		n := d.Batch * d.OutC * d.OutH() * d.OutW()
		x, w, bias := random[T](rng, d.Batch*d.InC*d.H*d.W), random[T](rng, d.OutC*d.KH*d.KW), random[T](rng, d.OutC)
		if rng.IntN(3) == 0 {
			bias = nil
		}
		whole, y := guarded[T](n)
		Depthwise(&d, y, x, w, bias, nil)
		checkGuards(t, whole)
		want := newSums(n)
		area, taps := d.OutH()*d.OutW(), d.KH*d.KW
		one := d // each plane by all filters, of which those of its channel count
		one.Batch, one.InC, one.OutC = d.Batch*d.InC, 1, filters
		one.each(func(i, j, k int) {
			channel := i / area / filters % d.InC
			want.add(i, float64(x[j])*float64(w[channel*filters*taps+k]))
		})
		for i := range want.value {
			if bias != nil {
				want.add(i, float64(bias[i/area%d.OutC]))
			}
		}
		checkSums(t, "Depthwise", &d, y, want)
	})
}

func TestDepthwiseFloat32(t *testing.T) { testDepthwise[float32](t) }
func TestDepthwiseFloat64(t *testing.T) { testDepthwise[float64](t) }

func testMaxWindows[T simd.Float](t *testing.T) {
	forConvs[T](t, func(t *testing.T, rng *rand.Rand, s *Conv2D) {
		d := *s
		d.OutC = d.InC
		x := random[T](rng, d.Batch*d.InC*d.H*d.W)
		if len(x) > 0 && rng.IntN(3) == 0 {
			x[rng.IntN(len(x))] = T(math.NaN())
		}
		whole, y := guarded[T](d.Batch * d.OutC * d.OutH() * d.OutW())
		MaxWindows(&d, y, x)
		checkGuards(t, whole)
		want := make([]T, len(y))
		for i := range want {
			want[i] = T(math.Inf(-1))
		}
		one := d
		one.Batch, one.InC, one.OutC = d.Batch*d.InC, 1, 1
		one.each(func(i, j, _ int) {
			if x[j] > want[i] || x[j] != x[j] {
				want[i] = x[j]
			}
		})
		for i, v := range want {
			if y[i] != v && (y[i] == y[i] || v == v) {
				t.Fatalf("%+v: element %d is %v, must be %v", d, i, y[i], v)
			}
		}
	})
}

func TestMaxWindowsFloat32(t *testing.T) { testMaxWindows[float32](t) }
func TestMaxWindowsFloat64(t *testing.T) { testMaxWindows[float64](t) }

// TestPackedSameBits: the number of workers does not matter, and a warm call allocates nothing.
func TestPackedSameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, s := range []Conv2D{
		{Batch: 1, InC: 128, H: 14, W: 14, OutC: 96, KH: 3, KW: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
		{Batch: 3, InC: 64, H: 7, W: 7, OutC: 200, KH: 1, KW: 1},
		{Batch: 1, InC: 24, H: 56, W: 56, OutC: 144, KH: 1, KW: 1},
	} {
		x, w := random[float32](rng, s.Batch*s.InC*s.H*s.W), random[float32](rng, s.OutC*s.InC*s.KH*s.KW)
		var f Filter[float32]
		f.Pack(&s, w)
		y := make([]float32, s.Batch*s.OutC*s.OutH()*s.OutW())
		again := make([]float32, len(y))
		simd.SetThreads(1)
		ForwardPacked(&s, y, x, &f, nil, nil)
		d := s
		d.OutC = d.InC
		deep, deepAgain := make([]float32, d.Batch*d.OutC*d.OutH()*d.OutW()), make([]float32, d.Batch*d.OutC*d.OutH()*d.OutW())
		Depthwise(&d, deep, x, w, nil, nil)
		for _, threads := range []int{2, 3, 7} {
			simd.SetThreads(threads)
			ForwardPacked(&s, again, x, &f, nil, nil)
			Depthwise(&d, deepAgain, x, w, nil, nil)
			for i := range y {
				if y[i] != again[i] {
					t.Fatalf("%+v, %d workers: element %d is %v, was %v", s, threads, i, again[i], y[i])
				}
			}
			for i := range deep {
				if deep[i] != deepAgain[i] {
					t.Fatalf("depthwise %+v, %d workers: element %d is %v, was %v", d, threads, i, deepAgain[i], deep[i])
				}
			}
		}
		simd.SetThreads(0)
		if raceEnabled {
			continue
		}
		if n := testing.AllocsPerRun(10, func() { ForwardPacked(&s, again, x, &f, nil, nil); Depthwise(&d, deepAgain, x, w, nil, nil) }); n > 0 {
			t.Errorf("%+v: %v allocations", s, n)
		}
	}
}
