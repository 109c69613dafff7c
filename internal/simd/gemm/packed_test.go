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
		if s.formOf() == slideForm {
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

// TestFormOf: of kernels of 3×3, those with many results are computed in tiles of four a side, those with many weights and few results in tiles of two, those with few channels
// or results as they are.
func TestFormOf(t *testing.T) {
	for _, c := range []struct {
		s    Conv2D
		form int
	}{
		{Conv2D{InC: 64, OutC: 64, H: 56, W: 56, KH: 3, KW: 3}, winograd4Form},
		{Conv2D{InC: 256, OutC: 256, H: 16, W: 16, KH: 3, KW: 3}, winograd2Form},
		{Conv2D{InC: 512, OutC: 512, H: 3, W: 3, KH: 3, KW: 3}, slideForm},
		{Conv2D{InC: 3, OutC: 32, H: 56, W: 56, KH: 3, KW: 3}, slideForm},
		{Conv2D{InC: 64, OutC: 64, H: 56, W: 56, KH: 3, KW: 3, StrideH: 2}, slideForm},
		{Conv2D{InC: 64, OutC: 64, H: 56, W: 56, KH: 3, KW: 3, DilationW: 2}, slideForm},
		{Conv2D{InC: 64, OutC: 64, H: 56, W: 56, KH: 3, KW: 1}, slideForm},
		{Conv2D{InC: 64, OutC: 64, H: 56, W: 56, KH: 1, KW: 1}, pointwiseForm},
	} {
		if form := c.s.formOf(); form != c.form {
			t.Errorf("%+v: form %d, must be %d", c.s, form, c.form)
		}
	}
}

// TestForwardPackedInfinite: an infinite input or weight comes to the results that it is a term of, and to no other.
func TestForwardPackedInfinite(t *testing.T) {
	s := &Conv2D{Batch: 1, InC: 32, H: 12, W: 12, OutC: 32, KH: 3, KW: 3}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, inWeights := range []bool{false, true} {
		x, w := random[float32](rng, 32*144), random[float32](rng, 32*32*9)
		if inWeights {
			w[100] = float32(math.Inf(1))
		} else {
			x[100] = float32(math.Inf(1))
		}
		var f Filter[float32]
		f.Pack(s, w)
		y, must := make([]float32, 32*100), make([]float32, 32*100)
		ForwardPacked(s, y, x, &f, nil, nil)
		Forward(s, must, x, w, nil, false)
		for i, v := range must {
			if y[i] != v && (y[i] == y[i] || v == v) {
				t.Fatalf("infinite weights %v: element %d is %v, must be %v", inWeights, i, y[i], v)
			}
		}
	}
}

// TestClamp: kernels hold results within bounds as the Clamp itself would, and keep NaN.
func TestClamp(t *testing.T) {
	levels[float32](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, s := range []Conv2D{
			{Batch: 2, InC: 5, H: 9, W: 11, OutC: 7, KH: 1, KW: 1},
			{Batch: 1, InC: 3, H: 9, W: 11, OutC: 20, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadLeft: 1},
			{Batch: 1, InC: 32, H: 30, W: 30, OutC: 32, KH: 3, KW: 3},
			{Batch: 2, InC: 11, H: 6, W: 7, OutC: 22, KH: 3, KW: 2}, // depthwise
		} {
			x, w := random[float32](rng, s.Batch*s.InC*s.H*s.W), random[float32](rng, s.OutC*s.InC*s.KH*s.KW)
			x[5] = float32(math.NaN())
			n := s.Batch * s.OutC * s.OutH() * s.OutW()
			y, must := make([]float32, n), make([]float32, n)
			clamp := &Clamp[float32]{Low: -0.25, High: 0.5}
			var f Filter[float32]
			f.Pack(&s, w)
			compute := func(y []float32, finish Finisher[float32]) {
				if s.OutC == 2*s.InC {
					Depthwise(&s, y, x, w, nil, finish)
				} else {
					ForwardPacked(&s, y, x, &f, nil, finish)
				}
			}
			compute(y, clamp)
			compute(must, nil)
			nans, low, high := 0, 0, 0
			for i, v := range must {
				switch {
				case v != v:
					nans++
				case v < -0.25:
					v, low = -0.25, low+1
				case v > 0.5:
					v, high = 0.5, high+1
				}
				if y[i] != v && (y[i] == y[i] || v == v) {
					t.Fatalf("%+v: element %d is %v, must be %v", s, i, y[i], v)
				}
			}
			if nans == 0 || low == 0 || high == 0 {
				t.Errorf("%+v: %d results are NaN, %d below and %d above the bounds: nothing is shown", s, nans, low, high)
			}
		}
	})
}

// TestFilterExact: sums of integers that floats hold have no rounding errors.
func TestFilterExact(t *testing.T) {
	s := &Conv2D{Batch: 1, InC: 28, H: 30, W: 30, OutC: 32, KH: 3, KW: 3}
	rng := rand.New(rand.NewPCG(1, 2))
	x, w := make([]float32, 28*900), make([]float32, 32*28*9)
	for _, list := range [][]float32{x, w} {
		for i := range list {
			list[i] = float32(rng.IntN(511) - 255)
		}
	}
	y, must := make([]float32, 32*28*28), make([]float64, 32*28*28)
	f := Filter[float32]{Exact: true}
	f.Pack(s, w)
	ForwardPacked(s, y, x, &f, nil, nil)
	s.each(func(i, j, k int) { must[i] += float64(x[j]) * float64(w[k]) })
	for i, v := range must {
		if float64(y[i]) != v {
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
		{Batch: 2, InC: 256, H: 14, W: 14, OutC: 72, KH: 3, KW: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
		{Batch: 4, InC: 24, H: 30, W: 23, OutC: 40, KH: 3, KW: 3, PadTop: 1, PadLeft: 2},
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
