package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// each calls f for every product of the convolution, with the offsets into y, x and w.
func (s *Conv2D) each(f func(y, x, w int)) {
	d := s.withDefaults()
	outH, outW := s.OutH(), s.OutW()
	for y := range s.Batch * s.OutC * outH * outW {
		b, o, i, j := y/outW/outH/s.OutC, y/outW/outH%s.OutC, y/outW%outH, y%outW
		for tap := range s.InC * s.KH * s.KW {
			c, p, q := tap/s.KW/s.KH, tap/s.KW%s.KH, tap%s.KW
			h, w := i*d.StrideH+p*d.DilationH-s.PadTop, j*d.StrideW+q*d.DilationW-s.PadLeft
			if h >= 0 && h < s.H && w >= 0 && w < s.W {
				f(y, ((b*s.InC+c)*s.H+h)*s.W+w, o*s.InC*s.KH*s.KW+tap)
			}
		}
	}
}

func randomConv(rng *rand.Rand) *Conv2D {
	for {
		s := &Conv2D{
			Batch: 1 + rng.IntN(4), InC: 1 + rng.IntN(9), H: 1 + rng.IntN(12), W: 1 + rng.IntN(20),
			OutC: 1 + rng.IntN(20), KH: 1 + rng.IntN(4), KW: 1 + rng.IntN(4),
		}
		if rng.IntN(2) == 0 {
			s.StrideH, s.StrideW = rng.IntN(4), rng.IntN(4)
		}
		if rng.IntN(2) == 0 {
			s.DilationH, s.DilationW = rng.IntN(3), rng.IntN(3)
		}
		if rng.IntN(4) > 0 {
			s.PadTop, s.PadBottom, s.PadLeft, s.PadRight = rng.IntN(5), rng.IntN(5), rng.IntN(5), rng.IntN(5)
		}
		if rng.IntN(4) == 0 { // one-dimensional
			s.H, s.KH, s.PadTop, s.PadBottom = 1, 1, 0, 0
		}
		if rng.IntN(8) == 0 {
			s.InC, s.OutC = 16+rng.IntN(20), 30+rng.IntN(40)
		}
		if s.Validate() == nil {
			return s
		}
	}
}

// fixedConvs are the shapes that the random ones may miss.
var fixedConvs = []Conv2D{
	{Batch: 2, InC: 1, H: 28, W: 28, OutC: 32, KH: 3, KW: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{Batch: 19, InC: 2, H: 5, W: 14, OutC: 33, KH: 3, KW: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{Batch: 1, InC: 3, H: 33, W: 47, OutC: 5, KH: 5, KW: 5, StrideH: 2, StrideW: 2, PadTop: 2, PadLeft: 2},
	{Batch: 2, InC: 20, H: 9, W: 9, OutC: 40, KH: 1, KW: 1},
	{Batch: 2, InC: 20, H: 9, W: 9, OutC: 40, KH: 1, KW: 1, PadTop: 1, PadRight: 2},
	{Batch: 2, InC: 3, H: 9, W: 9, OutC: 4, KH: 1, KW: 1, StrideH: 2, StrideW: 3},
	{Batch: 2, InC: 2, H: 2, W: 3, OutC: 4, KH: 5, KW: 6, PadTop: 3, PadBottom: 3, PadLeft: 3, PadRight: 3},
	{Batch: 2, InC: 4, H: 1, W: 100, OutC: 4, KH: 1, KW: 3, DilationW: 8, PadLeft: 16},
	{Batch: 2, InC: 2, H: 4, W: 4, OutC: 3, KH: 2, KW: 2, PadTop: 6, PadBottom: 5, PadLeft: 4, PadRight: 7},
	{Batch: 2, InC: 2, H: 40, W: 1, OutC: 3, KH: 4, KW: 1},
	{Batch: 0, InC: 2, H: 4, W: 4, OutC: 3, KH: 2, KW: 2},
}

func forConvs[T simd.Float](t *testing.T, f func(t *testing.T, rng *rand.Rand, s *Conv2D)) {
	levels[T](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for i := range fixedConvs {
			f(t, rng, &fixedConvs[i])
		}
		rounds := 40
		switch {
		case *long:
			rounds = 3000
		case testing.Short():
			rounds = 6
		}
		for range rounds {
			f(t, rng, randomConv(rng))
		}
	})
}

// sums is a result computed in float64, with the sum of the magnitudes that bounds its error.
type sums struct {
	value, scale []float64
	terms        int
}

func newSums(n int) *sums { return &sums{value: make([]float64, n), scale: make([]float64, n)} }

func (s *sums) add(i int, v float64) {
	s.value[i] += v
	s.scale[i] += math.Abs(v)
	s.terms++
}

func checkSums[T simd.Float](t *testing.T, what string, s *Conv2D, got []T, want *sums) {
	t.Helper()
	terms := want.terms/max(len(got), 1) + s.KH*s.KW*8 + 40
	for i, g := range got {
		if !(math.Abs(float64(g)-want.value[i]) <= want.scale[i]*tolerance[T](terms)) {
			t.Fatalf("%s of %+v: element %d of %d is %v, want %v", what, *s, i, len(got), g, want.value[i])
		}
	}
}

func testConv[T simd.Float](t *testing.T) {
	forConvs[T](t, func(t *testing.T, rng *rand.Rand, s *Conv2D) {
		n := s.Batch * s.OutC * s.OutH() * s.OutW()
		x, w, dy := random[T](rng, s.Batch*s.InC*s.H*s.W), random[T](rng, s.OutC*s.InC*s.KH*s.KW), random[T](rng, n)
		bias := random[T](rng, s.OutC)
		testForward(t, s, x, w, bias, rng.IntN(2) == 0)
		testForward(t, s, x, w, nil, false)
		for _, add := range []bool{false, true} {
			testInputGrad(t, s, len(x), dy, w, add)
			testWeightGrad(t, s, x, dy, add, rng.IntN(3) > 0)
		}
	})
}

func testForward[T simd.Float](t *testing.T, s *Conv2D, x, w, bias []T, relu bool) {
	t.Helper()
	area := s.OutH() * s.OutW()
	want := newSums(s.Batch * s.OutC * area)
	s.each(func(i, j, k int) { want.add(i, float64(x[j])*float64(w[k])) })
	for i := range want.value {
		if bias != nil {
			want.add(i, float64(bias[i/area%s.OutC]))
		}
		if relu {
			want.value[i] = max(want.value[i], 0)
		}
	}
	whole, y := guarded[T](len(want.value))
	Forward(s, y, x, w, bias, relu)
	checkGuards(t, whole)
	checkSums(t, "Forward", s, y, want)
}

func testInputGrad[T simd.Float](t *testing.T, s *Conv2D, n int, dy, w []T, add bool) {
	t.Helper()
	want := newSums(n)
	whole, dx := guarded[T](n)
	for i := range dx {
		if add {
			dx[i] = T(i%7) - 3
			want.add(i, float64(dx[i]))
		}
	}
	s.each(func(i, j, k int) { want.add(j, float64(dy[i])*float64(w[k])) })
	InputGrad(s, dx, dy, w, add)
	checkGuards(t, whole)
	checkSums(t, fmt.Sprintf("InputGrad (add %v)", add), s, dx, want)
}

func testWeightGrad[T simd.Float](t *testing.T, s *Conv2D, x, dy []T, add, bias bool) {
	t.Helper()
	want, wantBias := newSums(s.OutC*s.InC*s.KH*s.KW), newSums(s.OutC)
	whole, dw := guarded[T](len(want.value))
	wholeBias, db := guarded[T](s.OutC)
	for i := range dw {
		if add {
			dw[i] = T(i%7) - 3
			want.add(i, float64(dw[i]))
		}
	}
	for i := range db {
		if add {
			db[i] = T(i%5) - 2
			wantBias.add(i, float64(db[i]))
		}
	}
	s.each(func(i, j, k int) { want.add(k, float64(dy[i])*float64(x[j])) })
	for i, v := range dy {
		wantBias.add(i/s.OutH()/s.OutW()%s.OutC, float64(v))
	}
	if bias {
		WeightGrad(s, dw, db, x, dy, add)
		checkSums(t, fmt.Sprintf("bias of WeightGrad (add %v)", add), s, db, wantBias)
	} else {
		WeightGrad(s, dw, nil, x, dy, add)
	}
	checkGuards(t, whole)
	checkGuards(t, wholeBias)
	checkSums(t, fmt.Sprintf("WeightGrad (add %v)", add), s, dw, want)
}

func TestConvFloat32(t *testing.T) { testConv[float32](t) }
func TestConvFloat64(t *testing.T) { testConv[float64](t) }

// TestConvAdjoint: ⟨y, conv(x, w)⟩ = ⟨dx, x⟩ = ⟨dw, w⟩ for the gradients by y.
func TestConvAdjoint(t *testing.T) {
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	forConvs[float64](t, func(t *testing.T, rng *rand.Rand, s *Conv2D) {
		x, w := random[float64](rng, s.Batch*s.InC*s.H*s.W), random[float64](rng, s.OutC*s.InC*s.KH*s.KW)
		y := make([]float64, s.Batch*s.OutC*s.OutH()*s.OutW())
		dx, dw := make([]float64, len(x)), make([]float64, len(w))
		Forward(s, y, x, w, nil, false)
		InputGrad(s, dx, y, w, false)
		WeightGrad(s, dw, nil, x, y, false)
		yy, xx, ww := dot(y, y), dot(dx, x), dot(dw, w)
		if math.Abs(yy-xx) > 1e-11*yy || math.Abs(yy-ww) > 1e-11*yy {
			t.Fatalf("%+v: ⟨y, y⟩ = %v, ⟨dx, x⟩ = %v, ⟨dw, w⟩ = %v", *s, yy, xx, ww)
		}
	})
}

func TestConvBitsDoNotDependOnThreads(t *testing.T) {
	defer simd.SetThreads(0)
	levels[float32](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for _, stride := range []int{1, 2} {
			s := &Conv2D{
				Batch: 18, InC: 7, H: 11, W: 15, OutC: 19, KH: 3, KW: 3, StrideH: stride, StrideW: stride,
				PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1,
			}
			x, w := random[float32](rng, s.Batch*s.InC*s.H*s.W), random[float32](rng, s.OutC*s.InC*s.KH*s.KW)
			var first [][]float32
			for _, threads := range []int{1, 2, 3, 8} {
				simd.SetThreads(threads)
				y := make([]float32, s.Batch*s.OutC*s.OutH()*s.OutW())
				dx, dw, db := make([]float32, len(x)), make([]float32, len(w)), make([]float32, s.OutC)
				Forward(s, y, x, w, nil, false)
				InputGrad(s, dx, y, w, false)
				WeightGrad(s, dw, db, x, y, false)
				results := [][]float32{y, dx, dw, db}
				if first == nil {
					first = results
				}
				for k, r := range results {
					for i := range r {
						if r[i] != first[k][i] {
							t.Fatalf("%d threads, result %d: element %d is %v, not %v", threads, k, i, r[i], first[k][i])
						}
					}
				}
			}
		}
	})
}

func TestConvDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	for _, stride := range []int{1, 2} {
		s := &Conv2D{Batch: 9, InC: 3, H: 12, W: 12, OutC: 17, KH: 3, KW: 3, StrideH: stride, StrideW: stride, PadTop: 1, PadLeft: 1}
		x, w := make([]float32, s.Batch*s.InC*s.H*s.W), make([]float32, s.OutC*s.InC*s.KH*s.KW)
		y, db := make([]float32, s.Batch*s.OutC*s.OutH()*s.OutW()), make([]float32, s.OutC)
		f := func() {
			Forward(s, y, x, w, db, true)
			InputGrad(s, x, y, w, false)
			WeightGrad(s, w, db, x, y, true)
		}
		f()
		if n := testing.AllocsPerRun(50, f); n != 0 {
			t.Errorf("stride %d: %v allocations a step", stride, n)
		}
	}
}

func TestConvValidate(t *testing.T) {
	good := Conv2D{Batch: 1, InC: 1, H: 4, W: 4, OutC: 1, KH: 3, KW: 3}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Conv2D){
		"Batch": func(s *Conv2D) { s.Batch = -1 }, "InC": func(s *Conv2D) { s.InC = 0 },
		"StrideW": func(s *Conv2D) { s.StrideW = -1 }, "PadLeft": func(s *Conv2D) { s.PadLeft = -1 },
		"kernel": func(s *Conv2D) { s.KH = 5 }, "dilation": func(s *Conv2D) { s.DilationW = 2 },
	} {
		s := good
		spoil(&s)
		if s.Validate() == nil {
			t.Errorf("%s: %+v passes", name, s)
		}
	}
}

func BenchmarkConv(b *testing.B) {
	for _, shape := range [][3]int{{1, 32, 28}, {32, 64, 14}} {
		s := &Conv2D{
			Batch: 64, InC: shape[0], H: shape[2], W: shape[2], OutC: shape[1], KH: 3, KW: 3,
			PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1,
		}
		rng := rand.New(rand.NewPCG(1, 2))
		x, w := random[float32](rng, s.Batch*s.InC*s.H*s.W), random[float32](rng, s.OutC*s.InC*s.KH*s.KW)
		y, bias := random[float32](rng, s.Batch*s.OutC*s.OutH()*s.OutW()), random[float32](rng, s.OutC)
		flops := 2 * float64(len(y)) * float64(s.InC*s.KH*s.KW)
		for _, job := range []struct {
			name string
			f    func()
		}{
			{"forward", func() { Forward(s, y, x, w, bias, true) }},
			{"input", func() { InputGrad(s, x, y, w, false) }},
			{"weight", func() { WeightGrad(s, w, bias, x, y, false) }},
		} {
			for l := simd.Best(); l > simd.Generic; l-- {
				b.Run(fmt.Sprintf("%s/%dto%d/%v", job.name, s.InC, s.OutC, l), func(b *testing.B) {
					defer simd.Use(simd.Use(l))
					for b.Loop() {
						job.f()
					}
					b.ReportMetric(flops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}
